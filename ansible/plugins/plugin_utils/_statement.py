# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

"""What signed statements say, as the agent reads them.

Private to this collection; it may change at any time. It proves nothing.
"""

import base64
import calendar
import json
import time

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
EVIDENCE = "https://in-toto.io/attestation/test-result/v0.1"
SCAN = "https://in-toto.io/attestation/vulns/v0.1"
APPROVAL = "https://pitstop.dev/approval/v1"
# What these types are called here. Whatever else it is has no name, so that nothing can call itself one of them.
KINDS = {EVIDENCE: "evidence", SCAN: "scan", APPROVAL: "approval"}
# Where a test was run, as evidence says it.
TESTED = ("environment", "host", "instance", "product")
# How long after its end an approval still counts as good here: the clock of the host decides, and may be behind.
GRACE = 24 * 60 * 60


def decoded(text):
    """The bytes that base64 stands for, in either alphabet. What the agent would not read, or read as something else, is an error."""
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)


def has_ended(approval):
    """Whether nobody needs an approval any more. An end that is not as the agent writes it, in UTC, is none."""
    try:
        ended = calendar.timegm(time.strptime(approval["expires"][:19] + approval["expires"][-1:], "%Y-%m-%dT%H:%M:%SZ"))
    except (KeyError, TypeError, ValueError):
        return False
    return ended + GRACE <= time.time()


def statement_of(text):
    """What an envelope says. Anybody can write anything into one: empty where it says nothing that can be understood."""
    try:
        envelope = json.loads(text)
        statement = json.loads(decoded(envelope["payload"]).decode("utf-8"))
        if (envelope["payloadType"], statement["_type"]) != (PAYLOAD_TYPE, STATEMENT):
            return {}
        predicate, kind = statement["predicate"], statement["predicateType"]
        tested = predicate.get("pitstop") or {}
        return dict(
            {name: tested.get(name) for name in TESTED},
            kind=KINDS.get(kind),
            trees=[subject["digest"].get("sha256") for subject in statement["subject"]],
            breaks_glass=kind == APPROVAL and predicate.get("kind") == "break-glass",
            has_ended=kind == APPROVAL and has_ended(predicate),
        )
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return {}
