"""Instances of the stand-in packs with an operator's changes, and what can be seen of them without the agent."""

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE))

import build
from products import PRODUCTS

AGENT = os.environ.get("PITSTOP_BIN", str(ROOT / "target/release/pitstop"))
# Most of a run is waiting for servers.
WORKERS = 8
# Below the ports that the kernel gives out. Offsets less than 37 apart give no two products the same port.
OFFSETS = itertools.count(20011 + os.getpid() % 40 * 45)
SECRET = "0perator-s3cret"
POLICY = "repository/conf/sec.policy"
LOGIN = "repository/deployment/server/webapps/authenticationendpoint/login.jsp"


def until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def ports_are_free(product, offset):
    with contextlib.ExitStack() as held:
        try:
            for port in product.ports.values():
                held.enter_context(socket.create_server(("127.0.0.1", port + offset)))
        except OSError:
            return False
    return True


class WithJdk(unittest.TestCase):
    """Cases whose servers share one JDK."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="pitstop-wso2-jdk-")
        cls.addClassCleanup(folder.cleanup)
        cls.jdk = Path(folder.name) / "jdk"
        build.write_jdk(cls.jdk)


class Installation:
    """A customised home of a product at the base level, with packs of all levels beside it."""

    def __init__(self, key, place, jdk, *, name="a", host=None, **variables):
        self.product, self.place, self.jdk, self.name = PRODUCTS[key], place, jdk, name
        self.host = host or place  # the settings and the state of the agent, which several may share
        self.home = place / "the home" / key  # the product's scripts quote it
        self.packs = {level: place / "packs" / f"{key}.{level}" for level in build.LEVELS}
        for level, pack in self.packs.items():
            build.write_tree(self.product, level, pack)
        shutil.copytree(self.packs[build.BASE], self.home)
        self.offset = next(offset for offset in OFFSETS if ports_are_free(self.product, offset))
        self.variables = {"offset": self.offset, "java_home": str(jdk), **variables}
        self.timeouts = {"start_timeout_s": 60, "stop_timeout_s": 60}
        (self.host / "etc/instances.d").mkdir(parents=True, exist_ok=True)
        self.configure()
        self.kept = self.customise()

    def configure(self, **service):
        settings = {"name": self.name, "product": self.product.product, "home": str(self.home), "vars": self.variables,
                    "service": {**self.timeouts, **service}}
        file = self.host / f"etc/instances.d/{self.name}.yaml"
        file.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML

    def customise(self):
        """What operators do to a pack; returns what must never change: path → digest."""
        product, home = self.product, self.home
        edit = {
            "si": lambda text: text.replace("offset: 0", f"offset: {self.offset}").replace("enabled: false", "enabled: true"),
            "ei": lambda text: text.replace("<Offset>0<", f"<Offset>{self.offset}<"),
        }.get(product.layout, self.edited_toml)
        rewrite(home / product.settings, edit)
        rewrite(home / product.logging, lambda text: text.replace("INFO", "DEBUG", 1))
        if product.layout == "carbon":
            rewrite(home / POLICY, lambda text: text.replace("grant one", "grant ours"))
        if (home / LOGIN).exists():
            rewrite(home / LOGIN, lambda text: text.replace("<h1>Sign in</h1>", "<h1>Welcome to Acme</h1>"))
        own = {
            f"{product.security}/wso2carbon.jks": b"the customer's keystore",
            f"{product.lib}/mysql-connector-8.0.28.jar": build.bundle("mysql", "8.0.28"),
            f"{product.database}/WSO2CARBON_DB.mv.db": b"H2 with the customer's data",
        }
        if product.layout != "si":
            own |= {
                f"{product.dropins}/org.acme.handler_2.1.0.jar": build.bundle("org.acme.handler", "2.1.0"),
                "repository/tenants/1/eventpublishers/mail.xml": b"<eventPublisher/>\n",
                "repository/deployment/server/synapse-configs/default/sequences/main.xml": b"<sequence name=\"ours\"/>\n",
                "repository/deployment/server/webapps/acme#orders v1#größe.war": b"PK own application",
            }
        else:
            own["wso2/server/deployment/siddhi-files/Orders.siddhi"] = b"@App:name('Orders')\n"
        if product.layout == "ei":
            own["wso2/analytics/wso2/worker/database/EI_ANALYTICS.mv.db"] = b"H2 with the customer's dashboards"
        for path, content in own.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_bytes(content)
        if product.key == "wso2am-4.2.0":
            (self.place / "logs").mkdir()
            (home / "repository/logs").symlink_to(self.place / "logs")
        return {path: digest(home / path) for path in own}

    def edited_toml(self, text):
        text = text.replace("offset = 0\n", "").replace('hostname = "localhost"', f'hostname = "acme.example"\noffset = {self.offset}')
        return text.replace('password = "admin"', f'password = "{SECRET}"')

    def pitstop(self, *arguments, code=0, env=None):
        """Runs the agent and returns its report."""
        command = [AGENT, "--config-dir", self.host / "etc", "--state-dir", self.host / "var", *map(str, arguments)]
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env={**os.environ, **(env or {})})
        if ran.returncode != code:
            raise AssertionError(f"{self.product.key}: pitstop {' '.join(map(str, arguments))} ended with {ran.returncode}, not {code}:\n"
                                 f"{ran.stdout}\n{ran.stderr}\n{self.log_tail()}")
        assert SECRET not in ran.stdout + ran.stderr, f"{self.product.key}: a secret in what pitstop says"
        return json.loads(ran.stdout)

    def update(self, level, code=0, env=None):
        return self.pitstop("update", self.name, "--from", self.packs[level], code=code, env=env)

    def log_tail(self):
        log = self.home / self.product.log
        return log.read_text(encoding="utf-8")[-2000:] if log.exists() else "no log"

    def switch(self, **switches):
        (self.home / "standin.json").write_text(json.dumps(switches), encoding="utf-8")

    def servers(self):
        """Process id → start time of the servers of this home."""
        return self.processes(f"-Dcarbon.home={self.home}", self.product.main)

    def side_processes(self):
        return self.processes("org.wso2.diagnostics.DiagnosticsApp", f"-Dapp.home={self.home}/diagnostics-tool")

    def wrappers(self):
        """The shells that started a server."""
        return {parent: started_at(parent) for parent in {parent_of(pid) for pid in self.servers()}}

    def processes(self, *arguments):
        found = {}
        for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
            line = command_of(pid)
            if all(argument.encode() in line for argument in arguments):
                with contextlib.suppress(OSError):
                    found[pid] = started_at(pid)
        return found

    def everything(self):
        return {pid for pid in (int(name) for name in os.listdir("/proc") if name.isdigit())
                if any(argument.startswith(str(self.place).encode()) or f"={self.place}".encode() in argument for argument in command_of(pid))}

    def close(self):
        """Ends what a failed test left behind."""
        for pid in self.everything():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not self.everything(), "the processes of a test are gone")


@contextlib.contextmanager
def installation(key, jdk, **options):
    with tempfile.TemporaryDirectory(prefix="pitstop-wso2-") as folder:
        place = Path(os.path.realpath(folder))
        one = Installation(key, place, jdk, **options)
        try:
            yield one
        finally:
            one.close()


def rewrite(file, edit):
    before = file.read_text(encoding="utf-8")
    after = edit(before)
    assert after != before, f"{file} is not what this test expects"
    file.write_text(after, encoding="utf-8")


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def command_of(pid):
    """The arguments of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def stat_of(pid):
    """The fields of /proc/PID/stat from the third on."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def started_at(pid):
    return int(stat_of(pid)[19])


def parent_of(pid):
    return int(stat_of(pid)[1])
