#!/usr/bin/env bash
# A stand-in for the vendor's script that fetches the update tool: for tests only. The service is a directory.
set -euo pipefail
bin=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
service=${STANDIN_SERVICE:-}
name=wso2update_linux
all=false verbose=false

usage() { echo "[standin] usage: update_tool_setup.sh [-h|--help] [-v|--verbose] [-a|--all] [-c|--clean] [--force-clean]"; }
say() { if $verbose; then echo "[standin] $*"; fi; }

clean() {
  rm -f "$bin"/wso2update_linux "$bin"/wso2update_linux_arm64
  exit 0
}

for option in "$@"; do
  case $option in
    -h | --help) usage; exit 0 ;;
    -v | --verbose) verbose=true ;;
    -a | --all) all=true ;;
    -c | --clean)
      read -r -p "[standin] remove the update tool? [y/N] " answer || answer=n
      [[ $answer == [yY] ]] && clean
      exit 0 ;;
    --force-clean) clean ;;
    *) usage >&2; exit 1 ;;
  esac
done

# The whole content has to match: a second line is as wrong as none.
product=$(cat "$bin/../updates/product.txt") || exit 1
[[ $product =~ ^([0-9a-zA-Z-]+)-([0-9]+\.[0-9]+\.[0-9]+)$ ]] || { echo "[standin] product.txt is not a product" >&2; exit 1; }
[[ -n $service && -d $service/$product ]] || { echo "[standin] the service knows no $product" >&2; exit 1; }
[[ $(uname -m) == aarch64 ]] && name=wso2update_linux_arm64
if [[ ! -d $service/tool || -e $service/tool/unsupported ]]; then
  # As with the vendor's script: an empty list is a note, not an error.
  echo "Product does not support the current system's OS and architecture"
  exit 0
fi
newest=$(find "$service/tool" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort -V | tail -n 1)
names=("$name")
if $all; then names=(wso2update_linux wso2update_linux_arm64); fi
for one in "${names[@]}"; do
  say "fetching $one $newest"
  install -m 0755 "$service/tool/$newest/$one" "$bin/$one"
done
