#!/usr/bin/env bash
# Takes the stand-ins of all WSO2 products through updates, rollbacks and what goes against expectation. Works in temporary
# folders and leaves nothing running.
#   PITSTOP_BIN   the agent (target/release/pitstop)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
agent=$(realpath "${PITSTOP_BIN:-$here/../../../target/release/pitstop}")
[[ -x $agent ]] || { echo "$agent is missing: build it, or name another one in PITSTOP_BIN" >&2; exit 1; }
for tool in openssl ps; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: tests/setup.sh" >&2; exit 1; }
done
export PITSTOP_BIN=$agent
cd "$here"
exec python3 -B -m unittest test_products test_tool test_findings test_manual test_traps
