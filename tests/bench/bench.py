#!/usr/bin/env python3
"""Measures pitstop beside the tools that people would use instead, on the same files, in one run.

[BENCH_PLACE=DIR] bench.py [--runs N] [--keep]

Every pair is measured in turns, so that both sides meet the same machine; figures are medians. Each update starts from
the same old state, which is put back outside the timing, and from a synced disk. Aims are ratios: they hold on any
machine. Needs git, rsync, unzip and 8 GB beside the sources (in .cache/bench or in DIR).

On ext4 without a journal every new file is searched past all that were deleted in the last minutes, which putting the
old state back makes worse with each run: there, give a DIR on another file system.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AGENT = ROOT / "target/release/pitstop"
PLACE = Path(os.environ.get("BENCH_PLACE", ROOT / ".cache/bench")).resolve()
WORK = PLACE / "work"
# No digest is cached of a file that changed less than 2.5 seconds ago.
UNTIL_SETTLED = 3
ENVIRONMENT = {
    **os.environ,
    "PITSTOP_CONFIG_DIR": str(WORK / "etc"),
    "PITSTOP_STATE_DIR": str(WORK / "var"),
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "LC_ALL": "C",
}


class Measured:
    """What runs of one command cost."""

    def __init__(self):
        self.seconds, self.peak_mb, self.outputs = [], [], []

    def median(self):
        return statistics.median(self.seconds)

    def reports(self):
        return [json.loads(output) for output in self.outputs]


def run(into, *command, shell=None):
    """Runs a command, adds its time, its peak memory and its output."""
    arguments = ["sh", "-c", shell] if shell else [str(part) for part in command]
    began = time.perf_counter()
    errors = tempfile.TemporaryFile()
    child = subprocess.Popen(arguments, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=errors, cwd=WORK)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    into.seconds.append(time.perf_counter() - began)
    into.peak_mb.append(usage.ru_maxrss / 1024)
    into.outputs.append(output)
    child.stdout.close()
    if child.returncode != 0:
        errors.seek(0)
        sys.exit(f"{' '.join(arguments)} ended with {child.returncode}\n{output.decode()}{errors.read().decode()}")


def quiet(*command, shell=None):
    """Runs something that is not measured."""
    run(Measured(), *command, shell=shell)


def pitstop(*arguments):
    return [AGENT, *arguments]


class Table:
    def __init__(self):
        self.rows = []

    def compare(self, what, ours, peer, theirs, aim):
        ratio = ours.median() / theirs.median()
        verdict = "" if aim is None else "yes" if ratio <= aim else "NO"
        self.rows.append((what, f"{ours.median():.4f} s", f"{theirs.median():.4f} s  {peer}", f"{ratio:.2f}",
                          "" if aim is None else f"<= {aim}", verdict))

    def value(self, what, value, unit, aim):
        verdict = "" if aim is None else "yes" if value <= aim else "NO"
        self.rows.append((what, f"{value:.1f} {unit}", "", "", "" if aim is None else f"<= {aim} {unit}", verdict))

    def print(self):
        head = ("what", "pitstop", "beside", "ratio", "aim", "met")
        rows = [head, *self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        print()
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def prepare():
    for tool in ("git", "rsync", "unzip", "xargs", "sha256sum"):
        if not shutil.which(tool):
            sys.exit(f"bench: {tool} is missing; tests/setup.sh installs it")
    if not AGENT.exists():
        sys.exit("bench: target/release/pitstop is missing; make build")
    # In a process of its own: what this process once held counts as its children's peak memory.
    subprocess.run([sys.executable, Path(__file__).with_name("pack.py"), PLACE], check=True)
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "etc/instances.d").mkdir(parents=True)
    (WORK / "var").mkdir()
    products = WORK / "products/benchpack"
    products.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("product.yaml"), products)
    (WORK / "etc/pitstop.yaml").write_text(f"products: {WORK}/products\n", encoding="utf-8")
    for name in ("still", "moving"):
        quiet("cp", "-a", PLACE / "base", WORK / name)
        (WORK / f"etc/instances.d/{name}.yaml").write_text(
            f"name: {name}\nproduct: benchpack\nhome: {WORK}/{name}\n", encoding="utf-8"
        )
        quiet(*pitstop("adopt", name, "--pristine", PLACE / "base"))


def start_up(table, runs):
    ours, nothing = Measured(), Measured()
    for _ in range(runs):
        run(ours, *pitstop("--version"))
        run(nothing, "/bin/true")
    table.value("start-up (--version), the cost of starting any process taken off",
                max(0.0, ours.median() - nothing.median()) * 1000, "ms", 5)


def check(table, runs):
    git = ["git", f"--git-dir={WORK}/still.git", f"--work-tree={WORK}/still", "-c", "core.untrackedCache=false",
           "-c", "core.fsmonitor=false", "-c", "core.compression=0", "-c", "gc.auto=0"]
    quiet(*git, "init", "-q")
    (WORK / "still.git/info").mkdir(exist_ok=True)
    (WORK / "still.git/info/exclude").write_text(".pitstop\n", encoding="ascii")
    quiet(*git, "add", "-A", ".")
    quiet(*git, "-c", "user.name=bench", "-c", "user.email=bench@example.org", "commit", "-q", "-m", "base")
    ours, theirs = Measured(), Measured()
    quiet(*pitstop("check", "still"))
    quiet(*git, "status", "--porcelain")
    for _ in range(runs):
        run(ours, *pitstop("check", "still"))
        run(theirs, *git, "status", "--porcelain")
    if any(output.strip() for output in theirs.outputs) or any(report["after"]["drift"]["count"] for report in ours.reports()):
        sys.exit("bench: the tree that nobody changed shows changes")
    table.compare("check, warm", ours, "git status", theirs, 0.6)
    return ours


def deep_verify(table, runs):
    ours, theirs = Measured(), Measured()
    names = WORK / "names"
    quiet(shell=f"cd {WORK}/still && find . -path ./.pitstop -prune -o -type f -print0 >{names}")
    for _ in range(runs):
        run(ours, *pitstop("verify", "still", "--deep"))
        run(theirs, shell=f"cd {WORK}/still && xargs -0 -n 128 -P 2 sha256sum <{names} >{WORK}/sums")
    table.compare("verify --deep", ours, "sha256sum, 2 processes", theirs, 0.25)
    return ours


def forget_sources():
    """What is cached of sources goes; what is cached of the homes stays."""
    for cached in (WORK / "var/cache").iterdir():
        if not cached.name.startswith("home-"):
            cached.unlink()


def rsync(*options):
    return ["rsync", "-a", "--delete", *options]


def put_back():
    """The old state, on disk, for both sides, as on a host that was not touched for a while and is checked daily."""
    quiet(*pitstop("rollback", "moving"))
    quiet(*rsync(f"{PLACE}/base/", f"{WORK}/mirror/"))
    os.sync()
    time.sleep(UNTIL_SETTLED)
    quiet(*pitstop("check", "moving"))


def update(into, source):
    os.sync()
    run(into, *pitstop("update", "moving", "--from", source))
    if into.reports()[-1]["status"] != "updated":
        sys.exit(f"bench: {into.reports()[-1]['message']}")


def updates(table, runs):
    """An update whose source is new to the host, one whose source is known, and the peers."""
    quiet("cp", "-a", PLACE / "base", WORK / "mirror")
    quiet("cp", "-a", PLACE / "base", WORK / "unzipped")
    names = ("directory, new", "directory, known", "zip, new", "zip, known", "rsync", "rsync --fsync", "rm + unzip", "one percent")
    measured = {name: Measured() for name in names}
    tree, packed = PLACE / "three-percent", PLACE / "three-percent.zip"
    for _ in range(runs):
        for source, label in ((tree, "directory"), (packed, "zip")):
            forget_sources()
            update(measured[f"{label}, new"], source)
            put_back()
            update(measured[f"{label}, known"], source)
            put_back()
        update(measured["one percent"], PLACE / "one-percent")
        put_back()
        run(measured["rsync"], *rsync(f"{tree}/", f"{WORK}/mirror/"))
        put_back_mirror()
        run(measured["rsync --fsync"], *rsync("--fsync", f"{tree}/", f"{WORK}/mirror/"))
        put_back_mirror()
        run(measured["rm + unzip"], shell=f"rm -rf {WORK}/unzipped && unzip -q {packed} -d {WORK}/unzipped")
    for label in ("directory", "zip"):
        for known in ("known", "new"):
            ours = measured[f"{label}, {known}"]
            table.compare(f"update, {label}, source {known} (durable)", ours, "rsync -a --delete (not durable)", measured["rsync"],
                          1.2 if label == "directory" else None)
            table.compare("", ours, "rsync -a --delete --fsync (durable)", measured["rsync --fsync"], None)
            table.compare("", ours, "rm -rf + unzip (not durable)", measured["rm + unzip"], 0.1)
    for name, aim in (("one percent", 50), ("directory, known", None)):
        reports = measured[name].reports()
        paths = len(reports[0]["plan"]["files"])
        table.value(f"commit window, {paths} paths", statistics.median(r["timing"]["commit_ms"] for r in reports), "ms", aim)
    table.rows.append(("", "the peers' window is their whole run", "", "", "", ""))
    return {"update from a directory": measured["directory, new"], "update from a zip": measured["zip, new"]}


def put_back_mirror():
    quiet(*rsync(f"{PLACE}/base/", f"{WORK}/mirror/"))
    os.sync()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="keep the working copies (.cache/bench/work)")
    asked = parser.parse_args()
    table = Table()
    prepare()
    try:
        start_up(table, 100)
        peaks = {"check": check(table, 4 * asked.runs), "verify --deep": deep_verify(table, asked.runs)}
        peaks.update(updates(table, asked.runs))
        for name, one in peaks.items():
            table.value(f"peak memory, {name}", max(one.peak_mb), "MB", 64)
        table.value("binary, stripped", AGENT.stat().st_size / 1e6, "MB", 12)
    finally:
        if not asked.keep:
            shutil.rmtree(WORK, ignore_errors=True)
    table.print()


if __name__ == "__main__":
    main()
