"""Texts that a person has to bring together: .original, .new, .final and --continue."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from standin import result
from standin.catalogue import File
from standin.context import Run
from standin.files import Writer
from standin.output import End, Refusal
from standin.plan import Plan


def skipped(run: Run, plan: Plan) -> Plan:
    """WSO2_UPDATES_SKIP_CONFLICTS=true: what it means is unknown, the knob decides."""
    rule = run.knobs["skip_conflicts"]
    if rule == "ignored":
        return plan
    writer = Writer(run.home, run.knobs, run.faults)
    for conflict in plan.conflicts if rule == "vendor" else []:
        if conflict.new is not None:
            writer.put(conflict.path, conflict.new)
            plan.modified.append(conflict.path)
    plan.conflicts = []
    return plan


def _beside(path: Path, suffix: str, file: Optional[File]) -> None:
    if file is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(path.name + suffix).write_bytes(file.data)


def leave(run: Run, plan: Plan, end: int, changelog: Optional[dict[str, str]]) -> None:
    """The local file stays; the vendor's two versions lie beside it; the state says what is missing."""
    for conflict in plan.conflicts:
        _beside(run.home / conflict.path, ".original", conflict.original)
        _beside(run.home / conflict.path, ".new", conflict.new)
        run.out.progress(f"conflict: {conflict.path}")
    run.state.pending = {
        "level": end,
        "paths": [conflict.path for conflict in plan.conflicts],
        "changelog": changelog,
        "waves": 1 if run.knobs["second_wave"] else 0,
    }
    if run.knobs["conflict_level"] == "new":
        run.config.set_level(end)
    run.config.save()
    run.state.save()


def resume(run: Run) -> None:
    """--continue: every .final becomes the file."""
    pending = run.state.pending
    if not pending:
        raise Refusal("[standin] nothing to continue")
    homes = [run.home / path for path in pending["paths"]]
    unresolved = [path for path in homes if not path.with_name(path.name + ".final").is_file()]
    if unresolved:
        raise Refusal(f"[standin] {len(unresolved)} conflicts are not resolved: {unresolved[0]}")
    for path in homes:
        mode = path.stat().st_mode & 0o7777 if path.exists() else 0o644
        path.with_name(path.name + ".final").replace(path)
        path.chmod(mode)
        for suffix in (".new",) if run.knobs["continue_leaves_original"] else (".new", ".original"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    if pending["waves"]:
        _again(run, homes[0])
    run.state.pending = {}
    result.complete(run, pending["level"], pending["changelog"])


def _again(run: Run, path: Path) -> None:
    """A further conflict in the first file, as after a chain of updates."""
    _beside(path, ".original", File(path.read_bytes()))
    _beside(path, ".new", File(path.read_bytes() + b"# [standin] second wave\n"))
    run.state.pending.update(paths=[path.relative_to(run.home).as_posix()], waves=0)
    run.state.save()
    raise End(3)
