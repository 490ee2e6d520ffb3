"""A tiny product with its catalogue, and runs of the stand-in on it. What the tests share."""

from __future__ import annotations

import ast
import atexit
import functools
import hashlib
import io
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import bundle  # noqa: E402
import catalogue  # noqa: E402
from standin import cli  # noqa: E402
from standin.catalogue import Levels  # noqa: E402

KEY = "wso2am-4.2.0"
LOG4J = "repository/conf/log4j2.properties"
TOML = "repository/conf/deployment.toml"
CARBON = "repository/conf/carbon.xml"
PLUGINS = "repository/components/plugins"
CORE = [f"{PLUGINS}/org.demo.core_1.0.0{fix}.jar" for fix in ("", ".1", ".2")]
BUNDLES = "repository/components/default/configuration/org.eclipse.equinox.simpleconfigurator/bundles.info"
WAR = "repository/deployment/server/webapps/console.war"
CAR = "repository/deployment/server/carbonapps/sample.car"
PAGE = "repository/deployment/server/webapps/page.jag"
KEYSTORE = "repository/resources/security/wso2carbon.jks"
OLD = "repository/resources/old.txt"
SCRIPT = "bin/api-manager.sh"
NEW_SQL = "dbscripts/standin-3.sql"
USER, PASSWORD = next(iter(catalogue.USERS.items()))
HANG_LIMIT = 60


def scratch() -> Optional[str]:
    """Memory instead of a disk for thousands of little files, if it may hold programs and enough for the disk rule."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or not os.access(memory, os.W_OK):
        return None
    facts = os.statvfs(memory)
    return str(memory) if facts.f_bavail * facts.f_frsize > 2_000_000_000 and not facts.f_flag & os.ST_NOEXEC else None


def archive(members: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for name, text in members.items():
            out.writestr(zipfile.ZipInfo(name, bundle.DATE), text)
    return packed.getvalue()


def war(body: str, customised: bool = False) -> bytes:
    members = {"index.html": f"<h1>Console</h1>\n{body}\n", "WEB-INF/web.xml": "<web-app/>\n"}
    if customised:
        members["custom.css"] = "h1 { color: red }\n"
    return archive(members)


def pristine() -> dict[str, bytes]:
    jar = {name: archive({"META-INF/MANIFEST.MF": f"Bundle-SymbolicName: {name}\n"}) for name in ("org.demo.core", "org.demo.api")}
    return {
        "updates/product.txt": KEY.encode(),
        "bin/version.txt": b"WSO2 API Manager v4.2.0\n",
        SCRIPT: b"#!/bin/sh\nJVM_MEM_OPTS=\"-Xms256m\"\n\n\nexec java\n",
        CORE[0]: jar["org.demo.core"],
        f"{PLUGINS}/org.demo.api_2.1.0.jar": jar["org.demo.api"],
        BUNDLES: b"org.demo.api,2.1.0,plugins/org.demo.api_2.1.0.jar,4,true\n"
                 b"org.demo.core,1.0.0,plugins/org.demo.core_1.0.0.jar,4,true\n",
        TOML: b"[server]\nhostname = \"localhost\"\n\n\n\n[keystore]\nname = \"wso2carbon.jks\"\n",
        CARBON: b"<Server>\n  <Offset>0</Offset>\n\n\n</Server>\n",
        f"repository/resources/conf/templates/{CARBON}.j2": b"<Server>\n  <Offset>{{offset}}</Offset>\n</Server>\n",
        LOG4J: b"status = warn\nname = a\n\n\n\nlevel = INFO\nappender = console\n",
        WAR: war("level 0"),
        CAR: archive({"artifacts.xml": "<artifacts/>\n"}),
        PAGE: b"<h1>Page</h1>\n\n\n<p>text</p>\n",
        KEYSTORE: b"\xfe\xed\xfe\xed vendor keystore",
        OLD: b"leaves with level 4\n",
        "dbscripts/mysql.sql": b"CREATE TABLE a (id INT);\n",
    }


LEVELS: list[dict[str, Any]] = [
    {"level": 1, "edit": {LOG4J: [["level = INFO", "level = WARN"]]}, "rename_jar": CORE[0], "summary": "logs less"},
    {"level": 3, "touches_start_script": True, "touches_template": True, "touches_generated_conf": True, "new_dbscripts": True,
     "instructions": "run the SQL"},
    {"level": 4, "removes_file": [OLD], "edit": {PAGE: [["<p>text</p>", "<p>better text</p>"]]}},
    {"level": 9, "rename_jar": CORE[1], "edit": {LOG4J: [["level = WARN", "level = ERROR"]]}, "broken_unless_via": 4},
]


def write_tree(home: Path, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o755 if path.endswith(".sh") else 0o644)


@dataclass
class Result:
    """How a run ended: a negative code is the signal that it died by."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


class Child:
    """A run under way, in a process of its own."""

    def __init__(self, pid: int, out: Any, err: Any):
        self.pid, self._out, self._err = pid, out, err

    def wait(self) -> Result:
        _, status = os.waitpid(self.pid, 0)
        for stream in (self._out, self._err):
            stream.seek(0)
        with self._out as out, self._err as err:
            return Result(os.waitstatus_to_exitcode(status), out.read(), err.read().decode())

    def kill(self, number: int = signal.SIGKILL) -> Result:
        os.kill(self.pid, number)
        return self.wait()


