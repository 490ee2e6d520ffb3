#!/bin/sh
# shellcheck source=puppet/files/task.sh disable=SC1091
. "${PT__installdir:?}/pitstop/files/task.sh"

set -- ${PT_level:+--to "$PT_level"} ${PT_plan:+--plan "$PT_plan"}
is_true "${PT_config:-}" && set -- "$@" --config
change rollback "$@" -- "${PT_instance:?}"
