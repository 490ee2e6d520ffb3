#!/usr/bin/env bash
# How long a play takes that finds nothing to do, over 1, 4 and 8 hosts, against ansible.builtin.ping and against what the
# published roles for WSO2 do instead. Makes the hosts, and runs bench.py on them.
#   PITSTOP_BIN     the agent (target/release/pitstop)
#   PITSTOP_VENV    a Python environment with requirements.txt (the one of tests/venv.sh)
#   ROUNDS          how often each play runs (5)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/ansible/fleet.sh disable=SC1091
source "$root/tests/ansible/fleet.sh"

agent=$(realpath "${PITSTOP_BIN:-$root/target/release/pitstop}")
[[ -x $agent ]] || { echo "$agent is missing: build it, or name another one in PITSTOP_BIN" >&2; exit 1; }
venv=${PITSTOP_VENV:-$("$root/tests/venv.sh")}
work=$(mktemp -d)
trap 'stop_fleet "$work"; rm -rf "$work"' EXIT

start_fleet "$work" "$venv" 8
for host in "$work"/h?; do
  name=$(basename "$host")
  ask() { "$agent" --config-dir "$host/etc" --state-dir "$host/var" "$@" >/dev/null; }
  ask adopt "$name" --pristine "$host/packs/demo-server-1.0.0.tar.gz"
  ask start "$name"
done
PITSTOP_BIN=$agent PITSTOP_CONTROLLER=$work PATH=$venv/bin:$PATH python3 -B "$root/tests/ansible/bench.py"
