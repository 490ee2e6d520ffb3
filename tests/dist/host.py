#!/usr/bin/env python3
"""Runs inside a booted host: the package is installed, used, upgraded, removed and purged, beside a server that runs.

host.py deb|rpm OLD NEW    packages of an older version and of this one
"""

import grp
import json
import os
import subprocess
import sys
import tarfile
import time
import unittest
import urllib.request
from pathlib import Path

GIVEN = Path(__file__).resolve().parent
FORMAT, OLD, NEW = sys.argv[1], *(GIVEN / name for name in sys.argv[2:4])
HOME = Path("/opt/shop")
ETC, STATE, REPORT = Path("/etc/pitstop"), Path("/var/lib/pitstop"), Path("/run/pitstop/check.json")
INSTANCE = ETC / "instances.d/shop.yaml"
FIGURES = Path("/var/lib/prometheus/node-exporter/pitstop.prom")
TIMER, CHECK, RECOVER = "pitstop-check.timer", "pitstop-check.service", "pitstop-recover.service"
SERVER = """[Service]
User=shop
ExecStart=/usr/bin/python3 /opt/shop/bin/server.py --home /opt/shop
"""


def sh(*command, code=0):
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if code not in (None, ran.returncode):
        raise AssertionError(f"{command} ended with {ran.returncode}, not {code}\n{ran.stdout}")
    return ran.stdout.strip()


def pitstop(*arguments):
    return json.loads(sh("pitstop", *arguments))


def rpm(*arguments):
    # What it requires is on the host, but as Debian's packages. The data base is this test's.
    return sh(str(GIVEN / "rpm/rpm"), "--dbpath", "/var/lib/rpm", "--nodeps", *arguments)


def install(package):
    if FORMAT == "deb":
        return sh("dpkg", "--install", "--force-confdef", "--force-confold", str(package))
    return rpm("--upgrade", str(package))


def remove():
    return sh("dpkg", "--remove", "pitstop") if FORMAT == "deb" else rpm("--erase", "pitstop")


def mode(path):
    found = path.stat()
    return f"{found.st_mode & 0o7777:o} {path.owner()}:{path.group()}"


def healthy():
    try:
        with urllib.request.urlopen("http://127.0.0.1:8098/health", timeout=2) as answer:
            return json.load(answer)["status"] == "ready"
    except OSError:
        return False


def until(holds, what):
    end = time.monotonic() + 20
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within 20 s")
        time.sleep(0.05)


def kept():
    """Path → content of what an operator must never lose: instances, state, and the pack with its snapshots."""
    files = [INSTANCE, *STATE.rglob("*"), *(HOME / ".pitstop").rglob("*"), *(HOME / "lib").rglob("*")]
    return {str(path): path.read_bytes() for path in files if path.is_file()}


