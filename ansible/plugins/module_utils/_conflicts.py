# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

"""What deciding conflicts would change, where the agent has no dry run of it. Private to this collection.

A point is what one answer is about: a path, with a key unless the path is in conflict as a whole. Points are a map from
such pairs to the answer that they have, or to none while they are open.
"""

import json

# What says when, by whom and where something was decided, and not what.
ORIGIN = ("decided", "by", "instance", "transaction")


class Answer(object):
    """What a task decides, and about what."""

    def __init__(self, params):
        self.path = params["path"]
        self.key = params["key"]
        self.value = params["value"]
        self.take = params["take"]
        if params["value"] is not None or params["secret_value"] is not None:
            self.take = "value"
        self.is_whole = params["final"] is not None or params["final_file"] is not None
        if self.is_whole:
            self.take = "final"

    def is_about(self, path, key, answer):
        """Whether it decides this point."""
        if self.path is None:
            return self.take is None or answer is None
        return path == self.path and self.key in (None, key)

    def given(self):
        """How it is reported; none if answers are taken back."""
        if self.take is None:
            return None
        return dict(take=self.take, value=self.value, remembered=False)


def points_of(conflicts):
    """The points of the conflicts in a report."""
    points = {}
    for conflict in conflicts:
        keys = conflict.get("keys", [])
        if not keys or conflict.get("answer"):
            points[(conflict["path"], None)] = told(conflict.get("answer"))
            continue
        for key in keys:
            points[(conflict["path"], name_of(key))] = told(key.get("answer"))
    return points


def told(answer):
    """What counts of an answer."""
    if not answer:
        return None
    return dict(take=answer["take"], value=answer.get("value"), remembered=answer["remembered"])


def name_of(key):
    """How the agent calls a conflict: by its key, or by its line."""
    if key.get("key") is not None:
        return key["key"]
    return "line %d" % key["line"] if key.get("line") is not None else "lines"


def looks_secret(points, answer):
    """Whether the agent hides the value that was given in sight, as it does with what looks secret."""
    given = [one for point, one in points.items() if one and answer.is_about(point[0], point[1], one)]
    return answer.value is not None and any(one["take"] == "value" and one["value"] is None for one in given)


def open_points(points):
    """The points that nothing is decided about."""
    return [point for point, answer in points.items() if not answer]


def decided(points, answer):
    """The points as they are once the answer is given."""
    given = answer.given()
    if answer.is_whole:
        others = dict((point, before) for point, before in points.items() if point[0] != answer.path)
        others[(answer.path, None)] = given
        return others
    return dict(
        (point, given if answer.is_about(point[0], point[1], before) else before) for point, before in points.items()
    )


def diff(name, before, after):
    """Before and after, for Ansible's diff."""
    return dict(
        before_header="conflicts of %s" % name,
        after_header="conflicts of %s" % name,
        before=text_of(before),
        after=text_of(after),
    )


def text_of(points):
    """One line for each point."""
    lines = sorted("%s: %s" % (" ".join(filter(None, point)), words_of(answer)) for point, answer in points.items())
    return "".join(line + "\n" for line in lines)


def words_of(answer):
    """An answer in a few words."""
    if not answer:
        return "open"
    value = "" if answer.get("value") is None else " %s" % json.dumps(answer["value"], ensure_ascii=False)
    return "%s%s%s" % (answer["take"], value, " (remembered)" if answer["remembered"] else "")


def json_text(text):
    """The text with nothing in it that could break a line."""
    import json

    return json.dumps(text, ensure_ascii=False)


def is_known(document, there):
    """Whether every decision of a document is among those of another."""
    known = [without_origin(one) for one in there["resolutions"]]
    wanted = (document or {}).get("resolutions")
    return wanted is not None and all(without_origin(one) in known for one in wanted)


def without_origin(decision):
    """What a decision says, whoever made it."""
    return dict((key, value) for key, value in decision.items() if key not in ORIGIN)


def content(path):
    """The bytes of a file on the host; none if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def parsed(content_of_file):
    """The document in a file; none if it is no JSON."""
    try:
        return json.loads((content_of_file or b"").decode("utf-8"))
    except ValueError:
        return None
