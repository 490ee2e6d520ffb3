#!/usr/bin/env bash
# Prepares what the demo needs, then tells the story of tests/demo/story.py.
#   run.sh [demo|flink]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
product=${1:-demo}

for tool in cargo python3; do
  command -v "$tool" >/dev/null || { echo "demo: $tool is needed and not installed" >&2; exit 1; }
done
# Building some of the libraries takes a C compiler.
command -v cc >/dev/null || tests/setup.sh gcc libc6-dev
case $product in
  demo) ;;
  flink)
    java=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
    if [[ $java != 17 && $java != 11 ]]; then
      echo "demo: Apache Flink needs Java 17, found ${java:-none}. This installs it:" >&2
      echo "  sudo apt-get install -y --no-install-recommends openjdk-17-jre-headless" >&2
      exit 1
    fi
    for level in 1.20.0 1.20.1; do
      echo "Getting Apache Flink $level (cached in .cache/packs)"
      tests/packs/flink.sh "$level" >/dev/null
    done
    ;;
  *) echo "demo: PRODUCT is demo or flink, not $product" >&2; exit 2 ;;
esac

# The tests have built it already.
if [[ -z ${PITSTOP_BUILT:-} ]]; then
  echo "Building the agent"
  cargo build --release --locked --quiet
fi
echo "Preparing Ansible (cached in .cache)"
venv=$(tests/venv.sh)
exec python3 tests/demo/story.py "$product" --ansible "$venv/bin/ansible-playbook"
