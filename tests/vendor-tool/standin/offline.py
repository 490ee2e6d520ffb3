"""Updates as a zip for hosts without internet: create-update and apply-update."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from pathlib import Path

from standin import update
from standin.catalogue import Levels, version_key
from standin.context import Run, tool_version
from standin.output import Refusal

MANIFEST = "standin-update.json"
DATE = (2026, 1, 1, 0, 0, 0)


def _entry(name: str, mode: int = 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, DATE)
    info.external_attr = (0o100000 | mode) << 16
    return info


def create(run: Run) -> None:
    """Writes `<product>-<version>.<from>-<version>.<to>.zip`: updates, the pristine files they change, the client."""
    levels = run.levels()
    start, end = (_level(run, name) for name in ("start", "end"))
    end = end or levels.latest()
    if start >= end or end not in levels.numbers or (start and start not in levels.numbers):
        raise Refusal("Invalid requested update level")
    first = start - 1 if run.knobs["create_update_from"] == "inclusive" else start
    places = {"cwd": Path.cwd(), "home": run.home, "updates-home": run.updates_home}
    target = places[run.knobs["create_update_dir"]] / f"{run.key}.{start}-{run.version}.{end}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        newest = run.reach_service("").newest_tool()
        out.writestr(_entry(MANIFEST), json.dumps({"product": run.key, "from": start, "to": end, "tool": newest}))
        for number in levels.between(first, end):
            for file in sorted(levels.folder(number).rglob("*")):
                if file.is_file():
                    out.write(file, f"levels/{number:04}/{file.relative_to(levels.folder(number)).as_posix()}")
        for change in levels.delta(start, end).changes:
            if change.old is not None and change.old.link is None:
                out.writestr(_entry(f"base/{change.path}", change.old.mode), change.old.data)
        if newest:
            out.writestr(_entry("client"), run.reach_service("").client(newest, run.executable.name))
    run.out.progress(f"created {target}")


def _level(run: Run, name: str) -> int:
    text = run.options.get(name, "0")
    if not text.isdigit():
        raise Refusal("Invalid requested update level")
    return int(text)


def apply(run: Run, file: Path) -> None:
    """Like an update, with the zip as the service; the tool in it may come first."""
    try:
        archive = zipfile.ZipFile(file)
        manifest = json.loads(archive.read(MANIFEST))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Refusal(f"Unable to open file {file}: {error}") from error
    with archive:
        _take_client(run, archive, manifest)
        if manifest["product"] != run.key:
            raise Refusal(f"[standin] {file.name} is for {manifest['product']}, not for {run.key}")
        earlier = manifest["from"] < run.config.level and run.knobs["apply_update_earlier_start"] == "accept"
        if manifest["from"] != run.config.level and not earlier:
            raise Refusal(f"[standin] {file.name} starts at level {manifest['from']}, installed is {run.config.level}")
        run.make_updates_home()
        unpacked = Path(tempfile.mkdtemp(prefix="offline-", dir=run.updates_home / "updates"))
        try:
            archive.extractall(unpacked)
            _restore_modes(archive, unpacked)
            update.update(run, Levels(unpacked, manifest["from"]))
        finally:
            shutil.rmtree(unpacked)


def _restore_modes(archive: zipfile.ZipFile, unpacked: Path) -> None:
    for info in archive.infolist():
        (unpacked / info.filename).chmod(info.external_attr >> 16 & 0o777)


def _take_client(run: Run, archive: zipfile.ZipFile, manifest: dict) -> None:
    newer = manifest["tool"] and version_key(manifest["tool"]) > version_key(tool_version(run.executable))
    if newer and run.knobs["offline_self_update"] == "exit-2":
        run.replace_tool(archive.read("client"))
