# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
name: statement
short_description: What a signed statement says
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Reads evidence, scans and approvals. Proves nothing; whoever is given the statement checks its signatures.
options:
  _input:
    description: The statement in its envelope (DSSE).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Say what the evidence is about
  ansible.builtin.debug:
    msg: "{{ (lookup('ansible.builtin.file', 'is-1.json') | pitstop.fleet.statement).trees }}"
"""

RETURN = r"""
_value:
  description:
    - C(kind) is V(evidence), V(scan) or V(approval), or none for anything else.
    - C(trees) are the digests of the vendor's files, or of hotfixes, that it is about.
    - C(environment), C(host), C(instance) and C(product) are where evidence was made, or none.
    - C(breaks_glass) is whether it is an approval that overrides what a policy demands.
    - C(has_ended) is whether it is an approval that ended more than a day ago.
    - Empty where it is no statement.
  type: dict
  sample:
    kind: evidence
    trees: [6f1ed002ab5595859014ebf0951522d9f58353e127ffacea418b67bbdec7267c]
    environment: staging
    host: h2
    instance: is-1
    product: wso2is
    breaks_glass: false
    has_ended: false
"""

from ansible_collections.pitstop.fleet.plugins.plugin_utils._statement import statement_of


class FilterModule(object):
    """Ansible's way to find it."""

    def filters(self):
        return dict(statement=statement_of)
