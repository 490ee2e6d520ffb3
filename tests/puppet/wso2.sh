#!/usr/bin/env bash
# Takes the stand-ins of all WSO2 products from adoption to rollback by Puppet, on simulated hosts at the same time.
#   PITSTOP_BIN   the agent (target/release/pitstop)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
agent=$(realpath "${PITSTOP_BIN:-$root/target/release/pitstop}")
[[ -x $agent ]] || { echo "$agent is missing: build it, or name another one in PITSTOP_BIN" >&2; exit 1; }
for tool in puppet openssl ps; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: tests/setup.sh" >&2; exit 1; }
done
PITSTOP_BIN=$agent exec python3 -B "$root/tests/packs/wso2/test_puppet.py"
