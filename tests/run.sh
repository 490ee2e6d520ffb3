#!/usr/bin/env bash
# Runs everything, stage by stage, to the end even if one fails.
#   run.sh            all stages, but `dist`, which builds tools for minutes
#   run.sh STAGE…     only these (run.sh --list names those of the first line)
# A stage that ends with 77 is skipped: it has said why. One that takes longer than STAGE_LIMIT (25m) is ended, with all that it
# started.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
export CARGO_TERM_COLOR=never

stages=(setup fmt clippy clippy-faults unit build readme scripts packs wso2 deny vendor-tool report trust lockdown ansible ansible-stories puppet-units ansible-sanity puppet flink fleet demo)
readonly skip=77 limit=${STAGE_LIMIT:-25m}

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
fleet() {
  # The program that `unit` has built, or else just that: any integration test comes with it. `cargo build` would make another, as
  # what only tests need changes the features of the libraries.
  cargo test --quiet --locked --features faults --no-run --test fuzz_seeds || return 1
  PITSTOP_FAULTS_BIN=$root/target/debug/pitstop tests/fleet/unit.sh && tests/fleet/run.sh ansible-short
}
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

# Has this script run a stage in a process group of its own, which timeout makes and ends as a whole. In the background, so that
# a signal is heard at once; but what is there ignores SIGINT, which the tests send.
launch() {
  timeout --kill-after=20 "$limit" env --default-signal=INT,QUIT "$root/tests/run.sh" --run "$1" "${stages[@]}" &
}

# Begins a stage ahead of its turn, which then waits for it.
begin() {
  [[ " ${ahead[*]} " == *" $1 "* && -z ${begun[$1]:-} ]] || return 0
  launch "$1" >"$logs/$1" 2>&1
  begun[$1]=$!
}

run_stage() {
  local name=$1 began=$SECONDS code
  printf '\n== %s\n' "$name"
  if [[ -n ${begun[$name]:-} ]]; then
    wait "${begun[$name]}"
    code=$?
    unset "begun[$name]"
    cat "$logs/$name"
  else
    # In a pipeline the stage would last as long as any server that it left behind.
    launch "$name" > >(tee "$logs/$name") 2>&1
    wait $!
    code=$?
  fi
  [[ $code != 124 && $code != 137 ]] || echo "-- $name was ended: it took longer than $limit"
  case $code in
    0) passed=$((passed + 1)); printf -- '-- %s passed in %d s\n' "$name" $((SECONDS - began)) ;;
    "$skip") skipped+=("$name"); printf -- '-- %s skipped after %d s\n' "$name" $((SECONDS - began)) ;;
    *) failed+=("$name"); printf -- '-- %s FAILED with exit code %d after %d s\n' "$name" "$code" $((SECONDS - began)) ;;
  esac
}

# Ends what was begun, and waits until it has cleaned up.
# shellcheck disable=SC2317   # the trap calls it
finish() {
  local left
  mapfile -t left < <(jobs -p)
  [[ ${#left[@]} == 0 ]] || { kill "${left[@]}"; wait "${left[@]}"; } 2>/dev/null
  rm -rf "$logs"
}

[[ ${1:-} == --list ]] && { printf '%s\n' "${stages[@]}"; exit 0; }
if [[ ${1:-} == --run ]]; then
  name=$2
  stages=("${@:3}")
  # Not before what runs has ended, which hears the signal, too.
  trap 'exit 143' TERM
  "$name"
  exit
fi
[[ $# -gt 0 ]] && stages=("$@")
passed=0 failed=() skipped=()
for stage in "${stages[@]}"; do
  declare -F "$stage" >/dev/null || { echo "no such stage: $stage (run.sh --list names them)" >&2; exit 2; }
done
declare -A begun=()
logs=$(mktemp -d)
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
for i in "${!stages[@]}"; do
  stage=${stages[i]} ahead=("${stages[@]:i + 1}")
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
