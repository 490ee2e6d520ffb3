# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import base64
import io
import json
import tarfile

import pytest
from ansible.errors import AnsibleLookupError
from ansible_collections.pitstop.fleet.plugins.lookup.evidence import demanded, demands_of

TREE, OTHER = "6f" * 32, "70" * 32
SCAN, APPROVAL = "https://in-toto.io/attestation/vulns/v0.1", "https://pitstop.dev/approval/v1"


def envelope(kind, predicate, tree=TREE):
    statement = {"subject": [{"digest": {"sha256": tree}}], "predicateType": kind, "predicate": predicate}
    return json.dumps({"payload": base64.b64encode(json.dumps(statement).encode()).decode(), "signatures": []})


def result_from(environment, tree=TREE):
    return envelope("https://in-toto.io/attestation/test-result/v0.1", {"pitstop": {"environment": environment}}, tree)


ATTACHED = {
    "dev": result_from("dev"),
    "staging": result_from("staging"),
    "other": result_from("staging", OTHER),
    "foreign": envelope("https://in-toto.io/attestation/test-result/v0.1", {"result": "PASSED"}),
    "scan": envelope(SCAN, {"scanner": {}}),
    "approval": envelope(APPROVAL, {}),
    "unknown": envelope("https://example.com/note/v1", {}),
    "no-statement": json.dumps({"payload": base64.b64encode(b"[]").decode()}),
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
        ({"default": {"unsigned": "refuse"}}, []),
        ({"default": {"evidence": [DEV]}}, ["dev"]),
        ({"default": {"evidence": [DEV, STAGING]}}, ["dev", "staging"]),
        ({"default": {"evidence": [DEV]}, "demo": {"evidence": [STAGING]}}, ["staging"]),
        ({"default": {"evidence": [DEV]}, "demo": {"scan": {"required": False}}}, ["dev", "scan"]),
        ({"default": {"approvals": {"threshold": 2}}}, ["approval"]),
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
