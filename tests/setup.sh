#!/usr/bin/env bash
# Installs the Debian packages that the tests need, where they are missing and the user is root; else prints the one
# command that does.
#   setup.sh            everything for `make test`
#   setup.sh PACKAGE…   only these
set -euo pipefail

everything=(
  ca-certificates gcc libc6-dev make curl                      # building
  python3-venv python3-yaml git rsync zip unzip zstd xz-utils  # packs, comparisons, the Python environment
  shellcheck                                                   # our scripts
  openssh-server openssh-client sudo                           # Ansible over SSH to this host
  puppet puppet-lint puppet-strings ruby-rspec-puppet ruby-puppetlabs-spec-helper metadata-json-lint   # the Puppet module
  openjdk-17-jre-headless                                      # Apache Flink
  strace                                                       # which processes a run of Puppet starts
  openssl procps                                               # the stand-ins of the WSO2 servers
  chromium fonts-dejavu-core                                   # the page of `pitstop report`
  acl attr                                                     # extended attributes and ACLs in the agent's tests
)
wanted=("$@")
if [[ ${#wanted[@]} == 0 ]]; then
  wanted=("${everything[@]}")
  # Booted test hosts need root at any rate.
  [[ $(id -u) == 0 ]] && wanted+=(systemd-container mmdebstrap iproute2)
fi

command -v dpkg-query >/dev/null || { echo "setup: not a Debian system; please install: ${wanted[*]}" >&2; exit 1; }
missing=()
for package in "${wanted[@]}"; do
  [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]] || missing+=("$package")
done
[[ ${#missing[@]} == 0 ]] && exit 0

if [[ $(id -u) != 0 ]]; then
  echo "Some Debian packages are missing. This installs them:" >&2
  echo "  sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A freshly installed server must not start just because a test wants its program.
if [[ ! -e /usr/sbin/policy-rc.d ]]; then
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f "$log" /usr/sbin/policy-rc.d' EXIT
fi
# A fresh machine's own apt may be at work; `update` waits for no lock by itself.
apt() { apt-get -qq -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" >"$log" 2>&1; }
update() {
  until apt update; do
    if ((SECONDS > 600)) || ! grep -q 'Could not get lock' "$log"; then return 1; fi
    sleep 5
  done
}
if ! { update && apt install -y --no-install-recommends "${missing[@]}"; }; then
  tail -n 20 "$log" >&2
  echo "setup: apt-get install ${missing[*]} failed" >&2
  exit 1
fi
