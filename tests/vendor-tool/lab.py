#!/usr/bin/env python3
"""lab.py DIR [VERSION…]: what the agent's own tests drive, below DIR.

home       a product with the tool in it, never updated
service    what the tool talks to, with the newest of the tool's VERSIONs; its knobs.json sets knobs and faults
pristine/N the vendor's tree at level N, without the tool
"""

from __future__ import annotations

import sys
from pathlib import Path

import bundle
import catalogue
import world
from standin.catalogue import Levels, File


def customised_levels() -> list:
    """The levels of the stand-in's own tests, and one that a customised configuration is in conflict with."""
    added = {"level": 12, "edit": {world.TOML: [['hostname = "localhost"', 'hostname = "vendor"']]}, "new_dbscripts": True,
             "changes_mode": {"dbscripts/mysql.sql": "0600"}}
    return [*world.LEVELS, added]


def write(folder: Path, path: str, file: File) -> None:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    if file.link is not None:
        place.symlink_to(file.link)
    else:
        place.write_bytes(file.data)
        place.chmod(file.mode)


def make(folder: Path, versions: tuple) -> None:
    home, service = folder / "home", folder / "service"
    world.write_tree(home, world.pristine())
    catalogue.build(home, service, customised_levels(), tools=versions)
    levels = Levels(service / world.KEY)
    paths = set(catalogue.tree_files(home))
    for update in levels.updates.values():
        paths.update(update["added"])
    for level in [0, *levels.numbers]:
        for path in paths:
            file = levels.pristine(level, path)
            if file is not None:
                write(folder / f"pristine/{level}", path, file)
    bundle.install(home, service=service)


def main() -> None:
    make(Path(sys.argv[1]), tuple(sys.argv[2:]) or (bundle.VERSION,))


if __name__ == "__main__":
    main()
