# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import json

import pytest
from ansible_collections.pitstop.fleet.plugins.modules import pack_conflicts

CONF, JAR = "conf/server.conf", "lib/driver.jar"
VALUE_OPTIONS = {"--key": "key", "--take": "take", "--value": "value"}
DECISION = {"schema": "pitstop/resolution/v1", "product": "lab", "path": CONF, "key": "threads", "take": "ours", "by": "alice"}
DOCUMENT = {"schema": "pitstop/resolutions/v1", "resolutions": [DECISION]}
SECRET = "0ur-s3cret"


def task_of(argv):
    """The options of the task that leads to a recorded call; ``show`` is what check mode asks for."""
    words, task = list(argv[3:]), {"name": argv[2], "command": argv[1].replace("show", "list")}
    while words:
        word = words.pop(0)
        if word == "--all":
            task["all"] = True
        elif word in VALUE_OPTIONS:
            task[VALUE_OPTIONS[word]] = words.pop(0)
        else:
            task["path"] = word
    return task


@pytest.mark.verbs("conflicts list", "conflicts show", "conflicts resolve")
def test_a_recorded_report_becomes_the_result_of_a_task(recorded, agent, run_module):
    report, task = recorded["report"], task_of(recorded["argv"])
    agent.answers(report, recorded["exit"])
    result = run_module(pack_conflicts, agent=agent.path, **task)
    assert agent.verbs()[0][:3] == ["conflicts", task["command"], "lab"]
    assert (result["changed"], result["report"]) == (report["changed"], report)
    if recorded["exit"]:
        assert (result["failed"], result["kind"]) == (True, report["error"]["kind"])
    else:
        assert result["conflicts"] == report["conflicts"]
        assert (result["open"] == 0) == (report["status"] == "resolved")


RESOLVE = dict(command="resolve", name="lab", path=CONF)


@pytest.mark.parametrize(
    "task, arguments, stdin",
    [
        (dict(RESOLVE, take="ours"), ["--take", "ours", "--", CONF], None),
        (dict(RESOLVE, path="--all", take="ours"), ["--take", "ours", "--", "--all"], None),
        (dict(RESOLVE, key="threads", value="6"), ["--key", "threads", "--value-from", "-", "--", CONF], "6\n"),
        (dict(RESOLVE, value=""), ["--value-from", "-", "--", CONF], "\n"),
        (
            dict(RESOLVE, secret_value=SECRET, remember_secret=True),
            ["--remember-secret", "--value-from", "-", "--", CONF],
            SECRET + "\n",
        ),
        (dict(RESOLVE, final="a = 1\n"), ["--final", "-", "--", CONF], "a = 1\n"),
        (dict(RESOLVE, final_file="/srv/final"), ["--final", "/srv/final", "--", CONF], None),
        (dict(RESOLVE, reopen=True), ["--reopen", "--", CONF], None),
        (dict(command="resolve", name="lab", all=True, take="theirs"), ["--all", "--take", "theirs"], None),
    ],
)
def test_values_are_given_on_standard_input_only(task, arguments, stdin, agent, run_module, record):
    agent.answers(record("conflicts-resolve")["report"])
    result = run_module(pack_conflicts, agent=agent.path, **task)
    assert agent.verbs() == [["conflicts", "resolve", "lab"] + arguments]
    assert agent.inputs() == ([stdin] if stdin else [])
    assert SECRET not in str(agent.calls()) + json.dumps(result)


@pytest.mark.parametrize("option, warned", [("value", True), ("secret_value", False)])
def test_a_secret_that_was_given_in_sight_is_told(option, warned, agent, run_module, record):
    report = record("conflicts-resolve")["report"]
    del report["conflicts"][0]["keys"][0]["answer"]["value"]  # as the agent does with what looks secret
    agent.answers(report)
    result = run_module(pack_conflicts, agent=agent.path, **dict(RESOLVE, **{"key": "threads", option: SECRET}))
    assert ("looks secret" in str(result.get("warnings"))) == warned


# What is asked for, of what is decided so far → whether it would be a change, and what would be open.
FORETOLD = [
    (dict(key="threads", value="6"), "conflicts-list", True, 1),
    (dict(key="threads", value="6"), "conflicts-resolve", False, 1),
    (dict(key="threads", value="7"), "conflicts-resolve", True, 1),
    (dict(key="threads", secret_value="6"), "conflicts-resolve", True, 1),
    (dict(path=None, all=True, take="ours"), "conflicts-resolve", True, 0),
    (dict(path=None, all=True, take="ours"), "conflicts-resolve-all", False, 0),
    (dict(path=None, all=True, reopen=True), "conflicts-resolve-all", True, 2),
    (dict(path=JAR, take="theirs"), "conflicts-resolve-all", False, 0),
    (dict(path=JAR, final="x"), "conflicts-resolve-all", True, 0),
]


@pytest.mark.parametrize("options, recorded_as, changed, still_open", FORETOLD)
def test_check_mode_foretells_what_deciding_would_change(
    options, recorded_as, changed, still_open, agent, run_module, record
):
    report = dict(record(recorded_as)["report"], changed=False)
    task = {key: value for key, value in dict(RESOLVE, **options).items() if value is not None}
    agent.answers(report)
    agent.answers(report)
    result = run_module(pack_conflicts, agent=agent.path, _ansible_check_mode=True, _ansible_diff=True, **task)
    assert (result["changed"], result["open"]) == (changed, still_open)
    assert all(verb[:3] == ["conflicts", "show", "lab"] for verb in agent.verbs())
    unseen = "secret_value" in options
    assert unseen or (result["diff"]["before"] != result["diff"]["after"]) == changed


