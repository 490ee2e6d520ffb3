#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: pack_config
short_description: Have the configuration files of an installed pack as templates and values say
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Renders the files that the instance's settings name with the C(pitstop) agent on the host, checks them, and puts them
    in place. The server is restarted only if a file changes that it reads at its start.
  - If the server is not healthy with the new configuration, the old one is put back and the task fails with the kind
    V(rolled-back).
  - Values reach the agent on its standard input, never on a command line.
extends_documentation_fragment:
  - pitstop.fleet.agent
  - pitstop.fleet.attributes
attributes:
  check_mode:
    support: full
    details:
      - Is the agent's C(--dry-run). It fails where the run itself would be refused.
  diff_mode:
    support: full
    details:
      - Is the agent's diff of each file. What is secret, or looks so, is hidden in it.
  idempotent:
    support: full
options:
  name:
    description: Name of the instance, as in the agent's settings.
    type: str
    required: true
  values:
    description:
      - Values for the templates. They win over those of the instance's settings and of O(values_files), key by key.
      - "Ansible shows and logs them, so that they must hold no secret. Secrets belong into O(secrets), or are named where
        the host keeps them, as in C({secret: {file: /etc/pitstop/secrets/admin}})."
    type: dict
    default: {}
  secrets:
    description:
      - More values, all of them secret. They are hidden in whatever Ansible and the agent show or log.
      - Wins over O(values), key by key.
      - Ansible hides each of these texts wherever it stands in the result. A secret such as V(admin), which is a word of
        names and paths, makes the result hard to read.
    type: dict
    default: {}
  values_files:
    description:
      - YAML or JSON files on the host with values, which win over those of the instance's settings. What a later one says
        wins.
    type: list
    elements: path
    default: []
  strict:
    description: Refuse values that no template needs, instead of warning.
    type: bool
    default: false
  plan:
    description:
      - Id of the plan that was approved, the RV(plan_id) of a run in check mode.
      - The task fails with the kind V(stale), with nothing changed, if the host, a template or a value moved since.
    type: str
  release_hold:
    description: Whether a configuration that failed on this host before may be tried again.
    type: bool
    default: false
seealso:
  - module: pitstop.fleet.pack
  - module: pitstop.fleet.pack_rollback
"""

EXAMPLES = r"""
- name: Have the files as the instance's settings say
  pitstop.fleet.pack_config:
    name: am-1

- name: Configure with values of the inventory and of a vault
  pitstop.fleet.pack_config:
    name: am-1
    values:
      server: {hostname: "{{ inventory_hostname }}"}
      log: {level: WARN}
    secrets:
      admin: {password: "{{ vault_admin_password }}"}

- name: Show what would change, and change nothing
  pitstop.fleet.pack_config:
    name: am-1
    values_files: [/srv/values/next.yaml]
  check_mode: true
  diff: true
"""

RETURN = r"""
level:
  description: The level that the pack is at. A configuration does not change it. Null where it cannot be told.
  returned: success
  type: str
  sample: 4.2.0.135
running:
  description: Whether the server runs; in check mode, whether it would. Null where it cannot be told.
  returned: success
  type: bool
  sample: true
plan_id:
  description: Id of the plan that was, or in check mode would be, carried out. Null where there was nothing to do.
  returned: success
  type: str
  sample: 3f1c0a9d52e7
transaction:
  description: Id of the transaction in the agent's history. Null where nothing was changed, and in check mode.
  returned: success
  type: str
  sample: 20261123T101500Z-4f2a
report:
  description:
    - The report on the instance; RV(ignore:report.stale) are the templates that override what the vendor changed.
    - Its fields are those of the agent's schema C(pitstop/report/v1).
  returned: when the agent answered
  type: dict
  sample:
    schema: pitstop/report/v1
    action: config
    instance: am-1
    ok: true
    changed: true
    status: configured
    message: 2 files configured, stopped for 21.3 s
reports:
  description: The report, in a list as with the other modules.
  returned: always
  type: list
  elements: dict
  sample:
    - {schema: pitstop/report/v1, action: config, instance: am-1, ok: true, changed: true, status: configured}
kind:
  description: What went wrong, as with M(pitstop.fleet.pack).
  returned: failure
  type: str
  sample: settings
hint:
  description: What to do next. Null where there is no advice.
  returned: failure
  type: str
  sample: correct the template or the values
exit:
  description: The agent's exit code.
  returned: when the agent reported a failure
  type: int
  sample: 2
"""

import json

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pitstop.fleet.plugins.module_utils._agent import (
    AGENT_OPTIONS,
    KIND_USAGE,
    AgentError,
    option_arguments,
)
from ansible_collections.pitstop.fleet.plugins.module_utils._task import Task

APPLY_FLAGS = [("strict", "--strict"), ("plan", "--plan"), ("release_hold", "--release-hold")]
# The agent takes `{secret: {value: TEXT}}` for a value that must not be shown.
REFERENCE = "secret"
LITERAL = "value"


def is_reference(value):
    """Whether a value is a secret, given or named as the agent wants it."""
    return isinstance(value, dict) and list(value) == [REFERENCE] and isinstance(value[REFERENCE], dict)


def holds_literal(value):
    """Whether a secret's own text stands somewhere in the value."""
    if is_reference(value):
        return LITERAL in value[REFERENCE]
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return any(holds_literal(one) for one in below)


def as_secret(value, at):
    """The value with every text in it marked as secret for the agent."""
    if is_reference(value):
        return value
    if isinstance(value, dict):
        return dict((key, as_secret(one, "%s.%s" % (at, key))) for key, one in value.items())
    if isinstance(value, list):
        return [as_secret(one, "%s[%d]" % (at, number)) for number, one in enumerate(value)]
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise AgentError("%s is neither a text nor a number, and cannot be a secret" % at, KIND_USAGE)
    return {REFERENCE: {LITERAL: str(value)}}


def merged(below, above):
    """Two maps of values, where what ``above`` says wins, key by key."""
    result = dict(below)
    for key, value in above.items():
        both_maps = all(isinstance(one, dict) and not is_reference(one) for one in (below.get(key), value))
        result[key] = merged(below[key], value) if both_maps else value
    return result


class Config(Task):
    """The configuration of one instance."""

    def check_options(self):
        super(Config, self).check_options()
        self.demand_absolute("values_files")
        if holds_literal(self.params["values"]):
            raise AgentError(
                "values holds the text of a secret, and Ansible shows and logs values",
                KIND_USAGE,
                hint="give it with secrets",
            )

    def ensure(self):
        arguments = ["apply", self.params["name"]]
        for path in self.params["values_files"]:
            arguments += ["--values", path]
        values = merged(self.params["values"], as_secret(self.params["secrets"], "secrets"))
        if values:
            arguments += ["--values", "-"]
        arguments += option_arguments(self.params, APPLY_FLAGS)
        self.do("config", *arguments, stdin=json.dumps(values) if values else None)

    def plan_diff(self):
        if not self.module._diff:
            return {}
        return dict(diff=[dict(prepared=one["diff"]) for report in self.reports for one in report.get("diffs", [])])


def main():
    module = AnsibleModule(
        argument_spec=dict(
            AGENT_OPTIONS,
            name=dict(type="str", required=True),
            values=dict(type="dict", default={}),
            secrets=dict(type="dict", default={}, no_log=True),
            values_files=dict(type="list", elements="path", default=[], no_log=False),
            strict=dict(type="bool", default=False),
            plan=dict(type="str"),
            release_hold=dict(type="bool", default=False),
        ),
        supports_check_mode=True,
    )
    Config(module).run()


if __name__ == "__main__":
    main()
