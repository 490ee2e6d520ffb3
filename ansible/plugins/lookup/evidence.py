# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
name: evidence
short_description: The signed statements in a bundle that a policy asks for
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Evidence, scans and approvals are attached to a bundle after it was made. This reads them on the controller, and leaves out
    what is about another release, what a policy does not ask for, and approvals that have ended.
  - Proves nothing. Whoever is given the statements checks their signatures.
options:
  _terms:
    description: Bundles, paths on the controller.
    type: list
    elements: path
    required: true
  tree:
    description: The digest of the vendor's files that the statements are about.
    type: str
    required: true
  product:
    description: The product, for its section of O(policy).
    type: str
    required: true
  policy:
    description: What a release must bring, the content of C(policy.yaml) of the agent's settings.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Name what the policy asks for
  ansible.builtin.debug:
    msg: "{{ query('pitstop.fleet.evidence', '/srv/is-41.pitstop', tree=tree, product='wso2is', policy=policy) }}"
  vars:
    tree: 6f1ed002ab5595859014ebf0951522d9f58353e127ffacea418b67bbdec7267c
    policy: {default: {evidence: [{environment: dev}]}}
"""

RETURN = r"""
_list:
  description:
    - The statements. C(sha256) is the digest of each by which M(pitstop.fleet.bundle_info) names it, and C(text) is it itself.
  type: list
  elements: dict
  sample:
    - sha256: 8b1a9953c4611296a827abf8c47804d7f58353e127ffacea418b67bbdec7267c
      text: '{"payload": "eyJfdHlwZSI6…", "payloadType": "application/vnd.in-toto+json", "signatures": []}'
"""

import os
import tarfile

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.pitstop.fleet.plugins.plugin_utils._statement import statement_of

# What a policy can refuse a release for, and what it says where it refuses nothing. A rule without anything in it is a rule.
NOTHING = dict(unsigned="allow", evidence=[], scan=None, approvals=None, hold=[])


def attached(path):
    """The digest and the text of each statement in a bundle, which is a tar archive."""
    try:
        with tarfile.open(path, "r:") as archive:
            for entry in archive:
                folder, name = os.path.split(entry.name)
                if folder == "attached":
                    yield os.path.splitext(name)[0], archive.extractfile(entry).read().decode("utf-8")
    except (OSError, tarfile.TarError, UnicodeDecodeError) as error:
        raise AnsibleLookupError("cannot read what is attached to %s: %s" % (path, error))


def demands_of(policy, product):
    """What a policy demands of a product, key by key: what its own section does not say, that of all products does."""
    sections = [policy.get(name) or {} for name in (product, "default")]
    said = {key: [section[key] for section in sections if section.get(key) is not None] for key in NOTHING}
    return {key: (said[key] or [nothing])[0] for key, nothing in NOTHING.items()}


def is_demanded(statement, demands):
    """Whether a policy asks for what a statement says. Broken glass overrides whatever a policy demands."""
    if statement["breaks_glass"]:
        return demands != NOTHING
    if statement["kind"] == "evidence":
        return statement["environment"] in [one["environment"] for one in demands["evidence"]]
    rules = {"scan": demands["scan"], "approval": demands["approvals"]}
    return rules.get(statement["kind"]) is not None


def demanded(path, tree, demands):
    """The statements in a bundle about a tree that a policy asks for."""
    for sha256, text in attached(path):
        statement = statement_of(text)
        if tree in statement.get("trees", []) and is_demanded(statement, demands) and not statement["has_ended"]:
            yield dict(sha256=sha256, text=text)


class LookupModule(LookupBase):
    """Ansible's way to find it."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        demands = demands_of(self.get_option("policy"), self.get_option("product"))
        return [one for path in terms for one in demanded(path, self.get_option("tree"), demands)]
