#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: pack_verify
short_description: Fail unless an installed pack is whole and its server is well
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Asks the C(pitstop) agent on the host whether the vendor's files are what they should be, whether configuration files
    can be read, whether the processes are there, and what the probes of the server say.
  - Fails with the kind V(unhealthy) if a required check fails, and names it. The report has each check with its answer.
  - Never changes anything.
extends_documentation_fragment:
  - pitstop.fleet.agent
  - pitstop.fleet.attributes
attributes:
  check_mode:
    support: full
    details:
      - Verifies as ever, since nothing is changed.
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
  deep:
    description: Read every file, instead of trusting those whose size, inode and times are as they were.
    type: bool
    default: false
seealso:
  - module: pitstop.fleet.pack
  - module: pitstop.fleet.pack_info
"""

EXAMPLES = r"""
- name: Stop the rollout at a host that is not well
  pitstop.fleet.pack_verify:
    name: flink-1

- name: Give the server time to become well
  pitstop.fleet.pack_verify:
    name: flink-1
  register: verified
  until: verified is success
  retries: 5
  delay: 10

- name: Read every file of all packs of the host
  pitstop.fleet.pack_verify:
    deep: true
"""

RETURN = r"""
report:
  description:
    - The report on the instance; RV(ignore:report.probes) are the checks.
    - Its fields are those of the agent's schema C(pitstop/report/v1).
  returned: when O(name) is given and the agent answered
  type: dict
  sample:
    schema: pitstop/report/v1
    action: verify
    instance: flink-1
    ok: true
    changed: false
    status: verified
    message: 5 of 5 checks pass
    probes:
      - {name: integrity, kind: integrity, required: true, ok: true, detail: 512 vendor files are as they should be}
      - {name: health, kind: http, required: true, ok: true, detail: status 200}
reports:
  description: One report per instance, by name.
  returned: always
  type: list
  elements: dict
  sample:
    - {schema: pitstop/report/v1, action: verify, instance: flink-1, ok: true, changed: false, status: verified}
kind:
  description: What went wrong, as with M(pitstop.fleet.pack).
  returned: failure
  type: str
  sample: unhealthy
hint:
  description: What to do next. Null where there is no advice.
  returned: failure
  type: str
  sample: see `probes` in the report and the server's log
exit:
  description: The agent's exit code.
  returned: when the agent reported a failure
  type: int
  sample: 5
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pitstop.fleet.plugins.module_utils._agent import AGENT_OPTIONS, option_arguments
from ansible_collections.pitstop.fleet.plugins.module_utils._task import Task

VERIFY_FLAGS = [("deep", "--deep")]


class Verification(Task):
    """What the agent finds when it looks closely."""

    def ensure(self):
        self.ask("verify", self.one_or_all(), *option_arguments(self.params, VERIFY_FLAGS))

    def result(self):
        return self.reported()


def main():
    module = AnsibleModule(
        argument_spec=dict(
            AGENT_OPTIONS,
            name=dict(type="str"),
            deep=dict(type="bool", default=False),
        ),
        supports_check_mode=True,
    )
    Verification(module).run()


if __name__ == "__main__":
    main()
