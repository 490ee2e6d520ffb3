#!/usr/bin/env bash
# The role agent on a host, an sshd of its own on this machine, that gets the binary from an address: runs test_agent.py with
# what it needs. Packages are for booted hosts: tests/fleet.
#   PITSTOP_BIN     the agent (target/release/pitstop)
#   PITSTOP_VENV    a Python environment with requirements.txt (the one of tests/venv.sh)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/ansible/fleet.sh disable=SC1091
source "$root/tests/ansible/fleet.sh"

agent=$(realpath "${PITSTOP_BIN:-$root/target/release/pitstop}")
[[ -x $agent ]] || { echo "$agent is missing: build it, or name another one in PITSTOP_BIN" >&2; exit 1; }
venv=${PITSTOP_VENV:-$("$root/tests/venv.sh")}
work=$(mktemp -d)
trap 'stop_fleet "$work"; rm -rf "$work"' EXIT

start_fleet "$work" "$venv" 1
export PITSTOP_BIN=$agent PITSTOP_CONTROLLER=$work PATH=$venv/bin:$PATH
python3 -B "$root/tests/ansible/test_agent.py" --failfast "$@"
