# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

"""Statements as the agent writes them, in envelopes that nobody has signed."""

import base64
import json

TREE, OTHER = "6f" * 32, "70" * 32


def envelope(kind, predicate, *trees, **changed):
    """What says something of trees; C(changed) are fields of the envelope that are different."""
    subject = [{"name": "demo-1.1.0", "digest": {"sha256": tree}} for tree in trees or [TREE]]
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": kind, "predicate": predicate}
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps(dict({"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": []}, **changed))
