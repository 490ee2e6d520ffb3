"""The only code that changes a product's files: it counts them, so that faults strike at a chosen place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

from standin.catalogue import File
from standin.faults import Faults
from standin.knobs import Knobs
from standin.output import Refusal


class Writer:
    """Writes in place as the vendor's tool does: no transaction, the first failure leaves a half."""

    def __init__(self, home: Path, knobs: Knobs, faults: Faults):
        self._home, self._knobs, self._faults = home, knobs, faults
        self._bytes = 0
        self.total = 0
        self.written: list[str] = []
        self.removed: dict[str, bytes] = {}

    def refuse_unwritable(self, paths: list[str]) -> None:
        for number, path in enumerate(paths, 1):
            self._refuse(path, number)

    def _refuse(self, path: str, number: int) -> None:
        target = self._home / path
        denied = target.exists() and not os.access(target, os.W_OK)
        if denied or self._faults.readonly(number):
            raise Refusal(f"Unable to write to file {target}")

    def _next(self, path: str) -> Path:
        done = len(self.written) + len(self.removed)
        self._faults.before_write(done, self.total)
        self._refuse(path, done + 1)
        return self._home / path

    def put(self, path: str, file: File, owner: Optional[tuple[int, int]] = None) -> None:
        target = self._next(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() and (file.link is not None or self._knobs["symlink_at_path"] == "replaced"):
            target.unlink()
        if file.link is not None:
            target.unlink(missing_ok=True)
            target.symlink_to(file.link)
        else:
            self._write(target, file)
        if owner and os.geteuid() == 0:
            os.chown(target, *owner)
        self.written.append(path)

    def _write(self, target: Path, file: File) -> None:
        room = self._faults.room_for(self._bytes, len(file.data))
        place = target.with_name(target.name + ".standin-tmp") if self._knobs["write_method"] == "rename" else target
        place.write_bytes(file.data[:room])
        self._bytes += room
        if room < len(file.data):
            raise Refusal(f"Unable to write to file {target}: no space left on device")
        place.chmod(file.mode)
        if place != target:
            place.replace(target)

    def remove(self, path: str) -> None:
        target = self._next(path)
        self.removed[path] = b"" if target.is_symlink() else target.read_bytes()
        target.unlink()
