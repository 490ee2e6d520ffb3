#!/usr/bin/env python3
"""Checks that the tables of exit codes and error kinds in README.md are those of the code.

readme.py            compares, shows the difference and fails
readme.py --write    writes the tables into README.md
"""

import difflib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
CODE = ROOT / "agent/src/api/error.rs"


def kebab(name):
    return re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower()


def doc(lines):
    return " ".join(re.findall(r"/// ?(.*)", lines)).strip().rstrip(".")


def tables():
    code = CODE.read_text(encoding="utf-8")
    exits = re.search(r"pub enum ExitCode \{(.*?)\n\}", code, re.S).group(1)
    codes = re.findall(r"((?:\s+///.*\n)+)\s+(\w+) = (\d),", exits)
    kinds = re.findall(r'((?:\s+///.*\n)+)\s+\w+ = "([a-z-]+)" => (\w+),', code)
    number = {name: value for _, name, value in codes}
    yield "exit codes", ["| exit | name | meaning |", "|---|---|---|"] + [
        f"| {value} | {kebab(name)} | {doc(text)} |" for text, name, value in codes
    ]
    yield "error kinds", ["| kind | exit | meaning |", "|---|---|---|"] + [
        f"| `{kind}` | {number[exit]} | {doc(text)} |" for text, kind, exit in kinds
    ]


def with_tables(text):
    for name, rows in tables():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        if not re.search(pattern, text, re.S):
            sys.exit(f"README.md has no place for the {name}")
        text = re.sub(pattern, lambda found, rows=rows: found[1] + "\n".join(rows) + "\n" + found[2], text, count=1, flags=re.S)
    return text


def main():
    text = README.read_text(encoding="utf-8")
    wanted = with_tables(text)
    if sys.argv[1:] == ["--write"]:
        README.write_text(wanted, encoding="utf-8")
    elif text != wanted:
        sys.stdout.writelines(difflib.unified_diff(text.splitlines(True), wanted.splitlines(True), "README.md", "the code"))
        sys.exit("README.md differs from the code: run tests/readme.py --write")


if __name__ == "__main__":
    main()
