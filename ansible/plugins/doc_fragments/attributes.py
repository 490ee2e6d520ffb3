# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0


class ModuleDocFragment(object):
    """What the modules promise; each module says how far it keeps it."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Predicts the outcome without a change to the host.
  diff_mode:
    description: Shows what is changed, or would be changed in check mode.
  idempotent:
    description: Another run with the same options changes nothing.
  platform:
    description: Operating systems that the module manages.
    support: full
    platforms: posix
  action_group:
    description: Options of the agent can be set once, in C(module_defaults).
    support: full
    membership:
      - pitstop.fleet.agent
"""