@functools.lru_cache(maxsize=None)
def prototype(key: str) -> Path:
    """An installed product and its service, built once for all worlds that are made of the same."""
    levels, files, tools = ast.literal_eval(key)
    folder = Path(tempfile.mkdtemp(prefix="vendor-tool-prototype-", dir=scratch()))
    atexit.register(shutil.rmtree, folder, True)
    home = folder / f"packs/{KEY}"
    write_tree(home, {**pristine(), **files})
    catalogue.build(home, folder / "service", levels, tools=tools)
    bundle.install(home)
    return folder


class World:
    """A directory with a service, an installed product and a user's home."""

    def __init__(self, levels: Optional[list[dict[str, Any]]] = None, files: Optional[dict[str, bytes]] = None,
                 tools: tuple = (bundle.VERSION,)):
        self.dir = Path(tempfile.mkdtemp(prefix="vendor-tool-", dir=scratch()))
        made_of = repr((LEVELS if levels is None else levels, files or {}, tools))
        shutil.copytree(prototype(made_of), self.dir, symlinks=True, dirs_exist_ok=True)
        self.home, self.service, self.user_home = self.dir / f"packs/{KEY}", self.dir / "service", self.dir / "user"
        self.marks = self.dir / "marks"
        self.user_home.mkdir()
        self.tool = self.home / "bin/wso2update_linux"

    def close(self) -> None:
        shutil.rmtree(self.dir)

    def start(self, *words: str, switches: Optional[dict[str, Any]] = None, login: bool = True, stdin: str = "",
              cwd: Optional[Path] = None, **env: Optional[str]) -> Child:
        """Forks instead of starting an interpreter: the same code on the same files, a hundred times faster."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.user_home), "STANDIN_SERVICE": str(self.service),
                       "STANDIN_MARKS": str(self.marks), "STANDIN_KNOBS": json.dumps(switches) if switches else ""}
        if login:
            environment.update(UPDATE_TOOL_USERNAME=USER, UPDATE_TOOL_PASSWORD=PASSWORD)
        environment.update({name: value for name, value in env.items() if value is not None})
        for name in [name for name, value in env.items() if value is None]:
            environment.pop(name, None)
        out, err, given = (tempfile.TemporaryFile(dir=self.dir) for _ in range(3))
        given.write(stdin.encode())
        given.seek(0)
        pid = os.fork()
        if pid == 0:
            streams = (given, out, err)
            self._become(environment, cwd or self.home / "bin", streams, lambda: cli.main([str(self.tool), *words]))
        given.close()
        return Child(pid, out, err)

    @staticmethod
    def _become(environment: dict[str, str], cwd: Path, streams: tuple, main: Callable[[], int]) -> None:
        """The child: never returns."""
        code = 99
        try:
            for number, stream in enumerate(streams):
                os.dup2(stream.fileno(), number)
            sys.stdin, sys.stdout, sys.stderr = open(0, closefd=False), open(1, "w", closefd=False), open(2, "w", closefd=False)
            os.environ.clear()
            os.environ.update(environment)
            os.chdir(cwd)
            signal.alarm(HANG_LIMIT)
            code = main()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def run(self, *words: str, **how: Any) -> Result:
        return self.start(*words, **how).wait()

    def expect(self, code: int, *words: str, **how: Any) -> Result:
        """A run that is not the point of the test but has to end like this."""
        result = self.run(*words, **how)
        if result.code != code:
            raise AssertionError(f"{words} ended with {result.code}, not {code}\n{result.out!r}\n{result.err}")
        return result

    def wait_mark(self, place: str) -> None:
        """Until the tool says that it waits there."""
        end = time.monotonic() + HANG_LIMIT
        while not (self.marks / f"at.{place}").exists():
            if time.monotonic() > end:
                raise AssertionError(f"the tool never reached {place}")
            time.sleep(0.005)

    def file(self, path: str) -> Path:
        return self.home / path

    def text(self, path: str) -> str:
        return self.file(path).read_text(encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        text = self.text(path)
        assert old in text, f"{path} has no {old}"
        self.file(path).write_text(text.replace(old, new), encoding="utf-8")

    def config(self) -> dict[str, Any]:
        return json.loads(self.text("updates/config.json"))

    def level(self) -> Any:
        return self.config()["update-level"]

    def backups(self) -> list[Path]:
        folder = self.user_home / ".wso2-updates/backup"
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def logged(self) -> str:
        return "".join(file.read_text(encoding="utf-8") for file in self.file("updates/logs").glob("*.log"))

    def product(self) -> dict[str, str]:
        """Path → what is there, without the tool and its own directory."""
        return {path: seen for path, seen in fingerprint(self.home).items() if not path.startswith(("updates/", "bin/wso2update"))}

    def vendor(self, level: int) -> dict[str, str]:
        """What `product` has to be on a pristine pack at a level."""
        levels = Levels(self.service / KEY)
        paths = set(pristine()) | {path for update in levels.updates.values() for path in update["added"]}
        files = {path: levels.pristine(level, path) for path in paths if not path.startswith("updates/")}
        return {path: f"{file.mode:04o} {hashlib.sha256(file.data).hexdigest()}" for path, file in files.items() if file}

    def conflict(self, switches: Optional[dict[str, Any]] = None, **env: Optional[str]) -> Result:
        """A run to level 1 that meets a customised line."""
        self.replace(LOG4J, "level = INFO", "level = DEBUG")
        return self.run("--level", "1", switches=switches, **env)


def fingerprint(root: Path) -> dict[str, str]:
    seen = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            seen[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            seen[name] = f"{path.stat().st_mode & 0o7777:04o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return seen
