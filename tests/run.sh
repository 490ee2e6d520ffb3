#!/usr/bin/env bash
# Runs everything, stage by stage, to the end even if one fails.
#   run.sh            all stages, but `dist`, which builds tools for minutes
#   run.sh STAGE…     only these (run.sh --list names those of the first line)
# A stage that ends with 77 is skipped: it has said why.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
export CARGO_TERM_COLOR=never

stages=(setup fmt clippy clippy-faults unit build readme scripts packs wso2 deny vendor-tool report trust lockdown ansible ansible-stories puppet-units ansible-sanity puppet flink fleet demo)
readonly skip=77

setup() { tests/setup.sh; }
fmt() { cargo fmt --all --check; }
clippy() { cargo clippy --quiet --locked --all-targets -- -D warnings; }
clippy-faults() { cargo clippy --quiet --locked --all-targets --features faults -- -D warnings; }
# The program that is shipped is the one that is tested.
build() {
  rm -rf .cache/shipped
  DIST_OUT=.cache/shipped agent/package/dist.sh binary &&
    install -D ".cache/shipped/pitstop-"*"-linux-$(uname -m)" target/release/pitstop
}
# With the faults, which do nothing unless they are asked for: without them no test would run that these leave out. More at a
# time than there are cores: most of them wait for servers.
unit() { RUST_TEST_THREADS=$((3 * $(nproc))) cargo test --quiet --locked --no-fail-fast --features faults; }

deny() {
  local tool=$root/.cache/bin/cargo-deny
  if [[ ! -x $tool ]]; then
    # Not optimised: it works for a second, and the build would take minutes.
    cargo install cargo-deny --version =0.20.2 --locked --debug --root .cache --quiet || return 1
  fi
  "$tool" --log-level warn check --hide-inclusion-graph bans licenses sources || return 1
  # Only a database that could be fetched gives a verdict: being offline is said, not taken for either answer.
  if timeout 120 "$tool" --log-level error fetch db >.cache/advisories.log 2>&1; then
    "$tool" --log-level warn check --disable-fetch advisories
  else
    echo "advisories: not checked, the database cannot be reached ($(grep -m1 -i error .cache/advisories.log))"
  fi
}

scripts() {
  local all
  mapfile -t all < <(git ls-files '*.sh' .ci/run agent/package/debian agent/package/rpm)
  shellcheck "${all[@]}" && git ls-files -z '*.py' | xargs -0 python3 -c 'import ast, sys; [ast.parse(open(f, encoding="utf-8").read(), f) for f in sys.argv[1:]]'
}

readme() { python3 tests/readme.py; }
packs() { python3 tests/packs/test_packs.py; }
# shellcheck disable=SC2317
wso2() { part tests/packs/wso2/run.sh; }
vendor-tool() { python3 tests/vendor-tool/test.py; }
# shellcheck disable=SC2317
report() { part tests/report/run.sh; }
# shellcheck disable=SC2317
trust() { part tests/trust/run.sh; }
# shellcheck disable=SC2317
lockdown() { part tests/lockdown/run.sh; }
# shellcheck disable=SC2317
ansible() { part tests/ansible/run.sh && part tests/ansible/story.sh rollout && part tests/ansible/wso2.sh; }
# shellcheck disable=SC2317
ansible-stories() { part tests/ansible/story.sh promote && part tests/ansible/story.sh agent; }
# shellcheck disable=SC2317
puppet() { part tests/puppet/run.sh && part tests/puppet/test_apply.py && part tests/puppet/wso2.sh; }
# shellcheck disable=SC2317
ansible-sanity() { part tests/ansible/sanity.sh; }
# shellcheck disable=SC2317
puppet-units() { part tests/puppet/units.sh; }
# shellcheck disable=SC2317
flink() { part tests/flink/run.sh; }
fleet() { tests/fleet/unit.sh && tests/fleet/run.sh ansible-short; }
# shellcheck disable=SC2317
dist() { part tests/dist/run.sh; }
demo() {
  local built=""
  [[ " ${stages[*]} " != *" build "* ]] || built=yes
  PITSTOP_BUILT=$built tests/demo/run.sh demo
}

# A part's own script. A missing one is a failure: nothing was tested.
part() {
  [[ -x $1 ]] || { echo "$1 is missing"; return 1; }
  "$@"
}

# Begins a stage ahead of its turn, which then waits for it.
begin() {
  [[ " ${stages[*]} " == *" $1 "* ]] || return 0
  ( "$1" ) >"$logs/$1" 2>&1 &
  begun[$1]=$!
}

run_stage() {
  local name=$1 began=$SECONDS code
  printf '\n== %s\n' "$name"
  if [[ -n ${begun[$name]:-} ]]; then
    wait "${begun[$name]}"
    code=$?
    cat "$logs/$name"
  else
    # In a pipeline the stage would last as long as any server that it left behind.
    ( "$name" ) > >(tee "$logs/$name") 2>&1
    code=$?
  fi
  case $code in
    0) passed=$((passed + 1)); printf -- '-- %s passed in %d s\n' "$name" $((SECONDS - began)) ;;
    "$skip") skipped+=("$name"); printf -- '-- %s skipped after %d s\n' "$name" $((SECONDS - began)) ;;
    *) failed+=("$name"); printf -- '-- %s FAILED with exit code %d after %d s\n' "$name" "$code" $((SECONDS - began)) ;;
  esac
}

[[ ${1:-} == --list ]] && { printf '%s\n' "${stages[@]}"; exit 0; }
[[ $# -gt 0 ]] && stages=("$@")
passed=0 failed=() skipped=()
for stage in "${stages[@]}"; do
  declare -F "$stage" >/dev/null || { echo "no such stage: $stage (run.sh --list names them)" >&2; exit 2; }
done
declare -A begun=()
logs=$(mktemp -d)
trap 'jobs -p | xargs -r kill 2>/dev/null; rm -rf "$logs"' EXIT
for stage in "${stages[@]}"; do
  # What waits more than it works goes on beside something else, each with hosts and servers of its own.
  case $stage in
    wso2) begin deny ;;
    ansible) begin ansible-stories; begin puppet-units ;;
    puppet) begin fleet ;;
  esac
  run_stage "$stage"
  # Mostly one long link on one core: it goes on beside the checks.
  [[ $stage != setup ]] || begin build
done

# Once more at the end, where it is looked for.
for stage in "${failed[@]}"; do
  printf '\n== the end of %s\n' "$stage"
  tail -n 40 "$logs/$stage" | cut -c1-400
done
echo
[[ ${#skipped[@]} == 0 ]] || echo "skipped: ${skipped[*]}"
[[ ${#failed[@]} == 0 ]] || echo "failed: ${failed[*]}"
printf '%d passed, %d failed\n' "$passed" "${#failed[@]}"
[[ ${#failed[@]} == 0 ]]
