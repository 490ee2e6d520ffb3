#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: pack_service
short_description: Have the server of an installed pack running or stopped
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Starts or stops the server of a pack with the C(pitstop) agent on the host, through its systemd unit if there is one.
  - A start waits until the server answers its probes, a stop until all of its processes and ports are gone. What a
    server that was killed left behind is ended as well.
extends_documentation_fragment:
  - pitstop.fleet.agent
  - pitstop.fleet.attributes
attributes:
  check_mode:
    support: full
    details:
      - Is the agent's C(--dry-run).
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description: Name of the instance, as in the agent's settings.
    type: str
    required: true
  state:
    description: V(started) has the server running and ready, V(stopped) has none of its processes left.
    type: str
    required: true
    choices: [started, stopped]
seealso:
  - module: pitstop.fleet.pack
  - module: pitstop.fleet.pack_verify
"""

EXAMPLES = r"""
- name: Stop the server for maintenance
  pitstop.fleet.pack_service:
    name: flink-1
    state: stopped

- name: Have the server running and ready
  pitstop.fleet.pack_service:
    name: flink-1
    state: started
"""

RETURN = r"""
level:
  description: The level that the pack is at. Null where it cannot be told.
  returned: success
  type: str
  sample: 1.20.5
running:
  description: Whether the server runs; in check mode, whether it would. Null where it cannot be told.
  returned: success
  type: bool
  sample: true
report:
  description:
    - The report on the instance.
    - Its fields are those of the agent's schema C(pitstop/report/v1).
  returned: when the agent answered
  type: dict
  sample:
    schema: pitstop/report/v1
    action: start
    instance: flink-1
    ok: true
    changed: true
    status: started
    message: ready after 8.2 s
reports:
  description: The report, in a list as with the other modules.
  returned: always
  type: list
  elements: dict
  sample:
    - {schema: pitstop/report/v1, action: start, instance: flink-1, ok: true, changed: true, status: started}
kind:
  description: What went wrong, as with M(pitstop.fleet.pack).
  returned: failure
  type: str
  sample: start-failed
hint:
  description: What to do next. Null where there is no advice.
  returned: failure
  type: str
  sample: see the server's log
exit:
  description: The agent's exit code.
  returned: when the agent reported a failure
  type: int
  sample: 5
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pitstop.fleet.plugins.module_utils._agent import AGENT_OPTIONS
from ansible_collections.pitstop.fleet.plugins.module_utils._task import VERBS, Task


class Service(Task):
    """One server on its way to a run state."""

    def ensure(self):
        self.do(VERBS[self.params["state"]], self.params["name"])

    def result(self):
        return self.reported_with(self.instance(), self.plan_diff())


def main():
    module = AnsibleModule(
        argument_spec=dict(
            AGENT_OPTIONS,
            name=dict(type="str", required=True),
            state=dict(type="str", required=True, choices=["started", "stopped"]),
        ),
        supports_check_mode=True,
    )
    Service(module).run()


if __name__ == "__main__":
    main()
