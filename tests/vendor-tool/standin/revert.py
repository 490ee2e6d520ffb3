"""The full backup, the only undo that the vendor's tool has, and the way back to it."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from pathlib import Path

from standin.config import Config, State
from standin.context import Run
from standin.output import End, Refusal

RESERVE = 500_000_000


def tree_size(root: Path) -> int:
    return sum(file.lstat().st_size for file in root.rglob("*") if file.is_symlink() or file.is_file())


def tree_digest(root: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        digest.update(file.relative_to(root).as_posix().encode())
        if file.is_file() and not file.is_symlink():
            digest.update(file.read_bytes())
    return digest.hexdigest()


def backup_folder(run: Run) -> Path:
    """The named directory, else the remembered one, else the default."""
    named = run.options.get("backup")
    if named is None:
        return Path(run.config.keys.get("backup-dir") or run.updates_home / "backup")
    folder = Path(named).resolve()
    if folder == run.home.resolve() or run.home.resolve() in folder.parents:
        raise Refusal(f"Backup directory {folder} cannot be inside the product directory {run.home}")
    if run.knobs["backup_dir_missing"] == "refuse" and (not Path(named).is_absolute() or not folder.is_dir()):
        raise Refusal(f"Unable to read directory {named}")
    run.config.keys["backup-dir"] = str(folder)
    return folder


def check_disk(run: Run, folder: Path, update_size: int, updates: int) -> None:
    """3 x pack + updates x size + 500 MB, as the vendor's documentation has it."""
    needed = 3 * tree_size(run.home) + updates * update_size + RESERVE
    places = {"backup": folder, "home": run.home, "updates-home": run.updates_home}
    for name in ["backup"] if run.knobs["disk_check"] == "backup" else list(places):
        free = (run.faults.disk_free or {}).get(name)
        if free is None:
            there = next(one for one in (places[name], *places[name].parents) if one.exists())
            free = shutil.disk_usage(there).free
        if free < needed:
            raise Refusal("Insufficient disk space")


def make_backup(run: Run, folder: Path) -> None:
    target = folder / f"{run.key}-{uuid.uuid4()}"
    run.out.progress(f"backing up to {target}")
    copy = shutil.copy if run.knobs["backup_mtimes"] == "now" else shutil.copy2
    shutil.copytree(run.home, target, symlinks=run.knobs["backup_symlinks"] == "link", copy_function=copy)
    run.faults.reach("backup")
    older = run.config.backup.get("backup")
    if older and run.knobs["backup_pruned"]:
        shutil.rmtree(older, ignore_errors=True)
    run.config.set_backup(str(target), tree_size(target))
    run.state.backup_digest = tree_digest(target)
    run.config.save()
    run.state.save()


def _untouched(run: Run, backup: Path) -> bool:
    how = run.knobs["backup_check"]
    if how == "size":
        return tree_size(backup) == run.config.backup.get("backup-size")
    return how == "none" or tree_digest(backup) == run.state.backup_digest


def restore(run: Run, backup: Path) -> None:
    """Deletes the product and copies the backup to its place. What was written since is lost."""
    client = run.executable.read_bytes()
    for entry in sorted(run.home.iterdir()):
        if run.faults.undeletable_file:
            _delete_up_to(entry, run.home / run.faults.undeletable_file)
        elif entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    shutil.copytree(backup, run.home, symlinks=True, dirs_exist_ok=True)
    if run.knobs["revert_tool"] == "kept":
        run.executable.write_bytes(client)


def _delete_up_to(entry: Path, undeletable: Path) -> None:
    for file in [entry] if not entry.is_dir() else sorted(entry.rglob("*")):
        if file == undeletable:
            raise Refusal(f"Error while deleting product directory: {file}: permission denied")
        if file.is_symlink() or file.is_file():
            file.unlink()


def revert(run: Run) -> None:
    if run.state.pending and run.knobs["revert_conflicted"] == "refused":
        raise Refusal("[standin] resolve the conflicts first")
    record = run.config.backup
    backup = Path(record["backup"]) if record.get("backup") else None
    if backup is None or not backup.is_dir():
        raise Refusal("Unable to revert as backups could not be found")
    if not _untouched(run, backup):
        raise Refusal("Cannot revert because the backup directory has been modified.")
    digest = run.state.backup_digest
    restore(run, backup)
    run.config = Config(run.home, run.knobs)
    run.state = State(run.config, run.knobs)
    if run.knobs["second_revert"] == "repeated":
        run.config.set_backup(record["backup"], record["backup-size"])
        run.state.backup_digest = digest
    else:
        run.config.forget_backup()
    run.config.save()
    run.state.save()
    if run.knobs["backup_after_revert"] == "removed":
        shutil.rmtree(backup)
    run.out.progress(f"reverted to {run.config.keys['update-level']}")
    raise End(run.knobs["revert_exit"])
