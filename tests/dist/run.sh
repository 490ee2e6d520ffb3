#!/usr/bin/env bash
# Makes what `make dist` makes, looks at it with the tools of those that will install it, and installs it: on booted
# hosts, and the program on an old system.
# DIST_BINARY=FILE   is packed instead of building one
# Without hosts (not root, no namespaces) the rest is tested all the same, and what was left out is said.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
hosts=$root/tests/fleet/hosts.sh
cache=$root/.cache
work=$cache/dist-test
out=$root/dist
export FLEET_NAME=${FLEET_NAME:-pdi} FLEET_NET=${FLEET_NET:-10.83.0}

"$root/tests/setup.sh" lintian rpm rpmlint binutils gcc libc6-dev
"$root/agent/package/dist.sh"
rm -rf --one-file-system "$work"
mkdir -p "$work"
trap '"$hosts" down; rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM

venv=$cache/bom-venv
if [[ ! -f $venv/.complete ]]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r "$root/tests/dist/requirements.txt"
  touch "$venv/.complete"
fi
# The program runs where nothing but an old glibc is.
why=$("$hosts" can) || true
old=
if [[ -z $why ]]; then
  old=$cache/fleet/bullseye
  if [[ ! -f $old/.complete ]]; then
    rm -rf --one-file-system "$old"
    mmdebstrap --quiet --variant=extract --include=libc6 bullseye "$old" "$("$hosts" mirror)"
    touch "$old/.complete"
  fi
fi
DIST=$out WORK=$work ANSIBLE=$("$root/tests/venv.sh")/bin OLD_ROOT=$old "$venv/bin/python" -B "$root/tests/dist/test_dist.py"
[[ -z $why ]] || { echo "not tested on hosts: ${why#skipped: }"; exit 0; }

# One older than this, by the same program: what an upgrade meets.
given=$work/given
mkdir -p "$given/packs" "$given/rpm/lib"
deb=$(echo "$out"/pitstop_*_"$(dpkg --print-architecture)".deb) rpm=$(echo "$out"/pitstop-*."$(uname -m)".rpm)
cp "$deb" "$rpm" "$root/tests/dist/host.py" "$given"
dpkg-deb -R "$deb" "$work/old"
sed -i 's/^Version: .*/Version: 0.0.9-1/' "$work/old/DEBIAN/control"
dpkg-deb --root-owner-group -Znone -b "$work/old" "$given/old.deb" >/dev/null
(cd "$root/agent" && "$cache/bin/cargo-generate-rpm" generate-rpm -s 'version = "0.0.9"' --output "$given/old.rpm")
cp -r "$root/templates/products" "$given/products"
for level in 1.0.0 1.1.0 1.1.1; do
  "$root/tests/packs/build.py" archive "$level" "$given/packs/demo-server-$level.tar.gz"
done
# The hosts have no rpm: this machine's, with what it loads besides glibc.
ldd /usr/bin/rpm | awk '$3 ~ /^\// && $3 !~ /\/lib(c|m|dl|rt|pthread)\.so/ { print $3 }' | xargs cp -t "$given/rpm/lib"
cp -r /usr/lib/rpm "$given/rpm/conf"
cp /usr/bin/rpm "$given/rpm/rpm.bin"
printf '#!/bin/sh\nexport RPM_CONFIGDIR=%s LD_LIBRARY_PATH=%s\nexec %s "$@"\n' "$given/rpm/conf" "$given/rpm/lib" \
  "$given/rpm/rpm.bin" >"$given/rpm/rpm"
chmod +x "$given/rpm/rpm"

export FLEET_BIND_RO=$given
"$hosts" down
"$hosts" up 2
install_on() { # HOST FORMAT PACKAGE
  "$hosts" exec "$1" python3 -B "$given/host.py" "$2" "old.$2" "$(basename "$3")" >"$work/$2.log" 2>&1
}
code=0
install_on h1 deb "$deb" &
install_on h2 rpm "$rpm" || code=1
wait $! || code=1
for format in deb rpm; do echo "-- $format" && cat "$work/$format.log"; done
exit "$code"
