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
    description: The level that an update would lead to. Without it, the highest that the source offers.
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
from ansible_collections.pitstop.fleet.plugins.module_utils._agent import (
    AGENT_OPTIONS,
    Agent,
    AgentError,
    check_name,
    option_arguments,
    warnings_of,
)

CHECK_FLAGS = [("source", "--from"), ("level", "--level")]


def check(module):
    """The agent's reports on the instance, or on all of them."""
    name = module.params["name"]
    if name is not None:
        check_name(name)
    target = "--all" if name is None else name
    return Agent(module).ask("check", target, *option_arguments(module.params, CHECK_FLAGS))


def result(module, reports):
    """What the task returns, failed or not."""
    found = dict(changed=False, reports=reports)
    if module.params["name"] is not None and reports:
        found["report"] = reports[-1]
    return found


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
    try:
        reports = check(module)
    except AgentError as error:
        module.fail_json(**dict(result(module, error.reports), **error.result))
    for warning in warnings_of(reports):
        module.warn(warning)
    module.exit_json(**result(module, reports))


if __name__ == "__main__":
    main()
