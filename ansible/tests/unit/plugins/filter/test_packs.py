# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.pitstop.fleet.plugins.filter.packs import packs

AM, MI = {"name": "am-1", "product": "wso2am"}, {"name": "mi-1", "product": "wso2mi"}
ALIKE = [{"name": name} for name in ("am", "am-1", "am-10")]


@pytest.mark.parametrize(
    "given, options, chosen",
    [
        ([AM, MI], {}, [AM, MI]),
        ({"am-1": {"product": "wso2am"}, "mi-1": {"product": "wso2mi"}}, {}, [AM, MI]),
        ({"am-1": None}, {}, [{"name": "am-1"}]),
        ([AM, MI], {"names": ["mi-1"]}, [MI]),
        (ALIKE, {"names": "am-10"}, [ALIKE[2]]),
        (ALIKE, {"names": "am-10, am"}, [ALIKE[0], ALIKE[2]]),
        (ALIKE, {"names": ""}, ALIKE),
        ([AM, MI], {"product": "wso2am"}, [AM]),
        ([AM], {"names": ["mi-1"]}, []),
        ([], {}, []),
    ],
)
def test_packs_are_one_list_however_they_are_written(given, options, chosen):
    assert packs(given, **options) == chosen


def test_without_packs_they_are_those_of_the_host(record):
    found = [record("check-current")["report"], record("check-home-missing")["report"]]
    assert packs([], found=found)[0] == {"name": "lab", "product": "lab", "adopt": False}
    assert packs({}, found=found[:1], product="lab") == packs([], found=found[:1])
    assert packs([AM], found=found) == [AM]


def test_a_product_that_is_not_written_is_what_the_host_says_and_an_unknown_one_is_not_left_out(record):
    found = [record("check-current")["report"], dict(record("check-home-missing")["report"], instance="ill")]
    lab, ill, new = ({"name": name} for name in ("lab", "ill", "new"))
    assert packs([lab, ill, new], found=found, product="lab") == [lab, ill, new]
    assert packs([lab, ill, new, AM], found=found, product="other") == [ill, new]
    assert [pack["name"] for pack in packs([], found=found, product="other")] == ["ill"]


@pytest.mark.parametrize("given", [[{"product": "wso2am"}], {"../x": {}}, [{"name": "--all"}]])
def test_what_is_not_a_name_is_refused(given):
    with pytest.raises(AnsibleFilterError):
        packs(given)


@pytest.mark.parametrize("name", ["x/../../y", "/y", "--all", ""])
def test_what_a_host_says_is_no_name_is_refused_as_well(name, record):
    with pytest.raises(AnsibleFilterError):
        packs([], found=[dict(record("check-current")["report"], instance=name)])
