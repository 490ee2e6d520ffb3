#!/usr/bin/env python3
"""Keeps the check list in CONFIRM.md as the table of knobs is.

confirm.py            compares, shows the difference and fails
confirm.py --write    writes the list into CONFIRM.md; ticks and notes below a knob are kept
"""

from __future__ import annotations

import difflib
import re
import sys
from pathlib import Path

from standin.knobs import GROUPS, Knob

FILE = Path(__file__).resolve().parent / "CONFIRM.md"
BEGIN, END = "<!-- knobs -->\n", "<!-- end -->\n"
ITEM = re.compile(r"^- \[(?P<tick>[ x])\] `(?P<name>\w+)`.*\n(?P<notes>(?:  - (?!Assumed:).*\n)*)", re.M)


def shown(value: object) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def item(knob: Knob, tick: str, notes: str) -> str:
    others = ", ".join(shown(value) for value in knob.alternatives)
    sections = ", ".join(f"§{section}" for section in knob.section.split(", "))
    return f"- [{tick}] `{knob.name}` {knob.asks} Assumed: {shown(knob.default)}; else {others}. ({sections}; step `{knob.step}`)\n{notes}"


def with_list(text: str) -> str:
    """The page with the list of now; what a person wrote to a knob stays."""
    head, rest = text.split(BEGIN)
    old, tail = rest.split(END)
    kept = {found["name"]: (found["tick"], found["notes"]) for found in ITEM.finditer(old)}
    parts = []
    for group, knobs in GROUPS.items():
        items = "".join(item(knob, *kept.get(knob.name, (" ", ""))) for knob in knobs)
        parts.append(f"### {group}\n\n{items}")
    return f"{head}{BEGIN}\n" + "\n".join(parts) + f"\n{END}{tail}"


def main() -> None:
    text = FILE.read_text(encoding="utf-8")
    wanted = with_list(text)
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(wanted, encoding="utf-8")
    elif text != wanted:
        sys.stdout.writelines(difflib.unified_diff(text.splitlines(True), wanted.splitlines(True), "CONFIRM.md", "the knobs"))
        sys.exit("CONFIRM.md differs from standin/knobs.py: run tests/vendor-tool/confirm.py --write")


if __name__ == "__main__":
    main()
