#!/bin/sh
# shellcheck source=puppet/files/task.sh disable=SC1091
. "${PT__installdir:?}/pitstop/files/task.sh"

if [ -n "${PT_instance:-}" ]; then
  pitstop check -- "$PT_instance"
else
  pitstop check --all
fi
