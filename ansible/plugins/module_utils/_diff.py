# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

"""What reports did or would do, as the two texts of Ansible's diff. Private to this collection; does no I/O.

Everything comes from the plan and from the state before, so that check mode and the run itself show the same.
"""


def diff(reports, level, state):
    """Before and after of a sequence of reports that leads to a level and a run state."""
    first = next((report["before"] for report in reports if report.get("before")), {})
    release = first.get("release") or {}
    steps = [step for report in reports for step in planned_files(report)]
    steps.sort(key=lambda step: step["path"])
    adopted = first.get("adopted", False)
    before = [
        "adopted: %s" % yes_or_no(adopted),
        "level: %s" % release.get("level", "unknown"),
        "state: %s" % first.get("state", "unknown"),
    ]
    after = [
        "adopted: %s" % yes_or_no(adopted or any(report["action"] == "adopt" for report in reports)),
        "level: %s" % (level or "unknown"),
        "state: %s" % state,
    ]
    hotfixes, hotfixes_after = hotfixes_on(first), hotfixes_left(reports)
    if hotfixes or hotfixes_after:
        before.append("hotfixes: %s" % (", ".join(hotfixes) or "none"))
        after.append("hotfixes: %s" % (", ".join(hotfixes_after) or "none"))
    before += ["%s: %s" % (one_line(step["path"]), describe(step.get("old"))) for step in steps]
    after += ["%s: %s (%s)" % (one_line(step["path"]), describe(step.get("new")), step["why"]) for step in steps]
    header = "%s %s" % (reports[0]["instance"], first.get("home", ""))
    return dict(
        before_header=header.strip(),
        after_header=header.strip(),
        before="\n".join(before) + "\n",
        after="\n".join(after) + "\n",
    )


def planned_files(report):
    """The file steps of a report's plan, if it has one and it was, or would be, carried out."""
    plan = report.get("plan")
    return plan["files"] if plan and report["changed"] else []


def hotfixes_on(view):
    """The names of the hotfixes that are on an instance, oldest first."""
    return [one_line(hotfix["name"]) for hotfix in view.get("hotfixes") or []]


def hotfixes_left(reports):
    """The names of those that are on after the reports, or would be if they are of dry runs."""
    names = []
    for report in reports:
        names = hotfixes_on(report["before"]) if report.get("before") else names
        plan = report.get("plan")
        for hotfix in (plan or {}).get("hotfixes", []) if report["changed"] else []:
            name = one_line(hotfix["name"])
            names = [one for one in names if one != name] + ([name] if hotfix["op"] == "apply" else [])
    return names


def describe(entry):
    """One path's entry in a few words."""
    if not entry:
        return "absent"
    if entry["kind"] == "symlink":
        return "link to %s" % one_line(entry["target"])
    words = [entry["kind"]]
    if entry["kind"] == "file":
        words.append("sha256:%s" % entry["sha256"][:12])
    if entry.get("mode") is not None:
        words.append("%04o" % entry["mode"])
    return " ".join(words)


def one_line(text):
    """The text with nothing in it that could break a line."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def yes_or_no(value):
    """A truth value as people write it."""
    return "yes" if value else "no"
