#!/usr/bin/env bash
# Checks the recorded reports against their schema, and the collection as such, where Ansible's tools expect a
# collection to lie: lint, documentation, changelog, build, `ansible-test sanity` and `ansible-test units`. Takes
# minutes the first time.
#   PITSTOP_VENV           a Python environment that may be added to (the one of tests/venv.sh)
#   PITSTOP_CORE           another ansible-core, such as 2.16: only its own tools then, in an environment of its own
#   PITSTOP_CONTRACT_DIR   the recorded reports (tests/contract)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
contract=$(realpath "${PITSTOP_CONTRACT_DIR:-$root/tests/contract}")
core=${PITSTOP_CORE:-}
cache=${PITSTOP_ANSIBLE_TEST_CACHE:-$root/.cache/ansible-test}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
collection=$work/ansible_collections/pitstop/fleet

# The copy keeps the place of the recorded reports relative to the collection. ansible-test looks at what git knows.
lay_out() {
  mkdir -p "$collection" "$work/ansible_collections/pitstop/tests"
  tar -C "$root/ansible" --exclude=__pycache__ --exclude=.ansible -cf - . | tar -C "$collection" -xf -
  ln -s "$contract" "$work/ansible_collections/pitstop/tests/contract"
  git -C "$collection" init -q
  git -C "$collection" add -A
}

# ansible-test downloads get-pip for its environments; pip comes with Python anyway.
prepare_get_pip() {
  mkdir -p "$HOME/.ansible/test/cache"
  local script
  for script in get_pip_23_1_2.py get_pip_24_2.py; do
    cp "$here/get_pip.py" "$HOME/.ansible/test/cache/$script"
  done
}

step() { # WHAT COMMAND…
  local what=$1 began=$SECONDS
  shift
  if ! (cd "$collection" && "$@") </dev/null >"$work/log" 2>&1; then
    echo "FAIL $what" >&2
    grep -vE '^ *(Collecting|Downloading|Installing|Using cached|Successfully)|━' "$work/log" | tail -n 60 >&2
    exit 1
  fi
  echo "ok   $what ($((SECONDS - began)) s)"
}

if [[ -z $core ]]; then
  venv=${PITSTOP_VENV:-$("$root/tests/venv.sh")}
  "$venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements-dev.txt"
else
  venv=$root/.cache/venv-core-$core
  python3 -m venv "$venv"
  # ansible-test runs the units with the pytest beside it.
  "$venv/bin/pip" install -q --disable-pip-version-check "ansible-core==$core.*" -r <(grep ^pytest "$here/requirements-dev.txt")
fi
mkdir -p "$cache"
# A home of its own, so that neither the environments nor the settings of the user are touched or used.
export HOME=$cache ANSIBLE_COLLECTIONS_PATH=$work PATH=$venv/bin:$PATH LC_ALL=C.UTF-8
python=$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
lay_out
prepare_get_pip

if [[ -z $core ]]; then
  step "recorded reports follow the schema" python "$root/tests/contract/validate.py"
  step "ansible-lint" ansible-lint --offline --profile production .
  step "ansible-lint of the playbooks" ansible-lint --offline --profile production "$here"/*.yml
  step "antsibull-changelog lint" antsibull-changelog lint
  step "antsibull-docs lint-collection-docs" antsibull-docs lint-collection-docs --plugin-docs .
fi
mapfile -t modules < <(cd "$collection/plugins/modules" && printf 'pitstop.fleet.%s\n' *.py | sed 's/\.py$//')
step "ansible-doc" ansible-doc --type module "${modules[@]}"
mapfile -t roles < <(cd "$collection/roles" && printf 'pitstop.fleet.%s\n' *)
step "ansible-doc of the roles" ansible-doc --type role "${roles[@]}"
mapfile -t playbooks < <(cd "$collection" && printf '%s\n' playbooks/*.yml)
step "syntax of the playbooks" ansible-playbook --syntax-check -i localhost, "${playbooks[@]}"
step "ansible-galaxy collection build" ansible-galaxy collection build --output-path "$work/build"
step "ansible-test units" ansible-test units --color no --python "$python"
step "ansible-test sanity" ansible-test sanity --color no --python "$python"
