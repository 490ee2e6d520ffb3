#!/bin/sh
# shellcheck source=puppet/files/task.sh disable=SC1091
. "${PT__installdir:?}/pitstop/files/task.sh"

set -- ${PT_level:+--level "$PT_level"} ${PT_source:+--from "$PT_source"} ${PT_plan:+--plan "$PT_plan"}
is_true "${PT_continue:-}" && set -- "$@" --continue
is_true "${PT_allow_downgrade:-}" && set -- "$@" --allow-downgrade
is_true "${PT_release_hold:-}" && set -- "$@" --release-hold
# A list comes as JSON; no id has a character that JSON or the shell would mind.
for id in $(printf %s "${PT_acknowledge:-}" | tr -c 'A-Za-z0-9._-' ' '); do
  set -- "$@" --acknowledge "$id"
done
change update "$@" -- "${PT_instance:?}"
