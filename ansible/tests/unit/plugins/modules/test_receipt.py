# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible_collections.pitstop.fleet.plugins.modules import receipt

TASK = dict(file="/srv/lab/receipt.json", sign="/srv/lab/r.key")


def spelled(argv):
    """The recorded arguments with the options as modules write them."""
    return [{"-o": "--out"}.get(word, word) for word in argv]


def test_a_recorded_receipt_becomes_the_result_of_a_task(record, agent, run_module):
    recorded = record("receipt")
    told = recorded["report"]
    agent.answers(told)
    result = run_module(receipt, agent=agent.path, names=["lab"], file=told["file"], sign=recorded["argv"][-1])
    assert agent.verbs() == [spelled(recorded["argv"])]
    assert result["changed"] is True
    assert (result["file"], result["signed_by"], result["message"]) == (told["file"], told["signed_by"], told["message"])


def test_a_host_that_nothing_can_be_told_of_fails_with_the_agents_words(record, agent, run_module):
    recorded = record("receipt-unknown-instance")
    agent.answers(recorded["report"], recorded["exit"])
    result = run_module(receipt, agent=agent.path, names=["nobody"], **TASK)
    assert agent.verbs() == [spelled(recorded["argv"])]
    assert (result["failed"], result["changed"], result["kind"]) == (True, False, "unknown-instance")


def test_without_names_it_is_of_all_and_the_signer_is_passed_on(record, agent, run_module):
    agent.answers(record("receipt")["report"])
    run_module(receipt, agent=agent.path, signer="agent", **TASK)
    expected = "receipt --all --out /srv/lab/receipt.json --sign /srv/lab/r.key --signer agent"
    assert agent.verbs() == [expected.split()]


def test_a_prediction_writes_nothing(agent, run_module):
    result = run_module(receipt, agent=agent.path, _ansible_check_mode=True, **TASK)
    assert (result["changed"], result["file"], result["signed_by"], agent.verbs()) == (True, TASK["file"], None, [])


@pytest.mark.parametrize("task", [dict(names=["--all"]), dict(file="receipt.json"), dict(sign="-")])
def test_options_that_do_not_fit_are_refused(task, agent, run_module):
    result = run_module(receipt, agent=agent.path, **dict(TASK, **task))
    assert (result["failed"], result["kind"], agent.verbs()) == (True, "usage", [])
