"""Real Apache Flink homes with an operator's changes, and what can be seen of them without the agent."""

import filecmp
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/demo"), str(ROOT / "tests/packs")]

from client import Client
from ports import free_ports
from products import Flink, load_builder
from story import Unexpected, expect, view  # the demo's

AGENT = os.environ["PITSTOP_BIN"]
PLACE = ROOT / ".cache/flink-test"
ENTRY_POINT = b"org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"


class ThreeLevels(Flink):
    """The product of the demo with one level more, and releases that are broken in two ways."""

    new, broken, refused = "1.20.5", "1.20.6", "1.20.7"

    def offer_refused(self, packs):
        """A release whose configuration turns high availability on and lacks what that needs: the JobManager exits."""
        pack = packs / f"flink-{self.refused}"
        shutil.copytree(ROOT / f".cache/packs/flink-{self.new}", pack, copy_function=os.link)
        (pack / f"lib/flink-dist-{self.new}.jar").rename(pack / f"lib/flink-dist-{self.refused}.jar")
        config = pack / "conf/config.yaml"
        text = config.read_text(encoding="utf-8")
        config.unlink()  # it is a hard link into the cache
        config.write_text(text, encoding="utf-8")
        load_builder().replace(config, "\n# high-availability:\n", "\nhigh-availability:\n  type: zookeeper\n\n# high-availability:\n")


class Installation:
    """One customised home with settings and state of its own."""

    def __init__(self, name, source, pack):
        self.name, self.place = name, PLACE / name
        self.product = ThreeLevels(free_ports(2))
        self.home, self.config_dir, self.state_dir = self.place / "home", self.place / "etc", self.place / "var"
        (self.config_dir / "instances.d").mkdir(parents=True)
        (self.place / "tmp").mkdir()
        settings = {
            "name": name, "product": "flink", "home": str(self.home), "source": str(source), "vars": self.product.vars,
            "service": {"env": {"JVM_ARGS": f"-Djava.io.tmpdir={self.place}/tmp"}},
        }
        # JSON is YAML.
        (self.config_dir / f"instances.d/{name}.yaml").write_text(json.dumps(settings), encoding="utf-8")
        self.product.install(pack, self.home)
        self.operators = {path: (self.home / path).read_bytes() for path, _, _ in self.product.changes}

    def pitstop(self, *arguments, code=0):
        """Runs the agent and returns its report."""
        command = [AGENT, "--config-dir", self.config_dir, "--state-dir", self.state_dir, *map(str, arguments)]
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        told = f"pitstop {' '.join(map(str, arguments))} ended with {ran.returncode}, not {code}:\n{ran.stdout}{ran.stderr}"
        expect(ran.returncode == code, told + (self.log_tail() if ran.returncode else ""))
        report = json.loads(ran.stdout)
        expect(report["ok"] == (code == 0), f"exit code {code} and ok {report['ok']} do not fit together")
        return report

    def look(self):
        return view(self.pitstop("check", self.name))

    def client(self):
        return Client(self.product.url, self.product.level_in)

    def answer(self):
        return self.client().ask()

    def log_tail(self):
        logs = sorted((self.home / "log").glob("*.log"), key=lambda log: log.stat().st_mtime)
        return f"\n{logs[-1]}:\n{logs[-1].read_text(errors='replace')[-3000:]}" if logs else ""

    def jvms(self):
        """The servers of this home as /proc has them: process id → start time in ticks since boot."""
        return {pid: int(stat_of(pid)[19]) for pid in processes_naming(self.home) if ENTRY_POINT in command_of(pid)}

    def expect_serving(self, level):
        expect(self.answer() == level, f"REST answers {self.answer()}, not {level}{self.log_tail()}")
        seen, jvms = self.look(), self.jvms()
        expect(seen["release"]["level"] == level, f"check sees level {seen['release']['level']}, not {level}")
        expect(seen["state"] == "running" and len(jvms) == 1, f"check sees `{seen['state']}`, /proc has {jvms}")
        main = {one["pid"]: one["started_ticks"] for one in seen["processes"] if one["role"] == "main"}
        expect(main == jvms, f"check names the server {main}, /proc has {jvms}")
        expect(seen["verified"], f"level {level} does not count as verified")

    def expect_stopped(self):
        expect(not processes_naming(self.home), f"processes are left: {processes_naming(self.home)}")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", self.product.port))  # raises if the port is still taken
        expect(self.look()["state"] == "stopped", "check does not see it stopped")

    def expect_kept(self, config=None):
        """The operator's changes are there byte for byte; `config` is what conf/config.yaml holds now."""
        for path, content in self.operators.items():
            wanted = config if path == "conf/config.yaml" and config else content
            expect((self.home / path).read_bytes() == wanted, f"{path} is not what the operator made of it")

    def expect_vendors(self, pack):
        """Everything but the operator's changes is exactly the pack, in content and mode."""
        theirs, ours = files_of(pack), files_of(self.home)
        own = {"lib/acme-reporter-1.4.jar"}
        expect(ours - own == theirs, f"other files than the pack's: {sorted((ours - own) ^ theirs)}")
        for path in theirs - set(self.operators):
            same_mode = (pack / path).stat().st_mode == (self.home / path).stat().st_mode
            same = filecmp.cmp(pack / path, self.home / path, shallow=False)
            expect(same and same_mode, f"{path} is not the pack's")

    def fingerprint(self, *ignored):
        """Path → mode, size, time, owner or link target, but for what a running server writes."""
        seen = {}
        for path in sorted(self.home.rglob("*")):
            relative = path.relative_to(self.home)
            if relative.parts[0] in ("log", *ignored):
                continue
            status = path.lstat()
            stamp = None if path.is_dir() else (status.st_size, status.st_mtime_ns)
            seen[relative.as_posix()] = (status.st_mode, status.st_uid, status.st_gid, stamp)
        return seen


def files_of(tree):
    """Files of a pack or home that are neither the server's nor pitstop's."""
    found = (path.relative_to(tree) for path in tree.rglob("*") if not path.is_dir())
    return {path.as_posix() for path in found if path.parts[0] not in ("log", ".pitstop")}


def differing(old, new):
    """Paths that an update from one pack to the other has to touch."""
    both = files_of(old) & files_of(new)
    changed = {path for path in both if not filecmp.cmp(old / path, new / path, shallow=False)}
    return changed | files_of(old) ^ files_of(new)


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def stat_of(pid):
    """The fields of /proc/PID/stat from the third on."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def processes_naming(folder):
    """Processes of this user whose command line names something in a folder, without this one."""
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return [pid for pid in pids if pid != os.getpid() and f"{folder}/".encode() in command_of(pid)]


def until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Unexpected(f"{what} within {seconds} s")
        time.sleep(0.05)
