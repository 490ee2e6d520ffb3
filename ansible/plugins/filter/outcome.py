# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
name: outcome
short_description: What several tasks did to an instance, or would do, in a few words
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Puts the results of the collection's modules on one instance together. The roles of this collection go by it.
options:
  _input:
    description: What the tasks registered, in their order. Those of skipped tasks are left out.
    type: list
    elements: dict
    required: true
  name:
    description: The name of the instance.
    type: str
    required: true
  waiting:
    description: The kinds of failure that mean to wait.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Say what was done
  ansible.builtin.debug:
    msg: "{{ [configured, updated] | pitstop.fleet.outcome('am-1') }}"
"""

RETURN = r"""
_value:
  description:
    - C(name), C(changed), C(level) and C(running), as the modules return them.
    - C(stops) is whether the server is stopped for it. Where that cannot be known before, it is C(true).
    - C(interrupted) is whether this is a prediction of what follows an interrupted change. The run itself ends that change
      first, and what comes of it cannot be known before, so that C(changed) and C(stops) are C(true).
    - C(waits) is why the update waits, or none. It has C(kind) and C(message).
    - C(messages) is what the agent says of each change, or else of the last task.
  type: dict
  sample:
    name: am-1
    changed: true
    level: 4.2.0.135
    running: true
    stops: true
    interrupted: false
    waits: null
    messages: ["wso2am 4.2.0.120 -> 4.2.0.135 in 38.2 s, stopped for 21.4 s"]
"""


def is_stop(report):
    """Whether the server is, or would be, stopped or started for a report's change."""
    if not report["changed"]:
        return False
    plan = report.get("plan")
    if plan:
        return any(step["step"] == "stop" for step in plan.get("steps", []))
    # What follows a predicted adoption cannot be planned.
    return report["action"] in ("start", "stop") or (report["action"] == "adopt" and report.get("dry_run", False))


def waits_of(results, waiting):
    """Why the update waits, if it does."""
    for result in results:
        if result.get("kind") in waiting:
            return dict(kind=result["kind"], message=result.get("msg", ""))
    return None


def last_of(results, key):
    """The last thing that is known."""
    known = [result[key] for result in results if result.get(key) is not None]
    return known[-1] if known else None


def state_of(reports):
    """Whether the server ran when it was last looked at. A task that failed says so in its report only."""
    views = [report.get("after") or report.get("before") for report in reports]
    states = [view["state"] for view in views if view]
    return {"running": True, "stopped": False}.get(states[-1]) if states else None


def outcome(results, name, waiting=()):
    """One instance after the tasks."""
    done = [result for result in results if not result.get("skipped")]
    reports = [report for result in done for report in result.get("reports", [])]
    messages = [report["message"] for report in reports if report["changed"]]
    running = last_of(done, "running")
    interrupted = any(result.get("kind") == "interrupted" for result in done)
    return dict(
        name=name,
        changed=interrupted or any(result.get("changed", False) for result in done),
        level=last_of(done, "level"),
        running=state_of(reports) if running is None else running,
        stops=interrupted or any(is_stop(report) for report in reports),
        interrupted=interrupted,
        waits=waits_of(done, waiting),
        messages=messages or [report["message"] for report in reports[-1:]],
    )


class FilterModule(object):
    """Ansible's way to find it."""

    def filters(self):
        return dict(outcome=outcome)
