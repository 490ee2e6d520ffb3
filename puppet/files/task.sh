# shellcheck shell=sh
# Sourced by the tasks, whose parameters are PT_<name> in the environment. The agent's report is the task's result, its
# exit code the task's.

# The usual place of the agent is not in every runner's PATH.
PATH=$PATH:/usr/local/bin:/usr/bin

refuse() { # KIND MESSAGE [CODE]
  printf '{"_error": {"kind": "pitstop/%s", "msg": "%s", "details": {}}}\n' "$1" "$2"
  exit "${3:-2}"
}

call_agent() { # ARGUMENT...
  agent=${PT_agent:-pitstop}
  command -v "$agent" >/dev/null || refuse no-agent 'the pitstop agent is not installed' 127
  exec "$agent" ${PT_config_dir:+--config-dir "$PT_config_dir"} ${PT_state_dir:+--state-dir "$PT_state_dir"} \
    --output json "$@"
}

# A verb that changes something, of one word or two; in noop mode it only says what.
change() { # VERB ARGUMENT...
  verb=$1
  shift
  [ "${PT__noop:-false}" != true ] || set -- --dry-run "$@"
  # shellcheck disable=SC2086
  call_agent $verb "$@"
}

is_true() { [ "${1:-false}" = true ]; }

# The members of a list, which comes as JSON; none has a character that JSON or the shell would mind.
words() { # LIST
  printf %s "$1" | tr -c 'A-Za-z0-9._-' ' '
}
