#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: pack_hotfix
short_description: See, apply and revert the vendor's hotfixes of an installed pack
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - A hotfix is a file of the vendor for one issue and exactly one level. The C(pitstop) agent on the host has the vendor's
    tool apply it to a private copy, and then takes the road of an update. What it changes is merged with the host's changes,
    staged, committed, verified, and taken back if the server is not healthy.
  - Hotfixes build on one another. The next one only can be applied, and the newest one only can be reverted.
  - A server that runs is stopped and started, one that does not stays stopped.
extends_documentation_fragment:
  - pitstop.fleet.agent
  - pitstop.fleet.attributes
attributes:
  check_mode:
    support: full
    details:
      - Is the agent's C(--dry-run). It fails where the run itself would be refused.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - V(apply), and V(revert) with O(hotfix), change nothing the second time.
      - V(revert) without O(hotfix) takes one more off with each run.
options:
  command:
    description:
      - V(list) returns the hotfixes that are on.
      - V(apply) applies the next one, unless it is on.
      - V(revert) takes the newest one off. What was configured since stays.
    type: str
    choices: [list, apply, revert]
    default: list
  name:
    description: Name of the instance, as in the agent's settings.
    type: str
    required: true
  file:
    description:
      - With V(apply), the vendor's file, a path on the host. Its name is the vendor's, and tells the order.
      - Or a bundle that carries it. Where the host's policy refuses what nobody signed, or the host trusts anybody with
        releases, only such a bundle will do. Another file fails with the kind V(signature), with nothing changed.
    type: path
  hotfix:
    description:
      - With V(revert), the name of the file of the hotfix that shall be off. The task fails with the kind V(usage), with
        nothing changed, where it is on and not the newest one.
      - Without it, the newest one that is on.
      - With V(apply), which of the hotfixes that the bundle in O(file) carries; needed where there are several.
    type: str
  plan:
    description:
      - Id of the plan that was approved, the RV(plan_id) of a run in check mode.
      - The task fails with the kind V(stale), with nothing changed, if the host or the file moved since.
    type: str
  acknowledge:
    description: With V(apply), ids of manual steps of the hotfix that have been taken care of.
    type: list
    elements: str
    default: []
  release_hold:
    description: With V(apply), whether a hotfix that failed on this host before may be tried again.
    type: bool
    default: false
  no_remembered:
    description: With V(apply), leave out what people decided about the same conflicts before.
    type: bool
    default: false
  continue:
    description: With V(apply), go on with a hotfix that waits for its conflicts to be resolved, with what was decided since.
    type: bool
    default: false
seealso:
  - module: pitstop.fleet.pack
  - module: pitstop.fleet.pack_conflicts
"""

EXAMPLES = r"""
- name: See which hotfixes are on
  pitstop.fleet.pack_hotfix:
    name: am-1
  register: fixes

- name: Have two of them on
  pitstop.fleet.pack_hotfix:
    command: apply
    name: am-1
    file: "/srv/fixes/{{ item }}"
  loop: [wso2am-4.2.0-abc-hf-1.zip, wso2am-4.2.0-abc-hf-2.zip]

- name: Have one on that travels in a signed bundle
  pitstop.fleet.pack_hotfix:
    command: apply
    name: am-1
    file: /srv/bundles/wso2am-4.2.0.135.pitstop
    hotfix: wso2am-4.2.0-abc-hf-1.zip

- name: Have the second one off again
  pitstop.fleet.pack_hotfix:
    command: revert
    name: am-1
    hotfix: wso2am-4.2.0-abc-hf-2.zip
"""

RETURN = r"""
hotfixes:
  description: The names of the hotfixes that are on, oldest first; in check mode, of those that would be.
  returned: success
  type: list
  elements: str
  sample: [wso2am-4.2.0-abc-hf-1.zip]
level:
  description: The level that the pack is at. A hotfix does not change it. Null where it cannot be told.
  returned: success
  type: str
  sample: 4.2.0.135
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
    - The report that changed something, or else the last one; on failure, the report of the verb that failed.
    - Its fields are those of the agent's schema C(pitstop/report/v1).
  returned: when the agent answered
  type: dict
  sample:
    schema: pitstop/report/v1
    action: hotfix
    instance: am-1
    ok: true
    changed: true
    status: hotfix-applied
    message: wso2am-4.2.0-abc-hf-1.zip is on wso2am 4.2.0.135
