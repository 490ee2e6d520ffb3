#!/usr/bin/env python3
"""Tells in words, with a real server, a real client and real Ansible runs, what an update with pitstop is like.

Everything happens in `.demo`; nothing is written anywhere else and nothing stays running.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from client import Client
from products import PRODUCTS, ROOT

sys.path.append(str(ROOT / "tests/packs"))
from ports import free_ports

AGENT = ROOT / "target/release/pitstop"
PLACE = ROOT / ".demo"
INSTANCE = "shop"


class Unexpected(Exception):
    """The story did not go as told."""


def say(text):
    print(textwrap.fill(text, 100, subsequent_indent="  ") if text else "", flush=True)


def title(text):
    print(f"\n--- {text}", flush=True)


def expect(condition, what):
    if not condition:
        raise Unexpected(what)


def view(report):
    """The instance as a report leaves it."""
    return report["after"] or report["before"]


def plural(count, word):
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


class Story:
    def __init__(self, product, ansible):
        self.product, self.ansible = product, ansible
        self.home = PLACE / INSTANCE
        self.packs = PLACE / "packs"
        self.environment = {
            **os.environ,
            "PITSTOP_CONFIG_DIR": str(PLACE / "etc"),
            "PITSTOP_STATE_DIR": str(PLACE / "var"),
            "ANSIBLE_CONFIG": str(PLACE / "ansible/ansible.cfg"),
        }

    # The parts that everything uses.

    def pitstop(self, *arguments, code=0):
        """Runs the agent as an operator would and returns its report."""
        ran = subprocess.run(
            [AGENT, *map(str, arguments)], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        expect(ran.returncode == code, f"pitstop {arguments[0]} ended with {ran.returncode}, not {code}:\n{ran.stdout}{ran.stderr}")
        return json.loads(ran.stdout)

    def play(self, chapter, level):
        """Runs one chapter of the playbook, shows Ansible's own words and returns the agent's report."""
        result = PLACE / f"results/{chapter}.json"
        command = [self.ansible, "-i", "localhost,", "-c", "local", ROOT / "tests/demo/demo.yml", "--tags", chapter]
        extra = {
            "pitstop_agent": str(AGENT),
            "pitstop_config_dir": self.environment["PITSTOP_CONFIG_DIR"],
            "pitstop_state_dir": self.environment["PITSTOP_STATE_DIR"],
            "instance": INSTANCE,
            "level": level,
            "result_file": str(result),
        }
        ran = subprocess.run(
            [*map(str, command), "-e", json.dumps(extra)],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        (PLACE / f"results/{chapter}.log").write_text(ran.stdout, encoding="utf-8")
        lines = [line for line in ran.stdout.splitlines() if line.strip()]
        for line in lines[:60]:
            print(f"    | {line[:140]}")
        if len(lines) > 60:
            print(f"    | … {len(lines) - 60} more lines in .demo/results/{chapter}.log")
        expect(ran.returncode == 0, f"the playbook's chapter `{chapter}` failed")
        return json.loads(result.read_text(encoding="utf-8"))

    def client(self):
        return Client(self.product.url, self.product.level_in)

    # The chapters.

    def prepare(self):
        title("Before")
        leave_behind_nothing()
        for folder in ("etc/instances.d", "var", "ansible/collections/ansible_collections/pitstop", "results", "packs"):
            (PLACE / folder).mkdir(parents=True)
        settings = {
            "name": INSTANCE,
            "product": self.product.name,
            "home": str(self.home),
            "source": str(self.packs),
            "vars": self.product.vars,
        }
        # JSON is YAML.
        (PLACE / "etc/instances.d/shop.yaml").write_text(json.dumps(settings, indent=1), encoding="utf-8")
        (PLACE / "etc/pitstop.yaml").write_text(json.dumps({"products": f"{ROOT}/templates/products"}), encoding="utf-8")
        (PLACE / "ansible/collections/ansible_collections/pitstop/fleet").symlink_to(ROOT / "ansible")
        (PLACE / "ansible/ansible.cfg").write_text(
            "[defaults]\n"
            f"home = {PLACE}/ansible\nlocal_tmp = {PLACE}/ansible/tmp\nremote_tmp = {PLACE}/ansible/remote\n"
            f"collections_path = {PLACE}/ansible/collections\n"
            "interpreter_python = {{ ansible_playbook_python }}\nretry_files_enabled = false\nnocows = true\n"
            "localhost_warning = false\n",
            encoding="utf-8",
        )
        pack = self.product.offer(self.product.old, self.packs)
        self.product.install(pack, self.home)
        say(f"{self.product.title} {self.product.old} is unpacked in .demo/{INSTANCE} and customised as operators do: "
            f"a port, settings, a page or a pattern, files of their own.")
        self.pitstop("adopt", INSTANCE, "--pristine", pack)
        report = self.pitstop("start", INSTANCE)
        say(f"Adopted and started: {report['message']}.")
        self.product.offer(self.product.new, self.packs)
        say(f"Level {self.product.new} arrives in the folder .demo/packs.")

    def look_first(self):
        title("Check mode: what would Ansible change?")
        before = self.fingerprint()
        report = self.play("check", self.product.new)
        expect(report["dry_run"] and report["changed"], "check mode must predict a change")
        expect(self.fingerprint() == before, "check mode changed something")
        say(f"Predicted: {plural(len(report['plan']['files']), 'path')} would change, no conflicts. Nothing was touched.")

    def update(self):
        title(f"Update to {self.product.new} while a client asks all the time")
        with self.client() as client:
            wait_for_answers(client, self.product.old)
            report = self.play("update", self.product.new)
            wait_for_answers(client, self.product.new)
        expect(report["changed"] and report["status"] == "updated", f"unexpected report: {report['message']}")
        expect(client.levels() == [self.product.old, self.product.new], f"the client saw levels {client.levels()}")
        outage = max(client.outages(), default=0.0)
        say(f"The client asked {len(client.answers)} times and saw {' then '.join(client.levels())}. "
            f"It got no answer for {outage:.1f} s, in which the server stopped and started again; the tree itself was "
            f"between the levels for {report['timing']['commit_ms']} ms. "
            f"{plural(len(report['plan']['files']), 'path')} changed.")
        self.show_what_was_kept()

    def show_what_was_kept(self):
        for path, kept, arrived in self.product.changes:
            text = (self.home / path).read_bytes().decode("utf-8", "replace")
            expect(kept in text, f"{path} lost the operator's change `{kept}`")
            expect(arrived is None or arrived in text, f"{path} lacks the vendor's change `{arrived}`")
            say(f"  kept in {path}" + (": the operator's change, and the vendor's came in beside it" if arrived else ""))

    def verify_and_again(self):
        title("Verify, and the same playbook once more")
        report = self.pitstop("verify", INSTANCE, "--deep")
        say(f"Verified: {report['message']}.")
        processes = view(report)["processes"]
        again = self.play("again", self.product.new)
        expect(not again["changed"], "the second run changed something")
        now = view(self.pitstop("check", INSTANCE))["processes"]
        expect(processes == now, f"the second run touched the processes: {processes} became {now}")
        say("Nothing changed, and the very same process still serves.")

    def survive_a_bad_release(self):
        title(f"A bad release: {self.product.broken}, {self.product.broken_because}")
        self.product.offer(self.product.broken, self.packs)
        before = self.fingerprint()
        with self.client() as client:
            wait_for_answers(client, self.product.new)
            report = self.play("broken", self.product.broken)
            wait_for_answers(client, self.product.new)
        expect(report["status"] == "rolled-back", f"expected a rollback, got {report['status']}: {report['message']}")
        expect(self.fingerprint() == before, "the rollback did not put every file back")
        outage = max(client.outages(), default=0.0)
        say(f"pitstop says: {report['message']}.")
        say(f"The server is back at {self.product.new} and verified; every file is as it was. The client got no answer for {outage:.1f} s.")
        blocked = self.pitstop("update", INSTANCE, "--level", self.product.broken, code=6)
        say(f"Another try is refused: {blocked['message']}.")

    def end(self):
        title("After")
        report = self.pitstop("stop", INSTANCE)
        expect(view(report)["state"] == "stopped", "the server still runs")
        say("The server is stopped. Everything of this demo lies in .demo: the reports of the Ansible runs in "
            ".demo/results, the history of the instance in .demo/var. Delete the folder when you like.")

    def fingerprint(self):
        """Vendor and config files: path → mode, size, time, or link target."""
        seen = {}
        for path in sorted(self.home.rglob("*")):
            relative = path.relative_to(self.home).as_posix()
            if relative.split("/")[0] in ("data", "logs", "log", ".pitstop", "server.pid") or "generated" in relative:
                continue
            status = path.lstat()
            stamp = os.readlink(path) if path.is_symlink() else status.st_mtime_ns if path.is_file() else None
            seen[relative] = (status.st_mode, status.st_size if path.is_file() else None, stamp)
        return seen

    def tell(self):
        try:
            self.prepare()
            self.look_first()
            self.update()
            self.verify_and_again()
            self.survive_a_bad_release()
            self.end()
        finally:
            stop_leftovers()


def wait_for_answers(client, level, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if client.answers and client.answers[-1][1] == level:
            return
        time.sleep(0.02)
    raise Unexpected(f"the client got no answer from level {level} within {seconds} s")


def stop_leftovers():
    """Ends the server of this or an interrupted earlier demo: processes whose command line names its home."""
    for _ in range(100):
        found = [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid() and is_server(pid)]
        if not found:
            return
        for pid in found:
            try:
                os.kill(int(pid), 15)
            except ProcessLookupError:
                pass
        time.sleep(0.1)
    raise Unexpected(f"processes that do not end: {found}")


def is_server(pid):
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return f"{PLACE / INSTANCE}/".encode() in command and os.stat(f"/proc/{pid}").st_uid == os.getuid()


def leave_behind_nothing():
    if PLACE.exists():
        stop_leftovers()
        shutil.rmtree(PLACE)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("product", choices=sorted(PRODUCTS))
    parser.add_argument("--ansible", required=True)
    asked = parser.parse_args()
    story = Story(PRODUCTS[asked.product](free_ports(2)), asked.ansible)
    try:
        story.tell()
    except Unexpected as problem:
        sys.exit(f"\ndemo: {problem}")
    print("\nThe demo went as it should.")


if __name__ == "__main__":
    main()
