"""From one level to another, in place: download, back up, overwrite."""

from __future__ import annotations

import os
import re
from pathlib import Path

from standin import conflicts, result, revert
from standin.catalogue import Delta, Levels, download
from standin.context import Run
from standin.faults import spoil
from standin.files import Writer
from standin.output import End, Refusal
from standin.plan import Plan, Planner


def requested_level(run: Run, levels: Levels) -> int:
    """`N` or `x.y.z.N`; without it the newest."""
    text = run.options.get("level")
    if text is None:
        return levels.latest()
    found = re.fullmatch(r"(?:(\d+\.\d+\.\d+)\.)?(\d+)", text)
    if not found or found[1] not in (None, run.version):
        raise Refusal("Invalid requested update level")
    level = int(found[2])
    if level < run.config.level:
        if run.knobs["lower_level"] == "no-op":
            raise End(0)
        raise Refusal("Invalid requested update level")
    if level != run.config.level and level not in levels.numbers:
        raise Refusal("Invalid requested update level")
    return level


def refuse_unready(run: Run) -> None:
    """What has to be in order before the product may be changed."""
    if run.state.pending:
        raise Refusal("[standin] conflicts are pending: resolve them and use --continue, or --revert")
    if run.state.hotfixes and run.knobs["update_with_hotfixes"] == "refuse":
        raise Refusal("[standin] hotfixes are applied: revert them first")
    if run.state.unfinished and run.knobs["after_kill"] == "revert-only":
        raise Refusal("[standin] the last run did not end: use --revert")
    if run.knobs["running_server"] == "refused" and server_runs(run.home):
        raise Refusal("[standin] the server is running")


def server_runs(home: Path) -> bool:
    try:
        os.kill(int((home / "wso2carbon.pid").read_bytes().strip(b"\0\n ")), 0)
    except (OSError, ValueError):
        return False
    return True


def update(run: Run, levels: Levels) -> None:
    """The command itself, from the checks to the exit code. Always ends by an exception or returns for exit 0."""
    refuse_unready(run)
    target = requested_level(run, levels)
    folder = revert.backup_folder(run)
    numbers = levels.between(run.config.level, target)
    if not numbers:
        nothing_to_do(run, folder)
        return
    size = max(levels.size(previous, number) for previous, number in zip([run.config.level, *numbers], numbers))
    revert.check_disk(run, folder, size, len(numbers))
    run.make_updates_home()
    run.out.trouble()
    download(levels, numbers, run.cache, run.faults)
    for number in numbers:
        run.out.detail(f"level {number}: {levels.updates[number].get('instructions') or 'no instructions'}")
    if run.faults.network_fail == "before-backup":
        raise Refusal("Unable to connect to WSO2 Update")
    if run.options.get("dry-run"):
        dry_run(run, levels.delta(run.config.level, target))
        return
    deltas = levels.deltas(run.config.level, target, run.knobs["steps"] == "one-by-one")
    if run.user:
        run.config.set_account(run.user)
    run.config.set_choices(run.options.get("channel", "full"), str(folder))
    if not run.options.get("no-backup"):
        revert.make_backup(run, folder)
    elif run.knobs["no_backup_record"] == "forgotten":
        run.config.forget_backup()
    guarded(run, deltas)


def nothing_to_do(run: Run, folder: Path) -> None:
    run.out.progress("nothing to do")
    if run.knobs["up_to_date_backup"] and not run.options.get("no-backup"):
        revert.make_backup(run, folder)
    run.config.save()
    if run.knobs["template_up_to_date"] == "empty-lists":
        result.print_template(run, Plan())
    if run.knobs["up_to_date_exit"]:
        raise End(run.knobs["up_to_date_exit"])


def dry_run(run: Run, delta: Delta) -> None:
    plan = Planner(run.home, run.knobs).plan(delta)
    for verb, paths in (("add", plan.added), ("change", plan.modified), ("remove", plan.removed)):
        for path in paths:
            run.out.progress(f"would {verb} {path}")
    if run.knobs["dry_run_template"] == "printed":
        result.print_template(run, plan)
    if plan.conflicts:
        raise End(run.knobs["dry_run_conflict_exit"])


def guarded(run: Run, deltas: list[Delta]) -> None:
    """Applies; a failure leaves the half as it is unless this variant of the tool rolls back."""
    try:
        apply(run, deltas)
    except Refusal as refusal:
        backup = run.config.backup.get("backup")
        if run.knobs["auto_rollback"] == "never" or not backup:
            raise
        run.out.error(str(refusal))
        revert.restore(run, Path(backup))
        raise End(4) from refusal


def apply(run: Run, deltas: list[Delta]) -> None:
    if run.faults.network_fail == "after-backup":
        raise Refusal("Unable to connect to WSO2 Update")
    run.state.unfinished = True
    run.state.save()
    writer, planner, done = Writer(run.home, run.knobs, run.faults), Planner(run.home, run.knobs), Plan()
    for delta in deltas:
        plan = planner.plan(delta)
        execute(run, writer, plan)
        execute(run, writer, planner.exploded(delta))
        add(done, plan)
    run.faults.before_write(len(writer.written) + len(writer.removed), writer.total)
    for warning in done.warnings:
        run.out.progress(f"warning: {warning}")
    spoil(run.faults, run.home, writer.written, writer.removed)
    if run.faults.exit1_half:
        raise Refusal("[standin] failed after the files were written")
    finish(run, done, deltas[0].start, deltas[-1].end)


def execute(run: Run, writer: Writer, plan: Plan) -> None:
    writer.total += len(plan.puts)
    if run.knobs["permission_check"] == "upfront":
        writer.refuse_unwritable(list(plan.puts))
    for path, file in plan.puts.items():
        if file is None:
            writer.remove(path)
        else:
            writer.put(path, file, plan.owners.get(path))


def add(done: Plan, plan: Plan) -> None:
    """Lists of a further step; a path that is in conflict already keeps its first original."""
    for name in ("added", "modified", "merged", "removed", "warnings"):
        here = getattr(done, name)
        here.extend(item for item in getattr(plan, name) if item not in here)
    known = {conflict.path: conflict for conflict in done.conflicts}
    for conflict in plan.conflicts:
        if conflict.path in known:
            known[conflict.path].new = conflict.new
        else:
            done.conflicts.append(conflict)


def finish(run: Run, plan: Plan, start: int, end: int) -> None:
    """Records the result: a new level, or conflicts for a person."""
    if plan.conflicts and os.environ.get("WSO2_UPDATES_SKIP_CONFLICTS") == "true":
        plan = conflicts.skipped(run, plan)
    changelog = result.changelog_text(run, plan, start, end)
    run.state.unfinished = False
    if plan.conflicts:
        conflicts.leave(run, plan, end, changelog)
        result.print_template(run, plan)
        raise End(3)
    result.complete(run, end, changelog)
    result.print_template(run, plan)
    if run.options.get("get-summary"):
        result.write_summary(run, start, end)
    if run.faults.exit1_applied:
        raise Refusal("[standin] failed after everything was applied")
