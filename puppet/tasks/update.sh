#!/bin/sh
# shellcheck source=puppet/files/task.sh disable=SC1091
. "${PT__installdir:?}/pitstop/files/task.sh"

set -- ${PT_level:+--level "$PT_level"} ${PT_source:+--from "$PT_source"} ${PT_plan:+--plan "$PT_plan"}
is_true "${PT_continue:-}" && set -- "$@" --continue
is_true "${PT_allow_downgrade:-}" && set -- "$@" --allow-downgrade
is_true "${PT_release_hold:-}" && set -- "$@" --release-hold
for id in $(words "${PT_acknowledge:-}"); do
  set -- "$@" --acknowledge "$id"
done
for rule in $(words "${PT_override:-}"); do
  set -- "$@" --override "$rule"
done
change update "$@" -- "${PT_instance:?}"
