# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

"""The one client of the agent: find the binary, run it, read its one JSON document.

Private to this collection; it may change at any time. It decides nothing about packs: what changed, what failed and
why is the agent's word.
"""

import json
import os
import re

BINARY = "pitstop"
BINARY_FOLDERS = ["/usr/local/bin", "/usr/bin"]
REPORT_SCHEMA = "pitstop/report/v1"
LIST_SCHEMA = "pitstop/report-list/v1"
MEMORY_SCHEMA = "pitstop/memory/v1"
BUNDLE_SCHEMA = "pitstop/bundle/v1"
SIGNED_SCHEMA = "pitstop/signed/v1"
# What is exported is the document itself. Like every other, it is only believed where the exit code fits.
RESOLUTIONS_SCHEMA = "pitstop/resolutions/v1"
REPORTS = (REPORT_SCHEMA, LIST_SCHEMA)

# The agent's kinds of failure are documented there; these are the ways in which it cannot be asked or understood.
KIND_MISSING = "agent-missing"
KIND_OUTPUT = "agent-output"
KIND_USAGE = "usage"

AGENT_OPTIONS = dict(
    agent=dict(type="path"),
    config_dir=dict(type="path"),
    state_dir=dict(type="path"),
)

# A name never starts with a dash, or the agent would take it for an option such as `--all`.
NAME = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]*\Z")


class AgentError(Exception):
    """The agent said no, or could not be asked; ``result`` is what the task fails with."""

    def __init__(self, msg, kind, hint=None, reports=(), version=None, **details):
        super(AgentError, self).__init__(msg)
        self.reports = list(reports)
        self.version = version
        self.result = dict(details, msg="%s (%s)" % (msg, hint) if hint else msg, kind=kind, hint=hint)


def check_name(name):
    """Refuse what cannot be the name of an instance."""
    if not NAME.match(name):
        raise AgentError(
            "%r is not the name of an instance" % name,
            KIND_USAGE,
            hint="names consist of letters, digits, '.', '_' and '-' and do not start with '-'",
        )


def find_binary(module):
    """The binary that the task names, or the first one on the usual paths."""
    named = module.params["agent"]
    if named:
        if not os.path.isabs(named):
            raise AgentError("the agent's path %s is not absolute" % named, KIND_USAGE)
        if not (os.path.isfile(named) and os.access(named, os.X_OK)):
            raise AgentError(
                "the agent %s is not there or is not executable" % named,
                KIND_MISSING,
                hint="install pitstop there or correct the option 'agent'",
            )
        return named
    found = module.get_bin_path(BINARY, opt_dirs=BINARY_FOLDERS)
    if not found:
        raise AgentError(
            "no pitstop binary in PATH, %s" % " or ".join(BINARY_FOLDERS),
            KIND_MISSING,
            hint="install pitstop on the host or give its path with the option 'agent'",
        )
    return found


def option_arguments(params, table):
    """The arguments for those options of ``table``, pairs of option and flag, that have a value; a list's flag is repeated."""
    arguments = []
    for option, flag in table:
        value = params[option]
        if value is True:
            arguments.append(flag)
        elif isinstance(value, list):
            for one in value:
                arguments.extend([flag, one])
        elif value not in (None, False):
            arguments.extend([flag, str(value)])
    return arguments


def read_document(argv, rc, stdout, stderr, schemas=REPORTS):
    """The agent's document, one of ``schemas``, when the verb succeeded.

    Raises AgentError with the agent's own kind, message and hint when it failed, and with everything that was seen
    when the output breaks the contract.
    """

    def unusable(why):
        return AgentError(
            "cannot understand the agent: %s" % why,
            KIND_OUTPUT,
            hint="its version may not fit this collection",
            cmd=argv,
            rc=rc,
            stdout=stdout,
            stderr=stderr,
        )

    try:
        document = json.loads(stdout)
    except ValueError as error:
        raise unusable("its output is not JSON: %s" % error)
    expected = schemas if rc == 0 else REPORTS
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema not in expected:
        raise unusable("its output is not %s" % " or ".join(expected))
    if document.get("ok", schema == RESOLUTIONS_SCHEMA or None) is not (rc == 0):
        raise unusable("its report says ok=%s but it exited with %s" % (document.get("ok"), rc))
    if rc == 0:
        return document
    reports = reports_of(document)
    error = first_error([document] + reports)
    if error is None:
        raise unusable("its report is not ok but names no error")
    raise AgentError(
        error["message"],
        error["kind"],
        hint=error.get("hint"),
        reports=reports,
        version=document.get("agent"),
        exit=rc,
    )


def reports_of(document):
    """The reports in a document, be it one report or a list of them."""
    return document["reports"] if document["schema"] == LIST_SCHEMA else [document]


def warnings_of(reports):
    """Each warning of the reports once."""
    return sorted(set(warning for report in reports for warning in report["warnings"]))


def first_error(documents):
    """The first error that one of the documents carries."""
    return next((document["error"] for document in documents if document.get("error")), None)


class Agent(object):
    """The agent on this host, as the task's options describe it.

    ``diagnostics`` is what its last run said on stderr, ``version`` what it called itself.
    """

    def __init__(self, module):
        self.diagnostics = ""
        self.version = None
        self._module = module
        self._command = [find_binary(module)] + option_arguments(
            module.params,
            [("config_dir", "--config-dir"), ("state_dir", "--state-dir")],
        ) + ["--output", "json"]

    def ask(self, verb, *arguments, stdin=None):
        """Run a verb and return the reports; raises AgentError unless all of them are ok."""
        return reports_of(self.document(REPORTS, verb, *arguments, stdin=stdin))

    def document(self, schemas, verb, *arguments, stdin=None):
        """Run a verb that prints a document of one of ``schemas``; ``stdin`` is the text on its standard input."""
        argv = self._command + [verb] + list(arguments)
        rc, stdout, self.diagnostics = self._module.run_command(argv, data=stdin, binary_data=True)
        try:
            document = read_document(argv, rc, stdout, self.diagnostics, schemas)
        except AgentError as error:
            self.version = error.version
            raise
        self.version = document.get("agent")
        return document
