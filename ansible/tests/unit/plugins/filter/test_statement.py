# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import base64
import json

import pytest
from ansible_collections.pitstop.fleet.plugins.filter.statement import FilterModule
from ansible_collections.pitstop.fleet.plugins.plugin_utils._statement import APPROVAL, EVIDENCE
from ansible_collections.pitstop.fleet.tests.unit.statements import OTHER, TREE, envelope

says = FilterModule().filters()["statement"]
# Its payload has both characters in which the alphabets of base64 differ.
TESTED = {"environment": "staging", "host": "h?????", "instance": "is>>>>>", "product": "demo"}
GOOD = envelope(EVIDENCE, {"result": "PASSED", "pitstop": TESTED}, TREE, OTHER)


def payload(text=None):
    """A payload of some text; without one, that of the good evidence."""
    return json.loads(GOOD)["payload"] if text is None else base64.b64encode(text.encode()).decode()


def test_what_evidence_says():
    expected = dict(TESTED, kind=EVIDENCE, trees=[TREE, OTHER], breaks_glass=False)
    assert says(GOOD) == expected
    assert set("+/") <= set(payload())
    url_safe = payload().replace("+", "-").replace("/", "_").rstrip("=")
    assert says(envelope(EVIDENCE, {}, payload=url_safe)) == expected


@pytest.mark.parametrize("kind, breaks", [("approval", False), ("break-glass", True)])
def test_what_an_approval_says(kind, breaks):
    assert says(envelope(APPROVAL, {"kind": kind}))["breaks_glass"] is breaks
    assert says(envelope(EVIDENCE, {"kind": kind}))["breaks_glass"] is False


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        "[" * 100000,
        envelope(EVIDENCE, []),
        envelope(EVIDENCE, {}, payload=1),
        envelope(EVIDENCE, {}, payload=payload("[]")),
        envelope(EVIDENCE, {}, payload=payload("{}")),
        # A lenient reader would pass over what is no base64, and read what the agent does not.
        envelope(EVIDENCE, {}, payload="!" + payload()),
        envelope(EVIDENCE, {}, payloadType="text/plain"),
        envelope(EVIDENCE, {}, payload=payload(json.dumps({"_type": "https://in-toto.io/Statement/v0.1"}))),
    ],
)
def test_what_says_nothing(text):
    assert says(text) == {}
