#!/usr/bin/env bash
# Runs the collection for real: installed from its built archive, over SSH to an sshd of its own on this host, with the
# real agent and a real server. Each case is four runs: check, apply, check again, apply again.
#
#   run.sh          with the demo product, which is made and removed here; it is also configured, and a conflict decided
#
# or with an instance of the caller's, not adopted yet, which is put back to its level and run state:
#   INSTANCE        its name                         CONFIG_DIR, STATE_DIR   the agent's folders
#   PACK_OLD        its pristine pack                PACK_NEW                a pack with a higher level
#
# and in both ways:
#   PITSTOP_BIN     the agent (target/release/pitstop)
#   PITSTOP_VENV    a Python environment with requirements.txt (the one of tests/venv.sh)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=tests/packs/instance.sh disable=SC1091
source "$root/tests/packs/instance.sh"
# shellcheck source=tests/ansible/controller.sh disable=SC1091
source "$here/controller.sh"

agent=$(realpath "${PITSTOP_BIN:-$root/target/release/pitstop}")
[[ -x $agent ]] || { echo "$agent is missing: build it, or name another one in PITSTOP_BIN" >&2; exit 1; }
venv=${PITSTOP_VENV:-$("$root/tests/venv.sh")}
work=$(mktemp -d)

pitstop() { "$agent" --config-dir "$CONFIG_DIR" --state-dir "$STATE_DIR" --output json "$@"; }

# A value of the instance's check, as a Python expression on its view `v`.
view() { pitstop check "$INSTANCE" | python3 -c "import json, sys; v = json.load(sys.stdin)['before']; print($1)"; }

put_back() {
  [[ $(view "v['release']['level']") == "$level_before" ]] || pitstop rollback "$INSTANCE" --to "$level_before" || return 1
  case $state_before in
    running) pitstop start "$INSTANCE" ;;
    stopped) pitstop stop "$INSTANCE" ;;
  esac
}

finish() {
  local code=$?
  trap - EXIT
  if [[ -n ${state_before:-} ]] && ! put_back >"$work/put-back.json" 2>&1; then
    echo "the instance could not be put back:" >&2
    cat "$work/put-back.json" >&2
    code=1
  fi
  stop_controller "$work"
  if ((code != 0)) && [[ -n ${KEEP_WORK:-} ]]; then echo "kept: $work" >&2; else rm -rf "$work"; fi
  exit "$code"
}
trap finish EXIT

write_inventory() {
  cat >"$work/inventory.yml" <<INVENTORY
all:
  hosts:
    target:
      ansible_host: 127.0.0.1
      ansible_port: $ssh_port
      ansible_user: $(id -un)
      ansible_ssh_private_key_file: $work/ssh/user_key
  vars:
    results: $work/results
    instance: $INSTANCE
    pack_new: $PACK_NEW
    pitstop_agent: $agent
    pitstop_config_dir: $CONFIG_DIR
    pitstop_state_dir: $STATE_DIR
INVENTORY
}

fail() {
  echo "FAIL $*" >&2
  tail -n 60 "$work/log" | cut -c1-600 | sed 's/^/    | /' >&2
  exit 1
}

play() { # WHAT PLAYBOOK [OPTION…]
  local what=$1 playbook=$2
  shift 2
  "$venv/bin/ansible-playbook" "$here/$playbook" "$@" </dev/null >"$work/log" 2>&1 || fail "$what"
}

plan_id() { # RESULT
  python3 -c "import json, sys; print(json.load(open(sys.argv[1]))['outcome']['plan_id'] or '')" "$1"
}

run_case() { # NAME OPTIONS-AS-JSON
  local phase check plan variables
  for phase in check apply check-again apply-again; do
    check=() plan=
    # What check mode showed is what gets approved.
    [[ $phase != apply ]] || plan=$(plan_id "$work/results/$1-check.json")
    variables="{\"case\": \"$1\", \"phase\": \"$phase\", \"plan\": \"$plan\", \"pack\": $2}"
    [[ $phase == check* ]] && check=(--check)
    play "$1: $phase" case.yml --diff "${check[@]}" -e "$variables"
    [[ $1-$phase != update-check ]] || sed -n '/^--- before/,/^$/p' "$work/log"
  done
  play "$1: the runs compared" compare.yml -e "$variables"
  echo "ok   $1: check mode predicts it, the run does it, the second run changes nothing"
}

is_demo=
if [[ -z ${INSTANCE:-} ]]; then
  is_demo=yes
  make_demo_instance "$work/demo"
  echo "config: {values: []}" >>"$CONFIG_DIR/instances.d/$INSTANCE.yaml"
fi
: "${PACK_OLD:?}" "${PACK_NEW:?}" "${CONFIG_DIR:?}" "${STATE_DIR:?}"
start_controller "$work" "$venv"
mkdir "$work/results"
write_inventory
level_before=$(view "v['release']['level']")
state_before=$(view "v['state']")
echo "# $INSTANCE at $level_before, $state_before; sshd on port $ssh_port; $("$venv/bin/ansible" --version | sed -n 1p)"

run_case adopt "{\"adopt\": true, \"pristine\": \"$PACK_OLD\", \"state\": \"started\"}"
play "refusals" refusals.yml
play "refusals in check mode" refusals.yml --check
echo "ok   refusals: each has its kind and changes nothing"
play "facts" facts.yml
echo "ok   facts: by the module and by the local fact"
if [[ $is_demo ]]; then
  secret=$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')
  play "configuration" config.yml --diff -v -e "secret=$secret"
  ! grep -q "$secret" "$work/log" || fail "a secret in what Ansible says"
  echo "ok   configuration: check mode predicts it, the secret stays one, the old one comes back"
  play "conflicts" conflicts.yml --diff
  echo "ok   conflicts: decided, gone on with, remembered"
fi
run_case update "{\"source\": \"$PACK_NEW\", \"state\": \"started\"}"
run_case stop '{"state": "stopped"}'
run_case start '{"state": "started"}'
