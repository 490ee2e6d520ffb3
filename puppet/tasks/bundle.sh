#!/bin/sh
# shellcheck source=puppet/files/task.sh disable=SC1091
. "${PT__installdir:?}/pitstop/files/task.sh"

case ${PT_action:-verify} in
  inspect) call_agent bundle inspect -- "${PT_bundle:?}" ;;
  *) call_agent bundle verify -- "${PT_bundle:?}" ;;
esac
