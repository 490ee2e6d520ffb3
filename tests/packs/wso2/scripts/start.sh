#!/bin/sh
# shellcheck disable=SC2034,SC2050,SC2194 # build.py fills in what stands between at signs
# STAND-IN for @TITLE@: behaves like the product's start script as far as that is public, and shares no line with it.
script=$0
while [ -h "$script" ]; do
  link=$(readlink "$script")
  case $link in
    /*) script=$link ;;
    *) script=$(dirname "$script")/$link ;;
  esac
done
# A home from outside is believed before the own place.
[ -n "$CARBON_HOME" ] || CARBON_HOME=$(cd "$(dirname "$script")/@UP@" && pwd)
export CARBON_HOME
runtime=$CARBON_HOME@RUNTIME@
pid_file=$CARBON_HOME/@PID_FILE@

command='' arguments=''
for argument in "$@"; do
  case $argument in
    start | stop | restart | version) command=$argument ;;
    *) arguments="$arguments $argument" ;;
  esac
done

if [ -z "$JAVA_HOME" ]; then
  echo "JAVA_HOME is needed" >&2
  exit 1
fi

runs() {
  [ -e "$pid_file" ] && ps -p "$(cat "$pid_file")" >/dev/null
}

case $command in
  version)
    cat "$CARBON_HOME"/bin/*version.txt
    exit 0
    ;;
  start)
    if runs; then
      echo "Process is already running"
      exit 0
    fi
    # shellcheck disable=SC2086 # the product's script does not keep arguments with blanks apart either
    nohup sh "$0" $arguments >/dev/null 2>&1 &
    exit 0
    ;;
  stop)
    kill -TERM "$(cat "$pid_file")"
    exit 0
    ;;
  restart)
    kill -TERM "$(cat "$pid_file")"
    while runs; do sleep 1; done
    ;;
esac

jdk=$("$JAVA_HOME/bin/java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
if [ "$jdk" -lt 11 ]; then
  echo "this JDK is not supported" >&2
  case @JDK_REFUSED@ in
    exit-0) exit 0 ;;
    exit-1) exit 1 ;;
  esac
fi

rm -rf "$CARBON_HOME"/tmp/*

side=''
if [ @DIAGNOSTICS@ = yes ]; then
  "$JAVA_HOME/bin/java" -Dapp.name=runtime-diagnostics -Dapp.home="$CARBON_HOME/diagnostics-tool" \
    -cp "$CARBON_HOME/lib/*" org.wso2.diagnostics.DiagnosticsApp &
  side=$!
  trap 'kill $side 2>/dev/null' EXIT INT
fi

# 121 asks for another start.
status=121
while [ $status = 121 ]; do
  # shellcheck disable=SC2086
  "$JAVA_HOME/bin/java" -cp "$CARBON_HOME/bin/*" -Dcarbon.home="$CARBON_HOME" @PROPERTIES@ @MAIN@ $arguments
  status=$?
done