class Story(unittest.TestCase):
    """One story in order: later tests rely on the earlier ones."""

    def server(self):
        return sh("systemctl", "show", "--value", "--property", "MainPID", "shop.service")

    def test_01_a_clean_host_gets_what_an_operator_needs(self):
        install(OLD)
        self.assertTrue(sh("pitstop", "--version").startswith("pitstop "))
        self.assertEqual(
            [mode(path) for path in (ETC, INSTANCE.parent, ETC / "pitstop.yaml", STATE, REPORT.parent)],
            ["755 root:root", "755 root:root", "644 root:root", "700 root:root", "2750 root:pitstop"],
        )
        self.assertEqual(grp.getgrnam("pitstop").gr_mem, [])
        self.assertEqual(pitstop("check", "--all")["reports"], [])
        sh("bash", "-c", ". /usr/share/bash-completion/completions/pitstop && complete -p pitstop")

    def test_02_nothing_of_it_runs_by_itself(self):
        for unit in (TIMER, CHECK, RECOVER):
            self.assertIn(sh("systemctl", "is-enabled", unit, code=None), ("disabled", "static"))
            self.assertEqual(sh("systemctl", "is-active", unit, code=None), "inactive")
        self.assertEqual(sh("systemd-analyze", "verify", "--man=no", TIMER, CHECK, RECOVER), "")

    def test_03_the_example_is_an_instance(self):
        example = ETC / "instances.d/example.yaml"
        example.write_bytes(Path("/usr/share/doc/pitstop/instance.yaml").read_bytes())
        self.assertEqual(json.loads(sh("pitstop", "check", "flink-1", code=1))["error"]["kind"], "home-missing")
        example.unlink()
        every = ETC / "pitstop.yaml"
        shipped = every.read_text()
        self.addCleanup(every.write_text, shipped)
        # The commented defaults are settings that pitstop takes.
        every.write_text(
            "".join(
                f"{line[1:]}\n" if line[:1] == "#" and line[1:2] != " " or line.startswith("#  ") else "\n"
                for line in shipped.splitlines()
            )
        )
        self.assertIn("keep_snapshots: 2", every.read_text())
        self.assertEqual(pitstop("check", "--all")["error"], None)

    def test_04_a_pack_is_adopted_and_updated(self):
        sh("useradd", "--system", "shop")
        with tarfile.open(GIVEN / "packs/demo-server-1.0.0.tar.gz") as pack:
            pack.extractall("/opt")
        Path("/opt/demo-server-1.0.0").rename(HOME)
        HOME.chmod(0o700)
        sh("chown", "-R", "shop:shop", str(HOME))
        Path("/etc/systemd/system/shop.service").write_text(SERVER)
        sh("systemctl", "daemon-reload")
        (ETC / "pitstop.yaml").write_text(f"# The operator's.\nproducts: {GIVEN}/products\n")
        INSTANCE.write_text(
            f"name: shop\nproduct: demo\nhome: {HOME}\nsource: {GIVEN}/packs\nservice: {{unit: shop.service}}\n"
        )
        pitstop("adopt", "shop", "--pristine", f"{GIVEN}/packs/demo-server-1.0.0.tar.gz")
        pitstop("start", "shop")
        self.assertEqual(pitstop("update", "shop", "--level", "1.1.0")["after"]["release"]["level"], "1.1.0")

    def test_05_the_unattended_check_sees_what_root_sees(self):
        with open(HOME / "conf/app.yaml", "a", encoding="utf-8") as config:
            config.write("# changed by hand\n")
        sh("systemctl", "start", CHECK)
        said = json.loads(REPORT.read_text())["reports"]
        for own, root in zip(said, pitstop("check", "--all")["reports"], strict=True):
            for seen in (own, root):
                del seen["before"]["free_bytes"]
            self.assertEqual(own["before"], root["before"])
            for key in ("error", "warnings", "status", "blockers", "findings"):
                self.assertEqual(own.get(key), root.get(key), key)
        self.assertEqual((said[0]["before"]["state"], said[0]["before"]["drift"]["count"]), ("running", 1))
        self.assertEqual(said[0]["status"], "update-available")
        self.assertEqual(sh("systemctl", "show", "--value", "--property", "NRestarts", CHECK), "0")

    def test_06_only_members_of_the_group_read_its_report(self):
        self.assertEqual(mode(REPORT), "640 root:pitstop")
        sh("useradd", "--system", "--groups", "pitstop", "monitor")
        self.assertIn("shop", sh("runuser", "-u", "monitor", "--", "cat", str(REPORT)))
        for path in (REPORT, STATE / "instances"):
            self.assertIn("Permission denied", sh("runuser", "-u", "shop", "--", "ls", str(path), code=2))
        self.assertIn("Permission denied", sh("runuser", "-u", "monitor", "--", "ls", str(STATE), code=2))

    def test_07_node_exporter_gets_figures_where_it_is(self):
        FIGURES.parent.mkdir(parents=True)
        sh("systemctl", "start", CHECK)
        self.assertEqual(mode(FIGURES), "644 root:root")
        self.assertIn('name="shop"', FIGURES.read_text())
        self.assertEqual([path.name for path in FIGURES.parent.iterdir()], [FIGURES.name])
        self.assertEqual(json.loads(REPORT.read_text())["error"], None)

    def test_08_the_unattended_check_can_write_nowhere_else(self):
        probe = "for at in /etc/pitstop /opt/shop /usr /root /tmp; do ! touch $at/probe 2>&1 || exit 9; done; touch /run/pitstop/probe"
        drop_in = Path(f"/run/systemd/system/{CHECK}.d/probe.conf")
        drop_in.parent.mkdir(parents=True)
        drop_in.write_text(f'[Service]\nExecStart=\nExecStart=/bin/sh -c "{probe.replace("$", "$$")}"\n')
        sh("systemctl", "daemon-reload")
        sh("systemctl", "start", CHECK)
        self.assertTrue((REPORT.parent / "probe").exists(), "the probe has not run")
        (REPORT.parent / "probe").unlink()
        drop_in.unlink()
        drop_in.parent.rmdir()
        sh("systemctl", "daemon-reload")

    def test_09_an_upgrade_changes_the_program_only(self):
        sh("systemctl", "enable", "--now", TIMER)
        before, server = kept(), self.server()
        install(NEW)
        self.assertEqual((kept(), self.server()), (before, server))
        self.assertIn("# The operator's.", (ETC / "pitstop.yaml").read_text())
        self.assertEqual(
            (sh("systemctl", "is-enabled", TIMER), sh("systemctl", "is-active", TIMER)), ("enabled", "active")
        )
        self.assertTrue(healthy())

    def test_10_without_the_package_everything_else_stays(self):
        before, server = kept(), self.server()
        remove()
        self.assertEqual((kept(), self.server()), (before, server))
        self.assertEqual([path for path in (Path("/usr/bin/pitstop"), REPORT.parent, FIGURES) if path.exists()], [])
        self.assertEqual(sh("systemctl", "is-active", TIMER, code=None), "inactive")
        self.assertTrue(healthy())

    def test_11_installed_again_it_takes_the_update_back(self):
        install(NEW)
        after = pitstop("rollback", "shop")["after"]
        self.assertEqual((after["release"]["level"], after["state"]), ("1.0.0", "running"))

    def test_12_a_purge_keeps_what_packs_need(self):
        before = kept()
        remove()
        if FORMAT == "deb":
            self.assertIn(f"{STATE} is kept", sh("dpkg", "--purge", "pitstop"))
            self.assertFalse((ETC / "pitstop.yaml").exists())
        self.assertEqual(kept(), before)

    @unittest.skipUnless(FORMAT == "deb", "only dpkg has a purge")
    def test_13_where_there_is_no_pack_a_purge_leaves_nothing(self):
        sh("rm", "-r", str(INSTANCE), str(STATE))
        install(NEW)
        remove()
        self.assertNotIn("is kept", sh("dpkg", "--purge", "pitstop"))
        self.assertEqual([path for path in (ETC, STATE, REPORT.parent) if path.exists()], [])


if __name__ == "__main__":
    os.umask(0o022)
    unittest.main(argv=sys.argv[:1], failfast=True)
