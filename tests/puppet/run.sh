#!/usr/bin/env bash
# Runs `puppet apply` for real, with the real agent and a real server.
#
#   run.sh          with the demo product, which is made and removed here
#
# or with an instance of the caller's, which is put back to its level and run state:
#   INSTANCE        its name                         CONFIG_DIR, STATE_DIR   the agent's folders
#   PACK_OLD        its pristine pack                PACK_NEW                a pack, or a folder of packs, with a higher level
#   VOLATILE        folders of the home that a running server writes to (default: log logs tmp data state run)
#
# and in both ways:
#   PITSTOP_BIN     the agent (target/release/pitstop)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/packs/instance.sh disable=SC1091
source "$root/tests/packs/instance.sh"
agent=$(realpath "${PITSTOP_BIN:-$root/target/release/pitstop}")
[[ -x $agent ]] || { echo "$agent is missing: build it, or name another one in PITSTOP_BIN" >&2; exit 1; }
command -v puppet >/dev/null || { echo "puppet is not installed: tests/setup.sh puppet" >&2; exit 1; }

module=$root/puppet
VOLATILE=${VOLATILE:-log logs tmp data state run}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/modules" "$work/bin"
ln -s "$module" "$work/modules/pitstop"
ln -s "$agent" "$work/bin/pitstop"
if [[ -z ${INSTANCE:-} ]]; then make_demo_instance "$work/demo"; fi
: "${PACK_OLD:?}" "${PACK_NEW:?}" "${CONFIG_DIR:?}" "${STATE_DIR:?}"
export PITSTOP_CONFIG_DIR=$CONFIG_DIR PITSTOP_STATE_DIR=$STATE_DIR

fail() {
  echo "FAIL $*" >&2
  [ ! -s "$work/log" ] || sed 's/^/    | /' "$work/log" >&2
  exit 1
}

expect() { # WHAT EXPECTED FOUND
  [ "$2" = "$3" ] || fail "$1: expected '$2', found '$3'"
  echo "ok   $1"
}

pitstop() { "$agent" --config-dir "$CONFIG_DIR" --state-dir "$STATE_DIR" --output json "$@"; }

# A value of the instance's check, as a Python expression on its view `v`.
view() { pitstop check "$INSTANCE" | python3 -c "import json, sys; v = json.load(sys.stdin)['before']; print($1)"; }

# Everything that a run may leave behind: content, kind, mode, owner, time and link of each path.
fingerprint() { # FOLDER [WHICH PATHS, for find…]
  local folder=$1
  shift
  (
    cd "$folder" 2>/dev/null || exit 0
    find . "$@" -printf '%P %y %m %U:%G %T@ %l\n' | LC_ALL=C sort
    find . "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum
  ) | sha256sum | cut -d' ' -f1
}

# The agent's locks and caches, which it writes when it likes, are nobody's state.
on_disk() {
  local name volatile=()
  for name in $VOLATILE; do volatile+=(-path "./$name" -prune -o); done
  echo "home $(fingerprint "$home" "${volatile[@]}") settings $(fingerprint "$CONFIG_DIR")" \
    "state $(fingerprint "$STATE_DIR" -path ./cache -prune -o -type f ! -name digests ! -name lock)"
}

manifest() { # ENSURE LEVEL
  cat << PP
pitstop_pack { '$INSTANCE':
  ensure     => $1,
  adopt      => true,
  pristine   => '$PACK_OLD',
  level      => $2,
  source     => '$PACK_NEW',
  agent      => '$agent',
  config_dir => '$CONFIG_DIR',
  state_dir  => '$STATE_DIR',
}
PP
}

# Applies a manifest, with the level as Puppet text, apart from the Puppet of the system; the exit code is in $code, the log in $work/log.
apply() { # ENSURE LEVEL [OPTION...]
  manifest "$1" "$2" > "$work/site.pp"
  shift 2
  code=0
  puppet apply --color=false --detailed-exitcodes --modulepath "$work/modules" --confdir "$work/conf" \
    --vardir "$work/var" --logdir "$work/logs" --rundir "$work/run" "$@" "$work/site.pp" > "$work/log" 2>&1 || code=$?
  sed -i '/proc\/1\/environ/d' "$work/log" # Facter's complaint on hosts that hide it
}

