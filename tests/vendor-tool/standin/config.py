"""updates/config.json and what the tool remembers beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from standin.knobs import Knobs
from standin.output import Refusal

PRODUCT = re.compile(r"([0-9a-zA-Z-]+)-([0-9]+\.[0-9]+\.[0-9]+)")
STATE_FILE = ".standin-state.json"
STATE_KEY = "standin-state"
NEVER_UPDATED = -1


def product_of(home: Path) -> tuple[str, str]:
    """Name and version from product.txt; the vendor's scripts match its whole content."""
    try:
        found = PRODUCT.fullmatch((home / "updates/product.txt").read_text(encoding="utf-8").rstrip("\n"))
    except (OSError, UnicodeDecodeError):
        found = None
    if not found:
        raise Refusal("Unable to identify the product")
    return found[1], found[2]


class Config:
    """The file as it is on disk, with unknown keys kept."""

    def __init__(self, home: Path, knobs: Knobs):
        self.file, self._knobs = home / "updates/config.json", knobs
        self.created = not self.file.exists()
        self.keys: dict[str, Any] = {"update-level": str(NEVER_UPDATED)}
        if not self.created:
            self.keys = self._read()
        if not re.fullmatch(r"-?\d+", str(self.keys.get("update-level"))):
            raise Refusal("Invalid update level")

    def _read(self) -> dict[str, Any]:
        try:
            keys = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Refusal(f"Unable to parse JSON file {self.file}: {error}") from error
        if not isinstance(keys, dict):
            raise Refusal(f"Unable to parse JSON file {self.file}")
        return keys

    @property
    def level(self) -> int:
        """The level to count from: a pack that was never updated is at level 0."""
        return max(0, int(self.keys["update-level"]))

    @property
    def fresh(self) -> bool:
        return int(self.keys["update-level"]) == NEVER_UPDATED

    def set_level(self, level: int) -> None:
        self.keys["update-level"] = level if self._knobs["level_type"] == "number" else str(level)

    def set_account(self, user: str) -> None:
        """What a run leaves behind about the person: older tools left more than today's."""
        kept = self._knobs["config_account"]
        if kept != "none":
            self.keys["username"] = user
        if kept == "tokens":
            self.keys["service"] = {"access-token": "STANDIN-SECRET", "refresh-token": "STANDIN-SECRET"}

    def set_choices(self, channel: str, backup_dir: str) -> None:
        """What a run remembers for the next."""
        self.keys["channel"] = channel
        self.keys["backup-dir"] = backup_dir

    @property
    def backup(self) -> dict[str, Any]:
        return self.keys.get("product", {})

    def set_backup(self, place: str, size: int) -> None:
        self.keys["product"] = {"pattern": "", "backup": place, "backup-size": size}

    def forget_backup(self) -> None:
        self.keys.pop("product", None)

    def save(self) -> None:
        keys = dict(self.keys)
        if self._knobs["config_extra_keys"]:
            keys["standin-unknown"] = {"since": "always", "list": [1, 2]}
        if self._knobs["config_order"] == "reversed":
            keys = dict(reversed(list(keys.items())))
        text = json.dumps(keys, indent=2) + "\n"
        if self._knobs["config_newlines"] == "crlf":
            text = text.replace("\n", "\r\n")
        self.file.write_bytes(text.encode())


class State:
    """Pending conflicts, applied hotfixes, an unfinished run. Its place in the real tool is unknown."""

    def __init__(self, config: Config, knobs: Knobs):
        self._config, self._in_config = config, knobs["state_place"] == "config"
        self._file = config.file.with_name(STATE_FILE)
        if self._in_config:
            kept = config.keys.get(STATE_KEY, {})
        else:
            kept = json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}
        self.pending: dict[str, Any] = kept.get("pending", {})
        self.hotfixes: list[dict[str, Any]] = kept.get("hotfixes", [])
        self.unfinished: bool = kept.get("unfinished", False)
        self.just_updated: bool = kept.get("just_updated", False)
        self.backup_digest: str = kept.get("backup_digest", "")

    def save(self) -> None:
        names = ("pending", "hotfixes", "unfinished", "just_updated", "backup_digest")
        kept = {name: getattr(self, name) for name in names if getattr(self, name)}
        if self._in_config:
            self._config.keys.pop(STATE_KEY, None)
            if kept:
                self._config.keys[STATE_KEY] = kept
            self._config.save()
        elif kept:
            self._file.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        elif self._file.exists():
            self._file.unlink()
