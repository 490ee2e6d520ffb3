# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible_collections.pitstop.fleet.plugins.module_utils import _agent, _diff

OLD = {"kind": "file", "size": 3, "sha256": "a" * 64, "mode": 0o644}
NEW = {"kind": "file", "size": 4, "sha256": "b" * 64, "mode": 0o644}
BEFORE = {"home": "/srv/is", "adopted": True, "release": {"product": "is", "level": "1"}, "state": "running"}


def report(action, changed, files=None):
    plan = None if files is None else {"files": files}
    return {"action": action, "instance": "is-1", "changed": changed, "before": BEFORE, "plan": plan}


@pytest.mark.parametrize(
    "entry, text",
    [
        (None, "absent"),
        (OLD, "file sha256:aaaaaaaaaaaa 0644"),
        (dict(OLD, mode=0o4755), "file sha256:aaaaaaaaaaaa 4755"),
        ({"kind": "file", "size": 3, "sha256": "c" * 64}, "file sha256:cccccccccccc"),
        ({"kind": "dir", "mode": 0o755}, "dir 0755"),
        ({"kind": "dir"}, "dir"),
        ({"kind": "symlink", "target": "a\nb\\n"}, "link to a\\nb\\\\n"),
    ],
)
def test_an_entry_in_a_few_words(entry, text):
    assert _diff.describe(entry) == text


def test_an_update_shows_the_level_and_each_path_once():
    files = [
        {"op": "put", "path": "lib/b.jar", "why": "vendor-changed", "old": OLD, "new": NEW},
        {"op": "remove", "path": "lib/a.jar", "why": "vendor-removed", "old": OLD},
    ]
    assert _diff.diff([report("update", True, files)], "2", "running") == {
        "before_header": "is-1 /srv/is",
        "after_header": "is-1 /srv/is",
        "before": "adopted: yes\nlevel: 1\nstate: running\n"
        "lib/a.jar: file sha256:aaaaaaaaaaaa 0644\n"
        "lib/b.jar: file sha256:aaaaaaaaaaaa 0644\n",
        "after": "adopted: yes\nlevel: 2\nstate: running\n"
        "lib/a.jar: absent (vendor-removed)\n"
        "lib/b.jar: file sha256:bbbbbbbbbbbb 0644 (vendor-changed)\n",
    }


def test_where_nothing_changes_both_texts_are_equal():
    same = _diff.diff([report("update", False, []), report("start", False)], "1", "running")
    assert same["before"] == same["after"]


def test_an_adoption_and_a_stop_show():
    first = dict(report("adopt", True), before=dict(BEFORE, adopted=False))
    shown = _diff.diff([first, report("stop", True)], "1", "stopped")
    assert shown["before"] == "adopted: no\nlevel: 1\nstate: running\n"
    assert shown["after"] == "adopted: yes\nlevel: 1\nstate: stopped\n"


def test_every_recorded_plan_can_be_shown(recorded):
    for one in _agent.reports_of(recorded["report"]):
        shown = _diff.diff([one], "9", "running")
        lines = shown["after"].count("\n")
        hotfixes = bool(_diff.hotfixes_left([one]) or "hotfixes: " in shown["before"])
        assert lines == shown["before"].count("\n") == 3 + hotfixes + len(_diff.planned_files(one))


HOTFIX_PLANS = [
    ("apply", [], "none", "a-hf-1.zip"),
    ("end", ["a-hf-1.zip"], "a-hf-1.zip", "none"),
    ("end", ["b-hf-1.zip", "a-hf-1.zip"], "b-hf-1.zip, a-hf-1.zip", "b-hf-1.zip"),
]


@pytest.mark.parametrize("op, on, before, after", HOTFIX_PLANS)
def test_hotfixes_that_come_and_go_show(op, on, before, after):
    one = report("hotfix", True, [])
    one["before"] = dict(BEFORE, hotfixes=[{"name": name} for name in on])
    one["plan"]["hotfixes"] = [{"op": op, "name": "a-hf-1.zip"}]
    shown = _diff.diff([one], "1", "running")
    assert ("hotfixes: %s\n" % before in shown["before"], "hotfixes: %s\n" % after in shown["after"]) == (True, True)
