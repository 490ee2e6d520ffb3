# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

"""Fixtures: the reports that the agent's own tests recorded, and an executable that replays such reports."""

import contextlib
import json
import os
import pathlib
import shutil
import sys
import tempfile
from unittest import mock

import pytest

COLLECTION = pathlib.Path(__file__).resolve().parents[2]
CONTRACT_DIR = pathlib.Path(os.environ.get("PITSTOP_CONTRACT_DIR") or COLLECTION.parent / "tests" / "contract")

REPLAY = """#!/bin/sh
calls=$0.calls
n=$(ls "$calls" | grep -c argv)
printf '%s\\n' "$@" > "$calls/$n.argv"
for one; do [ "$one" != - ] || cat > "$calls/$n.in"; done
cat "$calls/$n.err" >&2
cat "$calls/$n.out"
exit "$(cat "$calls/$n.exit")"
"""


def pytest_configure(config):
    """Make the collection importable where it does not lie in a collections path, as in a clone of the project."""
    config.addinivalue_line("markers", "verbs(*names): of the recorded reports, take those of these verbs, such as `hotfix list`")
    try:
        import ansible_collections.pitstop.fleet.plugins  # noqa: F401, pylint: disable=unused-import
    except ImportError:
        root = pathlib.Path(tempfile.mkdtemp(prefix="pitstop-collections-"))
        config.add_cleanup(lambda: shutil.rmtree(str(root)))
        namespace = root / "ansible_collections" / "pitstop"
        namespace.mkdir(parents=True)
        (namespace / "fleet").symlink_to(COLLECTION)
        sys.path.insert(0, str(root))


def is_of(record, verbs):
    """Whether a record is of one of the verbs, and of instances: what is remembered or built has other documents."""
    is_report = record["report"]["schema"].startswith("pitstop/report")
    words = [verb.split() for verb in verbs]
    return is_report and (not words or any(record["argv"][: len(verb)] == verb for verb in words))


def recorded_reports():
    """Name and content of every recorded report."""
    files = [path for path in sorted(CONTRACT_DIR.glob("*.json")) if not path.name.endswith(".schema.json")]
    return [(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in files]


def pytest_generate_tests(metafunc):
    """Run a test that asks for ``recorded`` once per recorded report of instances, of the verbs that it is marked with."""
    if "recorded" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("verbs")
        verbs = marker.args if marker else ()
        found = [(name, record) for name, record in recorded_reports() if is_of(record, verbs)]
        if not found:
            raise pytest.UsageError(
                "no recorded reports of %s in %s: run the agent's tests, or name their folder in PITSTOP_CONTRACT_DIR"
                % (verbs or "any verb", CONTRACT_DIR)
            )
        metafunc.parametrize("recorded", [record for name, record in found], ids=[name for name, record in found])


class ReplayedAgent:
    """An executable that answers its n-th call with the n-th record and keeps the arguments."""

    def __init__(self, folder):
        self.path = str(folder / "pitstop")
        self._calls = folder / "pitstop.calls"
        self._calls.mkdir()
        pathlib.Path(self.path).write_text(REPLAY, encoding="utf-8")
        os.chmod(self.path, 0o755)
        self._count = 0

    def answers(self, document, rc=0, stderr=""):
        """Adds the answer to one more call; a text is printed as it is, anything else as JSON."""
        stdout = document if isinstance(document, str) else json.dumps(document)
        for suffix, text in (("out", stdout), ("err", stderr), ("exit", str(rc))):
            (self._calls / ("%d.%s" % (self._count, suffix))).write_text(text, encoding="utf-8")
        self._count += 1

    def calls(self):
        """The arguments of each call."""
        files = sorted(self._calls.glob("*.argv"), key=lambda path: int(path.stem))
        return [path.read_text(encoding="utf-8").splitlines() for path in files]

    def inputs(self):
        """What each call that named C(-) was given on standard input."""
        return [path.read_text(encoding="utf-8") for path in sorted(self._calls.glob("*.in"), key=lambda path: int(path.stem))]

    def verbs(self):
        """The arguments of each call from the verb on; every call asks for JSON before it."""
        assert all(call[:2] == ["--output", "json"] for call in self.calls())
        return [call[2:] for call in self.calls()]


@pytest.fixture
def record():
    """Gives the recorded report of a name."""
    reports = dict(recorded_reports())
    return reports.__getitem__


@pytest.fixture
def agent(tmp_path):
    """A replaying agent."""
    return ReplayedAgent(tmp_path)


@pytest.fixture
def run_module(capsys):
    """Runs a module's ``main`` with parameters; returns what it prints, warnings included."""

    def run(module, **params):
        from ansible.module_utils import basic
        from ansible.module_utils.common import warnings

        data = json.dumps({"ANSIBLE_MODULE_ARGS": params}).encode("utf-8")
        with contextlib.ExitStack() as patched:
            patched.enter_context(mock.patch.object(basic, "_ANSIBLE_ARGS", data))
            patched.enter_context(mock.patch.object(basic, "_ANSIBLE_PROFILE", "legacy", create=True))
            # A module's process ends with its warnings; here the next module would inherit them.
            fresh = type(warnings._global_warnings)()
            patched.enter_context(mock.patch.object(warnings, "_global_warnings", fresh))
            # Nor is it a controller, as this one is once a filter was imported. ansible-core knows the difference from 2.19 on.
            if hasattr(warnings, "_internal"):
                patched.enter_context(mock.patch.object(warnings._internal, "is_controller", False))
            with pytest.raises(SystemExit) as ended:
                module.main()
        result = json.loads(capsys.readouterr().out)
        assert bool(result.get("failed")) == (ended.value.code != 0)
        return result

    return run
