#!/usr/bin/env python3
"""The agent's package comes to a booted host with the role agent: from a repository, then a newer one from an address. run.sh
prepares what this needs; the repository and the address are a web server of this machine on the hosts' bridge."""

import functools
import hashlib
import http.server
import os
import threading
import unittest
from pathlib import Path

from controller import Controller
from hosts import AGENT, run, up
from timed import Timed

ADDRESS = f"{os.environ['FLEET_NET']}.1"
OLD = "0.0.9-1"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def older(package, work):
    """The same package as one of an earlier version."""
    run("dpkg-deb", "-R", package, work / "older")
    control = work / "older/DEBIAN/control"
    lines = control.read_text(encoding="utf-8").splitlines(keepends=True)
    control.write_text("".join(f"Version: {OLD}\n" if line.startswith("Version:") else line for line in lines), encoding="utf-8")
    run("dpkg-deb", "--root-owner-group", "-Znone", "-b", work / "older", work / "web/older.deb")


def list_packages(web):
    """What makes a folder a repository, as apt reads it."""
    described = run("dpkg-deb", "-f", web / "older.deb").stdout.strip()
    content = (web / "older.deb").read_bytes()
    text = f"{described}\nFilename: ./older.deb\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
    (web / "Packages").write_text(text, encoding="utf-8")


class Story(Timed):
    @classmethod
    def setUpClass(cls):
        work = Path(os.environ["FLEET_WORK"])
        web = work / "web"
        web.mkdir()
        older(AGENT, work)
        list_packages(web)
        (web / "pitstop.deb").write_bytes(AGENT.read_bytes())
        cls.version = run("dpkg-deb", "-f", AGENT, "Version").stdout.strip()
        [cls.host] = up(1)
        server = http.server.ThreadingHTTPServer((ADDRESS, 0), functools.partial(Quiet, directory=str(web)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(server.shutdown)
        address = f"http://{ADDRESS}:{server.server_port}"
        cls.host.write("/etc/apt/sources.list", f"deb [trusted=yes] {address}/ ./\n")
        cls.host.sh("rm -f /etc/apt/sources.list.d/*; apt-get -qq update")
        cls.by_address = {"pitstop_agent_url": f"{address}/pitstop.deb",
                          "pitstop_agent_checksum": f"sha256:{hashlib.sha256(AGENT.read_bytes()).hexdigest()}"}
        cls.controller = Controller(work, {cls.host: {}}, {"servers": [cls.host]}, {})
        cls.addClassCleanup(cls.controller.close)

    def have(self, *options, code=0, **variables):
        return self.controller.play("agent", *options, code=code, **variables)

    def installed(self):
        return self.host.sh("dpkg-query --show --showformat '${Version}' pitstop 2>/dev/null || true")

    def test_01_the_package_of_a_repository(self):
        self.assertIn(("h1", "Install the package of a repository"), self.have("--check").changed)
        self.assertEqual(self.installed(), "")
        self.have(pitstop_agent_version="0.0.1")
        self.assertEqual(self.installed(), OLD)
        self.assertEqual(self.host.sh("command -v pitstop"), "/usr/bin/pitstop")
        for options in ([], ["--check"]):
            self.assertEqual(self.have(*options).changed, [])

    def test_02_what_is_not_what_its_checksum_says_is_not_installed(self):
        wrong = self.by_address | {"pitstop_agent_checksum": "sha256:" + "0" * 64}
        self.assertEqual(self.have(code=2, **wrong).failed, [("h1", "Fetch the file")])
        self.assertEqual((self.installed(), self.host.sh("ls /var/cache/pitstop")), (OLD, ""))

    def test_03_a_newer_package_from_an_address(self):
        self.assertIn(("h1", "Fetch the file"), self.have("--check", **self.by_address).changed)
        self.assertEqual(self.installed(), OLD)
        ran = self.have(**self.by_address)
        self.assertEqual({task for _, task in ran.changed}, {"Fetch the file", "Install the Debian package"})
        self.assertEqual(self.installed(), self.version)
        for options in ([], ["--check"]):
            self.assertEqual(self.have(*options, **self.by_address).changed, [])


if __name__ == "__main__":
    unittest.main(verbosity=2, failfast=True)
