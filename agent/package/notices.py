#!/usr/bin/env python3
"""Prints which libraries are in the program, with the texts of their licences, each text once.

notices.py TARGET    what is linked on that target
"""

import json
import re
import subprocess
import sys
from pathlib import Path

TEXT = re.compile(r"(licen[cs]e|copying|notice|unlicense)", re.IGNORECASE)
CODE = {".rs", ".toml", ".py", ".json", ".html"}


def cargo(*words):
    return subprocess.run(["cargo", *words, "--locked"], check=True, capture_output=True, text=True).stdout


def main(target):
    tree = cargo(
        "tree", "--package", "pitstop", "--target", target, "--edges", "normal", "--prefix", "none", "--format", "{p}|"
    )
    linked = {tuple(line.split("|")[0].split()[:2]) for line in tree.splitlines() if line}
    texts = {}
    for package in json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", target))["packages"]:
        name, version = package["name"], package["version"]
        if (name, f"v{version}") not in linked or package["source"] is None:
            continue
        folder = Path(package["manifest_path"]).parent
        files = [
            path for path in folder.iterdir() if path.is_file() and TEXT.search(path.name) and path.suffix not in CODE
        ]
        said = [path.read_text(encoding="utf-8", errors="replace").strip() for path in sorted(files)]
        for text in said or ["(The library comes without the text.)"]:
            texts.setdefault(text, []).append(f"{name} {version} ({package['license']})")
    print("Libraries in the program pitstop, and what their licences say.")
    for text, names in sorted(texts.items(), key=lambda item: sorted(item[1])):
        print("\n" + "=" * 80 + "\n" + "\n".join(sorted(names)) + "\n" + "-" * 80 + "\n" + text)


if __name__ == "__main__":
    main(sys.argv[1])
