"""Writes the outcome of each task on each host, one JSON document a line, into the file that FLEET_RESULTS names."""

import json
import os

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: results
type: notification
short_description: Outcomes of tasks as lines of JSON
version_added: 0.1.0
description: For tests that compare runs.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "results"
    CALLBACK_NEEDS_ENABLED = True

    def write(self, outcome, result):
        host, task = result._host.get_name(), result._task.get_name().rpartition(" : ")[2]
        preview = bool(result._task.check_mode) and not context.CLIARGS["check"]
        line = {"host": host, "task": task, "outcome": outcome, "preview": preview, "result": result._result}
        with open(os.environ["FLEET_RESULTS"], "a", encoding="utf-8") as out:
            out.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result):
        self.write("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.write("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_unreachable(self, result):
        self.write("unreachable", result)

    def v2_runner_on_skipped(self, result):
        self.write("skipped", result)
