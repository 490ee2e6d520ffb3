#!/usr/bin/env python3
"""Measures bundles beside what people would carry instead, on packs of real products.

[BENCH_PLACE=DIR] bundles.py [--runs N] [--pairs NAME…] [--peers NAME…]

Sizes are those of one update: the bundle, each changed file as a delta of the best general tools against its namesake of the
level before, and the new pack as a zip. Applying is measured beside rsync from a directory, and beside writing the changed
bytes with fsync and nothing else, in turns and each from the same old state. Peers that are not installed are left out
(apt-get install xdelta3 bsdiff casync). Needs Apache Flink and Apache Spark, which tests/packs gets, and 6 GB.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import bench
from bench import ROOT, WORK, Measured, Table, pitstop, quiet, run

PAIRS = {
    "flink 1.20.0-1.20.1": ("flink", "1.20.0", "1.20.1", 0.08),
    "flink 1.20.0-1.20.5": ("flink", "1.20.0", "1.20.5", 0.08),
    "spark 3.5.0-3.5.1": ("spark", "3.5.0", "3.5.1", 0.2),
}
GENERAL = ("zstd", "xdelta3", "bsdiff")
MEMORY_MB = 256


def pack(product, level):
    """The folder with a product at a level, downloaded if need be."""
    got = subprocess.run([ROOT / f"tests/packs/{product}.sh", level], stdout=subprocess.PIPE, text=True, check=False)
    if got.returncode != 0:
        sys.exit(got.returncode)
    return Path(got.stdout.strip().splitlines()[-1])


def files(tree):
    return {str(path.relative_to(tree)): path for path in sorted(tree.rglob("*")) if path.is_file() and not path.is_symlink()}


def same(one, other):
    return one.stat().st_size == other.stat().st_size and digest(one) == digest(other)


def digest(path):
    with open(path, "rb") as content:
        return hashlib.file_digest(content, "sha256").digest()


def changed(old, new):
    """Each changed or new file with its namesake, version numbers aside; the namesake may be missing."""
    before, after = files(old), files(new)
    namesakes = {re.sub(r"\d+(\.\d+)+", "", name): path for name, path in before.items()}
    pairs = []
    for name, path in after.items():
        base = before.get(name) or namesakes.get(re.sub(r"\d+(\.\d+)+", "", name))
        if base is None or not same(base, path):
            pairs.append((base, path))
    return pairs


def delta(tool, base, path, out):
    """The bytes of one file as a delta of a general tool; packed by itself where it has no namesake."""
    if base is None:
        command = ["zstd", "-q", "-f", "-19", "--long=27", path, "-o", out]
    else:
        command = {
            "zstd": ["zstd", "-q", "-f", "-19", "--long=27", f"--patch-from={base}", path, "-o", out],
            "xdelta3": ["xdelta3", "-q", "-f", "-9", "-B", str(1 << 30), "-e", "-s", base, path, out],
            "bsdiff": ["bsdiff", base, path, out],
        }[tool]
    told = subprocess.run([str(part) for part in command], check=False, stderr=subprocess.PIPE, text=True)
    if told.returncode != 0:
        sys.exit(f"{command[0]} ended with {told.returncode}\n{told.stderr}")
    return os.path.getsize(out)


def casync(old, new, place):
    """The bytes of the chunks that the old tree has not."""
    store = place / "store"
    for number, tree in enumerate((old, new)):
        subprocess.run(["casync", "make", f"--store={store}", place / f"{number}.caidx", tree], check=True, stdout=subprocess.DEVNULL)
        size = sum(path.stat().st_size for path in store.rglob("*.cacnk"))
        before, after = (size, 0) if number == 0 else (before, size)
    return after - before


def sizes(table, name, pair, peers, place):
    """Makes the bundle and says what it weighs beside what else would travel."""
    product, old, new, aim = pair
    bundle = place / "update.pitstop"
    making = Measured()
    run(making, *pitstop("bundle", "create", "--from", old, "--to", new, "--out", bundle))
    ours = bundle.stat().st_size
    table.rows.append((f"{name}: bundle", f"{ours / 1e6:.2f} MB", f"made in {making.median():.1f} s, {max(making.peak_mb):.0f} MB of memory", "", "", ""))
    found = {}
    for tool in peers:
        began = time.perf_counter()
        if tool == "casync":
            found[tool] = casync(old, new, place)
        else:
            found[tool] = sum(delta(tool, base, path, place / "delta") for base, path in changed(old, new))
        table.rows.append(("", "", f"{found[tool] / 1e6:.2f} MB  {tool}, made in {time.perf_counter() - began:.1f} s",
                           f"{ours / found[tool]:.3f}", "", ""))
    general = {tool: size for tool, size in found.items() if tool in GENERAL}
    if general:
        best = min(general, key=general.get)
        ratio = ours / general[best]
        table.rows.append((f"{name}: bundle / the best general delta ({best})", "", "", f"{ratio:.3f}", f"<= {aim}",
                           "yes" if ratio <= aim else "NO"))
    return bundle


def write_changed(old, new, place):
    """The limit: the changed bytes, written and synced, with nothing read or decided meanwhile. Prints the seconds."""
    contents = [path.read_bytes() for _, path in changed(old, new)]
    shutil.rmtree(place / "written", ignore_errors=True)
    (place / "written").mkdir()
    os.sync()
    began = time.perf_counter()
    for number, content in enumerate(contents):
        with open(place / f"written/{number}", "wb") as out:
            out.write(content)
            os.fsync(out.fileno())
    print(time.perf_counter() - began)


def limit_of(old, new, place):
    """As a process of its own: what this one once held would count as its children's peak memory."""
    told = subprocess.run([sys.executable, "-B", __file__, "--write-changed", old, new, place], check=True, stdout=subprocess.PIPE)
    return float(told.stdout)


