# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible_collections.pitstop.fleet.plugins.filter.overview import overview

# A recorded report → how the instance is, and whether somebody has to look at it.
RECORDED = [
    ("check-update-available", "1 ready", False),
    ("check-current", "1 current", False),
    ("check-not-adopted", "1 ", False),
    ("check-interrupted", "1 interrupted", True),
    ("check-home-missing", "1 failed", True),
    ("update-conflicts-dry-run", "1 failed", True),
]


@pytest.mark.parametrize("name, words, is_problem", RECORDED)
def test_a_recorded_check_becomes_a_row(name, words, is_problem, record):
    report = record(name)["report"]
    found = overview({"h1": {"reports": [report]}})
    header, row, total = found["lines"]
    assert header.split() == ["host", "instance", "level", "to", "state", "drift"]
    assert row.split()[:2] == ["h1", report["instance"]]
    assert total.startswith("1 instance: " + words)
    assert found["problems"] == ([row] if is_problem else [])


def test_the_level_to_come_and_what_it_does_show(record):
    report = record("check-update-available")["report"]
    row = overview({"h1": {"reports": [report]}})["lines"][1]
    assert row.split()[2:] == ["1.0.0", "1.1.0", "running", "1", "ready,", "stops", "the", "server"]


BLOCKED = [
    ([("held", "1.1.0 is held")], "1 blocked", "held: 1.1.0 is held"),
    ([("window", "opens at 22:00")], "1 waiting", "window: opens at 22:00"),
    ([("window", "later"), ("space", "full")], "1 blocked", "window: later; space: full"),
]


@pytest.mark.parametrize("blockers, words, why", BLOCKED)
def test_what_stands_in_the_way_is_told(blockers, words, why, record):
    report = record("check-update-available")["report"]
    report["blockers"] = [{"kind": kind, "message": message} for kind, message in blockers]
    found = overview({"h1": {"reports": [report]}})
    assert found["lines"][1].endswith(why)
    assert found["lines"][2] == "1 instance: " + words
    assert bool(found["problems"]) == ("blocked" in words)


def test_conflicts_are_told_by_their_paths(record):
    report = dict(record("update-conflicts-dry-run")["report"], error=None)
    found = overview({"h1": {"reports": [report]}})
    assert found["problems"][0].endswith("2 conflicts: conf/server.conf, lib/driver.jar")


def test_hosts_that_did_not_answer_are_in_the_table_and_columns_are_below_each_other(record):
    found = overview(
        {
            "a-host-with-a-long-name": {"reports": [record("check-current")["report"]]},
            "h2": {"unreachable": True, "failed": True, "msg": "no route"},
            "h3": {"failed": True, "msg": "no pitstop\nbinary"},
            "h4": {"reports": []},
            "h5": {"failed": False, "failed_when_result": False, "reports": [], "kind": "agent-missing", "msg": "no agent"},
        }
    )
    header, first, second, third, fourth, total = found["lines"]
    assert header.index("instance") == first.index("lab") == second.index("-")
    assert third.endswith("no pitstop binary")
    assert fourth.split() == ["h5", "-", "?", "-", "?", "?", "no", "agent"]
    assert total == "4 instances: 1 unreachable, 2 failed, 1 current"
    assert found["problems"] == [second, third, fourth]
