#!/usr/bin/env bash
# Takes an update from a connected sandbox into two that nothing reaches, each a network namespace with `lo` only: a bundle is
# made, tested, carried by hand, gated, applied, and a receipt comes back that makes the next one. Works in .cache/lockdown and
# leaves nothing.
#   PRODUCT        demo (the default) or flink, with real packs
#   PITSTOP_BIN    the agent (target/release/pitstop)
#   KEEP_WORK      if set, the folder stays after a failure
# Ends with 77 where namespaces cannot be had, or a distribution is not cached and cannot be downloaded.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

agent=$(realpath "${PITSTOP_BIN:-$root/target/release/pitstop}")
[[ -x $agent ]] || { echo "$agent is missing: build it, or name another one in PITSTOP_BIN" >&2; exit 1; }
for tool in unshare nsenter; do
  command -v "$tool" >/dev/null || { echo "skipped: $tool is missing (util-linux)"; exit 77; }
done
why=$(unshare --net true 2>&1) || { echo "skipped: no network namespace can be had here: $why"; exit 77; }

product=${PRODUCT:-demo}
if [[ $product == flink ]]; then
  for level in 1.20.0 1.20.1 1.20.5; do
    "$root/tests/packs/flink.sh" "$level" >/dev/null
  done
fi
PRODUCT=$product PITSTOP_BIN=$agent exec python3 -B "$root/tests/lockdown/story.py"
