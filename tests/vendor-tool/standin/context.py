"""One run: where the tool is, which product it serves, who calls it."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import zipfile
from pathlib import Path
from typing import Any, Optional

from standin import knobs as table
from standin.catalogue import Levels, Service, version_key
from standin.config import Config, State, product_of
from standin.faults import Faults, split
from standin.knobs import Knobs
from standin.output import SELF_UPDATED, End, Output, Refusal

MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
LOGIN_FAILED = "Error while authenticating user: Error while authenticating user credentials"
SERVICE_INSIDE = "service"


def service_of(executable: Path) -> Optional[Path]:
    """The catalogue: by a variable, else the one written into the executable when it was bundled."""
    named = os.environ.get("STANDIN_SERVICE")
    if not named and zipfile.is_zipfile(executable):
        with zipfile.ZipFile(executable) as bundle:
            if SERVICE_INSIDE in bundle.namelist():
                named = bundle.read(SERVICE_INSIDE).decode()
    return Path(named) if named and Path(named).is_dir() else None


def tool_version(executable: Path) -> str:
    """The version that the bundle carries as its last bytes."""
    with zipfile.ZipFile(executable) as bundle:
        return bundle.comment.decode()


class Run:
    """What every command needs. Opening it already does what each call of the tool does to the product."""

    def __init__(self, executable: Path, options: dict[str, Any]):
        self.executable, self.options = executable, options
        service = service_of(executable)
        knobs, faults = split(table.chosen(service), set(table.KNOBS))
        self.knobs = Knobs(knobs)
        root = Path.cwd() if self.knobs["home_rule"] == "cwd" else executable.parent
        self.home = root.parent
        self.updates_home = self._updates_home()
        marks = Path(os.environ.get("STANDIN_MARKS") or (service / "marks" if service else self.updates_home / "standin-marks"))
        self.faults = Faults(faults, marks)
        self.out = Output(self.knobs, self.faults, bool(options.get("verbose")))
        self.service = Service(service) if service else None
        self.user: Optional[str] = None

    def open(self) -> None:
        """Identifies the product and reads, or on the first run creates, the tool's own files."""
        if (self.updates_home / "backup") in self.home.parents:
            raise Refusal(f"[standin] {self.home} is a backup")
        self.name, self.version = product_of(self.home)
        self.config = Config(self.home, self.knobs)
        self.state = State(self.config, self.knobs)
        self.out.log_into(self.home / "updates")
        if self.config.created:
            self.config.save()
        self._convert_wum()

    def _updates_home(self) -> Path:
        named = os.environ.get("WSO2_UPDATES_HOME")
        if named and self.knobs["updates_home_env"] == "read":
            return Path(named)
        if not os.environ.get("HOME"):
            raise Refusal("[standin] HOME is not set")
        return Path(os.environ["HOME"]) / ".wso2-updates"

    def _convert_wum(self) -> None:
        """What the older tools left behind, if this variant of the tool cares."""
        if self.knobs["wum_leftovers"] == "left" or os.environ.get("WSO2_UPDATES_SKIP_MIGRATIONS") == "true":
            return
        shutil.rmtree(self.home / "updates/wum", ignore_errors=True)
        (self.home / "updates/config.yaml").unlink(missing_ok=True)

    @property
    def key(self) -> str:
        return f"{self.name}-{self.version}"

    @property
    def cache(self) -> Path:
        return self.updates_home / "updates" / self.key

    def make_updates_home(self) -> None:
        if self.faults.updates_home_foreign:
            raise Refusal(f"Unable to create directory {self.updates_home}: permission denied")
        for name in ("updates", "backup"):
            (self.updates_home / name).mkdir(parents=True, exist_ok=True)

    def reach_service(self, when: str) -> Service:
        if self.service is None or self.faults.network_fail == when:
            raise Refusal("Unable to connect to WSO2 Update")
        return self.service

    def levels(self) -> Levels:
        return self.reach_service("").product(self.key)

    def go_online(self, self_updates: bool = True) -> None:
        """Log in and take the newest client, in the order that the knob says."""
        service = self.reach_service("")
        before = self.knobs["self_update_order"] == "before-login"
        if self_updates and before:
            self.self_update(service)
        self._log_in(service)
        if self_updates and not before:
            self.self_update(service)

    def _log_in(self, service: Service) -> None:
        user, password = self._credentials()
        if not user or not password:
            raise Refusal("Username or password cannot be empty")
        if not MAIL.fullmatch(user):
            raise Refusal(f"{LOGIN_FAILED}: Invalid email address '{user}'")
        if service.users().get(user) != password:
            raise Refusal("invalid credentials. Please enter valid WSO2 credentials")
        self.user = user
        if self.knobs["echo_secrets"]:
            self.out.progress(f"logged in as {user} with {password}, token STANDIN-SECRET")

    def _credentials(self) -> tuple[str, str]:
        """Flags, else the environment, else a person."""
        user, password = self.options.get("username"), self.options.get("password")
        if self.knobs["env_credentials"] == "read":
            user = os.environ.get("UPDATE_TOOL_USERNAME") if user is None else user
            password = os.environ.get("UPDATE_TOOL_PASSWORD") if password is None else password
        if user is not None and password is not None:
            return user, password
        self.out.sentence("Please enter your credentials to continue.")
        if self.knobs["hang_on_prompt"]:
            self.faults.block("prompt")
        self.faults.reach("prompt")
        if user is None:
            user = self._ask(f"{self.knobs['prompt_word']} ")
        return user, self._ask(f"Password for {user}: ") if password is None else password

    def _ask(self, words: str) -> str:
        self.out.sentence(words, end="")
        line = sys.stdin.readline()
        if not line:
            raise Refusal(f"{LOGIN_FAILED}: Unable to read input: EOF")
        return line.rstrip("\n")

    def self_update(self, service: Service) -> None:
        """Replaces the running executable and ends with 2; the product is untouched."""
        if self.faults.exit2_unchanged:
            sys.stderr.write("panic: runtime error: [standin] index out of range\n\ngoroutine 1 [running]:\n")
            raise End(2)
        newest, mine = service.newest_tool(), tool_version(self.executable)
        client = None
        if newest and version_key(newest) > version_key(mine):
            client = service.client(newest, self.executable.name)
        elif self.faults.exit2_twice and self.faults.strikes("exit2_twice", 2):
            client = restamped(self.executable.read_bytes(), mine, mine + ".1")
        if client is not None:
            self.replace_tool(client)

    def replace_tool(self, client: bytes) -> None:
        self.make_updates_home()
        if self.faults.self_update_race:
            if self.faults.self_update_race == "half-binary":
                self.executable.write_bytes(client[: len(client) // 2])
            raise Refusal("Error while extracting downloaded clients")
        fresh = self.executable.with_name(self.executable.name + ".new-client")
        fresh.write_bytes(client)
        mode = stat.S_IMODE(self.executable.stat().st_mode)
        fresh.chmod(mode & ~0o111 if self.knobs["self_update_mode"] == "x-lost" else mode)
        fresh.replace(self.executable)
        self.out.sentence(SELF_UPDATED)
        raise End(2)


def restamped(bundle: bytes, version: str, other: str) -> bytes:
    """The same client with another version as its last bytes (the comment of a zip, after its length)."""
    body = bundle[: -len(version) - 2]
    return body + len(other).to_bytes(2, "little") + other.encode()
