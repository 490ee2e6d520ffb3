#!/usr/bin/env python3
"""The agent comes to a host from an address: what is not what its checksum says never gets there, and a newer one takes the
place of the old one in one step. story.sh starts the host; the web server is here."""

import ctypes
import functools
import hashlib
import http.server
import json
import os
import struct
import threading
import unittest
from contextlib import contextmanager
from pathlib import Path

from test_rollout import AGENT, WORK, play

SITE = "- hosts: fleet\n  gather_facts: false\n  roles: [pitstop.fleet.agent]\n"
# The same program, and one more byte that no loader reads: another file, as another version is.
BINARIES = {"old": Path(AGENT).read_bytes() + b"\n", "new": Path(AGENT).read_bytes()}
TARGET = WORK / "h1/opt/pitstop"
IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x2, 0x40, 0x80, 0x100, 0x200


class Handler(http.server.SimpleHTTPRequestHandler):
    asked = []

    def log_message(self, *_):
        self.asked.append(self.path)


@contextmanager
def watched(folder):
    """Collects what happens to the names of a folder meanwhile, as pairs of what and which."""
    libc, seen = ctypes.CDLL(None, use_errno=True), []
    queue = libc.inotify_init1(os.O_NONBLOCK)
    watch = libc.inotify_add_watch(queue, os.fsencode(folder), IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE)
    assert queue >= 0 and watch >= 0, os.strerror(ctypes.get_errno())
    with os.fdopen(queue, "rb", buffering=0) as events:
        yield seen
        said, at = events.read(1 << 20) or b"", 0
        while at < len(said):
            _, what, _, size = struct.unpack_from("iIII", said, at)
            at += struct.calcsize("iIII")
            seen.append((what, said[at:at + size].rstrip(b"\0").decode()))
            at += size


class FromAnAddress(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        folder = WORK / "web"
        folder.mkdir()
        for name, content in BINARIES.items():
            (folder / f"pitstop-{name}").write_bytes(content)
        (WORK / "site.yml").write_text(SITE, encoding="utf-8")
        (WORK / "groups.json").write_text("{}", encoding="utf-8")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(server.shutdown)
        cls.address = f"http://127.0.0.1:{server.server_port}"

    def have(self, name, *options, checksum=None, **variables):
        """Has the role bring a binary; returns whether it did, what was said, and what was changed."""
        sha256 = hashlib.sha256(BINARIES.get(name, b"")).hexdigest()
        variables = {
            "pitstop_agent": str(TARGET),
            "pitstop_agent_url": f"{self.address}/pitstop-{name}",
            "pitstop_agent_checksum": f"sha256:{sha256}" if checksum is None else checksum,
        } | variables
        Handler.asked.clear()
        code, said, changed = play("site.yml", variables, *options)
        return code == 0, said, changed.get("h1")

    def installed(self):
        """What lies where the agent belongs, and nothing beside it that a download left."""
        if not TARGET.parent.exists():
            return None
        found = {path.name: path.read_bytes() for path in TARGET.parent.iterdir()}
        self.assertLessEqual(set(found), {TARGET.name})
        return next((name for name, content in BINARIES.items() if found.get(TARGET.name) == content), None)

    def refused(self, why, name, before, **variables):
        well, said, _ = self.have(name, **variables)
        self.assertFalse(well, said[-6000:])
        self.assertIn(why, said)
        self.assertEqual(self.installed(), before)

    def test_01_what_is_not_what_its_checksum_says_is_not_installed(self):
        self.refused("an address needs pitstop_agent_checksum", "old", None, checksum="")
        self.refused("an address needs pitstop_agent_checksum", "old", None, checksum="md5:d41d8cd98f00b204e9800998ecf8427e")
        self.assertEqual(Handler.asked, [], "it was asked for without a checksum")
        self.refused("did not match", "old", None, checksum="sha256:" + "0" * 64)
        self.assertEqual(Handler.asked, ["/pitstop-old"])
        self.refused("404", "none", None)

    def test_02_check_mode_says_so_and_installs_nothing(self):
        well, said, changed = self.have("old", "--check")
        self.assertTrue(well and changed, said[-6000:])
        self.assertIsNone(self.installed())

    def test_03_what_is_gets_there_once(self):
        well, said, changed = self.have("old")
        self.assertTrue(well and changed, said[-6000:])
        self.assertEqual((self.installed(), TARGET.stat().st_mode & 0o777), ("old", 0o755))
        for options in ([], ["--check"]):
            well, said, changed = self.have("old", *options)
            self.assertEqual((well, changed, Handler.asked), (True, 0, []), said[-6000:])

    def test_04_a_newer_one_takes_its_place_in_one_step(self):
        self.refused("did not match", "new", "old", checksum="sha256:" + "0" * 64)
        well, said, changed = self.have("new", "--check")
        self.assertEqual((well, changed, self.installed()), (True, 1, "old"), said[-6000:])
        with TARGET.open("rb") as running, watched(TARGET.parent) as seen:
            well, said, changed = self.have("new")
            self.assertEqual((well, changed, self.installed()), (True, 1, "new"), said[-6000:])
            self.assertEqual(hashlib.sha256(running.read()).digest(), hashlib.sha256(BINARIES["old"]).digest(), "it was written over")
        self.assertEqual([what for what, name in seen if name == TARGET.name], [IN_MOVED_TO], seen)
        self.assertEqual(TARGET.stat().st_mode & 0o777, 0o755)
        well, said, changed = self.have("new")
        self.assertEqual((well, changed, Handler.asked), (True, 0, []), said[-6000:])

    def test_05_one_that_is_too_old_is_refused(self):
        self.refused("and 99.0.0 is needed", "new", "new", pitstop_agent_version="99.0.0")

    def test_06_an_agent_that_hides_that_of_a_package_is_refused(self):
        places = [WORK / "h1/usr/local/bin/pitstop", WORK / "h1/usr/bin/pitstop"]
        play_of = {"include_role": {"name": "pitstop.fleet.agent", "tasks_from": "shadow"}}
        (WORK / "shadow.yml").write_text(json.dumps([{"hosts": "fleet", "gather_facts": False, "tasks": [play_of]}]), encoding="utf-8")
        for place, name, is_well in [(places[1], "new", True), (places[0], "new", True), (places[0], "old", False)]:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(BINARIES[name])
            code, said, _ = play("shadow.yml", {"pitstop_agent_places": [str(one) for one in places]})
            self.assertEqual(code == 0, is_well, said[-6000:])
        self.assertIn("remove it, or say with pitstop_agent which of them is meant", " ".join(said.split()))

    def test_07_files_of_one_name_do_not_take_each_others_place(self):
        keys = [WORK / "keys" / folder / "release.pem" for folder in ("old", "new")]
        for key in keys:
            key.parent.mkdir(parents=True)
            key.write_text(key.parent.name, encoding="utf-8")
        self.refused(f"would take the place of {keys[0]}", "new", "new", pitstop_trust=[str(key) for key in keys])
        self.assertFalse((WORK / "h1/etc/trust").exists())
        well, said, _ = self.have("new", pitstop_trust=[str(keys[1]), str(keys[1])])
        self.assertTrue(well, said[-6000:])


if __name__ == "__main__":
    unittest.main()
