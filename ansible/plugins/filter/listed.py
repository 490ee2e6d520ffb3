# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
name: listed
short_description: A list, also where it was written as one text
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - What C(-e key=value) says is a text, also of a variable that is a list. The roles of this collection take it with commas
    between the elements.
options:
  _input:
    description: A list, or a text with commas between its elements.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Name the packs that are meant
  ansible.builtin.debug:
    msg: "{{ 'am-1, am-10' | pitstop.fleet.listed }}"
"""

RETURN = r"""
_value:
  description: The list.
  type: list
  elements: raw
  sample: [am-1, am-10]
"""

from ansible_collections.pitstop.fleet.plugins.plugin_utils._listed import listed


class FilterModule(object):
    """Ansible's way to find it."""

    def filters(self):
        return dict(listed=listed)
