# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

import pytest
from ansible_collections.pitstop.fleet.plugins.module_utils import _conflicts

OURS = dict(take="ours", value=None, remembered=False)
SIX = dict(take="value", value="6", remembered=False)
ELSEWHERE = dict(take="theirs", value=None, remembered=True)
POINTS = {("a", "x"): None, ("a", "y"): OURS, ("b", None): ELSEWHERE}
NOTHING = dict(path=None, key=None, take=None, value=None, secret_value=None, final=None, final_file=None)


@pytest.mark.parametrize(
    "options, points",
    [
        (dict(take="ours"), dict(POINTS, **{}) | {("a", "x"): OURS}),
        (dict(path="a", key="x", value="6"), POINTS | {("a", "x"): SIX}),
        (dict(path="a", take="ours"), POINTS | {("a", "x"): OURS}),
        (dict(path="a", key="y", take="ours"), POINTS),
        # An answer of one's own takes the place of what is remembered.
        (dict(path="b", take="theirs"), POINTS | {("b", None): dict(ELSEWHERE, remembered=False)}),
        (dict(), {point: None for point in POINTS}),
        (dict(path="a", key="y"), POINTS | {("a", "y"): None}),
        (dict(path="a", final="text"), {("a", None): dict(OURS, take="final"), ("b", None): ELSEWHERE}),
    ],
)
def test_what_an_answer_decides(options, points):
    assert _conflicts.decided(POINTS, _conflicts.Answer(dict(NOTHING, **options))) == points


@pytest.mark.parametrize(
    "key, name", [({"key": "a.b"}, "a.b"), ({"key": "", "line": 3}, ""), ({"line": 7}, "line 7"), ({}, "lines")]
)
def test_conflicts_are_called_as_the_agent_calls_them(key, name):
    assert _conflicts.name_of(key) == name


def test_points_show_in_one_line_each():
    shown = _conflicts.diff("is-1", POINTS, {("a", "x"): dict(SIX, value="6\n7")})
    assert shown["before"] == "a x: open\na y: ours\nb: theirs (remembered)\n"
    assert shown["after"] == 'a x: value "6\\n7"\n'
    assert len(_conflicts.open_points(POINTS)) == 1


DECISION = {"schema": "pitstop/resolution/v1", "path": "a", "key": "x", "take": "ours", "decided": "then", "by": "alice"}


@pytest.mark.parametrize(
    "resolutions, known",
    [
        ([], True),
        ([DECISION], True),
        ([dict(DECISION, decided="now", by="bob", instance="is-2", transaction="t")], True),
        ([DECISION, dict(DECISION, take="theirs")], False),
    ],
)
def test_a_decision_is_known_whoever_made_it(resolutions, known):
    assert _conflicts.is_known({"resolutions": resolutions}, {"resolutions": [DECISION]}) == known


def test_what_is_no_document_is_not_known(tmp_path):
    (tmp_path / "broken").write_text("{", encoding="utf-8")
    for path in ("broken", "missing"):
        assert not _conflicts.is_known(_conflicts.parsed(_conflicts.content(tmp_path / path)), {"resolutions": []})
