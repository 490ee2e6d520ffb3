#!/usr/bin/env python3
"""Makes the packs of the benchmark: about 10,000 files and 1.1 GB in the proportions of a WSO2 pack.

pack.py DIR     makes DIR/base, DIR/three-percent and DIR/one-percent (trees that share unchanged files by hard links),
                and DIR/three-percent.zip. What exists already stays.

Most bytes are in jars, which hardly compress any more; classes and texts compress to less than half.
"""

import os
import random
import subprocess
import sys
import zipfile
from pathlib import Path

# kind, how many, smallest and largest size in bytes, share of repeated phrases, folder, suffix
KINDS = [
    ("class", 8950, 400, 14_000, 0.75, "repository/deployment/webapps", ".class"),
    ("text", 620, 500, 60_000, 0.75, "repository/conf", ".properties"),
    ("jar", 400, 60_000, 1_500_000, 0.08, "repository/components/plugins", ".jar"),
    ("big", 80, 4_000_000, 24_000_000, 0.08, "lib/runtimes", ".jar"),
]
LEVELS = {"base": None, "three-percent": 33, "one-percent": 100}  # every how manieth file differs from base
BUILT_AT = 1767225600


def files(level):
    """Path, size, repeated share and seed of every file; deterministic."""
    every = LEVELS[level]
    sizes = random.Random(2026)
    number = 0
    for kind, count, smallest, largest, repeated, folder, suffix in KINDS:
        for i in range(count):
            size = int(smallest + (largest - smallest) * sizes.random() ** 2)
            changed = every is not None and number % every == every // 2
            yield f"{folder}/{i // 60:03}/{kind}-{i:05}{suffix}", size, repeated, f"{number}-{level if changed else 'base'}"
            number += 1


def content(size, repeated, seed):
    """Phrases that come again within a compressor's window, and noise, in the wanted proportion."""
    rng = random.Random(seed)
    phrases = [rng.randbytes(96) for _ in range(64)]
    parts, left = [], size
    while left > 0:
        if rng.random() < repeated:
            part = phrases[rng.randrange(64)]
        else:
            part = rng.randbytes(96 if repeated > 0.5 else 4096)
        parts.append(part[:left])
        left -= len(parts[-1])
    return b"".join(parts)


def text(size, repeated, seed):
    """The same as lines that a configuration file may have."""
    digits = content(size // 2, repeated, seed).hex()
    lines = [f"entry.{at:05} = {digits[at:at + 48]}" for at in range(0, len(digits), 48)]
    return ("\n".join(lines) + "\n").encode()


def write_tree(root, level, base):
    when = BUILT_AT + 86400 * list(LEVELS).index(level)
    for path, size, repeated, seed in files(level):
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if level != "base" and seed.endswith("-base"):
            os.link(base / path, file)
        else:
            bytes_of = text if path.endswith(".properties") else content
            file.write_bytes(bytes_of(size, repeated, seed))
            os.utime(file, (when, when))
    (root / "VERSION").write_text(f"benchpack {list(LEVELS).index(level) + 1}.0\n", encoding="ascii")


def write_zip(tree, target):
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as out:
        for file in sorted(tree.rglob("*")):
            out.write(file, f"benchpack/{file.relative_to(tree)}")


def once(target, make):
    """Makes a file or folder unless it is there, and never leaves a half of it under its name."""
    if not target.exists():
        print(f"making {target}", flush=True)
        half = target.with_name(target.name + ".half")
        subprocess.run(["rm", "-rf", half], check=True)
        make(half)
        half.rename(target)


def main():
    place = Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    for level in LEVELS:
        once(place / level, lambda half, level=level: write_tree(half, level, place / "base"))
    once(place / "three-percent.zip", lambda half: write_zip(place / "three-percent", half))


if __name__ == "__main__":
    main()
