"""How three versions of a file become one. The vendor's algorithm is unknown; this is a plain line merge."""

from __future__ import annotations

import io
import zipfile
from difflib import SequenceMatcher
from typing import Optional

BINARY = (".jar", ".war", ".car", ".zip", ".gz", ".class", ".so", ".dll", ".png", ".gif", ".jpg", ".ico", ".woff", ".db")
KEYSTORES = (".jks", ".p12")


def is_text(path: str, *versions: bytes) -> bool:
    return not path.endswith(BINARY) and not any(b"\0" in version for version in versions)


def _matches(old: list[bytes], other: list[bytes]) -> dict[int, int]:
    """Line of the old text → the same line in the other."""
    found = {}
    for at, there, length in SequenceMatcher(None, old, other, autojunk=False).get_matching_blocks():
        found.update({at + i: there + i for i in range(length)})
    return found


def merge_lines(old: bytes, local: bytes, new: bytes) -> Optional[bytes]:
    """Both sides' changes in one text, or None where they touch the same lines."""
    lines = [text.splitlines(keepends=True) for text in (old, local, new)]
    in_local, in_new = _matches(lines[0], lines[1]), _matches(lines[0], lines[2])
    stable = [at for at in range(len(lines[0])) if at in in_local and at in in_new]
    merged: list[bytes] = []
    begin = [0, 0, 0]
    for at in [*stable, len(lines[0])]:
        end = [at, in_local.get(at, len(lines[1])), in_new.get(at, len(lines[2]))]
        was, ours, theirs = (lines[i][begin[i]:end[i]] for i in range(3))
        if ours == was or ours == theirs:
            merged += theirs
        elif theirs == was:
            merged += ours
        else:
            return None
        if at < len(lines[0]):
            merged.append(lines[0][at])
        begin = [place + 1 for place in end]
    return b"".join(merged)


def merge_bundles(old: bytes, local: bytes, new: bytes) -> bytes:
    """The vendor's added and removed bundles on top of a list that every start of the server rewrites."""
    before, after = set(old.splitlines()), set(new.splitlines())
    gone = {line for line in before - after if not line.startswith(b"#")}
    come = {line for line in after - before if not line.startswith(b"#")}
    kept = [line for line in local.splitlines() if line not in gone | come]
    comments = [line for line in kept if line.startswith(b"#")]
    bundles = sorted({line for line in kept if not line.startswith(b"#")} | come)
    return b"\n".join([*comments, *bundles]) + b"\n"


def members(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        return {info.filename: packed.read(info) for info in packed.infolist() if not info.is_dir()}


def merge_member(path: str, old: Optional[bytes], local: Optional[bytes], new: Optional[bytes], vendor_wins: bool) -> Optional[bytes]:
    """One file of a web application: the vendor's change on top of the customisation."""
    if old == new or local == new:
        return local
    if local == old or local is None or new is None or old is None:
        return new
    merged = merge_lines(old, local, new) if is_text(path, old, local, new) else None
    return merged if merged is not None else (new if vendor_wins else local)


def merge_war(old: bytes, local: bytes, new: bytes, vendor_wins: bool) -> bytes:
    """Member by member; the archive's own dates are made constant."""
    sides = [members(side) for side in (old, local, new)]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(set().union(*sides)):
            merged = merge_member(name, *(side.get(name) for side in sides), vendor_wins)
            if merged is not None:
                out.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), merged)
    return packed.getvalue()
