"""Ansible as a platform team has it: the collection from its built archive, an inventory, SSH to the hosts."""

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

from hosts import GIVEN, ROOT, STATE, run

PLAYS = ROOT / "tests/fleet/plays"
# A collection elsewhere, while it is being worked on.
COLLECTION = Path(os.environ.get("PITSTOP_COLLECTION", ROOT / "ansible"))

CONFIG = """[defaults]
home = {work}/home
local_tmp = {work}/home/tmp
collections_path = {work}/collections
callback_plugins = {root}/tests/fleet/callback
callbacks_enabled = results
inventory = {work}/inventory.yml
interpreter_python = /usr/bin/python3
retry_files_enabled = false
nocows = true
forks = {forks}
[ssh_connection]
pipelining = true
control_path_dir = {work}/control
ssh_args = -F none -o ControlMaster=auto -o ControlPersist=60s -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={known_hosts}
"""


class Ran:
    """What came of a play: each task's outcome on each host, without what the play itself only asked in check mode."""

    def __init__(self, code, output, results):
        self.code, self.output = code, output
        self.results = [one for one in results if not (one["preview"] and one["outcome"] == "ok")]

    def of(self, task, host=None):
        """The last result of a task on each host; of one host alone with `host`."""
        found = {one["host"]: one for one in self.results if one["task"] == task}
        return found if host is None else found[host]["result"]

    @property
    def hosts(self):
        """Where anything was done at all, in this order."""
        return list(dict.fromkeys(one["host"] for one in self.results))

    @property
    def changed(self):
        return [(one["host"], one["task"]) for one in self.results if one["outcome"] == "ok" and one["result"].get("changed")]

    @property
    def failed(self):
        return sorted((one["host"], one["task"]) for one in self.results if one["outcome"] in ("failed", "unreachable"))


class Controller:
    """Runs plays. `work` is a folder of its own."""

    def __init__(self, work, hosts, groups, variables, forks=10):
        self.work, self.count = Path(work), 0
        self.bin = Path(os.environ["PITSTOP_VENV"]) / "bin"
        (self.work / "home/tmp").mkdir(parents=True)
        self.write_inventory(hosts, groups, variables)
        known_hosts = STATE / "known_hosts"
        (self.work / "ansible.cfg").write_text(CONFIG.format(work=self.work, root=ROOT, forks=forks, known_hosts=known_hosts), encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_") and name != "SSH_AUTH_SOCK"}
        self.env = kept | {"ANSIBLE_CONFIG": str(self.work / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}
        galaxy = [self.bin / "ansible-galaxy", "collection"]
        run(*galaxy, "build", "--output-path", self.work / "build", COLLECTION, env=self.env)
        run(*galaxy, "install", "--offline", "-p", self.work / "collections", *(self.work / "build").glob("*.tar.gz"), env=self.env)

    def write_inventory(self, hosts, groups, variables):
        """`hosts`: Host → its own variables; `groups`: name → Hosts. JSON is YAML."""
        known = {host.name: {"ansible_host": host.address, **own} for host, own in hosts.items()}
        ssh = {"ansible_user": "ops", "ansible_ssh_private_key_file": str(STATE / "key"), "given": str(GIVEN)}
        children = {name: {"hosts": {host.name: None for host in members}} for name, members in groups.items()}
        inventory = {"all": {"hosts": known, "children": children, "vars": {**ssh, **variables}}}
        (self.work / "inventory.yml").write_text(json.dumps(inventory, indent=1), encoding="utf-8")

    @contextmanager
    def running(self, play, *options, **variables):
        """A play of ours, or one of the collection by its full name, under way; `ran` of what this gives is there afterwards."""
        self.count += 1
        results, log = self.work / f"{self.count}-results.jsonl", self.work / f"{self.count}-{play}.log"
        playbook = play if "." in play else PLAYS / f"{play}.yml"
        command = [self.bin / "ansible-playbook", playbook, *options, "-e", json.dumps(variables)]
        with log.open("w", encoding="utf-8") as out:
            process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                       env={**self.env, "FLEET_RESULTS": str(results)})
        try:
            yield process
            process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
        process.ran = Ran(process.returncode, log.read_text(encoding="utf-8"), [json.loads(line) for line in lines])

    def play(self, play, *options, code=0, **variables):
        """Runs a play to its end; `code` None takes any."""
        with self.running(play, *options, **variables) as process:
            pass
        if code is not None and process.ran.code != code:
            raise AssertionError(f"{play} ended with {process.ran.code}, not {code}:\n{process.ran.output[-6000:]}")
        return process.ran

    def close(self):
        """Connections that Ansible keeps open end with it."""
        for socket in (self.work / "control").glob("*"):
            subprocess.run(["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "any"], stderr=subprocess.DEVNULL, check=False)
