#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: pack_conflicts
short_description: See and decide the conflicts of an update, and move decisions between hosts
version_added: 0.1.0
author:
  - The pitstop contributors (@pitstop)
description:
  - Where the operator and the vendor both changed the same key, line or file, M(pitstop.fleet.pack) fails with the kind
    V(conflicts), with nothing changed and nothing stopped. This module lists what is open and decides it; then
    M(pitstop.fleet.pack) with O(pitstop.fleet.pack#module:continue) goes on.
  - What was decided is remembered on the host when the update goes on, and decides the same conflict there from then on.
    V(export) and V(import) take it to other hosts, without what looks secret.
extends_documentation_fragment:
  - pitstop.fleet.agent
  - pitstop.fleet.attributes
attributes:
  check_mode:
    support: partial
    details:
      - What V(resolve), V(export) and V(import) would change is foretold from what is decided and remembered now.
      - Whether the agent accepts a value, a whole file or a document shows only in the run.
  diff_mode:
    support: partial
    details:
      - Shows which conflicts are open and what is decided about the others, with V(list) and V(resolve).
  idempotent:
    support: full
options:
  command:
    description:
      - V(list) returns the conflicts of the update that waits, and what is decided about them.
      - V(resolve) decides them.
      - V(export) returns what the host remembers, or writes it into O(file).
      - V(import) takes over what another host exported.
    type: str
    choices: [list, resolve, export, import]
    default: list
  name:
    description: Name of the instance, as in the agent's settings. Required by V(list) and V(resolve), useless to the others.
    type: str
  path:
    description:
      - With V(resolve), the path in the pack that is decided. With V(export), the one that decisions must be about.
    type: str
  key:
    description:
      - With V(resolve), the key of O(path) that is decided, or C(line 7) for lines without a key. Without it, all conflicts of
        the path.
      - With V(export), the key that decisions must be about.
    type: str
  all:
    description: Decide whatever is still open.
    type: bool
  take:
    description: Whose side is taken. V(ours) is what the host has, V(theirs) what the vendor has now.
    type: str
    choices: [ours, theirs]
  value:
    description: The value that O(key) shall have. Ansible shows and logs it; the task warns if it looks secret.
    type: str
  secret_value:
    description: As O(value), hidden in whatever Ansible shows or logs.
    type: str
  final:
    description: The content that the whole file shall have. Hidden in whatever Ansible shows or logs.
    type: str
  final_file:
    description: A file on the host with the content that the whole file shall have.
    type: path
  reopen:
    description: Take the answer back.
    type: bool
  remember_secret:
    description: Remember the decision also if it is a secret. It never leaves the host.
    type: bool
    default: false
  product:
    description: With V(export), the product that decisions must be about.
    type: str
  document:
    description: With V(import), what another host exported, its RV(document).
    type: dict
  file:
    description: With V(import), the file on the host that is read. With V(export), the one that is written.
    type: path
seealso:
  - module: pitstop.fleet.pack
"""

EXAMPLES = r"""
- name: See what needs a person
  pitstop.fleet.pack_conflicts:
    name: am-1
  register: waiting

- name: Keep what this host has
  pitstop.fleet.pack_conflicts:
    command: resolve
    name: am-1
    path: conf/config.yaml
    key: rest.bind-address
    take: ours

- name: Set a password
  pitstop.fleet.pack_conflicts:
    command: resolve
    name: am-1
    path: conf/users.xml
    key: /users/@password
    secret_value: "{{ vault_users_password }}"

- name: Take the vendor's side of the rest
  pitstop.fleet.pack_conflicts:
    command: resolve
    name: am-1
    all: true
    take: theirs

- name: Go on
  pitstop.fleet.pack:
    name: am-1
    source: /srv/packs
    continue: true

- name: See what was decided
  pitstop.fleet.pack_conflicts:
    command: export
    product: wso2am
  register: decided

- name: Decide the same on the other hosts
  pitstop.fleet.pack_conflicts:
    command: import
    document: "{{ decided.document }}"
  delegate_to: "{{ item }}"
  loop: "{{ groups['gateways'] | difference([inventory_hostname]) }}"
"""

RETURN = r"""
conflicts:
  description: The paths in conflict, each with its keys and what is decided about them. Values that look secret are C(<secret>).
  returned: success of V(list) and V(resolve)
  type: list
  elements: dict
  sample:
    - path: conf/config.yaml
      kind: text
      message: you and the vendor both changed log.level
      keys:
        - key: log.level
          base: INFO
          current: DEBUG
          new: WARN
          answer: {take: ours, by: alice, decided: "2026-11-23T10:15:00Z", remembered: false}
open:
  description: How many conflicts nothing is decided about; in check mode, would be.
  returned: success of V(list) and V(resolve)
  type: int
  sample: 1
document:
  description: What the host remembers, as V(import) wants it.
  returned: success of V(export) without O(file)
  type: dict
  sample: {schema: pitstop/resolutions/v1, resolutions: []}
memory:
  description: What the agent says of what was exported or imported, after its schema C(pitstop/memory/v1).
  returned: success of V(import), and of V(export) with O(file), but not in check mode
  type: dict
  sample: {schema: pitstop/memory/v1, action: import, ok: true, changed: true, new: 2, known: 1, replaced: 0}
report:
  description: The report on the instance, whose fields are those of the agent's schema C(pitstop/report/v1).
  returned: when O(name) is given and the agent answered
  type: dict
  sample: {schema: pitstop/report/v1, action: conflicts, instance: am-1, ok: true, changed: true, status: conflicts}
reports:
  description: All reports in the order in which the agent was asked.
  returned: always
  type: list
  elements: dict
  sample:
    - {schema: pitstop/report/v1, action: conflicts, instance: am-1, ok: true, changed: true, status: conflicts}
kind:
  description: What went wrong, as with M(pitstop.fleet.pack).
  returned: failure
  type: str
  sample: usage
hint:
  description: What to do next. Null where there is no advice.
  returned: failure
  type: str
  sample: "`pitstop conflicts list am-1` lists them"
exit:
  description: The agent's exit code.
  returned: when the agent reported a failure
  type: int
  sample: 2
"""

import json

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pitstop.fleet.plugins.module_utils import _conflicts
from ansible_collections.pitstop.fleet.plugins.module_utils._agent import (
    AGENT_OPTIONS,
    KIND_USAGE,
    MEMORY_SCHEMA,
    RESOLUTIONS_SCHEMA,
    AgentError,
    option_arguments,
)
from ansible_collections.pitstop.fleet.plugins.module_utils._task import Task

WHICH_FLAGS = [("product", "--product"), ("path", "--path"), ("key", "--key")]
RESOLVE_FLAGS = [
    ("key", "--key"),
    ("all", "--all"),
    ("take", "--take"),
    ("reopen", "--reopen"),
    ("final_file", "--final"),
    ("remember_secret", "--remember-secret"),
]
HOW = ("take", "value", "secret_value", "final", "final_file", "reopen")
# The options that each command reads, beside those of the agent.
READS = {
    "list": ("name",),
    "resolve": ("name", "path", "key", "all", "remember_secret") + HOW,
    "export": ("product", "path", "key", "file"),
    "import": ("document", "file"),
}


class Conflicts(Task):
    """The conflicts of one instance, or the memory of the host."""

    def __init__(self, module):
        super(Conflicts, self).__init__(module)
        self.is_changed = False
        self.returned = {}

    def check_options(self):
        super(Conflicts, self).check_options()
        command = self.params["command"]
        given = set(option for options in READS.values() for option in options if self.params[option])
        useless = sorted(given.difference(READS[command]))
        if useless:
            raise AgentError("%s is of no use to the command %s" % (", ".join(useless), command), KIND_USAGE)
        self.demand_absolute("file", "final_file")
        if self.params["all"] and not (self.params["take"] or self.params["reopen"]):
            raise AgentError("all goes with take or reopen; the rest needs path", KIND_USAGE)
        if command == "resolve" and self.params["key"] and not self.params["path"]:
            raise AgentError("key needs path", KIND_USAGE)
        if self.params["final"] == "":
            raise AgentError("final is empty", KIND_USAGE, hint="name an empty file with final_file")

    def ensure(self):
        getattr(self, "ensure_%s" % self.params["command"])()

    def changed(self):
        return self.is_changed

    def result(self):
        return self.reported_with(self.returned)

    def ensure_list(self):
        """Look only."""
        self.ask("conflicts", "list", self.params["name"])
        points = _conflicts.points_of(self.reports[-1]["conflicts"])
        self.return_conflicts(points, points)

    def ensure_resolve(self):
        """Decide, or foretell what deciding would change: the agent has no dry run of it."""
        before = None
        if self.module.check_mode or self.module._diff:
            self.ask("conflicts", "show", self.params["name"])
            before = _conflicts.points_of(self.reports[-1]["conflicts"])
        if self.module.check_mode:
            after = self.foretell(before)
        else:
            arguments, stdin = self.resolve_arguments()
            self.ask("conflicts", "resolve", self.params["name"], *arguments, stdin=stdin)
            self.is_changed = self.reports[-1]["changed"]
            after = _conflicts.points_of(self.reports[-1]["conflicts"])
            if _conflicts.looks_secret(after, _conflicts.Answer(self.params)):
                self.module.warn("the value looks secret and was shown and logged: change it, and use secret_value")
        self.return_conflicts(before, after)

    def foretell(self, before):
        """The points as they would be."""
        if not before:
            raise AgentError(self.reports[-1]["message"], KIND_USAGE, hint="an update leaves its conflicts for a person")
        if self.params["path"]:
            # The agent refuses what is not in conflict, in its own words.
            which = [self.params[option] for option in ("path", "key") if self.params[option]]
            self.agent.ask("conflicts", "show", self.params["name"], "--", *which)
        after = _conflicts.decided(before, _conflicts.Answer(self.params))
        self.is_changed = after != before or self.is_unseen_changed()
        return after

    def is_unseen_changed(self):
        """Whether what no report shows would change. Of secrets nothing can be told, so that one may."""
        if self.params["secret_value"] is not None:
            return True
        if self.params["final"] is None and not self.params["final_file"]:
            return False
        paths = [one["final_file"] for one in self.reports[-1]["conflicts"] if one["path"] == self.params["path"]]
        given = self.params["final"]
        wanted = _conflicts.content(self.params["final_file"]) if given is None else given.encode("utf-8")
        return wanted is None or any(_conflicts.content(path) != wanted for path in paths)

    def resolve_arguments(self):
        """The arguments, and what standard input holds. Values are never arguments: those can be seen by others."""
        arguments, stdin = option_arguments(self.params, RESOLVE_FLAGS), None
        for option in ("value", "secret_value"):
            if self.params[option] is not None:
                # The agent takes one line end away, as of a file.
                arguments, stdin = arguments + ["--value-from", "-"], self.params[option] + "\n"
        if self.params["final"] is not None:
            arguments, stdin = arguments + ["--final", "-"], self.params["final"]
        return arguments + (["--", self.params["path"]] if self.params["path"] else []), stdin

    def return_conflicts(self, before, after):
        """Return what was found, and how many conflicts are open after the task."""
        self.returned.update(conflicts=self.reports[-1]["conflicts"], open=len(_conflicts.open_points(after)))
        if self.module._diff:
            self.returned["diff"] = _conflicts.diff(self.params["name"], before, after)

    def ensure_export(self):
        """Return what is remembered, or have it in a file; readable for its owner only."""
        which = option_arguments(self.params, WHICH_FLAGS)
        target = self.params["file"]
        if target and not self.module.check_mode:
            self.remember(self.agent.document([MEMORY_SCHEMA], "conflicts", "export", *(which + ["--out", target])))
            return
        document = self.agent.document([RESOLUTIONS_SCHEMA], "conflicts", "export", *which)
        for line in self.agent.diagnostics.splitlines():
            self.module.warn(line)
        if target:
            self.is_changed = _conflicts.parsed(_conflicts.content(target)) != document
        else:
            self.returned["document"] = document

    def ensure_import(self):
        """Take decisions over, or foretell what that would change: the agent has no dry run of it."""
        source = self.params["file"]
        if self.module.check_mode:
            there = self.agent.document([RESOLUTIONS_SCHEMA], "conflicts", "export")
            document = _conflicts.parsed(_conflicts.content(source)) if source else self.params["document"]
            self.is_changed = not _conflicts.is_known(document, there)
            return
        stdin = None if source else json.dumps(self.params["document"])
        self.remember(self.agent.document([MEMORY_SCHEMA], "conflicts", "import", source or "-", stdin=stdin))

    def remember(self, memory):
        """Keep what the agent says of the host's memory."""
        self.is_changed = memory["changed"]
        self.returned["memory"] = memory
        for warning in memory["warnings"]:
            self.module.warn(warning)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            AGENT_OPTIONS,
            command=dict(type="str", choices=["list", "resolve", "export", "import"], default="list"),
            name=dict(type="str"),
            path=dict(type="str"),
            key=dict(type="str", no_log=False),
            all=dict(type="bool"),
            take=dict(type="str", choices=["ours", "theirs"]),
            value=dict(type="str"),
            secret_value=dict(type="str", no_log=True),
            final=dict(type="str", no_log=True),
            final_file=dict(type="path"),
            reopen=dict(type="bool"),
            remember_secret=dict(type="bool", default=False, no_log=False),
            product=dict(type="str"),
            document=dict(type="dict"),
            file=dict(type="path"),
        ),
        mutually_exclusive=[HOW, ("path", "all"), ("document", "file")],
        required_if=[
            ("command", "list", ["name"]),
            ("command", "resolve", ["name"]),
            ("command", "resolve", HOW, True),
            ("command", "resolve", ["path", "all"], True),
            ("command", "import", ["document", "file"], True),
        ],
        supports_check_mode=True,
    )
    Conflicts(module).run()


if __name__ == "__main__":
    main()
