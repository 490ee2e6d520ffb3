# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import json

import pytest
from ansible_collections.pitstop.fleet.plugins.modules import pack_config

PASSWORD = "0ur-s3cret"


@pytest.mark.verbs("config")
def test_a_recorded_report_becomes_the_result_of_a_task(recorded, agent, run_module):
    argv, report = recorded["argv"], recorded["report"]
    if "rollback" in argv:
        pytest.skip("that is pack_rollback")
    agent.answers(report, recorded["exit"])
    task = dict(name=argv[2], _ansible_check_mode=report["dry_run"], _ansible_diff=True)
    result = run_module(pack_config, agent=agent.path, **task)
    # `config diff` is the dry run of `config apply`.
    dry_run = ["--dry-run"] if report["dry_run"] else []
    assert agent.verbs() == [["config", "apply", argv[2]] + dry_run]
    assert (result["changed"], result["report"]) == (report["changed"], report)
    if recorded["exit"]:
        assert (result["failed"], result["kind"], result["exit"]) == (True, report["error"]["kind"], recorded["exit"])
        return
    assert [one["prepared"] for one in result["diff"]] == [one["diff"] for one in report.get("diffs", [])]
    assert bool(result["diff"]) == report["changed"]
    assert result["transaction"] == report["transaction"]
    assert result["plan_id"] == (report["plan"]["id"] if report["changed"] else None)


def test_check_mode_shows_what_the_run_then_does(agent, run_module, record):
    agent.answers(record("config-diff")["report"])
    agent.answers(record("config-apply")["report"])
    predicted = run_module(pack_config, agent=agent.path, name="lab", _ansible_check_mode=True, _ansible_diff=True)
    done = run_module(pack_config, agent=agent.path, name="lab", _ansible_diff=True)
    for key in ("changed", "level", "running", "plan_id", "diff"):
        assert predicted[key] == done[key], key


@pytest.mark.parametrize(
    "task, arguments, stdin",
    [
        (dict(), [], None),
        (dict(values_files=["/a", "/b"], strict=True), ["--values", "/a", "--values", "/b", "--strict"], None),
        (dict(values={"a": {"b": 1}}), ["--values", "-"], {"a": {"b": 1}}),
        (dict(plan="p1", release_hold=True), ["--plan", "p1", "--release-hold"], None),
        (
            dict(values={"a": {"b": 1, "c": "x"}}, secrets={"a": {"c": PASSWORD, "d": [7]}}, values_files=["/a"]),
            ["--values", "/a", "--values", "-"],
            {"a": {"b": 1, "c": {"secret": {"value": PASSWORD}}, "d": [{"secret": {"value": "7"}}]}},
        ),
        (
            dict(secrets={"a": {"secret": {"file": "/etc/a"}}}),
            ["--values", "-"],
            {"a": {"secret": {"file": "/etc/a"}}},
        ),
    ],
)
def test_values_are_given_on_standard_input_only(task, arguments, stdin, agent, run_module, record):
    agent.answers(record("config-apply")["report"])
    run_module(pack_config, agent=agent.path, name="lab", **task)
    assert agent.verbs() == [["config", "apply", "lab"] + arguments]
    assert [json.loads(text) for text in agent.inputs()] == ([stdin] if stdin else [])
    assert PASSWORD not in str(agent.calls())


def test_a_secret_is_masked_in_whatever_is_returned(agent, run_module, record):
    report = record("config-apply")["report"]
    agent.answers(dict(report, message="an agent that says %s" % PASSWORD))
    result = run_module(pack_config, agent=agent.path, name="lab", secrets={"admin": {"password": PASSWORD}})
    assert PASSWORD not in json.dumps(result)
    assert "********" in result["report"]["message"]


@pytest.mark.parametrize(
    "task, why",
    [
        (dict(values={"a": [{"secret": {"value": "x"}}]}), "holds the text of a secret"),
        (dict(secrets={"a": {"b": [True]}}), "secrets.a.b[0] is neither a text nor a number"),
        (dict(values_files=["-"]), "the path - in values_files is not absolute"),
        (dict(name="-x"), "not the name of an instance"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_the_agent_is_asked(task, why, agent, run_module):
    result = run_module(pack_config, agent=agent.path, **dict({"name": "lab"}, **task))
    assert result["failed"] and why in result["msg"]
    assert result["kind"] == "usage"
    assert agent.verbs() == []


def test_a_secret_named_by_its_place_may_stand_among_the_values(agent, run_module, record):
    agent.answers(record("config-apply")["report"])
    values = {"a": {"secret": {"env": "A"}}}
    assert not run_module(pack_config, agent=agent.path, name="lab", values=values).get("failed")


def test_maps_are_merged_and_references_replaced():
    below = {"a": {"b": 1, "c": {"secret": {"file": "/a"}}}, "d": 2}
    above = {"a": {"c": {"secret": {"value": "x"}}, "e": 3}, "d": {"f": 4}}
    assert pack_config.merged(below, above) == {"a": {"b": 1, "c": {"secret": {"value": "x"}}, "e": 3}, "d": {"f": 4}}
