#!/bin/sh
# shellcheck source=puppet/files/task.sh disable=SC1091
. "${PT__installdir:?}/pitstop/files/task.sh"

set --
is_true "${PT_deep:-}" && set -- --deep
is_true "${PT_release_lock:-}" && set -- "$@" --release-lock
if [ -n "${PT_instance:-}" ]; then
  pitstop verify "$@" -- "$PT_instance"
else
  pitstop verify "$@" --all
fi
