# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible_collections.pitstop.fleet.plugins.filter.outcome import outcome

SKIPPED = {"changed": False, "skipped": True, "level": "9"}


def result_of(report, **fields):
    return dict(dict(changed=report["changed"], reports=[report], level="1.1.0", running=True), **fields)


# A recorded report → whether something changes, and whether the server is stopped for it.
RECORDED = [
    ("update", True, True),
    ("update-dry-run", True, True),
    ("update-again", False, False),
    ("adopt", True, False),
    ("adopt-dry-run", True, True),
    ("start", True, True),
    ("start-again", False, False),
    ("config-apply", True, True),
    ("config-apply-again", False, False),
    ("hotfix-apply", True, False),
]


@pytest.mark.parametrize("name, changed, stops", RECORDED)
def test_the_server_is_known_to_be_stopped_or_not(name, changed, stops, record):
    report = record(name)["report"]
    found = outcome([SKIPPED, result_of(report)], "lab")
    assert (found["name"], found["changed"], found["stops"], found["waits"]) == ("lab", changed, stops, None)
    assert (found["level"], found["running"], found["messages"]) == ("1.1.0", True, [report["message"]])


def test_an_update_that_waits_is_told(record):
    report = record("update-held")["report"]
    failed = result_of(report, kind="window", msg="not before 22:00", level=None, running=None)
    # What runs goes on running, and is there to be verified.
    assert outcome([failed], "lab")["running"] == (report["after"]["state"] == "running")
    assert outcome([failed], "lab", waiting=["window"])["waits"] == {"kind": "window", "message": "not before 22:00"}
    assert outcome([failed], "lab", waiting=["wave"])["waits"] is None


def test_what_follows_an_interrupted_change_is_taken_for_a_change_with_a_stop(record):
    report = record("update-interrupted-dry-run")["report"]
    found = outcome([result_of(report, kind="interrupted", level=None, running=None)], "lab")
    assert (found["changed"], found["stops"], found["interrupted"]) == (True, True, True)
    assert found["messages"] == [report["message"]]


def test_every_change_is_told_in_its_order(record):
    config, update = record("config-apply")["report"], record("update")["report"]
    found = outcome([result_of(config), result_of(update)], "lab")
    assert found["messages"] == [config["message"], update["message"]]


def test_where_nothing_was_asked_nothing_is_known():
    assert outcome([SKIPPED], "lab") == {
        "name": "lab", "changed": False, "level": None, "running": None, "stops": False, "interrupted": False,
        "waits": None, "messages": []
    }
