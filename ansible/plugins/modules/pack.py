#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: pack
short_description: Keep an installed pack at a level, running or stopped
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Takes a server that was delivered as a pack to an update level, with the C(pitstop) agent on the host. The agent
    stages the update while the server serves, stops it, commits, starts it, verifies it, and puts the old level back
    if the new one is not healthy.
  - An update keeps the server running or stopped, as it was. O(state) then starts or stops it.
  - A conflict or a failed check before the stop fails the task with nothing changed and nothing stopped.
extends_documentation_fragment:
  - pitstop.fleet.agent
  - pitstop.fleet.attributes
attributes:
  check_mode:
    support: partial
    details:
      - Is the agent's C(--dry-run). It fails where the run itself would be refused.
      - While the adoption of the pack is itself only predicted, the files that an update changes cannot be known; the
        task says so in a warning and predicts the level only.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description: Name of the instance, as in the agent's settings.
    type: str
    required: true
  level:
    description:
      - The level to be at, such as V(1.20.5).
      - Without it, and with O(source), the highest level that the source offers.
      - Without O(level) and O(source) the level is left as it is.
    type: str
  source:
    description:
      - Where the update comes from, a path on the host. A pack as an archive, a pack's folder, or a folder of packs.
      - Without it, the source in the instance's settings.
    type: path
  state:
    description:
      - V(started) has the server running and ready, V(stopped) has none of its processes left.
      - Without it the server is left as it is.
    type: str
    choices: [started, stopped]
  adopt:
    description: Take the pack over first, if that has not happened yet.
    type: bool
    default: false
  pristine:
    description:
      - The vendor's untouched pack at the installed level, a path on the host. Read when the pack is adopted.
      - Without it the agent learns the vendor's files at the next update, and can until then not tell what was changed.
    type: path
  plan:
    description:
      - Id of the plan that was approved, the RV(plan_id) of a run in check mode.
      - The task fails with the kind V(stale), with nothing changed, if the host or the source moved since.
    type: str
  allow_downgrade:
    description: Whether the level may be lower than the installed one.
    type: bool
    default: false
  acknowledge:
    description:
      - Ids of manual steps of the update that have been taken care of. The agent refuses an update, with the kind
        V(manual-steps), while one that must be acknowledged is missing here.
      - The same change of the vendor's files has the same id on every host. An id that no longer matters does no harm.
    type: list
    elements: str
    default: []
seealso:
  - module: pitstop.fleet.pack_info
"""

EXAMPLES = r"""
- name: Take over a pack that was installed by hand
  pitstop.fleet.pack:
    name: flink-1
    adopt: true
    pristine: /srv/packs/flink-1.20.0.tgz

- name: Have the server at a level and running
  pitstop.fleet.pack:
    name: flink-1
    level: 1.20.5
    source: /srv/packs
    state: started

- name: Find out what an update would do
  pitstop.fleet.pack:
    name: flink-1
    source: /srv/packs/flink-1.20.5.tgz
  check_mode: true
  diff: true
  register: preview

- name: Do exactly that
  pitstop.fleet.pack:
    name: flink-1
    source: /srv/packs/flink-1.20.5.tgz
    plan: "{{ preview.plan_id }}"

- name: Stop the server for maintenance
  pitstop.fleet.pack:
    name: flink-1
    state: stopped
"""

RETURN = r"""
level:
  description: The level that the pack is at; in check mode, the one it would be at. Null where it cannot be told.
  returned: success
  type: str
  sample: 1.20.5
running:
  description: Whether the server runs; in check mode, whether it would. Null where it cannot be told.
  returned: success
  type: bool
  sample: true
plan_id:
  description: Id of the plan that was, or in check mode would be, carried out. Null where there was nothing to do.
  returned: success
  type: str
  sample: 3f1c0a9d52e7
transaction:
  description: Id of the transaction in the agent's history. Null where nothing was changed, and in check mode.
  returned: success
  type: str
  sample: 20261123T101500Z-4f2a
report:
  description:
    - The last report that changed something, or else the last one; on failure, the report of the verb that failed.
    - Its fields are those of the agent's schema C(pitstop/report/v1).
  returned: when the agent answered
  type: dict
  sample:
    schema: pitstop/report/v1
    action: update
    instance: flink-1
    host: h1
    ok: true
    changed: true
    status: updated
    message: flink 1.20.0 -> 1.20.5 in 12.4 s, stopped for 9.1 s
reports:
  description: All reports in the order in which the agent was asked.
  returned: always
  type: list
  elements: dict
  sample:
    - {schema: pitstop/report/v1, action: update, instance: flink-1, ok: true, changed: true, status: updated}
    - {schema: pitstop/report/v1, action: start, instance: flink-1, ok: true, changed: false, status: current}
kind:
  description:
    - What went wrong, as one of the agent's documented kinds.
    - V(agent-missing) and V(agent-output) are this collection's own. They say that there is no agent or that its
      output cannot be understood; the latter comes with RV(ignore:cmd), RV(ignore:rc), RV(ignore:stdout) and
      RV(ignore:stderr).
  returned: failure
  type: str
  sample: conflicts
hint:
  description: What to do next. Null where there is no advice.
  returned: failure
  type: str
  sample: resolve the files named in the report and run again
