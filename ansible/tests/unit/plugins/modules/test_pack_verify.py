# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible_collections.pitstop.fleet.plugins.modules import pack_verify


@pytest.mark.verbs("verify")
def test_a_recorded_report_becomes_the_result_of_a_task(recorded, agent, run_module):
    report = recorded["report"]
    agent.answers(report, recorded["exit"])
    result = run_module(pack_verify, agent=agent.path, name=report["instance"])
    assert agent.verbs() == [recorded["argv"]]
    assert (result["changed"], result["report"]) == (False, report)
    assert bool(result.get("failed")) == (recorded["exit"] != 0)
    if recorded["exit"]:
        assert (result["kind"], result["exit"]) == ("unhealthy", 5)
        assert "health" in result["msg"]


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    "task, call",
    [
        (dict(), ["verify", "--all"]),
        (dict(deep=True), ["verify", "--all", "--deep"]),
        (dict(name="is-1", deep=True), ["verify", "is-1", "--deep"]),
    ],
)
def test_the_agent_is_asked_once(task, call, check_mode, agent, run_module):
    agent.answers({"schema": "pitstop/report-list/v1", "ok": True, "changed": False, "reports": []})
    result = run_module(pack_verify, agent=agent.path, _ansible_check_mode=check_mode, **task)
    assert agent.verbs() == [call]
    assert (result["changed"], result["reports"]) == (False, [])
