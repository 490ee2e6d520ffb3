# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import pytest
from ansible_collections.pitstop.fleet.plugins.module_utils._facts import facts_of

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "roles/local_facts/files/pitstop_fact.py"
NOTHING = {"agent": None, "instances": {}}


def gathered(folder):
    """What the script prints where the agent in a folder is the first on the path."""
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    answer = subprocess.run([sys.executable, str(SCRIPT)], env=dict(os.environ, PATH=path), stdout=subprocess.PIPE, check=True)
    return json.loads(answer.stdout.decode("utf-8"))


def test_the_fact_is_what_pack_info_sets(agent, tmp_path, record):
    document = record("check-all")["report"]
    agent.answers(document)
    assert gathered(tmp_path) == facts_of(document["reports"], document["agent"])
    assert agent.verbs() == [["check", "--all"]]


def test_an_instance_that_cannot_be_looked_at_says_why(agent, tmp_path, record):
    agent.answers(record("check-all-home-missing")["report"], 1)
    instances = gathered(tmp_path)["instances"]
    assert instances["second"] == {"error": "home-missing"}
    assert instances["lab"]["product"] == "lab"


@pytest.mark.parametrize("answer", ["", "{", "[]", "{}", '{"reports": [{}]}', '{"reports": 7, "agent": "1"}'])
def test_an_agent_that_cannot_be_understood_is_no_reason_to_fail(answer, agent, tmp_path):
    agent.answers(answer, 2)
    assert gathered(tmp_path) == NOTHING


def test_a_host_without_the_agent_has_no_instances(monkeypatch):
    spec = importlib.util.spec_from_file_location("pitstop_fact", str(SCRIPT))
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "FOLDERS", [])
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(OSError):
        script.ask()
