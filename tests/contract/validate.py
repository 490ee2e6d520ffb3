#!/usr/bin/env python3
"""Every recorded report is what report.schema.json describes, and that schema refuses what is no report."""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator

HERE = Path(__file__).resolve().parent


def main():
    schema = json.loads((HERE / "report.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    files = sorted(set(HERE.glob("*.json")) - {HERE / "report.schema.json"})
    refused = 0
    for file in files:
        report = json.loads(file.read_text(encoding="utf-8"))["report"]
        for error in validator.iter_errors(report):
            refused += 1
            print(f"{file.name}: {error.json_path}: {error.message}", file=sys.stderr)
        # A schema that takes anything would prove nothing.
        for field in ("schema", "ok", "changed"):
            if validator.is_valid({key: value for key, value in report.items() if key != field}):
                refused += 1
                print(f"{file.name}: the schema does not miss `{field}`", file=sys.stderr)
    if refused or not files:
        sys.exit(f"{refused} findings in {len(files)} recorded reports")
    print(f"{len(files)} recorded reports follow the schema")


main()
