#!/bin/sh
# shellcheck source=puppet/files/task.sh disable=SC1091
. "${PT__installdir:?}/pitstop/files/task.sh"

set --
is_true "${PT_deep:-}" && set -- --deep
# Verifying changes nothing, but this does.
is_true "${PT_release_lock:-}" && ! is_true "${PT__noop:-}" && set -- "$@" --release-lock
if [ -n "${PT_instance:-}" ]; then
  call_agent verify "$@" -- "$PT_instance"
else
  call_agent verify "$@" --all
fi
