#!/usr/bin/env bash
# Checks the module as such: lint, syntax and specs, which replay the recorded reports, and the metadata.
set -euo pipefail
cd "$(dirname "$0")/../../puppet"
rake
metadata-json-lint metadata.json
