#!/usr/bin/env bash
# Fuzzes the merges, edits and deltas.
#   run.sh [SECONDS [TARGET…]]   each target for so long (60), one after the other; a finding ends the run
# What a target learns is kept in .cache/fuzz, and where the next run begins.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
seconds=${1:-60}
shift || true
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || mapfile -t targets < <(ls "$here/seeds")

cd "$root"
tests/setup.sh g++
tool=.cache/bin/cargo-fuzz
if [[ ! -x $tool ]]; then
  cargo install cargo-fuzz --version =0.13.2 --locked --root .cache --quiet
fi
# The stable compiler instruments as well; the sanitizers, which do not come with it, have no unsafe code to look at.
export CARGO_TARGET_DIR=$root/target/fuzz
"$tool" build --fuzz-dir "$here" --sanitizer none

for target in "${targets[@]}"; do
  corpus=.cache/fuzz/$target
  mkdir -p "$corpus"
  # An input ends with what the two sides change (see src/input.rs): for a seed, whatever its hash says.
  for seed in "$here/seeds/$target"/*; do
    for number in 1 2 3 4; do
      { cat "$seed"; { cat "$seed"; echo "$number"; } | sha256sum | head -c 48; } >"$corpus/seed-$(basename "$seed")-$number"
    done
  done
  echo "== $target"
  "$tool" run --fuzz-dir "$here" --sanitizer none "$target" "$corpus" -- \
    -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=1
done
