# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
name: waves
short_description: The sizes of a rollout's waves, none of which crosses from one stage into the next
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Ansible's C(serial) knows the hosts of a play, and not which of them must be done before which. This gives it the sizes of
    waves that do. All hosts of the first stage come before the second begins, each stage in waves of its own.
  - For a play whose C(hosts) are the stages in the same order.
options:
  _input:
    description: The stages, each a group or a host of the inventory, as a list or with commas between them.
    type: list
    elements: str
    required: true
  groups:
    description: The groups of the inventory, Ansible's variable C(groups).
    type: dict
    required: true
  serial:
    description: The waves of each stage as numbers or percentages, as with C(serial); the last one is repeated.
    type: list
    elements: raw
    default: [100%]
  only:
    description: The hosts that take part, where not all do.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Go through the control planes before the gateways, in each one host first
  hosts: control_planes:gateways
  serial: "{{ ['control_planes', 'gateways'] | pitstop.fleet.waves(groups, serial=[1, '50%']) }}"
"""

RETURN = r"""
_value:
  description: The sizes of the waves.
  type: list
  elements: int
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.pitstop.fleet.plugins.plugin_utils._listed import listed


def hosts_of(stage, groups):
    """The hosts of a group, or a host."""
    if stage in groups:
        return groups[stage]
    if stage in groups.get("all", []):
        return [stage]
    raise AnsibleFilterError("%s is neither a group nor a host of the inventory" % stage)


def size_of(share, count):
    """How many of so many hosts a number or a percentage is, as Ansible counts: at least one, and all of them for 0."""
    text = str(share).strip()
    try:
        size = max(1, int(int(text[:-1]) / 100.0 * count)) if text.endswith("%") else int(text)
    except ValueError:
        raise AnsibleFilterError("%s is neither a number of hosts nor a percentage" % share)
    return size if size > 0 else count


def cut(count, serial):
    """So many hosts in waves."""
    sizes, left, shares = [], count, list(serial)
    while left > 0:
        size = min(left, size_of(shares[0], count))
        sizes.append(size)
        left -= size
        shares = shares[1:] or shares
    return sizes


def waves(stages, groups, serial=("100%",), only=None):
    """The sizes of all waves."""
    seen, sizes = set(), []
    serial = listed(serial)
    if not serial:
        raise AnsibleFilterError("serial is empty")
    for stage in listed(stages):
        hosts = [host for host in hosts_of(stage, groups) if host not in seen and (only is None or host in only)]
        seen.update(hosts)
        sizes += cut(len(hosts), serial)
    # Without any size Ansible would take all hosts at once.
    return sizes or [1]


class FilterModule(object):
    """Ansible's way to find it."""

    def filters(self):
        return dict(waves=waves)
