# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible_collections.pitstop.fleet.plugins.modules import pack_rollback


def task_of(argv):
    """The options of the task that leads to a recorded call."""
    to = argv[argv.index("--to") + 1] if "--to" in argv else None
    return dict(name=argv[1], to=to, config="--config" in argv or None, _ansible_check_mode="--dry-run" in argv)


@pytest.mark.verbs("rollback")
def test_a_recorded_report_becomes_the_result_of_a_task(recorded, agent, run_module):
    report = recorded["report"]
    agent.answers(report, recorded["exit"])
    task = {key: value for key, value in task_of(recorded["argv"]).items() if value is not None}
    result = run_module(pack_rollback, agent=agent.path, _ansible_diff=True, **task)
    assert agent.verbs() == [recorded["argv"]]
    assert (result["changed"], result["report"]) == (report["changed"], report)
    if recorded["exit"]:
        assert (result["failed"], result["kind"]) == (True, report["error"]["kind"])
        return
    if not report["changed"]:
        assert (result["level"], result["plan_id"]) == (report["after"]["release"]["level"], None)
        assert result["diff"]["before"] == result["diff"]["after"]
        return
    assert result["level"] == report["plan"]["to"]["level"]
    assert (result["plan_id"], result["transaction"]) == (report["plan"]["id"], report["transaction"])
    # One line for each path of the plan, and three on the instance.
    assert result["diff"]["after"].count("\n") == 3 + len(report["plan"]["files"])
    assert result["diff"]["before"] != result["diff"]["after"]


def test_a_plan_is_passed_on(agent, run_module, record):
    agent.answers(record("rollback")["report"])
    run_module(pack_rollback, agent=agent.path, name="lab", plan="p1")
    assert agent.verbs() == [["rollback", "lab", "--plan", "p1"]]


def test_a_level_and_a_configuration_are_not_taken_back_at_once(agent, run_module):
    result = run_module(pack_rollback, agent=agent.path, name="lab", to="1.0.0", config=True)
    assert result["failed"] and "mutually exclusive" in result["msg"]
    assert agent.verbs() == []
