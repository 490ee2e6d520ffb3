# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

"""What the modules have in common: one task, the reports that it collects, and what it returns of them.

Private to this collection; it may change at any time.
"""

import os

from ansible_collections.pitstop.fleet.plugins.module_utils._agent import (
    KIND_USAGE,
    Agent,
    AgentError,
    check_name,
    warnings_of,
)
from ansible_collections.pitstop.fleet.plugins.module_utils._diff import diff

VERBS = {"started": "start", "stopped": "stop"}
RUN_STATES = {"started": "running", "stopped": "stopped"}


class Task(object):
    """One task of a module: what the agent was asked for, and what came of it."""

    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.reports = []
        self.agent = None

    def check_options(self):
        """Refuse options that do not fit together. Nothing has been asked for yet."""
        if self.params.get("name") is not None:
            check_name(self.params["name"])

    def demand_absolute(self, *options):
        """Refuse paths that depend on where the module runs, and C(-), which means standard input to the agent."""
        for option in options:
            given = self.params[option] or []
            for path in given if isinstance(given, list) else [given]:
                if not os.path.isabs(path):
                    raise AgentError("the path %s in %s is not absolute" % (path, option), KIND_USAGE)

    def ensure(self):
        """Ask the agent for what the task wants."""
        raise NotImplementedError

    def result(self):
        """What a task that succeeded returns."""
        return self.reported_with(self.instance(), self.change(), self.plan_diff())

    def run(self):
        """Do the task and end the module."""
        try:
            self.check_options()
            self.agent = Agent(self.module)
            self.ensure()
        except AgentError as error:
            self.pass_warnings_on()
            self.module.fail_json(**dict(self.reported(), **error.result))
        self.pass_warnings_on()
        self.module.exit_json(**self.result())

    def one_or_all(self):
        """The argument for the instance that the task names, or for all of the host."""
        return "--all" if self.params["name"] is None else self.params["name"]

    def ask(self, verb, *arguments, stdin=None):
        """Run one verb and keep its reports, also when it failed."""
        try:
            self.reports += self.agent.ask(verb, *arguments, stdin=stdin)
        except AgentError as error:
            self.reports += error.reports
            raise

    def do(self, verb, *arguments, stdin=None):
        """Run one verb that changes something; in check mode, only its dry run."""
        dry_run = ["--dry-run"] if self.module.check_mode else []
        self.ask(verb, *(list(arguments) + dry_run), stdin=stdin)

    def resumed(self, verb):
        """What takes up the change that waits for a person, if the task says so and one of this verb does."""
        if not self.params["continue"]:
            return []
        name = self.params["name"]
        if not self.agent.ask("conflicts", "list", name)[0]["conflicts"]:
            return []
        # Only a check tells whether it is an update or a hotfix.
        waiting = self.agent.ask("check", name)[0].get("waiting")
        return ["--continue"] if waiting and waiting["command"].split()[1] == verb else []

    def changed(self):
        """Whether anything was changed so far, or would be in check mode."""
        return any(report["changed"] for report in self.reports)

    def last_view(self):
        """The instance as the last report saw it; empty where none did."""
        return (self.reports[-1]["after"] or self.reports[-1]["before"] or {}) if self.reports else {}

    def last_plan(self):
        """The plan that was, or would be, carried out."""
        plans = [report["plan"] for report in self.reports if report["plan"] and report["changed"]]
        return plans[-1] if plans else None

    def level(self):
        """The level that the reports lead to."""
        plan = self.last_plan()
        return (plan["to"] if plan else self.last_view().get("release") or {}).get("level")

    def run_state(self):
        """The run state that the reports lead to, in the agent's words; a verb that succeeded has ensured its own."""
        return RUN_STATES.get(self.params.get("state")) or self.last_view().get("state", "unknown")

    def reported(self):
        """The part of the result that also a failed task returns."""
        result = dict(changed=self.changed(), reports=self.reports)
        if self.reports and self.params.get("name") is not None:
            failed_or_changed = [report for report in self.reports if not report["ok"] or report["changed"]]
            result["report"] = (failed_or_changed or self.reports)[-1]
        return result

    def reported_with(self, *parts):
        """The reports and what else the module returns."""
        result = self.reported()
        for part in parts:
            result.update(part)
        return result

    def instance(self):
        """How the instance is after the task, or would be in check mode."""
        running = {"running": True, "stopped": False}.get(self.run_state())
        return dict(level=self.level(), running=running)

    def change(self):
        """What names the change: its plan, and its transaction in the agent's history."""
        transactions = [report["transaction"] for report in self.reports if report["transaction"]]
        return dict(plan_id=(self.last_plan() or {}).get("id"), transaction=(transactions or [None])[-1])

    def plan_diff(self):
        """The diff of the plans, where the task is asked for one."""
        return dict(diff=diff(self.reports, self.level(), self.run_state())) if self.module._diff else {}

    def pass_warnings_on(self):
        """Show what the agent warns of."""
        for warning in warnings_of(self.reports):
            self.module.warn(warning)


class DocumentTask(Task):
    """A task about no instance, for which the agent has a document of its own instead of reports."""

    def __init__(self, module):
        super(DocumentTask, self).__init__(module)
        self.document = None

    def ask_document(self, schema, verb, *arguments):
        """Run one verb and keep its document."""
        self.document = self.agent.document([schema], verb, *arguments)

    def reported(self):
        return dict(changed=False)
