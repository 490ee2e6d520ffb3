#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: receipt
short_description: Write down what a host runs, signed
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Has the C(pitstop) agent on the host sign a receipt. It has the level and the vendor's files of each pack by their digest,
    the hotfixes, and which of the vendor's files are not the vendor's any more.
  - It is small enough to be carried out of a network by hand, and says all that C(pitstop bundle create --for) needs to make
    the next bundle of exactly what these hosts lack.
extends_documentation_fragment:
  - pitstop.fleet.agent
  - pitstop.fleet.attributes
attributes:
  check_mode:
    support: full
    details:
      - Says that the receipt would be written, without asking the agent.
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - A receipt has its time, and is written anew by each run.
options:
  names:
    description: The names of the instances, as in the agent's settings. Without any, all instances of the host.
    type: list
    elements: str
    default: []
  file:
    description: The file on the host that gets the receipt.
    type: path
    required: true
  sign:
    description:
      - The key on the host that signs it, a PEM file that only its owner may read.
      - With O(signer), the public key only.
    type: path
    required: true
  signer:
    description: V(agent) for the ssh-agent, or a command on the host that signs what it reads and writes the signature.
    type: str
seealso:
  - module: pitstop.fleet.pack_info
  - module: pitstop.fleet.bundle_info
"""

EXAMPLES = r"""
- name: Have a receipt of everything on the host
  pitstop.fleet.receipt:
    file: /var/lib/pitstop/receipt.json
    sign: /etc/pitstop/host.key

- name: Bring it to the controller
  ansible.builtin.fetch:
    src: /var/lib/pitstop/receipt.json
    dest: receipts/{{ inventory_hostname }}.json
    flat: true
"""

RETURN = r"""
file:
  description: The file with the receipt.
  returned: success
  type: str
  sample: /var/lib/pitstop/receipt.json
signed_by:
  description: The id of the key that signed it. Null in check mode.
  returned: success
  type: str
  sample: 79aed5ffa3b742a534dd67e0022f4a42f58353e127ffacea418b67bbdec7267c
message:
  description: The outcome in one sentence. Null in check mode.
  returned: success
  type: str
  sample: the receipt of 1 instance is in /var/lib/pitstop/receipt.json
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
    SIGNED_SCHEMA,
    check_name,
    option_arguments,
)
from ansible_collections.pitstop.fleet.plugins.module_utils._task import DocumentTask

RECEIPT_FLAGS = [("file", "--out"), ("sign", "--sign"), ("signer", "--signer")]


class Receipt(DocumentTask):
    """What a host runs, in a file."""

    def check_options(self):
        for name in self.params["names"]:
            check_name(name)
        self.demand_absolute("file", "sign")

    def ensure(self):
        if not self.module.check_mode:
            which = self.params["names"] or ["--all"]
            self.ask_document(SIGNED_SCHEMA, "receipt", *(which + option_arguments(self.params, RECEIPT_FLAGS)))

    def result(self):
        signed = self.document or {}
        told = dict((name, signed.get(name)) for name in ("signed_by", "message"))
        return dict(told, changed=signed.get("changed", True), file=self.params["file"])


def main():
    module = AnsibleModule(
        argument_spec=dict(
            AGENT_OPTIONS,
            names=dict(type="list", elements="str", default=[]),
            file=dict(type="path", required=True),
            sign=dict(type="path", required=True),
            signer=dict(type="str"),
        ),
        supports_check_mode=True,
    )
    Receipt(module).run()


if __name__ == "__main__":
    main()
