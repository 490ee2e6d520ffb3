#!/bin/sh
# What pitstop-check.service runs: the report of all instances for members of the group pitstop, and figures for
# Prometheus's node-exporter where that is there. Readers see the old files or the new ones, nothing in between.
set -u
report=/run/pitstop/check.json
textfiles=${PITSTOP_TEXTFILES:-/var/lib/prometheus/node-exporter}
[ ! -d "$textfiles" ] || set -- --prometheus "$textfiles/pitstop.prom"

umask 027
# Only this run knows what a drop-in names: who removes the package reads it there.
[ $# = 0 ] || printf '%s\n' "$2" >/var/lib/pitstop/textfile
# Figures are for everybody.
(umask 022 && exec /usr/bin/pitstop check --all --output json "$@") >"$report.new"
code=$?
# A check that was killed has said nothing, or half of it.
if [ -s "$report.new" ] && [ "$code" -lt 126 ]; then mv -f "$report.new" "$report" || exit 1; fi
exit "$code"
