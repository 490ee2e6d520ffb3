#!/usr/bin/env bash
# Puts real Apache Flink distributions together from the two Python packages that carry them, once per version.
#   flink.sh VERSION     prints the folder with the distribution, downloading it into .cache/packs if need be
# `apache-flink-libraries` (source) holds lib, opt, plugins, licenses; `apache-flink` (wheel) holds bin, conf, log.
# Ends with 77 if the downloads cannot be reached.
set -euo pipefail
umask 022
version=${1:?which version, such as 1.20.0}
root=$(cd "$(dirname "$0")/../.." && pwd)
packs=$root/.cache/packs
pack=$packs/flink-$version
if [[ -d $pack ]]; then
  echo "$pack"
  exit 0
fi

mkdir -p "$packs"
exec 9>"$packs/flink.lock"
flock 9
if [[ -d $pack ]]; then
  echo "$pack"
  exit 0
fi
scratch=$(mktemp -d "$packs/.flink.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
venv=$("$root/tests/venv.sh")
download() { "$venv/bin/pip" download -q --disable-pip-version-check --no-deps -d "$scratch" "$@" >"$scratch/pip.log" 2>&1; }
if ! { download --no-binary :all: "apache-flink-libraries==$version" &&
  download --only-binary :all: --python-version 3.11 "apache-flink==$version"; }; then
  cat "$scratch/pip.log" >&2
  if grep -qE 'NameResolutionError|NewConnectionError|ConnectTimeoutError|ProxyError' "$scratch/pip.log"; then
    echo "skipped: Apache Flink $version is not in $packs and the package index cannot be reached" >&2
    exit 77
  fi
  exit 1
fi

mkdir "$scratch/flink"
tar -C "$scratch/flink" --strip-components=2 --no-same-owner -xzf "$scratch"/apache*flink*libraries-"$version".tar.gz \
  --wildcards '*/deps/*'
python3 - "$scratch"/apache_flink-"$version"-*.whl "$scratch/flink" <<'PY'
import sys
import zipfile
from pathlib import Path

wheel, target = zipfile.ZipFile(sys.argv[1]), Path(sys.argv[2])
for name in wheel.namelist():
    parts = name.split("/")
    if parts[0] != "pyflink" or len(parts) < 3 or parts[1] not in ("bin", "conf", "log") or name.endswith((".py", "/")):
        continue
    file = target.joinpath(*parts[1:])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(wheel.read(name))
    if parts[1] == "bin" and (name.endswith(".sh") or parts[-1] == "flink"):
        file.chmod(0o755)
PY
mv "$scratch/flink" "$pack"
echo "$pack"
