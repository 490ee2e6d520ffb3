#!/usr/bin/env bash
# Stories of whole fleets on booted hosts of their own (hosts.sh). Skipped (77) with the reason where this machine
# cannot have such hosts; leaves nothing behind, also if it fails or is interrupted.
#   run.sh                  all of them with the real products: what `make fleet` does
#   run.sh STORY…           some: agent (only with PITSTOP_DEB), ansible, puppet, many; ansible-demo and puppet-demo with the demo
#                           product are quicker, and ansible-short tells only the main scenarios: what `make test` does
# PITSTOP_BIN=FILE          the agent (target/release/pitstop)
# PITSTOP_DEB=FILE          the package with it, which the hosts get instead of the binary
# PITSTOP_VENV=DIR          a Python environment with Ansible (the one of tests/venv.sh)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
hosts=$root/tests/fleet/hosts.sh
readonly known=(agent ansible puppet many ansible-demo puppet-demo ansible-short)
readonly short=(01 02 03 04 07 08)   # each stands on what those before it left
stories=("$@")
[[ $# -gt 0 ]] || stories=(${PITSTOP_DEB:+agent} ansible puppet many)

export FLEET_NAME=${FLEET_NAME:-plt} FLEET_NET=${FLEET_NET:-10.84.0}
"$hosts" can
# The hosts are the machine's, whichever checkout boots them.
exec 9>"/run/pitstop-$FLEET_NAME.lock"
flock --nonblock 9 || { echo "waits until another run with the fleet $FLEET_NAME has ended"; flock 9; }
agent=$(realpath "${PITSTOP_BIN:-$root/target/release/pitstop}")
[[ -x $agent ]] || { echo "$agent is missing: make build, or name another one in PITSTOP_BIN" >&2; exit 1; }
PITSTOP_VENV=${PITSTOP_VENV:-$("$root/tests/venv.sh")}
export PITSTOP_VENV PITSTOP_BIN=$agent

story="" given=""
# shellcheck disable=SC2317   # the trap calls it
finish() {
  [[ -z $story ]] || { kill "$story" && wait "$story"; } 2>/dev/null || true
  "$hosts" down
  [[ -z $given ]] || rm -rf "$given"
  rm -rf "$FLEET_WORK"
}
FLEET_WORK=$(mktemp -d)
export FLEET_WORK
trap finish EXIT
trap 'exit 130' INT TERM HUP
"$hosts" down

# What the hosts see, in a folder for each story: copies, so that a build meanwhile does no harm.
provide() { # PRODUCT…
  given=$root/.cache/fleet/given.$FLEET_NAME
  rm -rf "$given"
  mkdir -p "$given"
  cp "$agent" "$given/pitstop"
  [[ -z ${PITSTOP_DEB:-} ]] || cp "$PITSTOP_DEB" "$given/pitstop.deb"
  cp -r "$root/templates/products" "$given/products"
  export FLEET_GIVEN=$given FLEET_BIND_RO=$given
  python3 -B "$root/tests/fleet/installed.py" "$@"
}

tell() { # STORY
  local number code=0 told=("$PITSTOP_VENV/bin/python" -B "$root/tests/fleet/story_${1%-*}.py")
  case $1 in
    many) told=("$root/tests/fleet/many.sh") ;;
    agent | *-demo) export FLEET_PRODUCT=demo ;;
    *-short)
      export FLEET_PRODUCT=demo
      for number in "${short[@]}"; do told+=(-k "_${number}_"); done
      ;;
    *)
      export FLEET_PRODUCT=flink
      for level in 1.20.0 1.20.1 1.20.5; do "$root/tests/packs/flink.sh" "$level" >/dev/null; done
      ;;
  esac
  [[ $1 == many ]] || provide "$FLEET_PRODUCT"
  # In the background, so that a signal is heard at once.
  "${told[@]}" &
  story=$!
  wait "$story" || code=$?
  story=""
  "$hosts" down
  return "$code"
}

code=0
for one in "${stories[@]}"; do
  [[ " ${known[*]} " == *" $one "* ]] || { echo "no such story: $one" >&2; exit 2; }
  [[ $one != agent || -n ${PITSTOP_DEB:-} ]] || { echo "agent is about the package: name it in PITSTOP_DEB" >&2; exit 2; }
  began=$SECONDS
  echo "-- $one"
  tell "$one" || code=1
  echo "-- $one: $((SECONDS - began)) s"
done
exit "$code"
