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
      - Without it, and with O(source), the highest level that the source offers of the installed release line.
      - Without O(level) and O(source) the level is left as it is.
    type: str
  source:
    description:
      - Where the update comes from, a path on the host. A bundle, a pack as an archive, a pack's folder, or a folder of
        bundles and packs.
      - Without it, the source in the instance's settings.
    type: path
  state:
    description:
      - V(started) has the server running and ready, V(stopped) has none of its processes left.
      - Without it the server is left as it is.
    type: str
    choices: [started, stopped]
  adopt:
    description:
      - Take the pack over first, if that has not happened yet.
      - A pack that was taken over is left alone, and O(pristine) is not read.
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
  release_hold:
    description: Whether a release that failed on this host before may be tried again.
    type: bool
    default: false
  no_remembered:
    description: Leave out what people decided about the same conflicts before.
    type: bool
    default: false
  continue:
    description:
      - Go on with the update that waits for its conflicts to be resolved, with what was decided since.
      - Where none waits, this is an update as any other, so that it needs O(level) or O(source) as well.
    type: bool
    default: false
seealso:
  - module: pitstop.fleet.pack_info
  - module: pitstop.fleet.pack_service
  - module: pitstop.fleet.pack_verify
  - module: pitstop.fleet.pack_rollback
  - module: pitstop.fleet.pack_conflicts
  - module: pitstop.fleet.pack_hotfix
  - module: pitstop.fleet.bundle_info
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

- name: Update from a bundle, as the policy of the host allows it
  pitstop.fleet.pack:
    name: flink-1
    source: /srv/bundles/flink-1.20.5.pitstop

- name: Go on after the conflicts were resolved
  pitstop.fleet.pack:
    name: flink-1
    source: /srv/packs
    continue: true
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
    AgentError,
    option_arguments,
)
from ansible_collections.pitstop.fleet.plugins.module_utils._task import VERBS, Task

ADOPT_FLAGS = [("pristine", "--pristine")]
UPDATE_FLAGS = [
    ("source", "--from"),
    ("level", "--level"),
    ("plan", "--plan"),
    ("allow_downgrade", "--allow-downgrade"),
    ("acknowledge", "--acknowledge"),
    ("release_hold", "--release-hold"),
    ("no_remembered", "--no-remembered"),
]


class Pack(Task):
    """One instance on its way to what the task asks for."""

    def check_options(self):
        super(Pack, self).check_options()
        if not (self.wants_update() or self.params["state"] or self.params["adopt"]):
            raise AgentError("nothing is asked for: one of level, source, state and adopt is required", KIND_USAGE)
        if self.params["pristine"] and not self.params["adopt"]:
            raise AgentError("pristine is read only when adopt is true", KIND_USAGE)
        for option in ("plan", "allow_downgrade", "acknowledge", "release_hold", "no_remembered", "continue"):
            if self.params[option] and not self.wants_update():
                raise AgentError("%s needs level or source" % option, KIND_USAGE)

    def wants_update(self):
        """Whether the task says anything about the level."""
        return bool(self.params["level"] or self.params["source"])

    def ensure(self):
        """Ask for each part of the task, in an order that leaves the wanted state."""
        name = self.params["name"]
        if self.params["adopt"]:
            self.do("adopt", name, "--once", *option_arguments(self.params, ADOPT_FLAGS))
        if self.wants_update():
            if self.is_adoption_predicted():
                self.module.warn("which files an update changes is known only after the pack has been adopted")
            else:
                self.do("update", name, *(option_arguments(self.params, UPDATE_FLAGS) + self.resumed("update")))
        if self.params["state"]:
            self.do(VERBS[self.params["state"]], name)

    def is_adoption_predicted(self):
        """Whether the pack would only be adopted, so that an update of it cannot be planned yet."""
        return self.module.check_mode and self.changed()

    def level(self):
        is_announced = self.wants_update() and not any(report["action"] == "update" for report in self.reports)
        return self.params["level"] if is_announced else super(Pack, self).level()


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
            release_hold=dict(type="bool", default=False),
            no_remembered=dict(type="bool", default=False),
            **{"continue": dict(type="bool", default=False)}
        ),
        supports_check_mode=True,
    )
    Pack(module).run()


if __name__ == "__main__":
    main()
