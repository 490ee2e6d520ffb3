#!/usr/bin/env bash
# Tells a story of the collection on hosts that are an sshd of their own on this machine each: runs test_STORY.py, or bench.py,
# with what it needs.
#   story.sh rollout        the roles and playbooks take three hosts to a level, and back
#   story.sh promote        a bundle goes through three environments of one host each
#   story.sh agent          a host gets the binary from an address; packages are for booted hosts, in tests/fleet
#   story.sh bench          how long a play takes that finds nothing to do, over 1, 4 and 8 hosts, against ansible.builtin.ping
#                           and against what the published roles for WSO2 do instead; ROUNDS: how often each runs (5)
#   PITSTOP_BIN     the agent (target/release/pitstop)
#   PITSTOP_VENV    a Python environment with requirements.txt (the one of tests/venv.sh)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/ansible/fleet.sh disable=SC1091
source "$root/tests/ansible/fleet.sh"
declare -rA hosts=([rollout]=3 [promote]=3 [agent]=1 [bench]=8)

story=${1:-}
[[ -n ${hosts[${story:-none}]:-} ]] || { echo "which story: ${!hosts[*]}?" >&2; exit 2; }
agent=$(realpath "${PITSTOP_BIN:-$root/target/release/pitstop}")
[[ -x $agent ]] || { echo "$agent is missing: build it, or name another one in PITSTOP_BIN" >&2; exit 1; }
venv=${PITSTOP_VENV:-$("$root/tests/venv.sh")}
work=$(mktemp -d)
# A failure in here would be taken for one of the story.
trap 'stop_fleet "$work"; rm -rf "$work" || true' EXIT

start_fleet "$work" "$venv" "${hosts[$story]}"
export PITSTOP_BIN=$agent PITSTOP_CONTROLLER=$work PATH=$venv/bin:$PATH
if [[ $story == bench ]]; then
  for host in "$work"/h?; do
    for verb in "adopt --pristine $host/packs/demo-server-1.0.0.tar.gz" start; do
      # shellcheck disable=SC2086   # a verb and its options
      "$agent" --config-dir "$host/etc" --state-dir "$host/var" $verb "$(basename "$host")" >/dev/null
    done
  done
  python3 -B "$root/tests/ansible/bench.py"
else
  python3 -B "$root/tests/ansible/test_$story.py" --failfast "${@:2}"
fi
