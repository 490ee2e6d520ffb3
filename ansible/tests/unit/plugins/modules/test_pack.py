# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible_collections.pitstop.fleet.plugins.modules import pack

VALUE_OPTIONS = {"--from": "source", "--level": "level", "--plan": "plan", "--pristine": "pristine"}
FLAG_OPTIONS = {
    "--allow-downgrade": "allow_downgrade",
    "--continue": "continue",
    "--dry-run": "_ansible_check_mode",
    "--no-remembered": "no_remembered",
    "--release-hold": "release_hold",
}
ASKED_BY = {"adopt": {"adopt": True}, "update": {}, "start": {"state": "started"}, "stop": {"state": "stopped"}}
GLOBAL_OPTIONS = ("--config-dir", "--state-dir", "--output")


def view(level="1", state="running", adopted=True):
    return {"home": "/srv/is", "adopted": adopted, "release": {"product": "is", "level": level}, "state": state}


def report(action, before, after=None, **fields):
    changed = fields.pop("changed", after is not None)
    return dict(
        {
            "schema": "pitstop/report/v1",
            "action": action,
            "instance": "is-1",
            "ok": True,
            "changed": changed,
            "before": before,
            "after": after or before,
            "plan": None,
            "warnings": [],
            "error": None,
            "transaction": None,
        },
        **fields
    )


def waiting(*conflicts):
    """What C(conflicts list) says of an update that waits for its conflicts, or of none."""
    return dict(report("conflicts", None), conflicts=list(conflicts) or [{"path": "conf/a"}])


def awaited(verb):
    """What C(check) says of a change that waits: how to go on with it."""
    return report("check", view(), waiting={"command": "pitstop %s is-1 --continue" % verb})


def plan(to="2"):
    return {"id": "p1", "to": {"product": "is", "level": to}, "files": []}


def failed(action, kind, message):
    error = {"kind": kind, "message": message, "hint": "do this", "exit": 6}
    return report(action, view(), ok=False, error=error)


def task_of(argv):
    """The options of the task that leads to a recorded call; the module has no others."""
    words, task = list(argv), {}
    while words:
        word = words.pop(0)
        if word in GLOBAL_OPTIONS:
            words.pop(0)
        elif word in VALUE_OPTIONS:
            task[VALUE_OPTIONS[word]] = words.pop(0)
        elif word in FLAG_OPTIONS:
            task[FLAG_OPTIONS[word]] = True
        elif word in ASKED_BY:
            task.update(ASKED_BY[word])
        elif not word.startswith("-"):
            task["name"] = word
    return task


@pytest.mark.verbs("adopt", "update", "start", "stop")
def test_a_recorded_report_becomes_the_result_of_a_task(recorded, agent, run_module):
    report, task = recorded["report"], task_of(recorded["argv"])
    if "name" not in task:
        pytest.skip("the module is about one instance")
    if report["action"] == "update" and not (task.get("level") or task.get("source")):
        task["level"] = "recorded without one"
    if task.get("continue"):
        agent.answers(waiting())
        agent.answers(awaited("update"))
    agent.answers(report, recorded["exit"])
    result = run_module(pack, agent=agent.path, _ansible_diff=True, **task)
    verb = agent.verbs()[-1]
    assert verb[:2] == [report["action"], task["name"]]
    assert ("--dry-run" in verb, "--continue" in verb) == (report["dry_run"], "continue" in task)
    assert (result["changed"], result["report"]) == (report["changed"], report)
    assert bool(result.get("failed")) == (recorded["exit"] != 0)
    if recorded["exit"]:
        assert (result["kind"], result["exit"]) == (report["error"]["kind"], recorded["exit"])
    else:
        assert result["transaction"] == report["transaction"]
        assert (result["diff"]["before"] != result["diff"]["after"]) == report["changed"]


# What is asked for → how the agent is asked.
CALLS = [
    (dict(state="started"), [["start", "is-1"]]),
    (dict(state="stopped"), [["stop", "is-1"]]),
    (dict(level="2"), [["update", "is-1", "--level", "2"]]),
    (dict(source="/p"), [["update", "is-1", "--from", "/p"]]),
    (dict(adopt=True), [["adopt", "is-1", "--once"]]),
    (dict(adopt=True, pristine="/o"), [["adopt", "is-1", "--once", "--pristine", "/o"]]),
    (
        dict(level="2", source="/p", plan="p1", allow_downgrade=True),
        [["update", "is-1", "--from", "/p", "--level", "2", "--plan", "p1", "--allow-downgrade"]],
    ),
    (
        dict(level="2", acknowledge=["scripts-01", "h2-02"]),
        [["update", "is-1", "--level", "2", "--acknowledge", "scripts-01", "--acknowledge", "h2-02"]],
    ),
    (
        dict(level="2", release_hold=True, no_remembered=True),
        [["update", "is-1", "--level", "2", "--release-hold", "--no-remembered"]],
    ),
    (
        dict(adopt=True, level="2", state="started"),
        [["adopt", "is-1", "--once"], ["update", "is-1", "--level", "2"], ["start", "is-1"]],
    ),
]


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("task, calls", CALLS)
def test_the_agent_is_asked_for_each_part_of_the_task(task, calls, check_mode, agent, run_module):
    for call in calls:
        agent.answers(report(call[0], view()))
    result = run_module(pack, name="is-1", agent=agent.path, _ansible_check_mode=check_mode, **task)
    dry_run = ["--dry-run"] if check_mode else []
    assert agent.verbs() == [call + dry_run for call in calls]
    assert not result["changed"]
    assert [one["action"] for one in result["reports"]] == [call[0] for call in calls]


