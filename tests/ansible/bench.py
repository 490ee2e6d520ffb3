#!/usr/bin/env python3
"""Measures plays that find nothing to do, side by side: each round runs all of them, and what is told is the median of the
rounds' ratios, so that what else the machine does weighs on all alike. bench.sh makes the hosts."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

WORK = Path(os.environ["PITSTOP_CONTROLLER"])
ROUNDS = int(os.environ.get("ROUNDS", "5"))
FLEETS = (1, 4, 8)

PACK = {
    "agent": os.environ["PITSTOP_BIN"],
    "config_dir": "{{ pitstop_config_dir }}",
    "state_dir": "{{ pitstop_state_dir }}",
    "name": "{{ inventory_hostname }}",
    "level": "1.0.0",
    "state": "started",
}
HOME = "{{ dir }}/theirs/demo-server-1.0.0"
# What a run of the published roles does, whether there is something to do or not; without the wait for the server.
THEIRS = [
    {"ansible.builtin.file": {"path": "{{ dir }}/theirs", "state": "directory", "mode": "0755"}},
    {"ansible.builtin.command": f"sh -c 'sh {HOME}/bin/stop.sh || true'"},
    {"ansible.builtin.stat": {"path": f"{HOME}/data"}},
    {"ansible.builtin.file": {"path": HOME, "state": "absent"}},
    {
        "ansible.builtin.unarchive": {
            "src": "{{ dir }}/packs/demo-server-1.0.0.tar.gz",
            "dest": "{{ dir }}/theirs",
            "remote_src": True,
        }
    },
    {
        "ansible.builtin.template": {
            "src": "server.properties.j2",
            "dest": f"{HOME}/conf/server.properties",
            "mode": "0644",
        }
    },
    {"ansible.builtin.file": {"path": "{{ dir }}/theirs", "state": "directory", "recurse": True, "mode": "0755"}},
    {"ansible.builtin.command": f"sh {HOME}/bin/start.sh"},
]
PLAYS = {
    "ping": [{"ansible.builtin.ping": {}}],
    "pack": [{"pitstop.fleet.pack": PACK, "register": "outcome", "failed_when": "outcome is failed or outcome is changed"}],
    "theirs": THEIRS,
}


def write_plays():
    template = (WORK / "h1/demo-server-1.0.0/conf/server.properties").read_text(encoding="utf-8")
    lines = ["server.port={{ demo_port | int + 1 }}" if one.startswith("server.port=") else one for one in template.splitlines()]
    (WORK / "server.properties.j2").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, tasks in PLAYS.items():
        play = [{"hosts": "fleet", "gather_facts": False, "tasks": tasks}]
        (WORK / f"{name}.yml").write_text(json.dumps(play), encoding="utf-8")


def seconds(name, hosts):
    command = ["ansible-playbook", f"{name}.yml", "--forks", "8", "--limit", ",".join(f"h{number + 1}" for number in range(hosts))]
    began = time.monotonic()
    ran = subprocess.run(command, cwd=WORK, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode:
        sys.exit(f"{name} failed:\n{ran.stdout[-4000:]}")
    return time.monotonic() - began


def main():
    write_plays()
    print(f"{'hosts':>5} {'ping':>8} {'pack':>8} {'theirs':>8}   pack/ping  theirs/pack   (medians of {ROUNDS} rounds, s)")
    for hosts in FLEETS:
        for name in PLAYS:
            seconds(name, hosts)  # connections, caches
        rounds = [{name: seconds(name, hosts) for name in PLAYS} for _ in range(ROUNDS)]
        middle = {name: statistics.median(one[name] for one in rounds) for name in PLAYS}
        to_ping = statistics.median(one["pack"] / one["ping"] for one in rounds)
        to_pack = statistics.median(one["theirs"] / one["pack"] for one in rounds)
        print(
            f"{hosts:>5} {middle['ping']:>8.2f} {middle['pack']:>8.2f} {middle['theirs']:>8.2f}   {to_ping:>9.2f}  {to_pack:>11.1f}",
            flush=True,
        )
    subprocess.run(["sh", "-c", f"for stop in {WORK}/h*/theirs/*/bin/stop.sh; do sh $stop; done"], stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
