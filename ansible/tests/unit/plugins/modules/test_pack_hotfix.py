# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible_collections.pitstop.fleet.plugins.modules import pack_hotfix

FIRST, SECOND = "wso2am-4.2.0-abc-hf-1.zip", "wso2am-4.2.0-abc-hf-2.zip"


def task_of(argv):
    """The options of the task that leads to a recorded call."""
    task = dict(name=argv[2], command=argv[1], _ansible_check_mode="--dry-run" in argv)
    return dict(task, file=argv[3]) if argv[1] == "apply" else task


@pytest.mark.verbs("hotfix")
def test_a_recorded_report_becomes_the_result_of_a_task(recorded, agent, run_module, record):
    report, listed = recorded["report"], record("hotfix-list")["report"]
    agent.answers(report, recorded["exit"])
    agent.answers(listed)
    result = run_module(pack_hotfix, agent=agent.path, _ansible_diff=True, **task_of(recorded["argv"]))
    assert agent.verbs()[0] == recorded["argv"]
    assert result["changed"] == report["changed"]
    if recorded["exit"]:
        assert (result["failed"], result["kind"], result["report"]) == (True, report["error"]["kind"], report)
        return
    # Where the agent had no reason to look at the pack, the module asks it to.
    assert agent.verbs()[1:] == ([] if report["after"] else [["hotfix", "list", "lab"]])
    after = report["after"] or listed["after"]
    if not report["dry_run"]:
        assert result["hotfixes"] == [hotfix["name"] for hotfix in after.get("hotfixes", [])]
    assert result["level"] == after["release"]["level"]
    assert (result["diff"]["before"] != result["diff"]["after"]) == report["changed"]
    assert result["plan_id"] == (report["plan"]["id"] if report["changed"] else None)


@pytest.mark.parametrize("done", ["hotfix-apply", "hotfix-revert"])
def test_check_mode_and_the_run_show_the_same(done, agent, run_module, record):
    predicted, did = record(done + "-dry-run"), record(done)
    agent.answers(predicted["report"])
    agent.answers(did["report"])
    results = [
        run_module(pack_hotfix, agent=agent.path, _ansible_diff=True, **task_of(one["argv"])) for one in (predicted, did)
    ]
    for key in ("changed", "diff", "hotfixes", "level", "plan_id", "running"):
        assert results[0][key] == results[1][key], key


# What shall be off, of the two that are on → what is asked of the agent after the list, and whether the task fails.
REVERTED = [(SECOND, [["hotfix", "revert", "lab"]], False), ("other-hf-1.zip", [], False), (FIRST, [], True)]


@pytest.mark.parametrize("hotfix, asked, fails", REVERTED)
def test_a_named_hotfix_is_off_afterwards(hotfix, asked, fails, agent, run_module, record):
    agent.answers(record("hotfix-list")["report"])
    agent.answers(record("hotfix-revert")["report"])
    result = run_module(pack_hotfix, agent=agent.path, command="revert", name="lab", hotfix=hotfix)
    assert agent.verbs() == [["hotfix", "list", "lab"]] + asked
    assert (result.get("failed", False), result["changed"]) == (fails, bool(asked))
    if fails:
        assert result["kind"] == "usage" and SECOND in result["hint"]


@pytest.mark.parametrize("waits, goes_on", [("hotfix apply", ["--continue"]), ("update", [])])
def test_the_options_of_the_agent_are_passed_on(waits, goes_on, agent, run_module, record):
    agent.answers(dict(record("hotfix-list")["report"], conflicts=[{"path": "conf/x"}]))
    agent.answers(dict(record("check-waiting")["report"], waiting={"command": "pitstop %s lab /srv/x --continue" % waits}))
    agent.answers(record("hotfix-apply")["report"])
    options = {"plan": "p1", "acknowledge": ["a", "b"], "release_hold": True, "no_remembered": True, "continue": True}
    options["hotfix"] = FIRST
    run_module(pack_hotfix, agent=agent.path, command="apply", name="lab", file="/srv/%s" % FIRST, **options)
    assert agent.verbs()[:2] == [["conflicts", "list", "lab"], ["check", "lab"]]
    assert agent.verbs()[2][:4] == ["hotfix", "apply", "lab", "/srv/%s" % FIRST]
    given = "--plan p1 --acknowledge a --acknowledge b --release-hold --no-remembered --hotfix %s" % FIRST
    assert agent.verbs()[2][4:] == given.split() + goes_on


@pytest.mark.parametrize(
    "task",
    [
        dict(file="/srv/x.zip"),
        dict(command="apply"),
        dict(command="apply", file="-"),
        dict(command="list", hotfix="x"),
        dict(command="revert", acknowledge=["a"]),
        dict(command="revert", name="--all"),
    ],
)
def test_options_that_do_not_fit_are_refused(task, agent, run_module):
    result = run_module(pack_hotfix, agent=agent.path, **dict(dict(name="lab"), **task))
    assert result["failed"]
    assert agent.verbs() == []
