#!/bin/sh
# shellcheck source=puppet/files/task.sh disable=SC1091
. "${PT__installdir:?}/pitstop/files/task.sh"

# The agent has no dry run of it.
if is_true "${PT__noop:-}"; then
  printf '{"changed": true, "message": "a receipt would be written"}\n'
  exit
fi
set -- --out "${PT_file:?}" --sign "${PT_sign:?}" ${PT_signer:+--signer "$PT_signer"}
# Names have nothing that the shell would mind.
# shellcheck disable=SC2046
if [ -n "${PT_instances:-}" ]; then
  call_agent receipt "$@" -- $(words "$PT_instances")
else
  call_agent receipt "$@" --all
fi
