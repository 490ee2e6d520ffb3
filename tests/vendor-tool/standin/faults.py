"""What goes wrong on request. A fault strikes at a chosen place, so that a test meets the same tree every time."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standin.knobs import BadKnob


@dataclass(frozen=True)
class Fault:
    """`values` is what a test may give: a tuple of choices, or the type of a free value."""

    name: str
    values: Any
    does: str


TABLE = [
    Fault("kill_after_files", int, "SIGKILL to itself after n files of the product were written"),
    Fault("enospc_after_bytes", int, "no space left after n bytes written to the product"),
    Fault("readonly_file", int, "the n-th file to be written has no write permission"),
    Fault("network_fail", ("before-backup", "after-backup"), "the service is gone at this step"),
    Fault("md5_failure", ("once", "always"), "a downloaded file is corrupt"),
    Fault("hang_at", ("prompt", "download", "backup", "files"), "waits for ever; at files: when half of them are written"),
    Fault("exit2_twice", (True,), "two runs end with 2, each with another binary"),
    Fault("exit2_unchanged", (True,), "a crash that ends with 2 and leaves the binary as it is"),
    Fault("level_unchanged", (True,), "exit 0, files new, level old"),
    Fault("level_wrong", int, "exit 0 with this level instead of the requested one"),
    Fault("wrong_file", (True,), "exit 0 and one file has other bytes than the vendor's"),
    Fault("exit1_applied", (True,), "exit 1 after all was applied and the level raised"),
    Fault("exit1_half", (True,), "exit 1 with files changed and the level old"),
    Fault("die_with", (137, 139), "this exit code when half of the files are written"),
    Fault("duplicate_jar", (True,), "a removed jar is there again at the end"),
    Fault("chown_root", (True,), "what was written belongs to root"),
    Fault("mode_lost", (True,), "bin/*.sh are not executable any more"),
    Fault("config_broken", ("truncated", "empty"), "config.json is cut"),
    Fault("product_rewritten", (True,), "product.txt names another product"),
    Fault("log_missing", (True,), "no log file is written"),
    Fault("delete_customer_file", str, "deletes this path of the product"),
    Fault("touch_keystore", (True,), "changes the first keystore that it finds"),
    Fault("temp_dirs", (True,), "leaves temporary directories in the product"),
    Fault("updates_home_foreign", (True,), "the directory of downloads and backups belongs to another user"),
    Fault("self_update_race", ("error", "half-binary"), "another run extracts the same new client"),
    Fault("undeletable_file", str, "--revert cannot delete this path"),
    Fault("disk_free", dict, "free bytes per file system: home, backup, updates-home"),
]
FAULTS = {fault.name: fault for fault in TABLE}


class Faults:
    """The faults of this run, and the marks by which a test sees where the tool is."""

    def __init__(self, chosen: dict[str, Any], marks: Path):
        for name, value in chosen.items():
            values = FAULTS[name].values
            fits = isinstance(value, values) if isinstance(values, type) else value in values
            if not fits:
                raise BadKnob(f"{name}: {value!r} does not fit {values}")
        self._chosen, self._marks = chosen, marks

    def __getattr__(self, name: str) -> Any:
        if name not in FAULTS:
            raise AttributeError(name)
        return self._chosen.get(name)

    def strikes(self, name: str, times: int) -> bool:
        """Counts across runs: true the first `times` times."""
        self._marks.mkdir(parents=True, exist_ok=True)
        counter = self._marks / f"count.{name}"
        so_far = int(counter.read_text(encoding="ascii")) if counter.is_file() else 0
        counter.write_text(str(so_far + 1), encoding="ascii")
        return so_far < times

    def reach(self, place: str) -> None:
        """Hangs here if that was asked for."""
        if self.hang_at == place:
            self.block(place)

    def block(self, place: str, until_released: bool = False) -> None:
        """Says by a mark that it waits, then waits for a signal, or until the test puts `release.<place>` there."""
        self._marks.mkdir(parents=True, exist_ok=True)
        (self._marks / f"at.{place}").write_text(f"{os.getpid()}\n", encoding="ascii")
        while not (until_released and (self._marks / f"release.{place}").exists()):
            time.sleep(0.02)

    def before_write(self, done: int, total: int) -> None:
        if self.kill_after_files is not None and done >= self.kill_after_files:
            os.kill(os.getpid(), signal.SIGKILL)
        if done >= (total + 1) // 2:
            self.reach("files")
        if self.die_with and done >= (total + 1) // 2:
            sys.stdout.flush()
            os._exit(self.die_with)

    def readonly(self, number: int) -> bool:
        return self.readonly_file is not None and number == self.readonly_file

    def room_for(self, written: int, size: int) -> int:
        """How many of `size` bytes still fit."""
        if self.enospc_after_bytes is None:
            return size
        return max(0, min(size, self.enospc_after_bytes - written))


def spoil(faults: Faults, home: Path, written: list[str], removed: dict[str, bytes]) -> None:
    """The damage that is done at the end of a run which calls itself successful."""
    if faults.wrong_file and written:
        with (home / written[-1]).open("ab") as out:
            out.write(b"\n[standin] not the vendor's bytes\n")
    for path, data in removed.items():
        if faults.duplicate_jar and path.endswith(".jar"):
            (home / path).write_bytes(data)
    for path in written if faults.chown_root else []:
        os.chown(home / path, 0, 0)
    for script in sorted((home / "bin").glob("*.sh")) if faults.mode_lost else []:
        script.chmod(script.stat().st_mode & ~0o111)
    if faults.product_rewritten:
        (home / "updates/product.txt").write_text("wso2other-9.9.9\n", encoding="ascii")
    if faults.delete_customer_file:
        (home / faults.delete_customer_file).unlink()
    for keystore in sorted([*home.rglob("*.jks"), *home.rglob("*.p12")])[:1] if faults.touch_keystore else []:
        keystore.write_bytes(keystore.read_bytes() + b"\0")
    if faults.temp_dirs:
        (home / "wso2update-tmp-4711/half").mkdir(parents=True)
        (home / "updates/.tmp-extract").mkdir()


def spoil_config(faults: Faults, config: Path) -> None:
    if faults.config_broken:
        data = b"" if faults.config_broken == "empty" else config.read_bytes()[:20]
        config.write_bytes(data)


def split(chosen: dict[str, Any], knob_names: set[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Knobs and faults apart; a name of neither is an error."""
    unknown = set(chosen) - knob_names - set(FAULTS)
    if unknown:
        raise BadKnob(f"no such knob or fault: {', '.join(sorted(unknown))}")
    return (
        {name: value for name, value in chosen.items() if name in knob_names},
        {name: value for name, value in chosen.items() if name in FAULTS},
    )
