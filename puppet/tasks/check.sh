#!/bin/sh
# shellcheck source=puppet/files/task.sh disable=SC1091
. "${PT__installdir:?}/pitstop/files/task.sh"

if [ -n "${PT_instance:-}" ]; then
  call_agent check -- "$PT_instance"
else
  call_agent check --all
fi
