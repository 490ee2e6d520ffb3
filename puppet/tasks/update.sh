#!/bin/sh
# shellcheck source=puppet/files/task.sh disable=SC1091
. "${PT__installdir:?}/pitstop/files/task.sh"

set -- ${PT_level:+--level "$PT_level"} ${PT_source:+--from "$PT_source"} ${PT_plan:+--plan "$PT_plan"}
is_true "${PT_continue:-}" && set -- "$@" --continue
is_true "${PT_allow_downgrade:-}" && set -- "$@" --allow-downgrade
is_true "${PT_release_hold:-}" && set -- "$@" --release-hold
change update "$@" -- "${PT_instance:?}"
