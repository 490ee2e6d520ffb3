#!/usr/bin/env bash
# The demo product as a systemd unit on booted hosts of its own: with Restart=always, and as WSO2's vendors publish
# theirs. Skipped (77) with the reason where this machine cannot have such hosts.
#   unit.sh [KIND…]        only these kinds of unit: always, forking
# FLEET_NAME, FLEET_NET    the fleet's, as hosts.sh has them (pun and 10.79.0)
# PITSTOP_BIN=FILE         the agent (target/release/pitstop)
# PITSTOP_FAULTS_BIN=FILE  one with the feature `faults`, built if it is not given
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
hosts=$root/tests/fleet/hosts.sh
cache=$root/.cache/fleet
kinds=("$@")
[[ $# -gt 0 ]] || kinds=(always forking)

export FLEET_NAME=${FLEET_NAME:-pun} FLEET_NET=${FLEET_NET:-10.79.0}
"$hosts" can
# The hosts are the machine's, whichever checkout boots them.
exec 9>"/run/pitstop-$FLEET_NAME.lock"
flock --nonblock 9 || { echo "waits until another run with the fleet $FLEET_NAME has ended"; flock 9; }
agent=${PITSTOP_BIN:-$root/target/release/pitstop}
[[ -x $agent ]] || { echo "$agent is missing: make build, or name another one in PITSTOP_BIN" >&2; exit 1; }
if [[ -z ${PITSTOP_FAULTS_BIN:-} ]]; then
  # In a folder of its own, so that nobody takes an agent with faults for the real one.
  cargo build --quiet --locked --features faults --manifest-path "$root/Cargo.toml" --target-dir "$root/target/faults"
  PITSTOP_FAULTS_BIN=$root/target/faults/debug/pitstop
fi

# Copies: the hosts see only this folder, and a build meanwhile does no harm.
given=$cache/given.$$
mkdir -p "$given"
trap '"$hosts" down; rm -rf "$given"' EXIT
trap 'exit 130' INT TERM
cp "$agent" "$given/pitstop"
cp "$PITSTOP_FAULTS_BIN" "$given/pitstop-faults"
cp -r "$root/templates/products" "$given/products"
cp "$root/tests/fleet/unit.py" "$given/"
for level in 1.0.0 1.1.0 1.1.1 1.2.0; do
  "$root/tests/packs/build.py" archive "$level" "$given/packs/demo-server-$level.tar.gz"
done

export FLEET_BIND_RO=$given
"$hosts" down
"$hosts" up "${#kinds[@]}"

code=0
for i in "${!kinds[@]}"; do
  host=h$((i + 1)) kind=${kinds[i]}
  part() { echo "-- ${kind}: $1"; "$hosts" exec "$host" python3 -B "$given/unit.py" "$kind" "$1"; }
  reboot() { "$hosts" crash "$host"; "$hosts" boot "$host"; }
  part Story && part Cut && reboot && part AfterCut && reboot && part AfterBoot || code=1
done
exit "$code"
