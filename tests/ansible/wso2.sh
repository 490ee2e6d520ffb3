#!/usr/bin/env bash
# Takes the stand-ins of all WSO2 products from adoption to rollback with the collection, over SSH to an sshd of its own on
# this host: runs tests/packs/wso2/test_ansible.py with what it needs.
#   PITSTOP_BIN     the agent (target/release/pitstop)
#   PITSTOP_VENV    a Python environment with requirements.txt (the one of tests/venv.sh)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=tests/ansible/controller.sh disable=SC1091
source "$here/controller.sh"

agent=$(realpath "${PITSTOP_BIN:-$root/target/release/pitstop}")
[[ -x $agent ]] || { echo "$agent is missing: build it, or name another one in PITSTOP_BIN" >&2; exit 1; }
for tool in openssl ps; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: tests/setup.sh" >&2; exit 1; }
done
venv=${PITSTOP_VENV:-$("$root/tests/venv.sh")}
work=$(mktemp -d)
trap 'stop_controller "$work"; rm -rf "$work"' EXIT

start_controller "$work" "$venv"
export PITSTOP_BIN=$agent PITSTOP_CONTROLLER=$work PITSTOP_SSH_PORT=$ssh_port ANSIBLE_PLAYBOOK=$venv/bin/ansible-playbook
cd "$root/tests/packs/wso2"
python3 -B -m unittest test_ansible
