"""What an update would do to each path: pure, the disk is only read. The table of knowledge base §1.9."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Optional

from standin import merge
from standin.catalogue import Change, Delta, File, read_file
from standin.knobs import Knobs

TEMPLATES = "repository/resources/conf/templates"


@dataclass
class Conflict:
    """Two texts that do not go together: pristine before, pristine after."""

    path: str
    original: Optional[File]
    new: Optional[File]


@dataclass
class Plan:
    """The decided files; None in `puts` stands for a removal."""

    puts: dict[str, Optional[File]] = field(default_factory=dict)
    owners: dict[str, tuple[int, int]] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    modified: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def replace(self, path: str, file: File, listed: list[str]) -> None:
        self.puts[path] = file
        listed.append(path)

    def conflict(self, change: Change) -> None:
        self.conflicts.append(Conflict(change.path, change.old, change.new))


class Planner:
    """Decides path by path from pristine old, local and pristine new."""

    def __init__(self, home: Path, knobs: Knobs):
        self._home, self._knobs = home, knobs

    def plan(self, delta: Delta) -> Plan:
        plan = Plan()
        for change in delta.changes:
            if change.path.endswith(merge.KEYSTORES):
                continue
            local = self._local(change)
            self._decide(plan, change, local)
            put = plan.puts.get(change.path)
            if put and local and self._keeps_mode(change):
                plan.puts[change.path] = replace(put, mode=local.mode)
            if change.owner and put:
                plan.owners[change.path] = change.owner
        return plan

    def _local(self, change: Change) -> Optional[File]:
        """The file on disk. A person's link to a text elsewhere is read through if it will be written through."""
        place = self._home / change.path
        vendor_links = any(side and side.link is not None for side in (change.old, change.new))
        if place.is_symlink() and not vendor_links and self._knobs["symlink_at_path"] == "through":
            return read_file(place.resolve())
        return read_file(place)

    def _keeps_mode(self, change: Change) -> bool:
        same = change.old is not None and change.new is not None and change.old.mode == change.new.mode
        return same and self._knobs["file_mode"] == "kept"

    def _decide(self, plan: Plan, change: Change, local: Optional[File]) -> None:
        if change.new is None:
            self._remove(plan, change, local)
        elif local is None:
            self._missing(plan, change)
        elif local.link is not None and change.new.link is None:
            plan.replace(change.path, change.new, plan.modified)
        elif change.old is None:
            self._added_present(plan, change, local)
        elif local.data == change.old.data and local.link == change.old.link:
            plan.replace(change.path, change.new, plan.modified)
        elif local.data != change.new.data or local.link != change.new.link:
            self._customised(plan, change, local)

    def _remove(self, plan: Plan, change: Change, local: Optional[File]) -> None:
        if local is None:
            return
        rule = "remove" if local.data == change.old.data else self._knobs["removed_but_changed"]
        if rule == "remove":
            plan.puts[change.path] = None
            plan.removed.append(change.path)
        elif rule == "conflict":
            plan.conflict(change)

    def _missing(self, plan: Plan, change: Change) -> None:
        rule = "restore" if change.old is None else self._knobs["missing_local"]
        if rule == "restore":
            plan.replace(change.path, change.new, plan.added if change.old is None else plan.modified)
        elif rule == "conflict":
            plan.conflict(change)

    def _added_present(self, plan: Plan, change: Change, local: File) -> None:
        if local.data == change.new.data:
            return
        if self._knobs["added_present"] == "conflict":
            plan.conflict(change)
            return
        plan.warnings.append(f"{change.path} already exists, replacing")
        plan.replace(change.path, change.new, plan.added)

    def _customised(self, plan: Plan, change: Change, local: File) -> None:
        path, old, new = change.path, change.old, change.new
        if path.endswith("bundles.info"):
            self._by_rule(plan, change, local, self._knobs["bundles_info"])
        elif path.endswith(".war"):
            self._war(plan, change, local)
        elif path.endswith(".car"):
            self._by_rule(plan, change, local, self._knobs["car_files"])
        elif not merge.is_text(path, old.data, local.data, new.data):
            plan.replace(path, new, plan.modified)
        elif (self._home / TEMPLATES / f"{path}.j2").exists():
            self._by_rule(plan, change, local, self._knobs["generated_conf"])
        else:
            self._text(plan, change, local)

    def _by_rule(self, plan: Plan, change: Change, local: File, rule: str) -> None:
        if rule == "replace":
            plan.replace(change.path, change.new, plan.modified)
        elif rule == "conflict":
            plan.conflict(change)
        elif rule == "merge":
            data = merge.merge_bundles(change.old.data, local.data, change.new.data)
            self._merged(plan, change, data)
        elif rule == "as-text":
            self._text(plan, change, local)

    def _text(self, plan: Plan, change: Change, local: File) -> None:
        data = None
        if self._knobs["text_merge"] == "lines":
            data = merge.merge_lines(change.old.data, local.data, change.new.data)
        if data is None:
            plan.conflict(change)
        else:
            self._merged(plan, change, data)

    @staticmethod
    def _merged(plan: Plan, change: Change, data: bytes) -> None:
        plan.replace(change.path, File(data, change.new.mode), plan.modified)
        plan.merged.append(change.path)

    def _war(self, plan: Plan, change: Change, local: File) -> None:
        vendor_wins = self._knobs["war_member_conflict"] == "vendor"
        sides = (change.old.data, local.data, change.new.data)
        self._merged(plan, change, merge.merge_war(*sides, vendor_wins))

    def exploded(self, delta: Delta) -> Plan:
        """The directories that a server unpacked beside its .war files."""
        plan = Plan()
        for change in delta.changes if self._knobs["exploded_war"] == "updated" else []:
            folder = change.path[: -len(".war")]
            if change.path.endswith(".war") and change.old and change.new and (self._home / folder).is_dir():
                self._exploded(plan, folder, merge.members(change.old.data), merge.members(change.new.data))
        return plan

    def _exploded(self, plan: Plan, folder: str, old: dict[str, bytes], new: dict[str, bytes]) -> None:
        vendor_wins = self._knobs["war_member_conflict"] == "vendor"
        for name in sorted({*old, *new}):
            local = read_file(self._home / folder / name)
            here = local.data if local else None
            merged = merge.merge_member(name, old.get(name), here, new.get(name), vendor_wins)
            if merged != here:
                plan.puts[f"{folder}/{name}"] = None if merged is None else File(merged)
