"""Hotfixes: a zip for one issue on one level; taking it back also takes back what was configured since."""

from __future__ import annotations

import json
import re
import shutil
import uuid
import zipfile
from pathlib import Path
from typing import Any

from standin.catalogue import File, md5
from standin.context import Run
from standin.files import Writer
from standin.output import End, Refusal

NAME = re.compile(r"(?P<product>.+)-hf-?(?P<number>\d+)\.zip")
# The vendor's list of what to save before a revert, and the configuration itself: all of it goes back.
CUSTOMER = [
    "repository/conf", "conf", "repository/deployment/server", "repository/tenants", "repository/resources/security",
    "repository/database", "repository/components/lib", "repository/components/dropins", "repository/logs",
]


def _opened(run: Run, file: Path) -> tuple[int, dict[str, Any], dict[str, bytes]]:
    """Number, hotfix.json and files of a zip that is one."""
    named = NAME.fullmatch(file.name)
    if not named or not named["product"].startswith(run.key):
        raise Refusal(f"Invalid hotfix name: {file.name}")
    try:
        with zipfile.ZipFile(file) as archive:
            described = json.loads(archive.read("hotfix.json"))
            files = {path: archive.read(f"files/{path}") for path in described["md5"]}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Refusal(f"Invalid hotfix name: {file.name}: Unable to parse JSON file hotfix.json: {error}") from error
    for path, digest in described["md5"].items():
        if md5(files[path]) != digest:
            raise Refusal(f"File validation failed: {path}")
    return int(named["number"]), described, files


def apply(run: Run, file: Path) -> None:
    number, described, files = _opened(run, file)
    if run.state.pending:
        raise Refusal("[standin] conflicts are pending")
    if described["product"] != run.key or described["level"] != run.config.level:
        raise Refusal(f"[standin] {file.name} is for {described['product']} level {described['level']}")
    if run.knobs["hotfix_after_update"] == "refused" and run.state.just_updated:
        raise Refusal("[standin] a hotfix cannot follow an update immediately")
    expected = 1 + max((one["number"] for one in run.state.hotfixes), default=0)
    if number < expected or (number > expected and run.knobs["hotfix_gap"] == "refuse"):
        raise Refusal(f"[standin] hotfix {number} cannot follow hotfix {expected - 1}")
    if run.options.get("dry-run"):
        run.out.progress(f"would apply {file.name}")
        return
    run.make_updates_home()
    backup = run.updates_home / "backup" / f"{run.key}-hf-{number}-{uuid.uuid4()}"
    shutil.copytree(run.home, backup, symlinks=True)
    writer = Writer(run.home, run.knobs, run.faults)
    writer.total = len(files)
    for path, data in files.items():
        writer.put(path, File(data))
    run.state.hotfixes.append({"name": file.name, "number": number, "paths": list(files), "backup": str(backup)})
    run.state.save()
    run.out.log(f"Applied hotfix {file.name}")
    run.out.progress(f"hotfix {file.name} applied")


def revert(run: Run) -> None:
    """The newest one only. Configuration goes back with it: that is documented, and why it must be saved before."""
    if not run.state.hotfixes:
        raise Refusal("[standin] no hotfix is applied")
    newest = run.state.hotfixes[-1]
    backup = Path(newest["backup"])
    if not backup.is_dir():
        raise Refusal("Unable to revert as backups could not be found")
    for path in newest["paths"]:
        _put_back(backup / path, run.home / path)
    for folder in CUSTOMER:
        if (run.home / folder).is_dir() and not (run.home / folder).is_symlink():
            shutil.rmtree(run.home / folder)
        if (backup / folder).is_dir():
            shutil.copytree(backup / folder, run.home / folder, symlinks=True, dirs_exist_ok=True)
    run.state.hotfixes.pop()
    run.state.save()
    run.out.progress(f"hotfix {newest['name']} reverted")
    if run.knobs["revert_hotfix_exit"]:
        raise End(run.knobs["revert_hotfix_exit"])


def _put_back(saved: Path, place: Path) -> None:
    if saved.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(saved, place)
    else:
        place.unlink(missing_ok=True)
