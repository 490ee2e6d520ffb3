# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import json
import os
import types

import pytest
from ansible_collections.pitstop.fleet.plugins.module_utils import _agent

GOOD = {"schema": _agent.REPORT_SCHEMA, "ok": True, "error": None, "warnings": []}
BAD = dict(GOOD, ok=False, error={"kind": "locked", "message": "another run holds is-1", "hint": "wait", "exit": 6})
LIST = {"schema": _agent.LIST_SCHEMA, "ok": True, "reports": [GOOD, GOOD], "error": None}


def test_a_recorded_report_is_read_as_what_it_is(recorded):
    report, rc = recorded["report"], recorded["exit"]
    if rc == 0:
        assert _agent.read_document(["pitstop"], rc, json.dumps(report), "") == report
        return
    with pytest.raises(_agent.AgentError) as raised:
        _agent.read_document(["pitstop"], rc, json.dumps(report), "")
    reports = _agent.reports_of(report)
    error = _agent.first_error([report] + reports)
    result = raised.value.result
    assert raised.value.reports == reports
    assert (result["kind"], result["hint"], result["exit"]) == (error["kind"], error.get("hint"), rc)
    assert result["msg"].startswith(error["message"])


@pytest.mark.parametrize(
    "rc, stdout, why",
    [
        (0, "", "not JSON"),
        (2, "", "not JSON"),
        (-9, '{"schema":', "not JSON"),
        (0, "warning\n{}", "not JSON"),
        (0, "[]", "is not pitstop/report/v1 or pitstop/report-list/v1"),
        (0, "{}", "is not pitstop/report/v1 or pitstop/report-list/v1"),
        (0, '{"schema": "pitstop/report/v2", "ok": true}', "is not pitstop/report/v1 or pitstop/report-list/v1"),
        (1, json.dumps(GOOD), "says ok=True but it exited with 1"),
        (0, json.dumps(BAD), "says ok=False but it exited with 0"),
        (0, json.dumps({"schema": _agent.REPORT_SCHEMA}), "says ok=None"),
        (5, json.dumps(dict(GOOD, ok=False)), "names no error"),
    ],
)
def test_output_that_breaks_the_contract_fails_with_everything_that_was_seen(rc, stdout, why):
    with pytest.raises(_agent.AgentError) as raised:
        _agent.read_document(["pitstop", "check"], rc, stdout, "on stderr")
    result = raised.value.result
    assert result["kind"] == _agent.KIND_OUTPUT
    assert why in result["msg"]
    assert (result["cmd"], result["rc"]) == (["pitstop", "check"], rc)
    assert (result["stdout"], result["stderr"]) == (stdout, "on stderr")


@pytest.mark.parametrize(
    "document, kind, count",
    [
        (BAD, "locked", 1),
        (dict(LIST, ok=False, reports=[GOOD, BAD]), "locked", 2),
        (dict(LIST, ok=False, reports=[], error={"kind": "settings", "message": "m", "exit": 2}), "settings", 0),
    ],
)
def test_a_failure_is_the_agents_own(document, kind, count):
    with pytest.raises(_agent.AgentError) as raised:
        _agent.read_document(["pitstop"], 6, json.dumps(document), "")
    assert raised.value.result["kind"] == kind
    assert len(raised.value.reports) == count


def test_a_list_holds_its_reports_and_a_report_itself():
    assert _agent.reports_of(LIST) == [GOOD, GOOD]
    assert _agent.reports_of(GOOD) == [GOOD]


def test_warnings_are_told_once():
    reports = [dict(GOOD, warnings=["b", "a"]), dict(GOOD, warnings=["a"])]
    assert _agent.warnings_of(reports) == ["a", "b"]


@pytest.mark.parametrize("name", ["is-1", "a", "wso2am-4.2.0_x", "0"])
def test_a_name_is_taken(name):
    _agent.check_name(name)


@pytest.mark.parametrize("name", ["", "--all", "-x", "a b", "a/b", "../a", "a\n", "é"])
def test_what_is_not_a_name_is_refused(name):
    with pytest.raises(_agent.AgentError) as raised:
        _agent.check_name(name)
    assert raised.value.result["kind"] == _agent.KIND_USAGE


def test_options_become_arguments_in_the_order_of_the_table():
    params = {"level": "2", "source": None, "downgrade": True, "other": False, "seconds": 9}
    table = [("source", "--from"), ("downgrade", "--allow-downgrade"), ("level", "--level"), ("other", "--other")]
    assert _agent.option_arguments(params, table) == ["--allow-downgrade", "--level", "2"]
    assert _agent.option_arguments(params, [("seconds", "--seconds")]) == ["--seconds", "9"]


def module_with(agent, on_path=None):
    return types.SimpleNamespace(params={"agent": agent}, get_bin_path=lambda name, opt_dirs: on_path)


def test_the_named_binary_counts_more_than_the_one_on_the_path(agent):
    assert _agent.find_binary(module_with(agent.path, "/usr/bin/pitstop")) == agent.path
    assert _agent.find_binary(module_with(None, "/usr/bin/pitstop")) == "/usr/bin/pitstop"


def test_without_a_binary_the_task_fails_with_advice(agent, tmp_path):
    os.chmod(agent.path, 0o644)
    for module in (module_with(agent.path), module_with(str(tmp_path)), module_with("/nowhere"), module_with(None)):
        with pytest.raises(_agent.AgentError) as raised:
            _agent.find_binary(module)
        assert raised.value.result["kind"] == _agent.KIND_MISSING
        assert "install pitstop" in raised.value.result["hint"]


def test_a_relative_binary_is_refused():
    with pytest.raises(_agent.AgentError) as raised:
        _agent.find_binary(module_with("bin/pitstop"))
    assert raised.value.result["kind"] == _agent.KIND_USAGE
