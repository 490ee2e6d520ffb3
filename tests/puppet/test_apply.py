#!/usr/bin/env python3
"""What runs of Puppet with the real agent and a real server cost, remember and report. See ../../puppet/README.md.

test_apply.py                  runs the tests
test_apply.py --bench [RUNS]   says how much time a run with nothing to do takes for a pack
PITSTOP_BIN                    the agent (target/release/pitstop)
"""

import collections
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AGENT = os.path.realpath(os.environ.get("PITSTOP_BIN", ROOT / "target/release/pitstop"))
# Exit codes of `puppet apply --detailed-exitcodes`.
SAME, CHANGED = 0, 2
README = ROOT / "puppet/README.md"


class Host:
    """A host of its own with a Puppet and one instance of the demo product at 1.0.0, stopped and not adopted."""

    name = "demo-1"

    def __init__(self):
        self.place = Path(tempfile.mkdtemp(prefix="pitstop-puppet-"))
        script = f'. "{ROOT}/tests/packs/instance.sh" && make_demo_instance "$1"'
        self.run(["bash", "-euc", script, "-", self.place / "demo"])
        self.packs = self.place / "demo/packs"
        self.run([sys.executable, ROOT / "tests/packs/build.py", "archive", "1.1.1", self.packs / "demo-server-1.1.1.tar.gz"])
        self.home = self.place / "demo/demo-server-1.0.0"
        self.config, self.state = self.place / "demo/etc", self.place / "demo/var"
        (self.place / "modules").mkdir()
        (self.place / "modules/pitstop").symlink_to(ROOT / "puppet")
        (self.place / "none").mkdir()
        # The fact finds the agent as on any host: in PATH, with its own settings.
        (self.place / "bin").mkdir()
        (self.place / "bin/pitstop").symlink_to(AGENT)
        self.environment = {**os.environ, "PATH": f"{self.place}/bin:{os.environ['PATH']}",
                            "PITSTOP_CONFIG_DIR": str(self.config), "PITSTOP_STATE_DIR": str(self.state)}
        self.described = (self.config / f"instances.d/{self.name}.yaml").read_text(encoding="utf-8")

    def close(self):
        self.pitstop("stop", self.name)
        shutil.rmtree(self.place)

    @staticmethod
    def run(command, code=0, **options):
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
        said = "".join(line for line in (ran.stdout + ran.stderr).splitlines(keepends=True) if "/proc/1/environ" not in line)
        assert ran.returncode == code, f"{command} ended with {ran.returncode}, not {code}:\n{said}"
        return said

    def pitstop(self, *words):
        ran = subprocess.run([AGENT, "--output", "json", *words], env=self.environment, stdin=subprocess.DEVNULL,
                             capture_output=True, text=True)
        return json.loads(ran.stdout)

    def view(self):
        return self.pitstop("check", self.name)["before"]

    def options(self, manifest, modules="modules"):
        (self.place / "site.pp").write_text(manifest, encoding="utf-8")
        own = [word for name in ("conf", "var", "log", "run") for word in (f"--{name}dir", self.place / "puppet" / name)]
        return ["--color=false", "--detailed-exitcodes", "--modulepath", self.place / modules, *own]

    def apply(self, manifest, code, *options, before=(), modules="modules"):
        """Runs Puppet, apart from the system's; returns what it says."""
        words = [*before, "puppet", "apply", *self.options(manifest, modules), *options, self.place / "site.pp"]
        return self.run(words, code, env=self.environment)

    def apply_as_agent(self, manifest, code):
        """Runs Puppet so that it remembers; returns the events of its report on the instance, by resource and property."""
        words = ["ruby", ROOT / "tests/puppet/as_agent.rb", *self.options(manifest), self.place / "site.pp"]
        said = self.run(words, code, env=self.environment)
        statuses = next(json.loads(line) for line in said.splitlines() if line.startswith("["))
        return {(status["resource_type"], event["property"]): event
                for status in statuses if status["title"] == self.name for event in status["events"]}

    def resource(self, kind, **attributes):
        common = {"agent": AGENT, "config_dir": self.config, "state_dir": self.state}
        words = ", ".join(f"{name} => '{value}'" for name, value in {**common, **attributes}.items())
        return f"{kind} {{ '{self.name}': {words} }}\n"

    def described_by_class(self, pack="", **parameters):
        """The class and the define, whose files belong to root."""
        settings = {"manage_package": False, "agent": AGENT, "config_dir": self.config, "state_dir": self.state,
                    "products": ROOT / "templates/products", **parameters}
        port = re.search(r"port: (\d+)", self.described)[1]
        return f"""class {{ 'pitstop': {', '.join(f'{name} => {puppet(value)}' for name, value in settings.items())} }}
            pitstop::pack {{ '{self.name}': product => 'demo', home => '{self.home}', source => '{self.packs}',
              vars => {{ 'port' => {port} }}, {pack} }}
            file {{ '{self.place}/behind': ensure => file, require => Pitstop::Pack['{self.name}'] }}\n"""

    def pack(self, **attributes):
        return self.resource("pitstop_pack", ensure="running", adopt="true", source=self.packs, **attributes)


