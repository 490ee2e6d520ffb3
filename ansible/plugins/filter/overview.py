# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
name: overview
short_description: What an update would meet on each host of a fleet, as text
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Makes one table of what M(pitstop.fleet.pack_info) returned on many hosts, with what stands in the way of an update.
options:
  _input:
    description: For each host, what M(pitstop.fleet.pack_info) returned, also where it failed or the host was unreachable.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the fleet
  ansible.builtin.debug:
    msg: "{{ (looked | pitstop.fleet.overview).lines }}"
  vars:
    looked: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars, 'looked'))) }}"
"""

RETURN = r"""
_value:
  description:
    - C(lines) is the table and, last, how many instances are how.
    - C(problems) are the lines of those that need somebody.
  type: dict
  sample:
    lines:
      - "host  instance  level   to      state    drift"
      - "h1    flink-1   1.20.0  1.20.5  running  0      ready, stops the server"
      - "h2    flink-1   1.20.0  1.20.5  running  2      1 conflict: conf/config.yaml"
      - "2 instances: 1 conflict, 1 ready"
    problems:
      - "h2    flink-1   1.20.0  1.20.5  running  2      1 conflict: conf/config.yaml"
"""

HEADER = ("host", "instance", "level", "to", "state", "drift", "")
WAITING = ("wave", "window", "lock")
# How an instance can be; those before `waiting` need somebody.
WORDS = ("unreachable", "failed", "interrupted", "conflict", "blocked", "waiting", "ready", "current")


def row_of(host, report):
    """One instance as a row, and how it is."""
    view = report.get("before") or {}
    word, why = judged(report, view)
    level = (view.get("release") or {}).get("level") or "?"
    to = ((report.get("plan") or {}).get("to") or {}).get("level") or "-"
    drift = str((view.get("drift") or {}).get("count", "?"))
    return word, (host, report["instance"], level, to, view.get("state", "?"), drift, why)


def judged(report, view):
    """How an instance is, and why, in a few words."""
    if report.get("error"):
        return "failed", "%(kind)s: %(message)s" % report["error"]
    if view.get("interrupted"):
        return "interrupted", "interrupted: the next run finishes or undoes it"
    conflicts = report.get("conflicts") or []
    if conflicts:
        paths = ", ".join(conflict["path"] for conflict in conflicts)
        return "conflict", "%d conflict%s: %s" % (len(conflicts), "" if len(conflicts) == 1 else "s", paths)
    blockers = report.get("blockers") or []
    said = "; ".join("%(kind)s: %(message)s" % blocker for blocker in blockers)
    if blockers:
        return ("waiting" if all(blocker["kind"] in WAITING for blocker in blockers) else "blocked"), said
    plan = report.get("plan")
    if plan:
        stops = any(step["step"] == "stop" for step in plan.get("steps", []))
        return "ready", "ready, stops the server" if stops else "ready"
    return "current", "not adopted" if view.get("adopted") is False else ""


def rows_of(host, result):
    """The rows of one host."""
    if result.get("unreachable"):
        return [("unreachable", (host, "-", "?", "-", "?", "?", "unreachable"))]
    rows = [row_of(host, report) for report in result.get("reports", [])]
    # A playbook that goes on with the others has the task not be failed: then only its words tell.
    if not rows and (result.get("failed") or result.get("msg")):
        return [("failed", (host, "-", "?", "-", "?", "?", result.get("msg", "failed")))]
    return rows


def text_of(row, widths):
    """A row with its columns below each other."""
    cells = [" ".join(str(cell).split()).ljust(width) for cell, width in zip(row, widths)]
    return "  ".join(cells).rstrip()


def overview(results):
    """The whole fleet."""
    rows = [row for host, result in results.items() for row in rows_of(host, result)]
    widths = [max(len(str(cells[at])) for cells in [HEADER] + [row for word, row in rows]) for at in range(len(HEADER) - 1)]
    widths.append(0)
    lines = [text_of(HEADER, widths)] + [text_of(row, widths) for word, row in rows]
    counts = [(sum(1 for word, row in rows if word == one), one) for one in WORDS]
    total = "%d instance%s" % (len(rows), "" if len(rows) == 1 else "s")
    lines.append(": ".join(filter(None, [total, ", ".join("%d %s" % pair for pair in counts if pair[0])])))
    needy = WORDS[: WORDS.index("waiting")]
    return dict(lines=lines, problems=[text_of(row, widths) for word, row in rows if word in needy])


class FilterModule(object):
    """Ansible's way to find it."""

    def filters(self):
        return dict(overview=overview)
