#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: pack_info
short_description: Tell how installed packs are
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Asks the C(pitstop) agent on the host for the level of a pack, whether it runs, how its files deviate from the
    vendor's, what the source offers, and what would stand in the way of an update.
  - Never changes anything.
extends_documentation_fragment:
  - pitstop.fleet.agent
  - pitstop.fleet.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
  facts:
    description: Sets facts on the host, in RV(ansible_facts).
    support: partial
    details:
      - Only where O(name) is not given, since facts of one instance would take the place of those of all.
options:
  name:
    description:
      - Name of the instance, as in the agent's settings.
      - Without it, all instances of the host.
    type: str
  source:
    description:
      - Where an update would come from, a path on the host.
      - Without it, the source in the instance's settings.
    type: path
  level:
    description: The level that an update would lead to. Without it, the highest that the source offers of the installed release line.
    type: str
seealso:
  - module: pitstop.fleet.pack
"""

EXAMPLES = r"""
- name: Look at one pack
  pitstop.fleet.pack_info:
    name: flink-1
  register: flink

- name: Look at all packs of the host
  pitstop.fleet.pack_info:
  register: packs

- name: Name those that have an update
  ansible.builtin.debug:
    msg: "{{ packs.reports | selectattr('status', 'equalto', 'update-available') | map(attribute='instance') }}"
"""

RETURN = r"""
report:
  description:
    - The report on the instance.
    - Its fields are those of the agent's schema C(pitstop/report/v1); RV(ignore:report.before) is the instance.
  returned: when O(name) is given and the agent answered
  type: dict
  sample:
    schema: pitstop/report/v1
    action: check
    instance: flink-1
    host: h1
    ok: true
    changed: false
    status: update-available
    before:
      home: /srv/flink
      release: {product: flink, level: 1.20.0}
      adopted: true
      state: running
    offers:
      - {product: flink, level: 1.20.5, path: /srv/packs/flink-1.20.5.tgz, newer: true}
reports:
  description: One report per instance, by name.
  returned: always
  type: list
  elements: dict
  sample:
    - {schema: pitstop/report/v1, action: check, instance: flink-1, ok: true, changed: false, status: current}
ansible_facts:
  description:
    - All instances of the host in few words. The local fact of the role P(pitstop.fleet.local_facts#role) has the same form.
  returned: when O(name) is not given, and success
  type: dict
  contains:
    pitstop:
      description: What is known of the instances.
      type: dict
      sample:
        agent: 0.1.0
        instances:
          flink-1:
            product: flink
            level: 1.20.0
            state: running
            adopted: true
            verified: true
            drift: 2
            interrupted: false
kind:
  description: What went wrong, as with M(pitstop.fleet.pack).
  returned: failure
  type: str
  sample: unknown-instance
hint:
  description: What to do next. Null where there is no advice.
  returned: failure
  type: str
  sample: the configured instances are flink-1 and flink-2
exit:
  description: The agent's exit code.
  returned: when the agent reported a failure
  type: int
  sample: 2
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pitstop.fleet.plugins.module_utils._agent import AGENT_OPTIONS, option_arguments
from ansible_collections.pitstop.fleet.plugins.module_utils._facts import facts_of
from ansible_collections.pitstop.fleet.plugins.module_utils._task import Task

CHECK_FLAGS = [("source", "--from"), ("level", "--level")]


class Info(Task):
    """What the agent sees."""

    def ensure(self):
        self.ask("check", self.one_or_all(), *option_arguments(self.params, CHECK_FLAGS))

    def result(self):
        if self.params["name"] is not None:
            return self.reported()
        return self.reported_with(dict(ansible_facts=dict(pitstop=facts_of(self.reports, self.agent.version))))

    def reported(self):
        version = dict(version=self.agent.version) if self.agent and self.agent.version else {}
        return dict(super(Info, self).reported(), **version)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            AGENT_OPTIONS,
            name=dict(type="str"),
            source=dict(type="path"),
            level=dict(type="str"),
        ),
        supports_check_mode=True,
    )
    Info(module).run()


if __name__ == "__main__":
    main()
