#!/usr/bin/env python3
"""Asks a real update tool what CONFIRM.md asks, on copies of a pack, and records the answers without credentials.

UPDATE_TOOL_USERNAME=… UPDATE_TOOL_PASSWORD=… record.py --pack DIR --level N --next M --out FILE.json|FILE.md

--pack is an unpacked, never updated pack with its tool; it is only read. Work is done on copies in a private directory
(--work, else a temporary one; several times the pack's size) with a HOME of their own. --level and --next are two levels
that the tool offers, the second higher. --hotfix takes hotfix zips for --level, in order. --only runs the named steps.
The credentials are never put on a command line; user, password, tokens, host names and private paths are taken out of
the record, contents of files are never in it, and nothing is written if a known secret is left. Read it before you share it.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from probe import Probe, Skip
from record_changes import STEPS
from scrub import Scrubber

SCHEMA = "pitstop/vendor-tool-record/v1"


def login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def scrubber(pack: Path, work: Path, out: Path) -> Scrubber:
    places = {str(work): "<work>", str(pack): "<pack>", str(pack.parent): "<packs>", str(out.parent): "<out>",
              str(Path.cwd()): "<cwd>", os.environ.get("HOME", ""): "<user-home>"}
    places = {str(Path(path).resolve()): label for path, label in places.items() if path} | places
    return Scrubber(os.environ, {path: label for path, label in places.items() if len(path) > 1}, login_name())


def record(probe: Probe, only: list[str]) -> dict[str, Any]:
    """Runs the steps; one that cannot be taken says why, and the others go on."""
    steps = []
    for name, step in STEPS.items():
        if only and name not in only:
            continue
        print(f"step {name}", file=sys.stderr, flush=True)
        probe.begin()
        try:
            step(probe)
            steps.append({"step": name, "asks": step.__doc__, "runs": probe.runs})
        except Skip as why:
            steps.append({"step": name, "asks": step.__doc__, "runs": probe.runs, "skipped": str(why)})
    return {"schema": SCHEMA, "tool": probe.tool_name, "levels": [probe.level, probe.next], "steps": steps}


def markdown(recorded: dict[str, Any]) -> str:
    """The same for people."""
    lines = ["# What the update tool answered", "", f"Tool `{recorded['tool']}`, levels {recorded['levels']}.", ""]
    for step in recorded["steps"]:
        lines += [f"## {step['step']}", "", step["asks"], ""]
        if "skipped" in step:
            lines += [f"Skipped: {step['skipped']}", ""]
        for run in step["runs"]:
            lines += [f"`{run['command']}` ended with **{run['exit']}**", ""]
            lines += ["```json", json.dumps(run, indent=1), "```", ""]
    return "\n".join(lines)


def write(recorded: dict[str, Any], scrub: Scrubber, out: Path) -> None:
    clean = scrub.value(recorded)
    text = markdown(clean) if out.suffix == ".md" else json.dumps(clean, indent=1) + "\n"
    left = scrub.leaks(text)
    if left:
        sys.exit(f"record: nothing was written, the record would still contain {', '.join(left)}; please report this")
    out.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--tool", default="wso2update_linux", help="its name in bin/")
    parser.add_argument("--level", type=int, required=True)
    parser.add_argument("--next", type=int, required=True)
    parser.add_argument("--hotfix", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--limit", type=int, default=3600, help="seconds for one call of the tool")
    parser.add_argument("--only", nargs="*", choices=list(STEPS), default=[])
    asked = parser.parse_args()
    if asked.out.suffix not in (".json", ".md"):
        sys.exit("record: --out has to end in .json or .md")
    if not {"UPDATE_TOOL_USERNAME", "UPDATE_TOOL_PASSWORD"} <= set(os.environ):
        sys.exit("record: UPDATE_TOOL_USERNAME and UPDATE_TOOL_PASSWORD are not set; they are read from the environment only")
    if not (asked.pack / "bin" / asked.tool).is_file():
        sys.exit(f"record: {asked.pack}/bin/{asked.tool} is missing: run bin/update_tool_setup.sh there, or name it with --tool")
    work = Path(tempfile.mkdtemp(prefix="record-", dir=asked.work))
    scrub = scrubber(asked.pack.resolve(), work, asked.out.resolve())
    probe = Probe(asked.pack.resolve(), work, asked.tool, asked.level, asked.next, asked.hotfix, asked.limit, scrub)
    try:
        recorded = record(probe, asked.only)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    write(recorded, scrub, asked.out)
    print(f"{asked.out}: {len(recorded['steps'])} steps, {sum('skipped' in step for step in recorded['steps'])} skipped", file=sys.stderr)


if __name__ == "__main__":
    main()
