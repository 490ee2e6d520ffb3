#!/usr/bin/env bash
# Makes a private Python environment in .cache, once per set of requirements, and prints its path.
#   venv.sh [REQUIREMENTS]   that of the tests and the demo of Ansible without it
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
requirements=${1:-$root/tests/ansible/requirements.txt}
fallback="ansible-core==2.19.*"

key=$( { python3 --version; cat "$requirements" 2>/dev/null || echo "$fallback"; } | sha256sum | cut -c1-12)
venv=$root/.cache/venv-$key
mkdir -p "$root/.cache"
exec 9>"$venv.lock"
flock 9
if [[ ! -f $venv/.complete ]]; then
  rm -rf "$venv"
  # Debian's python3 cannot make environments until python3-venv is there.
  python3 -c 'import ensurepip, venv' 2>/dev/null || "$root/tests/setup.sh" python3-venv >&2
  python3 -m venv "$venv"
  if [[ -f $requirements ]]; then
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$requirements" >&2
  else
    "$venv/bin/pip" install -q --disable-pip-version-check "$fallback" >&2
  fi
  touch "$venv/.complete"
fi
echo "$venv"
