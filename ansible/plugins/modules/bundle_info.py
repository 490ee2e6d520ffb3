#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: bundle_info
short_description: Tell what a bundle holds and whether it can be believed
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - A bundle is one signed file that carries an update of a pack. The C(pitstop) agent, on a host or on the controller, proves
    that it is signed by whom this machine trusts and that all of it is what was signed, or only shows what it holds.
  - Needs neither the product nor an instance. Never changes anything.
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
  path:
    description: The bundle, a path on the host.
    type: path
    required: true
  verify:
    description:
      - Prove the signatures and all of the content. The task fails with the kind V(signature) or V(trust) if not enough of
        those signed it whom the folder C(trust) of the agent's settings names, and with another kind if it is damaged.
      - With V(false), only look at it, whoever signed it. RV(trusted) is V(false) then, and nothing that is returned is proven.
    type: bool
    default: true
seealso:
  - module: pitstop.fleet.pack
  - module: pitstop.fleet.receipt
"""

EXAMPLES = r"""
- name: Prove a bundle before it is sent anywhere
  pitstop.fleet.bundle_info:
    path: /srv/bundles/flink-1.20.5.pitstop
  delegate_to: localhost
  register: bundle

- name: Name where it leads
  ansible.builtin.debug:
    msg: "{{ bundle.release.product }} {{ bundle.release.level }}"

- name: Only look at it
  pitstop.fleet.bundle_info:
    path: /srv/bundles/flink-1.20.5.pitstop
    verify: false
"""

RETURN = r"""
release:
  description: Where it leads, with the digest that names the vendor's files there.
  returned: success
  type: dict
  sample:
    product: flink
    level: 1.20.5
    tree: 6f1ed002ab5595859014ebf0951522d9f58353e127ffacea418b67bbdec7267c
from:
  description: Where it starts; from anywhere if this is empty.
  returned: success
  type: list
  elements: dict
  sample:
    - {level: 1.20.0, tree: f58353e127ffacea418b67bbdec7267c79aed5ffa3b742a534dd67e0022f4a42}
signed_by:
  description: The ids of the keys that signed it; those that were checked if it is trusted, or else those that it names.
  returned: success
  type: list
  elements: str
  sample: [0b1ca13b9c8a1f3d1fe7d1a6d0f4dcf56a0ba4e3f3b67c4f1b0c1f2e3d4c5b6a]
trusted:
  description: Whether enough of those signed it whom this machine trusts with releases.
  returned: success
  type: bool
  sample: true
attached:
  description: The signed statements that were attached later, such as evidence, by the type of what they say.
  returned: success
  type: list
  elements: dict
  sample:
    - sha256: 8b1a9953c4611296a827abf8c47804d7f58353e127ffacea418b67bbdec7267c
      predicate_type: https://in-toto.io/attestation/test-result/v0.1
      key_ids: [79aed5ffa3b742a534dd67e0022f4a42f58353e127ffacea418b67bbdec7267c]
contents:
  description: How the contents travel.
  returned: success
  type: dict
  sample: {contents: 12, whole: 3, deltas: 9, unpacked: 240123456, stored: 3400123}
extras:
  description: What travels with the update, such as decisions, hotfixes, manual steps and the agent.
  returned: success
  type: list
  elements: dict
  sample:
    - {kind: manual-steps, name: steps.txt, bytes: 214, sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae}
made:
  description: When it was made. Null where it does not say.
  returned: success
  type: str
  sample: "2026-12-01T08:00:00Z"
expires:
  description: After this it is not to be used. Null where it does not expire.
  returned: success
  type: str
  sample: "2027-01-31T00:00:00Z"
sha256:
  description: The digest of the file.
  returned: success
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
bytes:
  description: The size of the file.
  returned: success
  type: int
  sample: 3512320
kind:
  description: What went wrong, as with M(pitstop.fleet.pack).
  returned: failure
  type: str
  sample: signature
hint:
  description: What to do next. Null where there is no advice.
  returned: failure
  type: str
  sample: have it signed by those whom `pitstop trust show` names
exit:
  description: The agent's exit code.
  returned: when the agent reported a failure
  type: int
  sample: 6
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pitstop.fleet.plugins.module_utils._agent import AGENT_OPTIONS, BUNDLE_SCHEMA
from ansible_collections.pitstop.fleet.plugins.module_utils._task import DocumentTask

RETURNED = ("from", "signed_by", "trusted", "attached", "contents", "extras", "made", "expires", "sha256", "bytes")


class BundleInfo(DocumentTask):
    """What the agent says of a bundle."""

    def check_options(self):
        self.demand_absolute("path")

    def ensure(self):
        verb = "verify" if self.params["verify"] else "inspect"
        self.ask_document(BUNDLE_SCHEMA, "bundle", verb, self.params["path"])

    def result(self):
        found = self.document
        release = dict(found["to"], product=found["product"])
        return dict(dict((name, found.get(name)) for name in RETURNED), changed=False, release=release)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            AGENT_OPTIONS,
            path=dict(type="path", required=True),
            verify=dict(type="bool", default=True),
        ),
        supports_check_mode=True,
    )
    BundleInfo(module).run()


if __name__ == "__main__":
    main()
