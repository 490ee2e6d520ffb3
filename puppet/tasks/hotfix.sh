#!/bin/sh
# shellcheck source=puppet/files/task.sh disable=SC1091
. "${PT__installdir:?}/pitstop/files/task.sh"

set -- ${PT_plan:+--plan "$PT_plan"}
for rule in $(words "${PT_override:-}"); do
  set -- "$@" --override "$rule"
done
case ${PT_action:-list} in
  apply)
    [ -n "${PT_zip:-}" ] || refuse no-zip 'a hotfix is applied from a zip or a bundle: name it'
    set -- "$@" ${PT_hotfix:+--hotfix "$PT_hotfix"}
    is_true "${PT_continue:-}" && set -- "$@" --continue
    is_true "${PT_release_hold:-}" && set -- "$@" --release-hold
    for id in $(words "${PT_acknowledge:-}"); do
      set -- "$@" --acknowledge "$id"
    done
    change 'hotfix apply' "$@" -- "${PT_instance:?}" "$PT_zip"
    ;;
  revert) change 'hotfix revert' "$@" -- "${PT_instance:?}" ;;
  *) call_agent hotfix list -- "${PT_instance:?}" ;;
esac
