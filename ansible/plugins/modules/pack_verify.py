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
  - Can run suites of tests too, and leave evidence, a signed statement of what was checked and tested, and how it went.
  - Never changes the pack.
extends_documentation_fragment:
  - pitstop.fleet.agent
  - pitstop.fleet.attributes
attributes:
  check_mode:
    support: full
    details:
      - Verifies as ever, since nothing is changed, but runs no suites and writes no evidence.
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
  suites:
    description:
      - Suites of tests to run, each a folder with C(required) and C(wanted), a program, or a line for the shell, as
        C(NAME=LINE) if it is to have a name. They run on the host, as the user that the server runs as.
      - They come after those in C(verify.d) of the agent's settings, which run for O(evidence) anyway.
    type: list
    elements: str
    default: []
  suite_timeout_s:
    description: For how many seconds a suite may run. Without it, the agent's own limit.
    type: int
  evidence:
    description:
      - The evidence that is to be left. Needs O(name).
      - It is written also if a check or a test fails, and says so then; the task fails as without it.
      - Each run writes it anew, with its time. This does not count as a change.
    type: dict
    suboptions:
      file:
        description: The file on the host that gets it.
        type: path
        required: true
      sign:
        description:
          - The key on the host that signs it, a PEM file that only its owner may read.
          - With O(evidence.signer), the public key only.
        type: path
        required: true
      signer:
        description: V(agent) for the ssh-agent, or a command on the host that signs what it reads and writes the signature.
        type: str
      environment:
        description: The environment that it is from, such as V(staging). Without it, the host's own in the agent's settings.
        type: str
seealso:
  - module: pitstop.fleet.pack
  - module: pitstop.fleet.pack_info
  - module: pitstop.fleet.receipt
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

- name: Test it and sign how it went
  pitstop.fleet.pack_verify:
    name: flink-1
    suites:
      - smoke=curl --fail http://localhost:8081/overview
    evidence:
      file: /var/lib/pitstop/evidence/flink-1.json
      sign: /etc/pitstop/staging.key
      environment: staging
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
evidence:
  description: The file with the evidence.
  returned: success, when O(evidence) is given, and not in check mode
  type: str
  sample: /var/lib/pitstop/evidence/flink-1.json
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
from ansible_collections.pitstop.fleet.plugins.module_utils._agent import (
    AGENT_OPTIONS,
    KIND_USAGE,
    AgentError,
    option_arguments,
)
from ansible_collections.pitstop.fleet.plugins.module_utils._task import Task

VERIFY_FLAGS = [("deep", "--deep")]
SUITE_FLAGS = [("suites", "--suite"), ("suite_timeout_s", "--suite-timeout-s")]
EVIDENCE_FLAGS = [("file", "--evidence"), ("environment", "--environment"), ("sign", "--sign"), ("signer", "--signer")]


class Verification(Task):
    """What the agent finds when it looks closely."""

    def check_options(self):
        super(Verification, self).check_options()
        if self.params["evidence"] and self.params["name"] is None:
            raise AgentError("evidence is of one instance: it needs name", KIND_USAGE)

    def ensure(self):
        self.ask("verify", self.one_or_all(), *self.arguments())

    def arguments(self):
        """Tests may leave something behind, and evidence does: neither is for a prediction."""
        arguments = option_arguments(self.params, VERIFY_FLAGS)
        if self.module.check_mode:
            return arguments
        return arguments + option_arguments(self.params, SUITE_FLAGS) + self.evidence_arguments()

    def evidence_arguments(self):
        """What leaves the evidence, if it is asked for."""
        return option_arguments(self.params["evidence"], EVIDENCE_FLAGS) if self.params["evidence"] else []

    def result(self):
        if self.module.check_mode or not self.params["evidence"]:
            return self.reported()
        return self.reported_with(dict(evidence=self.params["evidence"]["file"]))


def main():
    module = AnsibleModule(
        argument_spec=dict(
            AGENT_OPTIONS,
            name=dict(type="str"),
            deep=dict(type="bool", default=False),
            suites=dict(type="list", elements="str", default=[]),
            suite_timeout_s=dict(type="int"),
            evidence=dict(
                type="dict",
                options=dict(
                    file=dict(type="path", required=True),
                    sign=dict(type="path", required=True),
                    signer=dict(type="str"),
                    environment=dict(type="str"),
                ),
            ),
        ),
        supports_check_mode=True,
    )
    Verification(module).run()


if __name__ == "__main__":
    main()
