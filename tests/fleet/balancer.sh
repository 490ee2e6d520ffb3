#!/usr/bin/env bash
# On the load balancer: takes a server out of a group and puts it back, as a drain hook of a rollout does.
#   balancer.sh drain GROUP HOST   no new requests; waits until those under way are done
#   balancer.sh ready GROUP HOST   requests again; waits until its health check passes
set -euo pipefail
seconds=60
deadline=$((SECONDS + seconds))

ask() { socat - UNIX-CONNECT:/run/haproxy/admin.sock <<<"$1"; }

# A column of the statistics by its name.
of() { # GROUP HOST COLUMN
  ask "show stat" | awk -F, -v group="$1" -v host="$2" -v column="$3" '
    NR == 1 { sub(/^# /, ""); for (i = 1; i <= NF; i++) at[$i] = i }
    $1 == group && $2 == host { print $at[column] }'
}

is_idle() { [[ $(of "$1" "$2" scur) == 0 ]]; }
is_up() { [[ $(of "$1" "$2" status) == UP ]]; }

case $1 in
  drain) state=drain reached=is_idle ;;
  ready) state=ready reached=is_up ;;
  *) sed -n '2,4p' "$0"; exit 2 ;;
esac
ask "set server $2/$3 state $state"
until "$reached" "$2" "$3"; do
  ((SECONDS < deadline)) || { echo "$3 of $2 is not $state within $seconds s: $(of "$2" "$3" status)" >&2; exit 1; }
  sleep 0.1
done