# Levels and files of the plan in the log, without the plan's id: adopting in between gives it another.
planned() { sed -nE 's/.*: plan [0-9a-f]+: ([^,]+),.*/\1/p; s/^  (put|remove|make-dir|remove-dir|set-mode) .*/&/p' "$work/log"; }

home=$(view "v['home']")
level_before=$(view "v['release']['level']")
state_before=$(view "v['state']")

restore() {
  local status=$?
  trap - EXIT
  if [ "$(view "v['release']['level']")" != "$level_before" ]; then
    pitstop rollback "$INSTANCE" --to "$level_before" > "$work/rollback" || { cat "$work/rollback"; status=1; }
  fi
  case $state_before in
    running) pitstop start "$INSTANCE" > /dev/null || status=1 ;;
    stopped) pitstop stop "$INSTANCE" > /dev/null || status=1 ;;
  esac
  rm -rf "$work"
  [ $status -ne 0 ] || echo "PASS tests/puppet: $INSTANCE is $state_before at $level_before again"
  exit $status
}
trap restore EXIT

echo "# $INSTANCE at $level_before, $state_before, in $home"

if [ "$(view "v['adopted']")" = False ]; then
  before=$(on_disk)
  apply present undef --noop
  expect 'noop of the adoption succeeds' 0 "$code"
  expect 'noop of the adoption changes nothing on disk' "$before" "$(on_disk)"
  apply present undef
  expect 'the adoption changes' 2 "$code"
  expect 'the pack is adopted' True "$(view "v['adopted']")"
  apply present undef
  expect 'the adoption again changes nothing' 0 "$code"
fi

before=$(on_disk)
apply running latest --noop
expect 'noop succeeds' 0 "$code"
expect 'noop changes nothing on disk' "$before" "$(on_disk)"
expect 'noop leaves the server alone' "$state_before" "$(view "v['state']")"
predicted=$(planned)
[ -n "$predicted" ] || fail 'noop shows no plan'

apply running latest
expect 'the first run changes' 2 "$code"
expect 'the first run does what noop said' "$predicted" "$(planned)"
level_after=$(view "v['release']['level']")
expect 'noop named both levels' "$level_before -> $level_after" "$(echo "$predicted" | sed -nE '1s/^\S+ //p')"
expect 'the server runs' running "$(view "v['state']")"
expect 'the new level is verified' True "$(view "v['verified']")"

processes="[(p['pid'], p['started_ticks']) for p in v['processes']]"
server=$(view "$processes")
before=$(on_disk)
apply running latest
expect 'the second run changes nothing' 0 "$code"
expect 'the second run changes nothing on disk' "$before" "$(on_disk)"
expect 'the second run leaves the processes alone' "$server" "$(view "$processes")"

apply running "'99.99.99'"
expect 'a level that is not offered fails' 4 "$code"
grep -q 'level-unavailable' "$work/log" || fail 'the failure does not name its kind'
expect 'the failure changes nothing on disk' "$before" "$(on_disk)"
expect 'the failure leaves the processes alone' "$server" "$(view "$processes")"

apply stopped latest
expect 'ensure => stopped changes' 2 "$code"
expect 'the server is stopped' stopped "$(view "v['state']")"
apply stopped latest
expect 'ensure => stopped again changes nothing' 0 "$code"
apply running latest
expect 'ensure => running changes' 2 "$code"
expect 'the server runs again' running "$(view "v['state']")"

fact=$(PATH="$work/bin:$PATH" facter --custom-dir "$module/lib/facter" --json pitstop 2> /dev/null |
  python3 -c "import json, sys; i = json.load(sys.stdin)['pitstop']['instances']['$INSTANCE']; print(i['level'], i['state'])")
expect 'the fact knows level and state' "$level_after running" "$fact"
