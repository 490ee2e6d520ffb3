# shellcheck shell=bash
# Sourced by the scripts that put real packs together from Python packages. Sets pack to the folder of `NAME-VERSION`
# and ends if it is there already, printing it; else sets scratch, an empty folder beside it. One script at a time.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
packs=$root/.cache/packs

begin_pack() {
  name=$1 version=$2
  pack=$packs/$name-$version
  end_if_there
  mkdir -p "$packs"
  exec 9>"$packs/$name.lock"
  flock 9
  end_if_there
  scratch=$(mktemp -d "$packs/.$name.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  venv=$("$root/tests/venv.sh")
}

end_if_there() {
  if [[ -d $pack ]]; then
    echo "$pack"
    exit 0
  fi
}

# Downloads a package into scratch; ends with 77 if the index cannot be reached.
download() {
  "$venv/bin/pip" download -q --disable-pip-version-check --no-deps -d "$scratch" "$@" >"$scratch/pip.log" 2>&1 && return
  cat "$scratch/pip.log" >&2
  if grep -qE 'NameResolutionError|NewConnectionError|ConnectTimeoutError|ProxyError' "$scratch/pip.log"; then
    echo "skipped: $name $version is not in $packs and the package index cannot be reached" >&2
    exit 77
  fi
  exit 1
}

# Unpacks the folder `deps` of a source package into the new folder $2.
unpack_deps() {
  mkdir "$2"
  tar -C "$2" --strip-components=2 --no-same-owner -xzf "$1" --wildcards '*/deps/*'
}

end_pack() {
  mv "$1" "$pack"
  echo "$pack"
}
