#!/usr/bin/env bash
# What pitstop signs is verified by others, and what others sign is believed by pitstop: openssl, securesystemslib, in-toto.
#   run.sh [AGENT]   the agent to test; target/release/pitstop without it
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
agent=${1:-$root/target/release/pitstop}
[[ -x $agent ]] || { echo "$agent is missing: run make build"; exit 1; }
venv=$("$root/tests/venv.sh" "$root/tests/trust/requirements.txt")
PITSTOP=$agent "$venv/bin/python" "$root/tests/trust/interop.py"
