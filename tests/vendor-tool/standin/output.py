"""What the tool prints and logs. Wording nobody has seen begins with [standin]: no matcher can be written on it."""

from __future__ import annotations

import sys
import time
from datetime import date
from pathlib import Path
from typing import Optional

from standin.faults import Faults
from standin.knobs import Knobs

NOTICE = "[standin]"
SELF_UPDATED = "Update tool client has been updated. Please re-run the tool with necessary parameters"
FLOOD_LINES = 20_000


class End(Exception):
    """The run is over with this exit code; everything was said."""

    def __init__(self, code: int):
        super().__init__(code)
        self.code = code


class Refusal(Exception):
    """The run fails with exit 1 and this message."""


class Output:
    """stdout, stderr and the log file of the day."""

    def __init__(self, knobs: Knobs, faults: Faults, verbose: bool):
        self._knobs, self._faults, self._verbose = knobs, faults, verbose
        self._log: Optional[Path] = None

    def log_into(self, updates: Path) -> None:
        folder = updates / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / f"wso2update-{date.today():%d-%m-%Y}.log"

    def log(self, text: str) -> None:
        if self._log and not self._faults.log_missing:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("a", encoding="utf-8") as out:
                out.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}\n")

    def progress(self, text: str) -> None:
        bar = self._knobs["progress"] == "carriage-return"
        self._message(f"{NOTICE} {text}", "\r" if bar else "\n")
        self.log(text)

    def detail(self, text: str) -> None:
        if self._verbose:
            self.progress(text)

    def sentence(self, text: str, end: str = "\n") -> None:
        """A text that was seen in public, or that a person asked for: printed as it is."""
        sys.stdout.write(text + end)
        sys.stdout.flush()

    def error(self, text: str) -> None:
        sys.stderr.write(f"wso2update: {text}\n")
        sys.stderr.flush()
        self.log(f"error: {text}")

    def trouble(self) -> None:
        """The output that readers choke on, if a knob asks for it."""
        if self._knobs["output_volume"] == "flood":
            for number in range(FLOOD_LINES):
                self._message(f"{NOTICE} {number:06} {'.' * 60}", "\n")
        if self._knobs["output_bytes"] == "invalid":
            sys.stdout.flush()
            sys.stdout.buffer.write(NOTICE.encode() + b" \xff\xfe\x80 not UTF-8\n")
            sys.stdout.buffer.flush()
        if self._knobs["output_pause"] == "silent":
            self._faults.block("silent", until_released=True)

    def _message(self, text: str, end: str) -> None:
        stream = sys.stderr if self._knobs["message_stream"] == "stderr" else sys.stdout
        stream.write(text + end)
        stream.flush()
