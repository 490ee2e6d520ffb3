#!/usr/bin/env bash
# Takes the real Apache Flink through updates, bad releases, rollbacks, drift and kills: with the agent itself, then the
# same update once through Ansible and once through Puppet. Works in .cache/flink-test and leaves nothing.
#   PITSTOP_BIN    the agent (target/release/pitstop)
#   PITSTOP_VENV   a Python environment with Ansible (the one of tests/venv.sh)
#   KEEP_WORK      if set, the folder stays after a failure
# Ends with 77 where a distribution is not cached and cannot be downloaded.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

agent=$(realpath "${PITSTOP_BIN:-$root/target/release/pitstop}")
[[ -x $agent ]] || { echo "$agent is missing: build it, or name another one in PITSTOP_BIN" >&2; exit 1; }
java=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1) || true
if [[ $java != 17 && $java != 11 ]]; then
  echo "Apache Flink needs Java 17, found ${java:-none}: tests/setup.sh openjdk-17-jre-headless" >&2
  exit 1
fi
for level in 1.20.0 1.20.1 1.20.5; do
  "$root/tests/packs/flink.sh" "$level" >/dev/null
done
PITSTOP_VENV=${PITSTOP_VENV:-$("$root/tests/venv.sh")}
export PITSTOP_VENV PITSTOP_BIN=$agent
exec python3 -B "$root/tests/flink/story.py"