def test_check_mode_and_the_run_show_the_same(agent, run_module, record):
    before, after = record("conflicts-list")["report"], record("conflicts-resolve")["report"]
    for report in (before, before, before, after):
        agent.answers(report)
    task = dict(RESOLVE, key="threads", value="6")
    predicted = run_module(pack_conflicts, agent=agent.path, _ansible_check_mode=True, _ansible_diff=True, **task)
    done = run_module(pack_conflicts, agent=agent.path, _ansible_diff=True, **task)
    for key in ("changed", "open", "diff"):
        assert predicted[key] == done[key], key


def test_check_mode_fails_where_the_run_would(agent, run_module, record):
    nothing = dict(record("conflicts-list")["report"], conflicts=[], status="current", message="no update of lab waits")
    agent.answers(nothing)
    result = run_module(pack_conflicts, agent=agent.path, _ansible_check_mode=True, **dict(RESOLVE, take="ours"))
    assert (result["failed"], result["kind"]) == (True, "usage")
    assert result["msg"].startswith("no update of lab waits")


def test_a_whole_file_that_is_there_already_is_no_change(agent, run_module, record, tmp_path):
    report = record("conflicts-list")["report"]
    final = tmp_path / "final"
    final.write_text("a = 1\n", encoding="utf-8")
    report["conflicts"][0].update(final_file=str(final), answer={"take": "final", "remembered": False})
    for text, changed in (("a = 1\n", False), ("a = 2\n", True)):
        agent.answers(report)
        agent.answers(report)
        result = run_module(pack_conflicts, agent=agent.path, _ansible_check_mode=True, **dict(RESOLVE, final=text))
        assert result["changed"] == changed


def test_what_is_remembered_is_returned(agent, run_module):
    agent.answers(DOCUMENT, stderr="pitstop: 1 decisions about what looks secret are left out\n")
    result = run_module(pack_conflicts, agent=agent.path, command="export", product="lab", key="threads")
    assert agent.verbs() == [["conflicts", "export", "--product", "lab", "--key", "threads"]]
    assert (result["changed"], result["document"], result["reports"]) == (False, DOCUMENT, [])
    assert "left out" in str(result["warnings"])


def test_what_is_remembered_is_written(agent, run_module, record, tmp_path):
    memory = dict(record("conflicts-export")["report"], warnings=["w"])
    agent.answers(memory)
    result = run_module(pack_conflicts, agent=agent.path, command="export", file=str(tmp_path / "out"))
    assert agent.verbs() == [["conflicts", "export", "--out", str(tmp_path / "out")]]
    assert (result["changed"], result["memory"]) == (True, memory)
    assert "'w'" in str(result["warnings"])


@pytest.mark.parametrize("there, changed", [(DOCUMENT, False), (dict(DOCUMENT, resolutions=[]), True), (None, True)])
def test_check_mode_foretells_whether_an_export_would_be_written(there, changed, agent, run_module, tmp_path):
    target = tmp_path / "out"
    if there:
        target.write_text(json.dumps(there), encoding="utf-8")
    agent.answers(DOCUMENT)
    task = dict(command="export", file=str(target), _ansible_check_mode=True)
    assert run_module(pack_conflicts, agent=agent.path, **task)["changed"] == changed
    assert agent.verbs() == [["conflicts", "export"]]


def test_decisions_are_imported_from_standard_input_or_a_file(agent, run_module, record):
    agent.answers(record("conflicts-import")["report"])
    agent.answers(record("conflicts-import-known")["report"])
    first = run_module(pack_conflicts, agent=agent.path, command="import", document=DOCUMENT)
    second = run_module(pack_conflicts, agent=agent.path, command="import", file="/srv/decided.json")
    assert agent.verbs() == [["conflicts", "import", "-"], ["conflicts", "import", "/srv/decided.json"]]
    assert [json.loads(text) for text in agent.inputs()] == [DOCUMENT]
    assert (first["changed"], second["changed"]) == (True, False)


@pytest.mark.parametrize("take, changed", [("ours", False), ("theirs", True)])
def test_check_mode_foretells_whether_an_import_would_change_anything(take, changed, agent, run_module):
    agent.answers(DOCUMENT)
    document = dict(DOCUMENT, resolutions=[dict(DECISION, take=take, by="bob")])
    task = dict(command="import", document=document, _ansible_check_mode=True)
    assert run_module(pack_conflicts, agent=agent.path, **task)["changed"] == changed
    assert agent.verbs() == [["conflicts", "export"]]


@pytest.mark.parametrize(
    "task, why",
    [
        (dict(), "name"),
        (dict(command="resolve", name="lab"), "take, value"),
        (dict(command="resolve", name="lab", take="ours"), "path, all"),
        (dict(RESOLVE, take="ours", value="6"), "mutually exclusive"),
        (dict(RESOLVE, all=True, take="ours"), "mutually exclusive"),
        (dict(command="resolve", name="lab", all=True, value="6"), "all goes with take or reopen"),
        (dict(command="resolve", name="lab", all=True, take="ours", key="threads"), "key needs path"),
        (dict(RESOLVE, final=""), "final is empty"),
        (dict(RESOLVE, final_file="-"), "the path - in final_file is not absolute"),
        (dict(name="lab", take="ours"), "take is of no use to the command list"),
        (dict(command="export", name="lab"), "name is of no use to the command export"),
        (dict(command="import"), "document, file"),
        (dict(command="import", document=DOCUMENT, file="/a"), "mutually exclusive"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_the_agent_is_asked(task, why, agent, run_module):
    result = run_module(pack_conflicts, agent=agent.path, **task)
    assert result["failed"] and why in result["msg"]
    assert agent.verbs() == []
