#!/bin/sh
# Prints how often this server was started.
home=$(cd "$(dirname "$0")/.." && pwd)
python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("select count(*) from starts").fetchone()[0])' \
  "$home/data/server.db"
