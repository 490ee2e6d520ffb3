# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible_collections.pitstop.fleet.plugins.modules import bundle_info


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("name, verify", [("bundle-verify", True), ("bundle-inspect", False)])
def test_a_recorded_bundle_becomes_the_result_of_a_task(name, verify, check_mode, record, agent, run_module):
    recorded = record(name)
    told = recorded["report"]
    agent.answers(told)
    result = run_module(bundle_info, agent=agent.path, path=told["bundle"], verify=verify, _ansible_check_mode=check_mode)
    assert agent.verbs() == [recorded["argv"]]
    assert result["release"] == dict(told["to"], product=told["product"])
    assert (result["changed"], result["trusted"], result["made"], result["expires"]) == (False, verify, None, None)
    for field in ("from", "signed_by", "attached", "contents", "extras", "sha256", "bytes"):
        assert result[field] == told[field]
    assert len(result["from"]) == len(result["signed_by"]) == 1


def test_a_bundle_that_nobody_signed_fails_with_the_agents_words(record, agent, run_module):
    recorded = record("bundle-verify-unsigned")
    agent.answers(recorded["report"], recorded["exit"])
    result = run_module(bundle_info, agent=agent.path, path=recorded["argv"][-1])
    assert agent.verbs() == [recorded["argv"]]
    assert result["failed"] and not result["changed"]
    assert (result["kind"], result["exit"]) == ("signature", 6)
    assert result["msg"].startswith(recorded["report"]["error"]["message"])


def test_another_document_is_not_taken_for_a_bundle(record, agent, run_module):
    agent.answers(record("check-current")["report"])
    result = run_module(bundle_info, agent=agent.path, path="/srv/x.pitstop")
    assert (result["failed"], result["kind"]) == (True, "agent-output")


@pytest.mark.parametrize("path", ["-", "--help", "x.pitstop"])
def test_a_path_that_depends_on_where_the_module_runs_is_refused(path, agent, run_module):
    result = run_module(bundle_info, agent=agent.path, path=path)
    assert (result["failed"], result["kind"], agent.verbs()) == (True, "usage", [])
