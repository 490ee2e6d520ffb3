#!/usr/bin/env bash
# How the controller's time grows with the number of hosts: simulated ones, each an agent with settings, state, a server and
# an sshd of its own on this machine. Prints a table: wall time and, since everything shares this machine's cores, the
# processor time of the controller alone.
#   PITSTOP_BIN     the agent (target/release/pitstop)
#   PITSTOP_VENV    a Python environment with Ansible (the one of tests/venv.sh)
#   MANY_COUNTS     how many hosts each row has (1 10 25 50)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/ansible/fleet.sh disable=SC1091
source "$root/tests/ansible/fleet.sh"

read -ra counts <<<"${MANY_COUNTS:-1 10 25 50}"
agent=$(realpath "${PITSTOP_BIN:-$root/target/release/pitstop}")
venv=${PITSTOP_VENV:-$("$root/tests/venv.sh")}
work=$(mktemp -d)
# shellcheck disable=SC2317   # the trap calls it
finish() {
  stop_fleet "$work"
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

start_fleet "$work" "$venv" "${counts[-1]}"
export ANSIBLE_FORKS=25
quietly() { "$@" >"$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; return 1; }; }
hosts() { printf 'h1'; for ((i = 2; i <= $1; i++)); do printf ',h%d' "$i"; done; }
quietly "$venv/bin/ansible" fleet -m pitstop.fleet.pack \
  -a "agent=$agent config_dir={{ pitstop_config_dir }} state_dir={{ pitstop_state_dir }} name={{ inventory_hostname }} adopt=true state=started"

cat >"$work/ping.yml" <<'PLAY'
- hosts: fleet
  gather_facts: false
  tasks: [{ansible.builtin.ping: }]
PLAY
cat >"$work/nothing.yml" <<PLAY
- hosts: fleet
  gather_facts: false
  tasks:
    - pitstop.fleet.pack:
        agent: $agent
        config_dir: "{{ pitstop_config_dir }}"
        state_dir: "{{ pitstop_state_dir }}"
        name: "{{ inventory_hostname }}"
        level: 1.0.0
        state: started
      register: outcome
      failed_when: outcome is failed or outcome is changed
PLAY

TIMEFORMAT='%R %U %S'
# Prints the wall time and the controller's processor time of a command, in seconds. Its ssh clients are among its children;
# sshd, the modules and the agents are not.
measured() {
  local took
  took=$({ time quietly "$@" 2>&3; } 3>&2 2>&1) || return 1
  awk '{ printf "%.1f (%.1f)", $1, $2 + $3 }' <<<"$took"
}
play() { measured "$venv/bin/ansible-playbook" -e "pitstop_agent=$agent" "$@"; }

echo "Seconds, and of them the controller's processor time; $ANSIBLE_FORKS forks, $(nproc) cores, $("$venv/bin/ansible" --version | sed -n 1p)"
echo
echo "| hosts | ping | nothing to do | check | update in one wave | back in one wave |"
echo "|---|---|---|---|---|---|"
everything=(-e '{"pitstop_serial": ["100%"]}')
for count in "${counts[@]}"; do
  limit=(--limit "$(hosts "$count")")
  ping=$(play "$work/ping.yml" "${limit[@]}")
  nothing=$(play "$work/nothing.yml" "${limit[@]}")
  check=$(play pitstop.fleet.check "${limit[@]}")
  update=$(play pitstop.fleet.rollout "${limit[@]}" "${everything[@]}" -e pitstop_level=1.1.0)
  back=$(play pitstop.fleet.rollback "${limit[@]}" "${everything[@]}" -e pitstop_level=1.0.0)
  echo "| $count | $ping | $nothing | $check | $update | $back |"
done
