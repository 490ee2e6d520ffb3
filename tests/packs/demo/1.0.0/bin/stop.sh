#!/bin/sh
# Asks the server to stop and returns at once, without waiting until it is gone.
home=$(cd "$(dirname "$0")/.." && pwd)
pid=$(cat "$home/server.pid" 2>/dev/null)
rm -f "$home/server.pid"
if [ -r "/proc/${pid:-none}/cmdline" ] && grep -qaF "$home/bin/server.py" "/proc/$pid/cmdline"; then
  kill -TERM "$pid"
else
  echo "the demo server is not running"
fi