def puppet(value):
    """A value as Puppet writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{puppet(name)} => {puppet(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(puppet(one) for one in value) + "]"
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    return f"'{value}'"


class Slots(HTTPServer):
    """A FleetLock server of one group with slots that the test gives."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), SlotsHandler)
        self.free, self.held, self.asked = False, set(), []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class SlotsHandler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        who = body["client_params"]["id"]
        self.server.asked.append(self.path)
        granted = self.path != "/v1/pre-reboot" or self.server.free or who in self.server.held
        if granted:
            (self.server.held.add if self.path == "/v1/pre-reboot" else self.server.held.discard)(who)
        answer = b"" if granted else json.dumps({"kind": "failed_lock", "value": "the group is full"}).encode()
        self.send_response(200 if granted else 409)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *words):
        pass


FILE = "file {{ '{0}/file': content => 'x' }}\n"


class Test(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.close)
        self.file = FILE.format(self.host.place)


class Cost(Test):
    """A run with nothing to do."""

    def programs(self, manifest, modules="modules"):
        """How often a run that changes nothing starts which program; the agent as `pitstop`."""
        trace = Path(tempfile.mkdtemp(dir=self.host.place))
        # A file per process, else lines of several are torn.
        self.host.apply(manifest, SAME, before=["strace", "-ff", "-qq", "--seccomp-bpf", "-e", "trace=execve,execveat", "-o", trace / "of"],
                        modules=modules)
        started = [re.match(r'execve(?:at)?\((?:AT_FDCWD, )?"([^"]+)".* = 0$', line)
                   for of in trace.iterdir() for line in of.read_text(encoding="utf-8").splitlines()]
        return collections.Counter(os.path.basename(one[1]) for one in started if one)

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed: tests/setup.sh strace")
    def test_one_call_of_the_agent_and_no_other_process(self):
        pack = self.host.pack(level="1.1.0")
        self.host.apply(self.file + pack, CHANGED)
        service = self.host.resource("pitstop_service", ensure="running")
        gate = self.host.resource("pitstop_verified")

        without = self.programs(self.file, modules="none")
        self.assertEqual(without["pitstop"], 0)
        self.assertGreater(without["puppet"], 0)
        # The fact, and all types: one call.
        self.assertEqual(self.programs(self.file + pack + service) - without, {"pitstop": 1})
        # What only a verification can tell.
        self.assertEqual(self.programs(self.file + pack + service + gate) - without, {"pitstop": 2})


class Corrections(Test):
    """What Puppet's report calls a correction: that somebody else changed a level or a state, and nothing else."""

    def corrective(self, **attributes):
        events = self.host.apply_as_agent(self.host.pack(**attributes), CHANGED)
        return {name: event["corrective_change"] for (_, name), event in events.items()}

    def test_are_marked_in_the_report(self):
        self.assertEqual(self.corrective(level="1.1.0"), {"ensure": False})
        self.host.pitstop("rollback", self.host.name)
        self.assertEqual(self.host.view()["release"]["level"], "1.0.0")
        self.assertEqual(self.corrective(level="1.1.0"), {"level": True})
        self.host.pitstop("stop", self.host.name)
        self.assertEqual(self.corrective(level="1.1.0"), {"ensure": True})
        self.assertEqual(self.corrective(level="1.1.1"), {"level": False})
        self.assertEqual(self.host.view()["release"]["level"], "1.1.1")


