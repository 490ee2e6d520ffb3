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
# where the configuration is left alone, and in both ways:
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
demo=
if [[ -z ${INSTANCE:-} ]]; then demo=yes; make_demo_instance "$work/demo"; fi
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
    "state $(fingerprint "$STATE_DIR" -path ./cache -prune -o -type f ! -name digests ! -name lock ! -name told.jsonl ! -name last-report.json)"
}

common() { # TYPE, and attributes on standard input
  printf "%s { '%s':\n" "$1" "$INSTANCE"
  cat
  printf "  agent => '%s', config_dir => '%s', state_dir => '%s',\n}\n" "$agent" "$CONFIG_DIR" "$STATE_DIR"
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

# Applies the pack, with the level as Puppet text.
apply() { # ENSURE LEVEL [OPTION...]
  manifest "$1" "$2" > "$work/site.pp"
  shift 2
  apply_site "$@"
}

# Applies $work/site.pp, apart from the Puppet of the system; the exit code is in $code, the log in $work/log.
apply_site() { # [OPTION...]
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

common pitstop_service <<< 'ensure => running,' > "$work/site.pp"
printf "file { '%s/driver': content => 'new' } ~> Pitstop_service['%s']\n" "$work" "$INSTANCE" >> "$work/site.pp"
server=$(view "$processes")
apply_site
expect 'after a notification the server runs' running "$(view "v['state']")"
[ "$server" != "$(view "$processes")" ] || fail 'the notification did not restart the server'
server=$(view "$processes")
apply_site
expect 'no notification, no restart' "0 $server" "$code $(view "$processes")"

gate() { common pitstop_verified <<< '' && printf -- "-> file { '%s/behind': ensure => file }\n" "$work"; }
pitstop stop "$INSTANCE" > /dev/null
gate > "$work/site.pp"
apply_site
expect 'the gate fails while the server is down' 4 "$code"
[ ! -e "$work/behind" ] || fail 'what is behind the gate was applied although the server is down'
{ common pitstop_service <<< 'ensure => running,'; gate; } > "$work/site.pp"
apply_site
expect 'the server runs again, and what is behind the gate is applied' '2 yes' "$code $([ -e "$work/behind" ] && echo yes)"
[ -n "$demo" ] || exit 0

# The configuration of the demo product, from its own templates, with a secret.
secret=pa55word-$RANDOM
printf 'config: {}\n' >> "$CONFIG_DIR/instances.d/$INSTANCE.yaml"
configuration() { # GREETING
  common pitstop_config << PP
  values => {
    'page' => { 'greeting' => '$1' },
    'admin' => { 'password' => Sensitive('$secret') },
  },
PP
}
configuration Hello > "$work/site.pp"
before=$(on_disk)
apply_site --noop --show_diff
expect 'noop of the configuration succeeds' 0 "$code"
expect 'noop of the configuration changes nothing on disk' "$before" "$(on_disk)"
grep -q '^+.*Hello' "$work/log" || fail 'noop shows no difference'
predicted=$(planned)
[ -n "$predicted" ] || fail 'noop shows no plan'
apply_site --show_diff --debug
expect 'the configuration changes' 2 "$code"
expect 'the configuration does what noop said' "$predicted" "$(planned)"
expect 'the secret is in place' 1 "$(grep -c "$secret" "$home/conf/credentials.properties")"
! grep -rqs --exclude=site.pp "$secret" "$work/log" "$work/var" "$work/logs" "$STATE_DIR" || fail 'the secret is where it must not be'
server=$(view "$processes")
apply_site
expect 'the configuration again changes nothing' "0 $server" "$code $(view "$processes")"

if [ "$(id -u)" != 0 ]; then
  echo 'skip the class and the define: their files belong to root'
  exit 0
fi
port=$(sed -n 's/^vars: {port: \([0-9]*\)}$/\1/p' "$CONFIG_DIR/instances.d/$INSTANCE.yaml")
rm "$CONFIG_DIR/instances.d/$INSTANCE.yaml" "$CONFIG_DIR/pitstop.yaml"
cat > "$work/site.pp" << PP
class { 'pitstop':
  manage_package => false,
  agent          => '$agent',
  config_dir     => '$CONFIG_DIR',
  state_dir      => '$STATE_DIR',
  products       => '$root/templates/products',
}
pitstop::pack { '$INSTANCE':
  product => 'demo',
  home    => '$home',
  source  => '$PACK_NEW',
  level   => 'latest',
  vars    => { 'port' => $port },
}
file { '$work/healthy': ensure => file, require => Pitstop::Pack['$INSTANCE'] }
PP
apply_site
expect 'the class and the define describe the instance' '2 yes' "$code $([ -e "$work/healthy" ] && echo yes)"
rm "$work/healthy"
sed -i "s/^  vars .*/&\n  values => { 'page' => { 'greeting' => 'Good day' }, 'admin' => { 'password' => Sensitive('$secret') } },/" "$work/site.pp"
before=$(on_disk)
apply_site --noop
expect 'noop of the first values succeeds' 0 "$code"
expect 'noop of the first values changes nothing on disk' "$before" "$(on_disk)"
grep -q 'known only once the settings are written' "$work/log" || fail 'noop does not say what it cannot know'
apply_site
expect 'the class and the define describe and configure the instance' '2 yes' \
  "$code $([ -e "$work/healthy" ] && grep -q 'Good day' "$home/conf/app.yaml" && echo yes)"
server=$(view "$processes")
apply_site
expect 'the class and the define again change nothing' "0 $server" "$code $(view "$processes")"