def applying(table, name, pair, bundle, place, runs):
    product, old, new, _ = pair
    home, mirror = place / "home", place / "mirror"
    quiet("cp", "-a", old, home)
    quiet("cp", "-a", old, mirror)
    (WORK / "etc/instances.d/carried.yaml").write_text(f"name: carried\nproduct: {product}\nhome: {home}\n", encoding="utf-8")
    quiet(*pitstop("adopt", "carried", "--pristine", old))
    ours, synced, limit = Measured(), Measured(), Measured()
    for _ in range(runs):
        time.sleep(bench.UNTIL_SETTLED)
        quiet(*pitstop("check", "carried"))
        os.sync()
        run(ours, *pitstop("update", "carried", "--from", bundle))
        quiet(*pitstop("rollback", "carried"))
        os.sync()
        run(synced, "rsync", "-a", "--delete", "--fsync", f"{new}/", f"{mirror}/")
        quiet("rsync", "-a", "--delete", f"{old}/", f"{mirror}/")
        limit.seconds.append(limit_of(old, new, place))
    if any(report["status"] != "updated" for report in ours.reports()):
        sys.exit(f"bench: {ours.reports()[-1]['message']}")
    table.compare(f"{name}: update from the bundle", ours, "writing the changed bytes with fsync", limit, 3)
    table.compare("", ours, "rsync -a --delete --fsync", synced, None)
    table.value(f"{name}: peak memory, update", max(ours.peak_mb), "MB", MEMORY_MB)
    quiet(*pitstop("update", "carried", "--from", bundle))
    deviating = [path for name, path in files(new).items() if not same(path, home / name)]
    if deviating:
        sys.exit(f"bench: {deviating[0]} is not what the update should have made of it")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pairs", nargs="*", choices=PAIRS, default=list(PAIRS))
    parser.add_argument("--peers", nargs="*", choices=[*GENERAL, "casync"], default=[*GENERAL, "casync"])
    parser.add_argument("--write-changed", nargs=3, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write_changed:
        write_changed(*asked.write_changed)
        return
    peers = [tool for tool in asked.peers if shutil.which(tool)]
    packs = {name: (product, pack(product, old), pack(product, new), aim)
             for name, (product, old, new, aim) in PAIRS.items() if name in asked.pairs}
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "etc/instances.d").mkdir(parents=True)
    (WORK / "var").mkdir()
    (WORK / "products/spark").mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("spark.yaml"), WORK / "products/spark/product.yaml")
    (WORK / "etc/pitstop.yaml").write_text(f"products: {WORK}/products\n", encoding="utf-8")
    table = Table()
    try:
        for number, (name, pair) in enumerate(packs.items()):
            place = WORK / str(number)
            place.mkdir()
            bundle = sizes(table, name, pair, peers, place)
            applying(table, name, pair, bundle, place, asked.runs)
            shutil.rmtree(place)
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    table.print()


if __name__ == "__main__":
    main()
