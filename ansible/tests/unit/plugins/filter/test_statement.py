# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import base64
import json
import time

import pytest
from ansible_collections.pitstop.fleet.plugins.filter.statement import FilterModule
from ansible_collections.pitstop.fleet.plugins.plugin_utils._statement import APPROVAL, EVIDENCE, GRACE
from ansible_collections.pitstop.fleet.tests.unit.statements import OTHER, TREE, envelope

says = FilterModule().filters()["statement"]
# Its payload has both characters in which the alphabets of base64 differ.
TESTED = {"environment": "staging", "host": "h?????", "instance": "is>>>>>", "product": "demo"}
GOOD = envelope(EVIDENCE, {"result": "PASSED", "pitstop": TESTED}, TREE, OTHER)


def payload(text=None):
    """A payload of some text; without one, that of the good evidence."""
    return json.loads(GOOD)["payload"] if text is None else base64.b64encode(text.encode()).decode()


def test_what_evidence_says():
    expected = dict(TESTED, kind="evidence", trees=[TREE, OTHER], breaks_glass=False, has_ended=False)
    assert says(GOOD) == expected
    assert set("+/") <= set(payload())
    url_safe = payload().replace("+", "-").replace("/", "_").rstrip("=")
    assert says(envelope(EVIDENCE, {}, payload=url_safe)) == expected


@pytest.mark.parametrize("kind, breaks", [("approval", False), ("break-glass", True)])
def test_what_an_approval_says(kind, breaks):
    assert says(envelope(APPROVAL, {"kind": kind}))["breaks_glass"] is breaks
    assert says(envelope(EVIDENCE, {"kind": kind}))["breaks_glass"] is False


def utc(ago):
    """A time so many seconds ago, as the agent writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))


@pytest.mark.parametrize(
    "expires, ended",
    [
        ("2020-01-01T00:00:00Z", True),
        ("2020-01-01T00:00:00.5Z", True),
        (utc(GRACE + 60), True),
        # The clock of the host may be behind.
        (utc(GRACE - 60), False),
        ("2120-01-01T00:00:00Z", False),
        # What the agent would not write ends nothing.
        ("2020-01-01T00:00:00+23:00", False),
        ("2020-01-01", False),
        ("", False),
        (None, False),
        (1, False),
        ([], False),
    ],
    # Not by their values: processes that share the tests would call them by different seconds.
    ids=range(11),
)
def test_when_an_approval_has_ended(expires, ended):
    assert says(envelope(APPROVAL, {"expires": expires}))["has_ended"] is ended
    assert says(envelope(EVIDENCE, {"expires": expires}))["has_ended"] is False
    assert says(envelope(APPROVAL, {}))["has_ended"] is False


@pytest.mark.parametrize("kind", ["https://example.com/note/v1", "evidence", ""])
def test_what_the_agent_does_not_know_has_no_kind(kind):
    assert says(envelope(kind, {"pitstop": TESTED}))["kind"] is None


def test_a_type_that_is_none_says_nothing():
    assert says(envelope([], {})) == {}


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
