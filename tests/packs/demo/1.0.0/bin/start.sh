#!/bin/sh
# Starts the server in the background and returns at once, without waiting until it is ready.
home=$(cd "$(dirname "$0")/.." && pwd)
cd "$home" || exit 1
mkdir -p logs data
nohup python3 "$home/bin/server.py" --home "$home" >>logs/server.out 2>&1 </dev/null &
echo $! >server.pid
echo "demo server is starting, see $home/logs/server.log"
