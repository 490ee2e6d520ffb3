"""The part of Go's templates that results are printed with."""

from __future__ import annotations

import json
import re
from typing import Any

from standin.output import Refusal

ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.S)


def _shown(value: Any) -> str:
    return f"[{' '.join(value)}]" if isinstance(value, list) else str(value)


def _value(name: str, fields: dict[str, list[str]], item: str) -> Any:
    if name == ".":
        return item
    if name.startswith('"'):
        return json.loads(name)
    if name.startswith("len "):
        return str(len(_value(name[4:], fields, item)))
    if not name.startswith(".") or name[1:] not in fields:
        raise Refusal(f"[standin] template: can't evaluate field {name}")
    return fields[name[1:]]


def render(template: str, fields: dict[str, list[str]], ranges: bool) -> str:
    """`{{.Field}}`, `{{len .Field}}`, `{{"text"}}`, and `{{range}}` or `{{if}}` up to `{{end}}` if `ranges`."""
    parts = ACTION.split(template)
    text, rest = _render(parts, 0, fields, ".", ranges)
    if rest < len(parts):
        raise Refusal("[standin] template: unexpected {{end}}")
    return text


def _render(parts: list[str], at: int, fields: dict[str, list[str]], item: str, ranges: bool) -> tuple[str, int]:
    """From literal `at` to the end or behind the next {{end}}: the text, and where to go on."""
    out = []
    while True:
        out.append(parts[at])
        if at + 1 >= len(parts):
            return "".join(out), len(parts)
        action, at = parts[at + 1], at + 2
        if action == "end":
            return "".join(out), at
        verb, _, name = action.partition(" ")
        if verb not in ("range", "if"):
            out.append(_shown(_value(action, fields, item)))
            continue
        if not ranges:
            raise Refusal(f"[standin] template: function {verb!r} not defined")
        values = _value(name, fields, item)
        rounds = values if verb == "range" else values and [item]
        _, after = _render(parts, at, fields, item, ranges)
        out.extend(_render(parts, at, fields, one, ranges)[0] for one in rounds or [])
        at = after
