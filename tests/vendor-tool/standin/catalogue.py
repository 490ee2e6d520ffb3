"""The service: a directory with the pristine base, the updates and the newest client of each product."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from standin.faults import Faults
from standin.output import Refusal


def version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


@dataclass(frozen=True)
class File:
    """A file or, if `link` is set, a symbolic link."""

    data: bytes = b""
    mode: int = 0o644
    link: Optional[str] = None


@dataclass(frozen=True)
class Change:
    """One path of an update: the pristine file before and after; None is "no such file"."""

    path: str
    old: Optional[File]
    new: Optional[File]
    owner: Optional[tuple[int, int]] = None


@dataclass
class Delta:
    """What leads from one level to another."""

    start: int
    end: int
    changes: list[Change] = field(default_factory=list)


class Levels:
    """A product's base and updates, in the service or in an unpacked offline zip."""

    def __init__(self, root: Path, start: int = 0):
        self.root, self.start = root, start
        folders = sorted((root / "levels").iterdir()) if (root / "levels").is_dir() else []
        self.updates: dict[int, dict[str, Any]] = {int(folder.name): self._update(folder) for folder in folders}

    @staticmethod
    def _update(folder: Path) -> dict[str, Any]:
        try:
            return json.loads((folder / "update.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Refusal(f"Unable to parse JSON file update.json: {error}") from error

    @property
    def numbers(self) -> list[int]:
        return sorted(self.updates)

    def latest(self) -> int:
        return max(self.numbers, default=self.start)

    def between(self, start: int, end: int) -> list[int]:
        return [number for number in self.numbers if start < number <= end]

    def folder(self, level: int) -> Path:
        return self.root / "levels" / f"{level:04}"

    def pristine(self, level: int, path: str) -> Optional[File]:
        """The vendor's file at a level: the newest update up to it that names the path, else the base."""
        for number in reversed(self.between(self.start - 1, level)):
            update = self.updates[number]
            if path in update.get("links", {}):
                return File(link=update["links"][path])
            if path in update["removed"]:
                return None
            if path in update["added"] or path in update["modified"]:
                mode = int(update.get("modes", {}).get(path, "0644"), 8)
                return File((self.folder(number) / "files" / path).read_bytes(), mode)
        return read_file(self.root / "base" / path)

    def delta(self, start: int, end: int) -> Delta:
        """The cumulative difference, with what a long jump over a required stop gets wrong."""
        paths: dict[str, Optional[tuple[int, int]]] = {}
        skipped: set[str] = set()
        for number in self.between(start, end):
            update = self.updates[number]
            for path in (*update["added"], *update["modified"], *update["removed"]):
                paths[path] = tuple(update.get("owners", {}).get(path, ())) or paths.get(path)
            stop = update.get("broken_unless_via")
            if stop is not None and start < stop < number:
                skipped.update(path.rpartition("_")[0] for path in update["broken_paths"])
        delta = Delta(start, end)
        for path in sorted(paths):
            # The jar stays as it was, whatever the levels in between made of it.
            if path.endswith(".jar") and path.rpartition("_")[0] in skipped:
                continue
            old, new = self.pristine(start, path), self.pristine(end, path)
            if old != new or paths[path]:
                delta.changes.append(Change(path, old, new, paths[path]))
        return delta

    def deltas(self, start: int, end: int, one_by_one: bool) -> list[Delta]:
        if not one_by_one:
            return [self.delta(start, end)]
        stops = [start, *self.between(start, end)]
        return [self.delta(one, next_one) for one, next_one in zip(stops, stops[1:])]

    def size(self, start: int, end: int) -> int:
        """Bytes of the updates between two levels; an update may claim more than it has (`size`)."""
        total = 0
        for number in self.between(start, end):
            files = (self.folder(number) / "files").rglob("*")
            total += self.updates[number].get("size") or sum(f.lstat().st_size for f in files if f.is_file())
        return total


def read_file(path: Path) -> Optional[File]:
    if path.is_symlink():
        return File(link=os.readlink(path))
    if not path.is_file():
        return None
    return File(path.read_bytes(), path.stat().st_mode & 0o7777)


class Service:
    """The directory that stands for the vendor's servers."""

    def __init__(self, root: Path):
        self.root = root

    def users(self) -> dict[str, str]:
        return json.loads((self.root / "users.json").read_text(encoding="utf-8"))

    def product(self, key: str) -> Levels:
        if not (self.root / key / "base").is_dir():
            raise Refusal("Unable to identify the product")
        return Levels(self.root / key)

    def newest_tool(self) -> Optional[str]:
        folder = self.root / "tool"
        versions = [one.name for one in folder.iterdir() if one.is_dir()] if folder.is_dir() else []
        return max(versions, key=version_key, default=None)

    def client(self, version: str, name: str) -> bytes:
        folder = self.root / "tool" / version
        wanted = folder / name
        return (wanted if wanted.is_file() else folder / "wso2update_linux").read_bytes()


def download(levels: Levels, numbers: list[int], cache: Path, faults: Faults) -> None:
    """Copies the updates into the cache. A corrupt file stays there: only emptying the cache helps, as with the vendor."""
    faults.reach("download")
    for number in numbers:
        update = levels.updates[number]
        for path, digest in update["md5"].items():
            target = cache / f"{number:04}" / path
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(levels.folder(number) / "files" / path, target)
                failing = faults.md5_failure
                if failing == "always" or (failing == "once" and faults.strikes("md5_failure", 1)):
                    target.write_bytes(b"[standin] corrupt\n")
            if md5(target.read_bytes()) != digest:
                raise Refusal(f"File validation failed: {target}")
