#!/usr/bin/env bash
# The page of `pitstop report` in a headless Chromium, and the metrics as Prometheus's own parser reads them.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
requirements=$root/tests/report/requirements.txt

if ! command -v chromium >/dev/null && ! "$root/tests/setup.sh" chromium fonts-dejavu-core; then
  echo "the page was not looked at: there is no Chromium (tests/setup.sh chromium installs it)"
  exit 77
fi

key=$( { python3 --version; cat "$requirements"; } | sha256sum | cut -c1-12)
venv=$root/.cache/report-$key
if [[ ! -f $venv/.complete ]]; then
  rm -rf "$venv"
  mkdir -p "$root/.cache"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r "$requirements"
  touch "$venv/.complete"
fi
export PITSTOP=${PITSTOP:-$root/target/release/pitstop}
"$venv/bin/python" "$root/tests/report/test_page.py"