def test_folders_of_the_agent_are_passed_on(agent, run_module):
    agent.answers(report("stop", view()))
    run_module(pack, name="is-1", agent=agent.path, config_dir="/c", state_dir="/s", state="stopped")
    assert agent.calls() == [["--config-dir", "/c", "--state-dir", "/s", "--output", "json", "stop", "is-1"]]


@pytest.mark.parametrize(
    "task, why",
    [
        (dict(), "nothing is asked for"),
        (dict(pristine="/o", state="started"), "pristine is read only when adopt is true"),
        (dict(plan="p1", state="started"), "plan needs level or source"),
        (dict(allow_downgrade=True, adopt=True), "allow_downgrade needs level or source"),
        (dict(acknowledge=["a-1"], adopt=True), "acknowledge needs level or source"),
        ({"continue": True, "state": "started"}, "continue needs level or source"),
        (dict(name="--all", state="stopped"), "not the name of an instance"),
    ],
)
def test_options_without_effect_are_refused_before_the_agent_is_asked(task, why, agent, run_module):
    result = run_module(pack, agent=agent.path, **dict({"name": "is-1"}, **task))
    assert result["failed"] and why in result["msg"]
    assert (result["kind"], result["changed"], result["reports"]) == ("usage", False, [])
    assert agent.verbs() == []


def test_an_update_with_a_start_returns_what_both_did(agent, run_module):
    stopped, updated = view(state="stopped"), view("2", "stopped")
    agent.answers(report("update", stopped, updated, plan=plan(), transaction="t1", warnings=["w"]))
    agent.answers(report("start", updated, view("2"), warnings=["w"]))
    result = run_module(pack, name="is-1", agent=agent.path, level="2", state="started", _ansible_diff=True)
    assert (result["changed"], result["level"], result["running"]) == (True, "2", True)
    assert (result["plan_id"], result["transaction"]) == ("p1", "t1")
    assert result["report"]["action"] == "start"
    assert str(result["warnings"]).count("'w'") == 1


def test_check_mode_predicts_what_the_run_then_shows(agent, run_module):
    stopped = view(state="stopped")
    task = dict(name="is-1", agent=agent.path, level="2", state="started", _ansible_diff=True)
    agent.answers(report("update", stopped, changed=True, plan=plan()))
    agent.answers(report("start", stopped, changed=True))
    predicted = run_module(pack, _ansible_check_mode=True, **task)
    agent.answers(report("update", stopped, view("2", "stopped"), plan=plan(), transaction="t1"))
    agent.answers(report("start", view("2", "stopped"), view("2")))
    done = run_module(pack, **task)
    for key in ("changed", "level", "running", "plan_id", "diff"):
        assert predicted[key] == done[key], key
    assert predicted["transaction"] is None


def test_a_plan_that_is_not_carried_out_has_no_id(agent, run_module):
    agent.answers(report("update", view("2"), plan=plan()))
    result = run_module(pack, name="is-1", agent=agent.path, level="2")
    assert (result["plan_id"], result["level"], result["running"]) == (None, "2", True)


def test_an_update_after_a_predicted_adoption_is_only_announced(agent, run_module):
    agent.answers(report("adopt", view(adopted=False), changed=True))
    agent.answers(report("start", view(), changed=False))
    task = dict(name="is-1", agent=agent.path, adopt=True, level="2", state="started", _ansible_check_mode=True)
    result = run_module(pack, **task)
    assert [call[0] for call in agent.verbs()] == ["adopt", "start"]
    assert (result["changed"], result["level"]) == (True, "2")
    assert "only after the pack has been adopted" in str(result["warnings"])


@pytest.mark.parametrize("waits, goes_on", [("update", ["--continue"]), ("hotfix apply", []), (None, [])])
def test_only_an_update_that_waits_goes_on(waits, goes_on, agent, run_module):
    agent.answers(waiting() if waits else dict(waiting(), conflicts=[]))
    if waits:
        agent.answers(awaited(waits))
    agent.answers(report("update", view(), changed=True, plan=plan()))
    task = {"name": "is-1", "agent": agent.path, "level": "2", "continue": True, "_ansible_check_mode": True}
    result = run_module(pack, **task)
    asked = [["conflicts", "list", "is-1"]] + ([["check", "is-1"]] if waits else [])
    assert agent.verbs() == asked + [["update", "is-1", "--level", "2"] + goes_on + ["--dry-run"]]
    assert [one["action"] for one in result["reports"]] == ["update"]


def test_a_failure_carries_the_reports_so_far_and_stops(agent, run_module):
    agent.answers(report("adopt", view(adopted=False), view()))
    agent.answers(failed("update", "held", "level 2 is held"), 6)
    result = run_module(pack, name="is-1", agent=agent.path, adopt=True, level="2", state="started")
    assert result["failed"] and result["changed"]
    assert (result["kind"], result["hint"], result["exit"]) == ("held", "do this", 6)
    assert result["msg"] == "level 2 is held (do this)"
    assert [one["action"] for one in result["reports"]] == ["adopt", "update"]
    assert result["report"]["action"] == "update"


def test_an_unknown_run_state_is_null(agent, run_module):
    agent.answers(report("update", view(state="unknown")))
    assert run_module(pack, name="is-1", agent=agent.path, level="1")["running"] is None


def test_an_agent_that_cannot_be_understood_fails_the_task(agent, run_module):
    agent.answers("error: unrecognized subcommand", 2, "usage: pitstop")
    result = run_module(pack, name="is-1", agent=agent.path, state="started")
    assert (result["kind"], result["rc"], result["stderr"]) == ("agent-output", 2, "usage: pitstop")
    assert result["reports"] == [] and "report" not in result
