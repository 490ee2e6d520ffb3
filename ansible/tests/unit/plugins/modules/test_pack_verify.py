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
    assert agent.verbs() == [recorded["argv"][:2]]
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


EVIDENCE = dict(file="/srv/e.json", sign="/srv/s.key")


def test_evidence_and_suites_are_passed_on(record, agent, run_module):
    recorded = record("verify-evidence")
    agent.answers(recorded["report"])
    file, sign = (recorded["argv"][recorded["argv"].index(flag) + 1] for flag in ("--evidence", "--sign"))
    result = run_module(pack_verify, agent=agent.path, name="lab", suites=["smoke=true"], evidence=dict(file=file, sign=sign))
    assert agent.verbs() == [["verify", "lab", "--suite", "smoke=true", "--evidence", file, "--sign", sign]]
    assert sorted(agent.verbs()[0]) == sorted(recorded["argv"])
    assert (result["changed"], result["evidence"], result["report"]) == (False, file, recorded["report"])


def test_everything_about_evidence_is_passed_on(record, agent, run_module):
    agent.answers(record("verify")["report"])
    evidence = dict(EVIDENCE, signer="agent", environment="staging")
    run_module(pack_verify, agent=agent.path, name="lab", suites=["a", "b"], suite_timeout_s=60, evidence=evidence)
    given = "--suite a --suite b --suite-timeout-s 60 --evidence /srv/e.json --environment staging --sign /srv/s.key --signer agent"
    assert agent.verbs() == [["verify", "lab"] + given.split()]


def test_a_prediction_runs_no_suites_and_leaves_no_evidence(record, agent, run_module):
    agent.answers(record("verify")["report"])
    result = run_module(pack_verify, agent=agent.path, name="lab", suites=["x"], evidence=EVIDENCE, _ansible_check_mode=True)
    assert agent.verbs() == [["verify", "lab"]]
    assert "evidence" not in result


def test_evidence_of_all_instances_at_once_is_refused(agent, run_module):
    result = run_module(pack_verify, agent=agent.path, evidence=EVIDENCE)
    assert (result["failed"], result["kind"], agent.verbs()) == (True, "usage", [])
