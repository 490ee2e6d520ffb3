# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible_collections.pitstop.fleet.plugins.modules import pack_info

ONE = {
    "schema": "pitstop/report/v1",
    "action": "check",
    "instance": "is-1",
    "agent": "0.1.0",
    "ok": True,
    "changed": False,
    "before": {
        "release": {"product": "is", "level": "1"},
        "state": "running",
        "adopted": True,
        "verified": False,
        "drift": {"count": 3, "paths": []},
    },
    "warnings": ["w"],
    "error": None,
}
FACTS = {
    "product": "is",
    "level": "1",
    "state": "running",
    "adopted": True,
    "verified": False,
    "drift": 3,
    "interrupted": False,
}
ALL = {
    "schema": "pitstop/report-list/v1",
    "agent": "0.1.0",
    "ok": True,
    "reports": [ONE, dict(ONE, instance="is-2")],
    "error": None,
}
BAD = dict(ONE, ok=False, error={"kind": "home-missing", "message": "no /srv/is", "path": "/srv/is", "exit": 1})


@pytest.mark.verbs("check")
def test_a_recorded_check_becomes_the_result_of_a_task(recorded, agent, run_module):
    document = recorded["report"]
    reports = document.get("reports", [document])
    agent.answers(document, recorded["exit"])
    name = {} if "reports" in document else {"name": document["instance"]}
    result = run_module(pack_info, agent=agent.path, **name)
    assert result["reports"] == reports
    assert result["changed"] is False
    assert bool(result.get("failed")) == (recorded["exit"] != 0)


@pytest.mark.parametrize(
    "task, answer, call, has_report",
    [
        (dict(name="is-1"), ONE, ["check", "is-1"], True),
        (dict(), ALL, ["check", "--all"], False),
        (
            dict(name="is-1", source="/p", level="2", _ansible_check_mode=True),
            ONE,
            ["check", "is-1", "--from", "/p", "--level", "2"],
            True,
        ),
    ],
)
def test_the_agent_is_asked_once(task, answer, call, has_report, agent, run_module):
    agent.answers(answer)
    result = run_module(pack_info, agent=agent.path, **task)
    assert agent.verbs() == [call]
    assert result["changed"] is False
    assert ("report" in result, "ansible_facts" in result) == (has_report, not has_report)
    assert str(result["warnings"]).count("'w'") == 1


def test_all_instances_become_facts(agent, run_module):
    interrupted = dict(ONE["before"], interrupted={"transaction": "t1"})
    agent.answers(dict(ALL, reports=[ONE, dict(ONE, instance="is-2", before=interrupted)]))
    facts = run_module(pack_info, agent=agent.path)["ansible_facts"]["pitstop"]
    assert facts == {"agent": "0.1.0", "instances": {"is-1": FACTS, "is-2": dict(FACTS, interrupted=True)}}


def test_a_host_without_instances_has_facts(agent, run_module):
    agent.answers(dict(ALL, reports=[]))
    result = run_module(pack_info, agent=agent.path)
    assert result["ansible_facts"]["pitstop"] == {"agent": "0.1.0", "instances": {}}
    assert result["version"] == "0.1.0"


def test_one_instance_that_fails_fails_the_task_and_shows_all(agent, run_module):
    agent.answers(dict(ALL, ok=False, reports=[ONE, BAD]), 1)
    result = run_module(pack_info, agent=agent.path)
    assert result["failed"] and result["changed"] is False
    assert (result["kind"], len(result["reports"]), result["version"]) == ("home-missing", 2, "0.1.0")


@pytest.mark.parametrize("name", ["", "--all"])
def test_what_is_not_a_name_is_refused(name, agent, run_module):
    result = run_module(pack_info, agent=agent.path, name=name)
    assert result["kind"] == "usage"
    assert agent.verbs() == []
