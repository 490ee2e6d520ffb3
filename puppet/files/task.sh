# shellcheck shell=sh
# Sourced by the tasks, whose parameters are PT_<name> in the environment. The agent's report is the task's result, its
# exit code the task's.

# The usual place of the agent is not in every runner's PATH.
PATH=$PATH:/usr/local/bin:/usr/bin

pitstop() { # ARGUMENT...
  agent=${PT_agent:-pitstop}
  if ! command -v "$agent" >/dev/null; then
    echo '{"_error": {"kind": "pitstop/no-agent", "msg": "the pitstop agent is not installed", "details": {}}}'
    exit 127
  fi
  exec "$agent" ${PT_config_dir:+--config-dir "$PT_config_dir"} ${PT_state_dir:+--state-dir "$PT_state_dir"} \
    --output json "$@"
}

# A verb that changes something; in noop mode it only says what.
change() { # VERB ARGUMENT...
  verb=$1
  shift
  [ "${PT__noop:-false}" != true ] || set -- --dry-run "$@"
  pitstop "$verb" "$@"
}

is_true() { [ "${1:-false}" = true ]; }