reports:
  description: All reports in the order in which the agent was asked.
  returned: always
  type: list
  elements: dict
  sample:
    - {schema: pitstop/report/v1, action: hotfix, instance: am-1, ok: true, changed: true, status: hotfix-applied}
kind:
  description: What went wrong, as with M(pitstop.fleet.pack).
  returned: failure
  type: str
  sample: hotfix
hint:
  description: What to do next. Null where there is no advice.
  returned: failure
  type: str
  sample: "apply hotfix 1 first: hotfixes build on one another"
exit:
  description: The agent's exit code.
  returned: when the agent reported a failure
  type: int
  sample: 6
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pitstop.fleet.plugins.module_utils._agent import (
    AGENT_OPTIONS,
    KIND_USAGE,
    AgentError,
    option_arguments,
)
from ansible_collections.pitstop.fleet.plugins.module_utils._diff import hotfixes_left, hotfixes_on
from ansible_collections.pitstop.fleet.plugins.module_utils._task import Task

PLAN_FLAGS = [("plan", "--plan")]
APPLY_FLAGS = PLAN_FLAGS + [
    ("acknowledge", "--acknowledge"),
    ("release_hold", "--release-hold"),
    ("no_remembered", "--no-remembered"),
    ("hotfix", "--hotfix"),
]
# The options that each command reads, beside those of the agent and the name.
READS = {
    "list": (),
    "apply": ("file", "plan", "acknowledge", "release_hold", "no_remembered", "continue", "hotfix"),
    "revert": ("hotfix", "plan"),
}


class Hotfix(Task):
    """The hotfixes of one instance."""

    def check_options(self):
        super(Hotfix, self).check_options()
        command = self.params["command"]
        given = set(option for options in READS.values() for option in options if self.params[option])
        useless = sorted(given.difference(READS[command]))
        if useless:
            raise AgentError("%s is of no use to the command %s" % (", ".join(useless), command), KIND_USAGE)
        self.demand_absolute("file")

    def ensure(self):
        getattr(self, "ensure_%s" % self.params["command"])()
        if not self.last_view():
            self.ensure_list()

    def ensure_list(self):
        """Look only."""
        self.ask("hotfix", "list", self.params["name"])

    def ensure_apply(self):
        """Have the hotfix on."""
        options = option_arguments(self.params, APPLY_FLAGS) + self.resumed("hotfix")
        self.do("hotfix", "apply", self.params["name"], self.params["file"], *options)

    def ensure_revert(self):
        """Have the hotfix off, or take the newest one off."""
        wanted = self.params["hotfix"]
        if wanted:
            self.ensure_list()
            names = hotfixes_on(self.last_view())
            if wanted not in names:
                return
            if wanted != names[-1]:
                raise AgentError(
                    "%s is not the newest hotfix that is on" % wanted,
                    KIND_USAGE,
                    hint="revert %s first: hotfixes build on one another" % names[-1],
                )
        self.do("hotfix", "revert", self.params["name"], *option_arguments(self.params, PLAN_FLAGS))

    def result(self):
        hotfixes = dict(hotfixes=hotfixes_left(self.reports))
        return self.reported_with(self.instance(), self.change(), self.plan_diff(), hotfixes)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            AGENT_OPTIONS,
            command=dict(type="str", choices=["list", "apply", "revert"], default="list"),
            name=dict(type="str", required=True),
            file=dict(type="path"),
            hotfix=dict(type="str"),
            plan=dict(type="str"),
            acknowledge=dict(type="list", elements="str", default=[]),
            release_hold=dict(type="bool", default=False),
            no_remembered=dict(type="bool", default=False),
            **{"continue": dict(type="bool", default=False)}
        ),
        required_if=[("command", "apply", ["file"])],
        supports_check_mode=True,
    )
    Hotfix(module).run()


if __name__ == "__main__":
    main()
