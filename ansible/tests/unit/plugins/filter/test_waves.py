# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.pitstop.fleet.plugins.filter.waves import waves

GATEWAYS = ["g%d" % number for number in range(1, 9)]
GROUPS = {
    "all": ["c1", "c2"] + GATEWAYS + ["other"],
    "planes": ["c1", "c2"],
    "gateways": GATEWAYS,
    "canary": ["g3"],
    "nobody": [],
}


@pytest.mark.parametrize(
    "stages, serial, only, sizes",
    [
        ("gateways", ["100%"], None, [8]),
        ("gateways", [1, "25%", "100%"], None, [1, 2, 5]),
        ("gateways", "1, 25%, 100%", None, [1, 2, 5]),
        ("gateways", [3], None, [3, 3, 2]),
        ("gateways", 3, None, [3, 3, 2]),
        ("gateways", "5%", None, [1] * 8),
        ("gateways", [0], None, [8]),
        (["planes", "gateways"], [1, "50%"], None, [1, 1, 1, 4, 3]),
        ("planes,gateways", [1, "50%"], None, [1, 1, 1, 4, 3]),
        # A host is in the first of its stages.
        (["canary", "gateways"], ["100%"], None, [1, 7]),
        (["canary", "all"], [5], None, [1, 5, 5]),
        (["c2", "planes"], ["100%"], None, [1, 1]),
        # A limit shortens the stages and mixes none.
        (["planes", "gateways"], [2], ["c1", "g1", "g2", "g3"], [1, 2, 1]),
        (["planes", "gateways"], [2], [], [1]),
        (["nobody", "planes"], [2], None, [2]),
    ],
)
def test_no_wave_crosses_from_one_stage_into_the_next(stages, serial, only, sizes):
    assert waves(stages, GROUPS, serial=serial, only=only) == sizes


@pytest.mark.parametrize("stages, serial", [("gateway", [1]), ("planes", ["some"]), ("planes", []), ("planes", [None])])
def test_what_cannot_be_meant_is_refused(stages, serial):
    with pytest.raises(AnsibleFilterError):
        waves(stages, GROUPS, serial=serial)
