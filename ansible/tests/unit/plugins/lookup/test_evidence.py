# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import io
import tarfile

import pytest
from ansible.errors import AnsibleLookupError
from ansible_collections.pitstop.fleet.plugins.lookup.evidence import demanded, demands_of
from ansible_collections.pitstop.fleet.plugins.plugin_utils._statement import APPROVAL, EVIDENCE, SCAN
from ansible_collections.pitstop.fleet.tests.unit.statements import OTHER, TREE, envelope


def result_from(environment, *trees):
    return envelope(EVIDENCE, {"pitstop": {"environment": environment}}, *trees)


ATTACHED = {
    "dev": result_from("dev"),
    "staging": result_from("staging"),
    "other": result_from("staging", OTHER),
    "foreign": envelope(EVIDENCE, {"result": "PASSED"}),
    "scan": envelope(SCAN, {"scanner": {}}),
    "approval": envelope(APPROVAL, {"kind": "approval"}),
    "ended": envelope(APPROVAL, {"kind": "approval", "expires": "2020-01-01T00:00:00Z"}),
    "glass": envelope(APPROVAL, {"kind": "break-glass"}),
    "swept": envelope(APPROVAL, {"kind": "break-glass", "expires": "2020-01-01T00:00:00Z"}),
    "unknown": envelope("https://example.com/note/v1", {}),
    "no-json": "{",
}
DEV, STAGING = {"environment": "dev"}, {"environment": "staging", "hosts": 2}


@pytest.fixture
def bundle(tmp_path):
    """An archive with the statements, each named by what it is."""
    path = tmp_path / "to.pitstop"
    with tarfile.open(str(path), "w") as archive:
        for name, text in [("release.json", "{}")] + [("attached/%s.json" % name, text) for name, text in ATTACHED.items()]:
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return str(path)


@pytest.mark.parametrize(
    "policy, names",
    [
        ({}, []),
        ({"default": None}, []),
        ({"default": {"max_age": "30d", "unsigned": "allow"}}, []),
        ({"default": {"unsigned": "refuse"}}, ["glass"]),
        ({"default": {"hold": ["1.1.0"]}}, ["glass"]),
        ({"default": {"evidence": [DEV]}}, ["dev", "glass"]),
        ({"default": {"evidence": [DEV, STAGING]}}, ["dev", "staging", "glass"]),
        ({"default": {"evidence": [DEV]}, "demo": {"evidence": [STAGING]}}, ["staging", "glass"]),
        ({"default": {"evidence": [DEV]}, "demo": {"evidence": []}}, []),
        ({"default": {"evidence": [DEV]}, "demo": {"evidence": None}}, ["dev", "glass"]),
        ({"default": {"evidence": [DEV]}, "demo": {"scan": {"required": False}}}, ["dev", "scan", "glass"]),
        ({"default": {"scan": {}}}, ["scan", "glass"]),
        ({"default": {"approvals": {}}}, ["approval", "glass"]),
        ({"default": {"approvals": {"threshold": 2}}, "demo": {"approvals": None}}, ["approval", "glass"]),
        ({"flink": {"evidence": [DEV]}}, []),
    ],
)
def test_what_a_policy_asks_for(bundle, policy, names):
    found = demanded(bundle, TREE, demands_of(policy, "demo"))
    assert list(found) == [{"sha256": name, "text": ATTACHED[name]} for name in names]


def test_a_bundle_that_cannot_be_read_is_told(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(AnsibleLookupError, match="cannot read what is attached"):
            list(demanded(str(path), TREE, {}))
