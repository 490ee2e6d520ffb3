#!/usr/bin/env bash
# Puts real Apache Spark distributions together from the Python package that carries them, once per version.
#   spark.sh VERSION     prints the folder with the distribution, downloading it into .cache/packs if need be
# Ends with 77 if the download cannot be reached.
set -euo pipefail
umask 022
version=${1:?which version, such as 3.5.0}
# shellcheck source=tests/packs/download.sh
source "$(dirname "$0")/download.sh"
begin_pack spark "$version"
download --no-binary :all: "pyspark==$version"
unpack_deps "$scratch/pyspark-$version.tar.gz" "$scratch/spark"
end_pack "$scratch/spark"
