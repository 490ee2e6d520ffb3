# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
name: packs
short_description: The packs that the role pack takes care of, as one list
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Packs can be written as a list, or by their names. Where none are written, they are those that the host has.
options:
  _input:
    description: The packs, as a list of which each has a C(name), or by their names.
    type: raw
    required: true
  found:
    description:
      - The reports of M(pitstop.fleet.pack_info), for a host that no packs are written of, and for the products of those that
        are written without.
    type: list
    elements: dict
    default: []
  names:
    description: Only packs of these names, if there are any. A text has commas between them.
    type: list
    elements: str
    default: []
  product:
    description: Only packs of this product, if it is given, and those whose product is not known.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Name the packs
  ansible.builtin.debug:
    msg: "{{ pitstop_packs | pitstop.fleet.packs | map(attribute='name') }}"
  vars:
    pitstop_packs:
      am-1: {product: wso2am, home: /opt/wso2am}
"""

RETURN = r"""
_value:
  description: The packs, each with its name.
  type: list
  elements: dict
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.pitstop.fleet.plugins.module_utils._agent import AgentError, check_name
from ansible_collections.pitstop.fleet.plugins.plugin_utils._listed import listed


def named(packs):
    """The packs as a list."""
    if isinstance(packs, dict):
        packs = [dict(pack or {}, name=name) for name, pack in packs.items()]
    return packs


def seen(report):
    """A pack that the host has. Nothing is said of it but what it is."""
    release = (report.get("before") or {}).get("release") or {}
    return dict(name=report["instance"], product=release.get("product"), adopt=False)


def product_of(pack, found):
    """What product a pack is, as it is written or as its host says; none if nobody knows."""
    told = [seen(report)["product"] for report in found if report["instance"] == pack["name"]]
    return pack.get("product") or (told[0] if told else None)


def packs(given, found=(), names=(), product=""):
    """The packs that are written or, without any, that were found."""
    chosen = named(given) if given else [seen(report) for report in found]
    # Paths are made of names, on the controller too, and who says them may be a host in other hands.
    for pack in chosen:
        try:
            check_name(str(pack.get("name", "")))
        except AgentError as error:
            raise AnsibleFilterError(error.result["msg"])
    wanted = listed(names)
    if wanted:
        chosen = [pack for pack in chosen if pack["name"] in wanted]
    if product:
        # What nobody knows of stays: the agent refuses another product, and what is left out here would be taken for done.
        chosen = [pack for pack in chosen if product_of(pack, found) in (product, None)]
    return chosen


class FilterModule(object):
    """Ansible's way to find it."""

    def filters(self):
        return dict(packs=packs)
