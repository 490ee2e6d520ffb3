"""A copy of a pack, calls of the tool on it, and what each call changed. For record.py."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Optional

from scrub import Scrubber

SHOWN_LINES = 120
SHOWN_PATHS = 200
PROMPT_LIMIT = 30
TEXT = (".properties", ".toml", ".xml", ".json", ".jag", ".js", ".sh", ".sql", ".txt", ".j2", ".yaml", ".html", ".css")


class Skip(Exception):
    """This step cannot be taken here; says what would be needed."""


def seen(root: Path) -> dict[str, tuple]:
    """Path → kind or digest, mode, inode. Contents stay here."""
    found = {}
    for path in root.rglob("*"):
        name, facts = path.relative_to(root).as_posix(), path.lstat()
        if path.is_symlink():
            found[name] = ("link", facts.st_mode & 0o7777, facts.st_ino)
        elif path.is_file():
            found[name] = (hashlib.sha256(path.read_bytes()).hexdigest(), facts.st_mode & 0o7777, facts.st_ino)
    return found


def changes(before: dict[str, tuple], after: dict[str, tuple]) -> dict[str, list[str]]:
    both = sorted(set(before) & set(after))
    return {
        "added": sorted(set(after) - set(before)),
        "removed": sorted(set(before) - set(after)),
        "modified": [path for path in both if before[path][0] != after[path][0]],
        "mode_changed": [path for path in both if before[path][1] != after[path][1]],
        "inode_changed": [path for path in both if before[path][2] != after[path][2]],
    }


def stamps(root: Path) -> dict[Path, tuple]:
    """Cheaper than `seen`: enough to notice the first write outside of updates/."""
    found = {}
    for path in root.rglob("*"):
        if root / "updates" not in path.parents and not path.is_dir():
            facts = path.lstat()
            found[path] = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
    return found


class Call:
    """A call of the tool under way. Its output goes into files: a full pipe would stop the tool."""

    def __init__(self, words: tuple, command: list[str], cwd: Path, environment: dict[str, str], output: Path):
        self.words, self.out, self.err = words, output.with_suffix(".stdout"), output.with_suffix(".stderr")
        with self.out.open("wb") as out, self.err.open("wb") as err:
            # No terminal and a closed stdin, so that a prompt fails instead of waiting for a person.
            self.child = subprocess.Popen(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                          start_new_session=True)

    def ended(self, limit: int) -> Any:
        """The exit code; a negative one is a signal, "timeout" means that it had to be killed."""
        try:
            return self.child.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
            return "timeout"


class Probe:
    """The copies share one HOME, so that updates are downloaded once."""

    def __init__(self, pack: Path, work: Path, tool: str, level: int, next_level: int, hotfixes: list[Path], limit: int, scrub: Scrubber):
        self._pack, self.work, self.tool_name = pack, work, tool
        self.level, self.next, self.hotfixes = level, next_level, [one.resolve() for one in hotfixes]
        self.limit, self._scrub, self._calls = limit, scrub, 0
        self.home, self.user_home = work / "packs" / pack.name, work / "user"
        self.user_home.mkdir()
        self._client: Optional[bytes] = None
        self._delta: Optional[dict[str, list[str]]] = None
        self.runs: list[dict[str, Any]] = []

    def begin(self) -> None:
        """The next step: a fresh copy of the pack with the newest client seen so far, and no backups."""
        self.runs = []
        self.fresh()

    def fresh(self) -> None:
        shutil.rmtree(self.home.parent, ignore_errors=True)
        shutil.rmtree(self.user_home / ".wso2-updates/backup", ignore_errors=True)
        shutil.copytree(self._pack, self.home, symlinks=True)
        if self._client:
            self.tool.write_bytes(self._client)
            self.tool.chmod(0o755)

    @property
    def tool(self) -> Path:
        return self.home / "bin" / self.tool_name

    def environment(self, login: bool, extra: dict[str, Optional[str]]) -> dict[str, str]:
        found = {**os.environ, "HOME": str(self.user_home), **{name: value or "" for name, value in extra.items()}}
        for name in [name for name in found if extra.get(name, "") is None]:
            del found[name]
        if not login:
            found.pop("UPDATE_TOOL_USERNAME", None)
            found.pop("UPDATE_TOOL_PASSWORD", None)
        return found

    def start(self, *words: str, login: bool = True, cwd: Optional[Path] = None, **extra: Optional[str]) -> Call:
        command = [str(self.tool) if cwd else f"./{self.tool_name}", *words]
        self._calls += 1
        output = self.work / f"call-{self._calls}"
        return Call(words, command, cwd or self.home / "bin", self.environment(login, extra), output)

    def run(self, *words: str, note: str = "", limit: Optional[int] = None, **how: Any) -> dict[str, Any]:
        """One call, recorded with what it changed."""
        before, client = seen(self.home), self.tool.read_bytes()
        call = self.start(*words, **how)
        return self.note(call, note, call.ended(limit or self.limit), before, client)

    def note(self, call: Call, note: str, code: Any, before: dict[str, tuple], client: bytes) -> dict[str, Any]:
        now = self.tool.read_bytes() if self.tool.exists() else b""
        entry = {
            "command": " ".join(["wso2update", *call.words]), "note": note, "exit": code,
            "stdout": self._lines(call.out), "stderr": self._lines(call.err), "tool_changed": now != client,
            "tool_mode": f"{self.tool.stat().st_mode & 0o7777:04o}" if now else None,
            "config": self._config(), "files": {name: paths[:SHOWN_PATHS] for name, paths in changes(before, seen(self.home)).items()},
            "updates_home": self._updates_home(), "beside_bin": sorted(one.name for one in self.home.parent.iterdir()),
        }
        if now != client and code == 2:
            self._client = now
        self.runs.append(entry)
        return entry

    def update(self, *words: str, note: str = "", **how: Any) -> dict[str, Any]:
        """A call that may first update the tool: then it is made once more."""
        entry = self.run(*words, note=note, **how)
        return self.run(*words, note="again after exit 2", **how) if entry["exit"] == 2 else entry

    def to_level(self, *words: str, **how: Any) -> dict[str, Any]:
        return self.update("--level", str(self.level), *words, **how)

    def _config(self) -> Any:
        file = self.home / "updates/config.json"
        if not file.exists():
            return None
        raw = file.read_bytes()
        try:
            keys = json.loads(raw)
        except ValueError:
            return {"not JSON": len(raw)}
        self._scrub.learn_config(keys)
        types = {key: type(value).__name__ for key, value in keys.items()}
        return {"line ends": "crlf" if b"\r\n" in raw else "lf", "keys": keys, "types": types}

    def _updates_home(self) -> list[str]:
        """Two levels of names: enough to see downloads and backups."""
        root = self.user_home / ".wso2-updates"
        return sorted(path.relative_to(root).as_posix() for path in [*root.glob("*"), *root.glob("*/*")])[:SHOWN_PATHS]

    @staticmethod
    def _lines(file: Path) -> list[str]:
        lines = file.read_bytes().decode(errors="backslashreplace").splitlines()
        return lines if len(lines) <= SHOWN_LINES else [*lines[:SHOWN_LINES], f"… {len(lines) - SHOWN_LINES} lines more"]

    def delta(self) -> dict[str, list[str]]:
        """What the update to --level changes in an untouched pack; found out once."""
        if self._delta is None:
            kept, self.runs = self.runs, []
            self.fresh()
            before = seen(self.home)
            if self.to_level("--no-backup")["exit"] != 0:
                self.runs = kept
                raise Skip(f"the untouched pack does not reach level {self.level}")
            self._delta, self.runs = changes(before, seen(self.home)), kept
            self.fresh()
        return self._delta

    def pick(self, kind: str, fits: Any, what: str) -> Path:
        """A path of the delta that a step needs."""
        found = next((path for path in self.delta()[kind] if fits(path) and not path.startswith(("updates/", "bin/wso2update"))), None)
        if found is None:
            raise Skip(f"level {self.level} has no {what}: choose another level")
        return self.home / found

    def text_file(self) -> Path:
        return self.pick("modified", lambda path: path.endswith(TEXT) and not path.endswith("bundles.info"), "changed text file")

    def wait_for_change(self, call: Call) -> None:
        """Until the tool has changed a file outside of updates/, or ended."""
        before = stamps(self.home)
        while call.child.poll() is None and self._quiet(before):
            time.sleep(0.01)

    def _quiet(self, before: dict[Path, tuple]) -> bool:
        try:
            return stamps(self.home) == before
        except FileNotFoundError:
            return False
