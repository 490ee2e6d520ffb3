"""Booted hosts as the stories see them: hosts.sh beneath, and what can be seen of a host without Ansible or Puppet."""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/demo")]

SCRIPT = ROOT / "tests/fleet/hosts.sh"
STATE = ROOT / ".cache/fleet" / os.environ["FLEET_NAME"]
GIVEN = Path(os.environ["FLEET_GIVEN"])  # what the hosts see, too, read-only
AGENT = next(file for file in (GIVEN / "pitstop.deb", GIVEN / "pitstop") if file.exists())


def until(holds, what, seconds=300):
    """Waits for something true and returns it. The limit ends what hangs, also on a machine that is busy."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return found


def run(*command, code=0, **options):
    """Runs a command to its end; what it said belongs to the failure."""
    stdin = {} if "input" in options else {"stdin": subprocess.DEVNULL}
    ran = subprocess.run([str(part) for part in command], **stdin, capture_output=True, text=True, errors="surrogateescape", **options)
    if code is not None and ran.returncode != code:
        raise AssertionError(f"{shlex.join(map(str, command))} ended with {ran.returncode}, not {code}:\n{ran.stdout}{ran.stderr}")
    return ran


class Host:
    """One booted host."""

    def __init__(self, name):
        self.name = name
        self.address = run(SCRIPT, "address", name).stdout.strip()
        self.upper = STATE / name / "upper"  # what it wrote, seen from outside, also while it is down

    def sh(self, script, code=0):
        """Runs a script of the shell inside, as root and without ssh; returns what it printed."""
        return run(SCRIPT, "exec", self.name, "sh", "-euc", script, code=code).stdout.strip()

    def read(self, path):
        return self.sh(f"cat {shlex.quote(str(path))}")

    def write(self, path, text, mode="644"):
        """Puts a text into a file, whose owner stays who it was."""
        path = shlex.quote(str(path))
        run(SCRIPT, "exec", self.name, "sh", "-euc", f"mkdir -p $(dirname {path}); cat >{path}; chmod {mode} {path}", input=text)

    def edit(self, path, old, new):
        """What an operator does to a file that is there."""
        text = run(SCRIPT, "exec", self.name, "cat", path).stdout
        if text.count(old) != 1:
            raise AssertionError(f"{self.name}: expected {old!r} exactly once in {path}:\n{text}")
        run(SCRIPT, "exec", self.name, "sh", "-euc", f"cat >{shlex.quote(str(path))}", input=text.replace(old, new))

    def copy(self, folder, to, *options):
        """Puts the content of a folder of this machine into one of the host's; `options` are tar's."""
        packed = subprocess.run(["tar", "-C", folder, *options, "-cf", "-", "."], stdout=subprocess.PIPE, check=True).stdout
        self.sh(f"mkdir -p {to}")
        subprocess.run([SCRIPT, "exec", self.name, "tar", "-C", to, "--no-same-owner", "-xf", "-"], input=packed, check=True)

    def run(self, command):
        """Runs a script of the shell inside and returns how it ended and what it said."""
        return run(SCRIPT, "exec", self.name, "sh", "-c", command, code=None)

    def pitstop(self, *arguments, code=0):
        """Runs the agent inside, without ssh, and returns its report."""
        return json.loads(run(SCRIPT, "exec", self.name, "pitstop", "--output", "json", *arguments, code=code).stdout)

    def view(self, instance):
        """How the agent sees an instance."""
        return self.pitstop("check", instance)["before"]

    def level(self, instance):
        return self.view(instance)["release"]["level"]

    def server(self, instance):
        """Which process serves and since when: the same pair as long as nobody restarted it."""
        main = [(one["pid"], one["started_ticks"]) for one in self.view(instance)["processes"] if one["role"] == "main"]
        if len(main) != 1:
            raise AssertionError(f"{self.name}: {instance} has {len(main)} servers")
        return main[0]

    def phase(self, instance):
        """How far a change is, by the agent's own records and also while the host is down: staging, stopping, commit …,
        `pending` while a verification is owed, None when all is settled."""
        folder = self.upper / f"var/lib/pitstop/instances/{instance}"
        try:
            lines = [line for line in (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
            return ([json.loads(line)["mark"] for line in lines[1:]] or ["staging"])[-1]
        except FileNotFoundError:
            pass
        try:
            return "pending" if json.loads((folder / "state.json").read_text(encoding="utf-8"))["pending"] else None
        except FileNotFoundError:
            return None

    def crash(self):
        run(SCRIPT, "crash", self.name)

    def boot(self):
        boot(self.name)


# The hosts outlive the script; a pipe of ours must not.
def hosts_sh(*arguments):
    ran = subprocess.run([SCRIPT, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    if ran.returncode:
        raise AssertionError(f"hosts.sh {' '.join(map(str, arguments))} ended with {ran.returncode}")


def boot(name, layer=""):
    hosts_sh("boot", name, *filter(None, [layer]))
    return Host(name)


def up(count, layer=""):
    """Boots h1 … hN."""
    hosts_sh("up", count, *filter(None, [layer]))
    return [Host(f"h{i}") for i in range(1, count + 1)]