exit:
  description: The agent's exit code.
  returned: when the agent reported a failure
  type: int
  sample: 3
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pitstop.fleet.plugins.module_utils._agent import (
    AGENT_OPTIONS,
    KIND_USAGE,
    Agent,
    AgentError,
    check_name,
    option_arguments,
    warnings_of,
)
from ansible_collections.pitstop.fleet.plugins.module_utils._diff import diff

ADOPT_FLAGS = [("pristine", "--pristine")]
UPDATE_FLAGS = [
    ("source", "--from"),
    ("level", "--level"),
    ("plan", "--plan"),
    ("allow_downgrade", "--allow-downgrade"),
    ("acknowledge", "--acknowledge"),
]
VERBS = {"started": "start", "stopped": "stop"}
RUN_STATES = {"started": "running", "stopped": "stopped"}


def wants_update(params):
    """Whether the task says anything about the level."""
    return bool(params["level"] or params["source"])


def check_options(params):
    """Refuse options that would silently have no effect."""
    check_name(params["name"])
    if not (wants_update(params) or params["state"] or params["adopt"]):
        raise AgentError("nothing is asked for: one of level, source, state and adopt is required", KIND_USAGE)
    if params["pristine"] and not params["adopt"]:
        raise AgentError("pristine is read only when adopt is true", KIND_USAGE)
    for option in ("plan", "allow_downgrade", "acknowledge"):
        if params[option] and not wants_update(params):
            raise AgentError("%s needs level or source" % option, KIND_USAGE)


class Pack(object):
    """One instance on its way to what the task asks for."""

    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.reports = []
        self.agent = None

    def ensure(self):
        """Ask the agent for each part of the task, in an order that leaves the wanted state."""
        check_options(self.params)
        self.agent = Agent(self.module)
        if self.params["adopt"]:
            self.ask("adopt", option_arguments(self.params, ADOPT_FLAGS))
        if wants_update(self.params):
            if self.module.check_mode and self.changed():
                self.module.warn("which files an update changes is known only after the pack has been adopted")
            else:
                self.ask("update", option_arguments(self.params, UPDATE_FLAGS))
        if self.params["state"]:
            self.ask(VERBS[self.params["state"]], [])

    def ask(self, verb, arguments):
        """Run one verb and keep its report, also when it failed."""
        dry_run = ["--dry-run"] if self.module.check_mode else []
        try:
            self.reports += self.agent.ask(verb, self.params["name"], *(arguments + dry_run))
        except AgentError as error:
            self.reports += error.reports
            raise

    def changed(self):
        """Whether anything was changed so far, or would be in check mode."""
        return any(report["changed"] for report in self.reports)

    def level(self):
        """The level that the reports lead to."""
        plan = self.last_plan()
        if plan:
            return plan["to"]["level"]
        if wants_update(self.params) and not any(report["action"] == "update" for report in self.reports):
            return self.params["level"]
        return ((self.last_view() or {}).get("release") or {}).get("level")

    def run_state(self):
        """The run state that the reports lead to, in the agent's words; a verb that succeeded has ensured its own."""
        wanted = RUN_STATES.get(self.params["state"])
        return wanted or (self.last_view() or {}).get("state", "unknown")

    def last_view(self):
        """The instance as the last report saw it."""
        return self.reports[-1]["after"] or self.reports[-1]["before"]

    def last_plan(self):
        """The plan that was, or would be, carried out."""
        plans = [report["plan"] for report in self.reports if report["plan"] and report["changed"]]
        return plans[-1] if plans else None

    def result(self):
        """What a task that succeeded returns."""
        result = self.reported()
        result.update(
            level=self.level(),
            running={"running": True, "stopped": False}.get(self.run_state()),
            plan_id=(self.last_plan() or {}).get("id"),
            transaction=next((r["transaction"] for r in reversed(self.reports) if r["transaction"]), None),
        )
        if self.module._diff:
            result["diff"] = diff(self.reports, result["level"], self.run_state())
        return result

    def reported(self):
        """The part of the result that also a failed task returns."""
        result = dict(changed=self.changed(), reports=self.reports)
        failed_or_changed = [r for r in self.reports if not r["ok"] or r["changed"]]
        if self.reports:
            result["report"] = (failed_or_changed or self.reports)[-1]
        return result

    def pass_warnings_on(self):
        """Show what the agent warns of."""
        for warning in warnings_of(self.reports):
            self.module.warn(warning)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            AGENT_OPTIONS,
            name=dict(type="str", required=True),
            level=dict(type="str"),
            source=dict(type="path"),
            state=dict(type="str", choices=["started", "stopped"]),
            adopt=dict(type="bool", default=False),
            pristine=dict(type="path"),
            plan=dict(type="str"),
            allow_downgrade=dict(type="bool", default=False),
            acknowledge=dict(type="list", elements="str", default=[]),
        ),
        supports_check_mode=True,
    )
    pack = Pack(module)
    try:
        pack.ensure()
    except AgentError as error:
        pack.pass_warnings_on()
        module.fail_json(**dict(pack.reported(), **error.result))
    pack.pass_warnings_on()
    module.exit_json(**pack.result())


if __name__ == "__main__":
    main()
