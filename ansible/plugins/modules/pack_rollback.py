#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: pack_rollback
short_description: Take an installed pack back to a kept level, or to its earlier configuration
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Takes a pack back to a level that the C(pitstop) agent on the host kept a snapshot of, and verifies it.
  - Vendor and configuration files are put back; runtime data, keystores and what customers deployed since stay. What was
    edited in configuration files since the update is merged back into them.
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
      - With O(to), another run changes nothing.
      - Without it, each run goes one level, or one configuration, further back.
options:
  name:
    description: Name of the instance, as in the agent's settings.
    type: str
    required: true
  to:
    description:
      - The level to go back to, of which there must be a snapshot unless the pack is at this level already.
      - Without it, the one before the last update.
    type: str
  config:
    description: Take the newest configuration back instead, and leave the level as it is.
    type: bool
    default: false
  plan:
    description:
      - Id of the plan that was approved, the RV(plan_id) of a run in check mode.
      - The task fails with the kind V(stale), with nothing changed, if the host moved since.
    type: str
seealso:
  - module: pitstop.fleet.pack
  - module: pitstop.fleet.pack_config
"""

EXAMPLES = r"""
- name: Go back to a level
  pitstop.fleet.pack_rollback:
    name: flink-1
    to: 1.20.0

- name: Take the newest configuration back
  pitstop.fleet.pack_rollback:
    name: flink-1
    config: true
"""

RETURN = r"""
level:
  description: The level that the pack is at; in check mode, the one it would be at. Null where it cannot be told.
  returned: success
  type: str
  sample: 1.20.0
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
    - The report on the instance.
    - Its fields are those of the agent's schema C(pitstop/report/v1).
  returned: when the agent answered
  type: dict
  sample:
    schema: pitstop/report/v1
    action: rollback
    instance: flink-1
    ok: true
    changed: true
    status: rolled-back
    message: flink is back at 1.20.0 from 1.20.5
reports:
  description: The report, in a list as with the other modules.
  returned: always
  type: list
  elements: dict
  sample:
    - {schema: pitstop/report/v1, action: rollback, instance: flink-1, ok: true, changed: true, status: rolled-back}
kind:
  description: What went wrong, as with M(pitstop.fleet.pack).
  returned: failure
  type: str
  sample: no-snapshot
hint:
  description: What to do next. Null where there is no advice.
  returned: failure
  type: str
  sample: snapshots are kept of 1.20.0
exit:
  description: The agent's exit code.
  returned: when the agent reported a failure
  type: int
  sample: 6
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pitstop.fleet.plugins.module_utils._agent import (
    AGENT_OPTIONS,
    option_arguments,
)
from ansible_collections.pitstop.fleet.plugins.module_utils._task import Task

ROLLBACK_FLAGS = [("to", "--to"), ("config", "--config"), ("plan", "--plan")]


class Rollback(Task):
    """One instance on its way back."""

    def ensure(self):
        self.do("rollback", self.params["name"], *option_arguments(self.params, ROLLBACK_FLAGS))


def main():
    module = AnsibleModule(
        argument_spec=dict(
            AGENT_OPTIONS,
            name=dict(type="str", required=True),
            to=dict(type="str"),
            config=dict(type="bool", default=False),
            plan=dict(type="str"),
        ),
        mutually_exclusive=[("to", "config")],
        supports_check_mode=True,
    )
    Rollback(module).run()


if __name__ == "__main__":
    main()
