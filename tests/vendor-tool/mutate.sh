#!/usr/bin/env bash
# Shows that the agent's tests notice a driver that trusts the tool's exit code alone: it builds the agent with exactly that
# defect, in a copy, and demands that the table of switches fails. By hand: it builds everything once more.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cd "$root"
git ls-files -z | xargs -0 cp --parents -t "$copy"

python3 - "$copy/agent/src/source/vendor_tool/machine.rs" <<'PATCH'
import sys
path = sys.argv[1]
with open(path, encoding="utf-8") as file:
    text = file.read()
sound = "End::Code(0) => after_success(facts, goal),"
assert text.count(sound) == 1, "the line to be broken is not there any more"
text = text.replace(sound, """End::Code(0) => match (&facts.level, after_success(facts, goal)) {
            (Reading::Reached(level) | Reading::Other(level), _) => Next::Done(level.clone()),
            (_, Next::Nothing) => Next::Nothing,
            _ => Next::Done(Level::new("4.2.0.4")),
        },""")
with open(path, "w", encoding="utf-8") as file:
    file.write(text)
PATCH

log=$copy/log
export CARGO_TARGET_DIR=$root/target/mutation
cd "$copy"
cargo build --quiet --locked --tests
for test in with_the_vendors_originals the_exit_code_alone_proves_nothing; do
  if cargo test --quiet --locked --test cli "vendor_tool_table::$test" >"$log" 2>&1; then
    echo "$test does not notice that the exit code alone is trusted" >&2
    exit 1
  fi
  grep -q "test result: FAILED" "$log" || { cat "$log" >&2; exit 1; }
  echo "$test fails, as it must: $(grep -m1 -o 'level_[a-z]*\|config_broken\|product_rewritten' "$log" || echo 'see the test')"
done
