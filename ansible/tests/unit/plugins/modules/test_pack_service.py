# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible_collections.pitstop.fleet.plugins.modules import pack_service

STATES = {"start": "started", "stop": "stopped"}


@pytest.mark.verbs("start", "stop")
def test_a_recorded_report_becomes_the_result_of_a_task(recorded, agent, run_module):
    report, (verb, name) = recorded["report"], recorded["argv"][:2]
    agent.answers(report, recorded["exit"])
    task = dict(name=name, state=STATES[verb], _ansible_check_mode=report["dry_run"], _ansible_diff=True)
    result = run_module(pack_service, agent=agent.path, **task)
    assert agent.verbs() == [recorded["argv"]]
    assert (result["changed"], result["report"]) == (report["changed"], report)
    if recorded["exit"]:
        assert (result["failed"], result["kind"]) == (True, report["error"]["kind"])
    else:
        assert result["running"] == (verb == "start")
        assert (result["diff"]["before"] != result["diff"]["after"]) == report["changed"]


@pytest.mark.parametrize(
    "task, why",
    [
        (dict(state="started"), "name"),
        (dict(name="is-1"), "state"),
        (dict(name="is-1", state="restarted"), "must be one of"),
        (dict(name="--all", state="stopped"), "not the name of an instance"),
    ],
)
def test_what_is_not_a_task_is_refused_before_the_agent_is_asked(task, why, agent, run_module):
    result = run_module(pack_service, agent=agent.path, **task)
    assert result["failed"] and why in result["msg"]
    assert agent.verbs() == []
