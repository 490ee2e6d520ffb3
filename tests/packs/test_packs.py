#!/usr/bin/env python3
"""The demo product is what the other tests take it for."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
import unittest
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

from ports import free_ports

HERE = Path(__file__).resolve().parent
PROFILE = HERE.parent.parent / "templates/products/demo"
spec = importlib.util.spec_from_file_location("build", HERE / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)


def fingerprint(root):
    """Path → kind, mode, content of everything below a folder."""
    seen = {}
    for path in sorted(root.rglob("*")):
        mode = oct(path.lstat().st_mode)
        if path.is_symlink():
            seen[path.relative_to(root).as_posix()] = (mode, os.readlink(path))
        elif path.is_file():
            seen[path.relative_to(root).as_posix()] = (mode, hashlib.sha256(path.read_bytes()).hexdigest())
        else:
            seen[path.relative_to(root).as_posix()] = (mode, None)
    return seen


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError:
        return None, ""


class Packs(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="packs-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def test_two_builds_are_the_same_bytes(self):
        for suffix in ("zip", "tar.gz", "tar.zst"):
            if suffix == "tar.zst" and not shutil.which("zstd"):
                continue
            one, two = self.dir / f"one.{suffix}", self.dir / f"two.{suffix}"
            build.write_archive("1.1.0", one)
            build.write_archive("1.1.0", two)
            self.assertEqual(one.read_bytes(), two.read_bytes(), suffix)

    def test_an_archive_unpacks_to_the_tree(self):
        tree = self.dir / "tree"
        build.write_tree("1.1.0", tree)
        build.write_archive("1.1.0", self.dir / "pack.tar.gz")
        with tarfile.open(self.dir / "pack.tar.gz") as packed:
            packed.extractall(self.dir / "tar")
        self.assertEqual(fingerprint(self.dir / "tar/demo-server-1.1.0"), fingerprint(tree))
        build.write_archive("1.1.0", self.dir / "pack.zip")
        with zipfile.ZipFile(self.dir / "pack.zip") as packed:
            names = {name.split("/", 1)[1].rstrip("/") for name in packed.namelist()}
        self.assertEqual(names, set(fingerprint(tree)))

    def test_every_odd_thing_is_there(self):
        tree = self.dir / "tree"
        build.write_tree("1.0.0", tree)
        seen = fingerprint(tree)
        self.assertEqual(seen["lib/core.jar"][1], "core-1.0.0.jar")
        self.assertEqual(seen["plugins"], ("0o40755", None))
        self.assertEqual(seen["conf/credentials.properties"][0], "0o100600")
        self.assertEqual(seen["bin/start.sh"][0], "0o100755")
        self.assertIn("docs/Über dieses Paket.txt", seen)

    def test_operator_and_vendor_change_the_same_files_in_other_places(self):
        for level in ("1.0.0", "1.1.0"):
            build.write_tree(level, self.dir / level)
        shutil.copytree(self.dir / "1.0.0", self.dir / "home", symlinks=True)
        build.customise(self.dir / "home", 9000)
        merged = 0
        for path in ("conf/server.properties", "conf/app.yaml", "conf/credentials.properties", "webapps/console/index.html"):
            sides = [self.dir / side / path for side in ("home", "1.0.0", "1.1.0")]
            self.assertEqual(len({side.read_bytes() for side in sides}), 3, path)
            if shutil.which("git"):
                subprocess.run(["git", "merge-file", "-p", *sides], check=True, stdout=subprocess.DEVNULL)
                merged += 1
        if not merged:
            self.skipTest("git is missing: the merge itself was not tried")

    def test_the_path_corpus_names_every_file_of_every_level(self):
        lines = (PROFILE / "paths.txt").read_text(encoding="utf-8").splitlines()
        corpus = dict(reversed(line.split(" ", 1)) for line in lines if line and not line.startswith("#"))
        for level in build.GROWS_FROM:
            home = self.dir / level
            build.write_tree(level, home)
            build.customise(home, 9000)
            files = {path for path, (_, content) in fingerprint(home).items() if content is not None}
            self.assertEqual(files - set(corpus), set(), level)


class Server(unittest.TestCase):
    def setUp(self):
        self.home = Path(tempfile.mkdtemp(prefix="demo-")) / "home"
        self.addCleanup(shutil.rmtree, self.home.parent)
        [self.port] = free_ports(1)

    def run_level(self, level):
        build.write_tree(level, self.home)
        build.customise(self.home, self.port)
        self.addCleanup(self.stop)
        subprocess.run([self.home / "bin/start.sh"], check=True, stdout=subprocess.DEVNULL, timeout=10)
        return int((self.home / "server.pid").read_text())

    def stop(self):
        subprocess.run([self.home / "bin/stop.sh"], check=True, stdout=subprocess.DEVNULL, timeout=10)

    def test_it_serves_writes_and_stops(self):
        pid = self.run_level("1.1.0")
        wait_for(lambda: get(self.port, "/health")[0] == 200, "ready")
        health = json.loads(get(self.port, "/health")[1])
        self.assertEqual((health["status"], health["level"], health["starts"]), ("ready", "1.1.0", 1))
        self.assertIn("Good morning from operations", get(self.port, "/")[1])
        self.assertIn("Acme shop", get(self.port, "/")[1])
        self.assertEqual(get(self.port, "/about.html")[0], 200)
        generated = json.loads((self.home / "conf/generated.json").read_text())
        self.assertEqual((generated["level"], generated["server.port"]), ("1.1.0", str(self.port)))
        self.stop()
        wait_for(lambda: not Path(f"/proc/{pid}/cmdline").exists(), "process gone")
        self.assertIn("INFO stopped", (self.home / "logs/server.log").read_text())

    def test_the_broken_level_ends_while_it_starts(self):
        pid = self.run_level("1.2.0")
        wait_for(lambda: not Path(f"/proc/{pid}/cmdline").exists(), "process gone")
        self.assertIn("FATAL class demo.SessionStore not found", (self.home / "logs/server.log").read_text())

    def test_stop_leaves_a_process_alone_that_took_over_the_pid(self):
        build.write_tree("1.0.0", self.home)
        stranger = subprocess.Popen(["sleep", "60"])
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        (self.home / "server.pid").write_text(f"{stranger.pid}\n")
        self.stop()
        self.assertIsNone(stranger.poll())


if __name__ == "__main__":
    unittest.main()
