#!/bin/sh
# shellcheck source=puppet/files/task.sh disable=SC1091
. "${PT__installdir:?}/pitstop/files/task.sh"

change start -- "${PT_instance:?}"