@unittest.skipUnless(os.getuid() == 0, "the files of the class and the define belong to root")
class Waiting(Test):
    """Rules about when the host may change."""

    def expect(self, code, rollout, *said, level, noop=False):
        manifest = self.host.described_by_class("level => '1.1.0'", environment="test", rollout=rollout)
        text = self.host.apply(manifest, code, *(["--noop"] if noop else []))
        for one in said:
            self.assertIn(one, text)
        self.assertEqual(self.host.view()["release"]["level"], level)
        self.assertTrue((self.host.place / "behind").exists(), text)
        return text

    def test_put_a_change_off_which_is_neither_a_failure_nor_a_change(self):
        slots = Slots()
        self.addCleanup(slots.server_close)
        self.addCleanup(slots.shutdown)
        later = {"waves": [{"percent": 0.01, "opens": "2098-01-01T00:00:00Z"}, {"percent": 100, "opens": "2099-01-01T00:00:00Z"}],
                 "seed": "is-41", "windows": [{"days": ["sat", "sun"], "from": "22:00", "to": "04:00", "zone": "Europe/Berlin"}],
                 "lock": {"fleetlock": slots.address, "group": "is", "id": "h1/is-1", "wait_s": 0, "after_rollback": "keep"}}
        # What else the first run finds is done.
        self.expect(CHANGED, later, "[wave, exit 6]", "2099-01-01T00:00:00Z", level="1.0.0")
        self.assertEqual(self.host.view()["state"], "running")
        waits = self.expect(SAME, later, "waits: ", "2099-01-01T00:00:00Z", level="1.0.0")
        self.assertIn(f"Notice: /Stage[main]/Main/Pitstop::Pack[{self.host.name}]/Pitstop_pack[{self.host.name}]/level: waits", waits)
        self.expect(SAME, later, "waits: ", "steps: ", level="1.0.0", noop=True)

        now = {**later, "waves": [{"percent": 100, "opens": "2020-01-01T00:00:00Z"}], "windows": []}
        self.expect(CHANGED, now, "[lock, exit 6]", level="1.0.0")
        self.expect(SAME, now, "[lock, exit 6]", level="1.0.0")
        slots.free = True
        self.expect(CHANGED, now, "demo 1.0.0 -> 1.1.0", level="1.1.0")
        self.assertEqual(slots.held, set())
        self.assertEqual(slots.asked[-2:], ["/v1/pre-reboot", "/v1/steady-state"])
        self.assertNotIn("waits", self.expect(SAME, now, level="1.1.0"))


@unittest.skipUnless(os.getuid() == 0, "the files of the class and the define belong to root")
class Newcomer(Test):
    """The first manifest of the module's README."""

    def test_does_the_job_in_less_than_15_lines(self):
        manifest = re.search(r"```puppet\n(.*?)```", README.read_text(encoding="utf-8"), re.S)[1]
        self.assertLess(len(manifest.splitlines()), 15)
        port = re.search(r"port: (\d+)", self.host.described)[1]
        for there, here in {"'is-1'": f"'{self.host.name}'", "'wso2is'": "'demo'", "'/opt/wso2is'": f"'{self.host.home}'", "'7.1.0.41'": "'1.1.0'",
                            "unit    => 'wso2is.service'": f"vars    => {{ 'port' => {port} }}",
                            "'/srv/packs'": f"'{self.host.packs}'"}.items():
            self.assertEqual(manifest.count(there), 1, there)
            manifest = manifest.replace(there, here)
        # What this host needs besides, as a site's data.
        settings = {"manage_package": False, "agent": AGENT, "config_dir": str(self.host.config), "state_dir": str(self.host.state),
                    "products": str(ROOT / "templates/products")}
        (self.host.place / "all.yaml").write_text(json.dumps({f"pitstop::{name}": value for name, value in settings.items()}),
                                                  encoding="utf-8")
        hiera = self.host.place / "hiera.yaml"
        hiera.write_text(json.dumps({"version": 5, "hierarchy": [
            {"name": "all", "path": "all.yaml", "datadir": str(self.host.place), "data_hash": "yaml_data"}]}), encoding="utf-8")

        self.host.apply(manifest, CHANGED, "--hiera_config", hiera)
        view = self.host.view()
        self.assertEqual((view["release"]["level"], view["state"], view["verified"]), ("1.1.0", "running", True))
        self.host.apply(manifest, SAME, "--hiera_config", hiera)
        self.assertEqual(self.host.view()["processes"], view["processes"])


def bench(runs):
    """Alternates between runs without and with a pack, so that both see the same noise."""
    host = Host()
    try:
        kinds = {"without the module": (FILE.format(host.place), "none")}
        full = FILE.format(host.place) + host.pack(level="1.1.0") + host.resource("pitstop_service", ensure="running")
        kinds["with a pack and its service"] = (full, "modules")
        kinds["with its verification too"] = (full + host.resource("pitstop_verified"), "modules")
        host.apply(full, CHANGED)
        took = collections.defaultdict(list)
        for _ in range(runs):
            for kind, (manifest, modules) in kinds.items():
                began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
                host.apply(manifest, SAME, modules=modules)
                now = resource.getrusage(resource.RUSAGE_CHILDREN)
                cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
                took[kind].append((time.monotonic() - began, cpu))
    finally:
        host.close()
    # The least of them is what a run costs where nothing else uses the machine.
    for how in statistics.median, min:
        base = None
        for kind, times in took.items():
            wall, cpu = (how(one) for one in zip(*times))
            base = base or (wall, cpu)
            print(f"{how.__name__:7} {kind:28} {wall:6.2f} s ({1000 * (wall - base[0]):+5.0f} ms), "
                  f"CPU {cpu:5.2f} s ({1000 * (cpu - base[1]):+5.0f} ms)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bench"]:
        bench(int(sys.argv[2]) if sys.argv[2:] else 11)
    else:
        unittest.main(verbosity=2)
