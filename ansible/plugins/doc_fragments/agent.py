# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0


class ModuleDocFragment(object):
    """The options of every module that calls the agent."""

    DOCUMENTATION = r"""
options:
  agent:
    description:
      - Absolute path of the C(pitstop) binary on the host.
      - Without it, the binary is looked for in E(PATH), C(/usr/local/bin) and C(/usr/bin).
    type: path
  config_dir:
    description:
      - Folder with the agent's settings; instances are the files C(instances.d/*.yaml) in it.
      - Without it, the agent's own default counts, which is E(PITSTOP_CONFIG_DIR), or else C(/etc/pitstop).
    type: path
  state_dir:
    description:
      - Folder with the agent's state.
      - Without it, the agent's own default counts, which is E(PITSTOP_STATE_DIR), or else C(/var/lib/pitstop).
    type: path
requirements:
  - The C(pitstop) binary on the host, speaking C(pitstop/report/v1).
notes:
  - Set O(agent), O(config_dir) and O(state_dir) once for all modules with C(module_defaults) and the action group
    C(group/pitstop.fleet.agent).
"""
