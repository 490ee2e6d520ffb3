#!/usr/bin/env bash
# Checks the module as such: lint, syntax and specs, which replay the recorded reports, the metadata and the reference.
set -euo pipefail
cd "$(dirname "$0")/../../puppet"
rake
# The plans are for Bolt, which is not here: specs run that of the rollout in its stead, and the syntax of all is checked.
puppet parser validate --tasks plans/*.pp
puppet-lint --fail-on-warnings plans functions types
metadata-json-lint metadata.json

reference=$(mktemp) log=$(mktemp)
trap 'rm -f "$reference" "$log"' EXIT
puppet strings generate --format markdown --out "$reference" >"$log" 2>&1 || {
  cat "$log" >&2
  exit 1
}
diff REFERENCE.md "$reference" || {
  echo "REFERENCE.md is not up to date: puppet strings generate --format markdown --out REFERENCE.md" >&2
  exit 1
}
