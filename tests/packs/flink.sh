#!/usr/bin/env bash
# Puts real Apache Flink distributions together from the two Python packages that carry them, once per version.
#   flink.sh VERSION     prints the folder with the distribution, downloading it into .cache/packs if need be
# `apache-flink-libraries` (source) holds lib, opt, plugins, licenses; `apache-flink` (wheel) holds bin, conf, log.
# Ends with 77 if the downloads cannot be reached.
set -euo pipefail
umask 022
version=${1:?which version, such as 1.20.0}
# shellcheck source=tests/packs/download.sh
source "$(dirname "$0")/download.sh"
begin_pack flink "$version"
download --no-binary :all: "apache-flink-libraries==$version"
download --only-binary :all: --python-version 3.11 "apache-flink==$version"

unpack_deps "$scratch"/apache*flink*libraries-"$version".tar.gz "$scratch/flink"
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
end_pack "$scratch/flink"
