# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

"""What signed statements say, as the agent reads them.

Private to this collection; it may change at any time. It proves nothing.
"""

import base64
import json

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
EVIDENCE = "https://in-toto.io/attestation/test-result/v0.1"
SCAN = "https://in-toto.io/attestation/vulns/v0.1"
APPROVAL = "https://pitstop.dev/approval/v1"
# Where a test was run, as evidence says it.
TESTED = ("environment", "host", "instance", "product")


def decoded(text):
    """The bytes that base64 stands for, in either alphabet. What the agent would not read, or read as something else, is an error."""
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)


def statement_of(text):
    """What an envelope says. Anybody can write anything into one: empty where it says nothing that can be understood."""
    try:
        envelope = json.loads(text)
        statement = json.loads(decoded(envelope["payload"]).decode("utf-8"))
        if (envelope["payloadType"], statement["_type"]) != (PAYLOAD_TYPE, STATEMENT):
            return {}
        predicate = statement["predicate"]
        tested = predicate.get("pitstop") or {}
        return dict(
            {name: tested.get(name) for name in TESTED},
            kind=statement["predicateType"],
            trees=[subject["digest"].get("sha256") for subject in statement["subject"]],
            breaks_glass=statement["predicateType"] == APPROVAL and predicate.get("kind") == "break-glass",
        )
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return {}
