#!/usr/bin/env python3
"""Runs inside a booted host: the demo server as a systemd unit that systemd restarts when it ends.

unit.py KIND PART    KIND is a key of UNITS, PART one of the classes of tests below, in their order
"""

import json
import os
import pwd
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
import unittest
import urllib.request
from contextlib import closing
from pathlib import Path

GIVEN = Path(__file__).resolve().parent
AGENT = GIVEN / "pitstop"
FAULTS = GIVEN / "pitstop-faults"
PACKS = GIVEN / "packs"
HOME = Path("/opt/shop")
NAME = "shop.service"
UNIT_FILE = Path("/etc/systemd/system") / NAME
DROP_INS = UNIT_FILE.with_name(f"{NAME}.d")
STATE = Path("/var/lib/pitstop/instances/shop")
GUARD = STATE / "serving-stopped"
CONTROL = Path("/usr/local/bin/shopctl")
HOOK_S = 1.0
FAIL_HOOK = Path("/run/fail-hook")
HOLD_HOOK = Path("/run/hold-hook")
NOTE = Path("/var/tmp/starts.json")
LIMIT_S = 20

UNITS = {
    # The server itself, restarted whatever happens.
    "always": """[Unit]
Description=Demo server
StartLimitIntervalSec=0

[Service]
Type=exec
User=shop
ExecStart=/usr/bin/python3 /opt/shop/bin/server.py --home /opt/shop
Restart=always
RestartSec=50ms

[Install]
WantedBy=multi-user.target
""",
    # What vendors of Java servers publish. Without SuccessExitStatus=143 each stop leaves it `failed`.
    "forking": """[Unit]
Description=Demo server
After=network.target

[Service]
Type=forking
User=shop
PIDFile=/opt/shop/server.pid
ExecStart=/usr/local/bin/shopctl start
ExecStop=/usr/local/bin/shopctl stop
Restart=on-failure
RestartSec=1

[Install]
WantedBy=multi-user.target
""",
}

# As the start scripts of Java servers: a shell stays, keeps the pid file and ends with the code of a JVM that was
# asked to stop.
SHOPCTL = """#!/bin/sh
cd /opt/shop || exit 1
case $1 in
start) mkdir -p logs; nohup "$0" run >>logs/server.out 2>&1 </dev/null & echo $! >server.pid ;;
run)
  trap 'kill -TERM $server; wait $server; exit 143' TERM
  python3 /opt/shop/bin/server.py --home /opt/shop &
  server=$!
  wait $server
  exit $?
  ;;
stop)
  pid=$(cat server.pid)
  kill -TERM "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
  ;;
esac
"""

# Keeps the server down for longer than any RestartSec of ours, once the files are in place, and while a test holds it.
HOOK = f"""
hooks:
  - when: after-commit
    command: [sh, -c, "sleep {HOOK_S + 0.5}; timeout 60 sh -c 'while test -e {HOLD_HOOK}; do sleep 0.05; done'; test ! -e {FAIL_HOOK}"]
"""


def sh(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def show(what):
    return sh("systemctl", "show", "--value", "--property", what, NAME)


def pitstop(*arguments, code=0, agent=AGENT, **env):
    ran = subprocess.run(
        [agent, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **env}
    )
    if ran.returncode != code:
        raise AssertionError(f"pitstop {arguments} ended with {ran.returncode}, not {code}\n{ran.stdout}{ran.stderr}")
    return json.loads(ran.stdout) if code != -signal.SIGKILL else None


def servers():
    """The demo servers on this host, by process id."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if f"{HOME}/bin/server.py".encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
        except OSError:
            pass  # it has just ended
    return tuple(sorted(found))


def starts():
    """The level of every start that got as far as its database, in order."""
    with closing(sqlite3.connect(f"file:{HOME}/data/server.db?mode=ro", uri=True)) as database:
        return [level for (level,) in database.execute("select level from starts order by rowid")]


def health():
    with urllib.request.urlopen("http://127.0.0.1:8098/health", timeout=2) as answer:
        return json.load(answer)


def answers():
    try:
        return health()["status"] == "ready"
    except OSError:
        return False  # nobody listens, or it is not ready


def until(holds, what):
    end = time.monotonic() + LIMIT_S
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {LIMIT_S} s")
        time.sleep(0.02)


def tree_of(folder, of_vendor=("VERSION", "bin", "docs", "lib", "webapps")):
    """Path → content or link target of everything in the vendor's folders, and the permissions."""
    found = {}
    for top in of_vendor:
        for path in [folder / top, *sorted((folder / top).rglob("*"))]:
            what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            found[path.relative_to(folder).as_posix()] = (what, path.lstat().st_mode)
    return found


def pristine(level):
    folder = Path(f"/opt/demo-server-{level}")
    if not folder.exists():
        with tarfile.open(PACKS / f"{folder.name}.tar.gz") as pack:
            pack.extractall("/opt")
    return tree_of(folder)


class Watcher(threading.Thread):
    """Notes, many times within RestartSec, which servers there are and whether the guard stands."""

    def __init__(self, at_guard=lambda: None, when_down=lambda: None):
        super().__init__()
        self.seen, self.done, self.failure = [], threading.Event(), None
        self.tasks = {"guard": at_guard, "down": when_down}

    def run(self):
        try:
            while not self.done.is_set():
                self.look()
                time.sleep(0.003)
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def look(self):
        now = (servers(), GUARD.exists(), DROP_INS.exists())
        if not self.seen or self.seen[-1][0] != now:
            self.seen.append((now, time.monotonic()))
        if now[1:] == (True, True):
            self.tasks.pop("guard", lambda: None)()
            if not now[0]:
                self.tasks.pop("down", lambda: None)()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()
        if self.failure:
            raise self.failure

    def pids(self):
        """The servers without the guard, each set once."""
        found = [pids for (pids, *_), _ in self.seen]
        return [pids for i, pids in enumerate(found) if i == 0 or found[i - 1] != pids]

    def guarded_s(self):
        """How long there was no server under a complete guard."""
        ends = [at for _, at in self.seen[1:]] + [time.monotonic()]
        return sum(end - at for (now, at), end in zip(self.seen, ends) if now == ((), True, True))


class Case(unittest.TestCase):
    def assert_runs(self, level):
        self.assertEqual((health()["level"], show("ActiveState"), len(servers())), (level, "active", 1))

    def assert_nothing_left(self):
        """Besides snapshots, nothing of ours is in systemd's folder, in the home or under way in the state."""
        self.assertEqual(sorted(path.name for path in UNIT_FILE.parent.glob("shop*")), [NAME])
        self.assertEqual(show("DropInPaths"), "")
        self.assertEqual(show("NeedDaemonReload"), "no")
        ours = HOME / ".pitstop"
        self.assertLessEqual({path.name for path in ours.iterdir()} if ours.exists() else set(), {"owner", "snapshots"})
        self.assertFalse(GUARD.exists())
        self.assertFalse((STATE / "journal.jsonl").exists())
        owners = {pwd.getpwuid(path.lstat().st_uid).pw_name for path in HOME.rglob("*") if ".pitstop" not in path.parts}
        self.assertEqual(owners, {"shop"})

    def assert_one_outage(self, watcher, old, new):
        """One server, then none, then one; and the guard stood from before the one's end until before the other's
        beginning."""
        self.assertEqual(watcher.pids(), [old, (), new], watcher.seen)
        order = [now for now, _ in watcher.seen]
        down = [now for now in order if not now[0]]
        self.assertEqual(down[0][1:], (True, True), watcher.seen)
        self.assertGreater(watcher.guarded_s(), HOOK_S)
        self.assertTrue(all(now[1:] == (False, False) for now in order if now[0] == new), watcher.seen)


class Story(Case):
    """One story in order: later tests rely on the earlier ones."""

    @classmethod
    def setUpClass(cls):
        sh("useradd", "--system", "shop")
        pristine("1.0.0")
        sh("cp", "-a", "/opt/demo-server-1.0.0", str(HOME))
        config = HOME / "conf/app.yaml"
        config.write_text(config.read_text().replace('greeting: "Welcome"', 'greeting: "Good morning"'))
        sh("chown", "-R", "shop:shop", str(HOME))
        CONTROL.write_text(SHOPCTL)
        CONTROL.chmod(0o755)
        UNIT_FILE.write_text(UNITS[KIND])
        sh("systemctl", "daemon-reload")
        sh("systemctl", "--quiet", "enable", NAME)
        Path("/etc/pitstop/instances.d").mkdir(parents=True)
        sh("cp", "-r", str(GIVEN / "products"), "/etc/pitstop/products")
        with open("/etc/pitstop/products/demo/product.yaml", "a", encoding="utf-8") as profile:
            profile.write(HOOK)
        Path("/etc/pitstop/pitstop.yaml").write_text("products: /etc/pitstop/products\n")
        Path("/etc/pitstop/instances.d/shop.yaml").write_text(
            f"name: shop\nproduct: demo\nhome: {HOME}\nuser: shop\nsource: {PACKS}\nservice: {{unit: {NAME}}}\n"
        )

    def test_01_a_unit_that_is_down_is_adopted_and_shown(self):
        self.assertTrue(pitstop("adopt", "shop", "--pristine", str(PACKS / "demo-server-1.0.0.tar.gz"))["changed"])
        seen = pitstop("check", "shop")["before"]
        self.assertEqual((seen["state"], seen["processes"], seen["adopted"]), ("stopped", [], True))
        self.assertEqual(seen["unit"], {"name": NAME, "active": "inactive", "sub": "dead"})

    def test_02_start_goes_through_the_unit(self):
        self.assertTrue(pitstop("start", "shop")["changed"])
        self.assert_runs("1.0.0")
        self.assertFalse(pitstop("start", "shop")["changed"])
        self.assertEqual(starts(), ["1.0.0"])

    def test_03_check_shows_the_unit_and_the_processes_of_its_group(self):
        group = Path("/sys/fs/cgroup") / show("ControlGroup").lstrip("/") / "cgroup.procs"
        with subprocess.Popen(["sleep", "300"]) as stray:  # nothing but the group says that it belongs there
            group.write_text(str(stray.pid))
            seen = pitstop("check", "shop")["before"]
            members = set(map(int, group.read_text().split()))
            stray.kill()
        self.assertEqual((seen["state"], seen["unit"]), ("running", {"name": NAME, "active": "active", "sub": "running"}))
        self.assertEqual({one["pid"] for one in seen["processes"]}, members)
        roles = {one["pid"]: (one["role"], one["evidence"]) for one in seen["processes"]}
        self.assertEqual(tuple(pid for pid, (role, _) in roles.items() if role == "main"), servers())
        self.assertEqual(roles[stray.pid], ("helper", "in the unit's control group"))

    def test_04_systemd_really_restarts_it_when_nobody_asked(self):
        old, before = servers(), starts()
        os.kill(old[0], signal.SIGKILL)
        until(
            lambda: servers() not in ((), old) and len(starts()) > len(before),
            "Restart= does not work on this host, the other tests prove nothing",
        )
        until(answers, "the server is ready again")

    def test_05_a_stopped_server_stays_stopped(self):
        self.assertTrue(pitstop("stop", "shop")["changed"])
        with Watcher() as watcher:
            time.sleep(2)  # a multiple of RestartSec
        self.assertEqual(watcher.pids(), [()])
        # A server that ends with 143 leaves a failed unit: that is no failed stop, and there is nothing left to do.
        self.assertEqual(show("ActiveState"), {"always": "inactive", "forking": "failed"}[KIND])
        again = pitstop("stop", "shop")
        self.assertEqual((again["changed"], again["status"]), (False, "stopped"))
        if KIND == "forking":
            self.assertEqual((show("Result"), show("ExecMainStatus")), ("exit-code", "143"))
            self.assertEqual(pitstop("check", "shop")["before"]["unit"]["active"], "failed")

    def test_06_start_takes_a_failed_unit_even_if_it_failed_too_often(self):
        if KIND == "forking":
            burst = DROP_INS / "10-burst.conf"
            burst.parent.mkdir()
            burst.write_text("[Unit]\nStartLimitBurst=1\nStartLimitIntervalSec=1h\n[Service]\nRestart=no\n")
            sh("systemctl", "daemon-reload")
            subprocess.run(["systemctl", "start", NAME], check=False, stderr=subprocess.DEVNULL)
            subprocess.run(["systemctl", "stop", NAME], check=False)
            refused = subprocess.run(["systemctl", "start", NAME], check=False, stderr=subprocess.DEVNULL)
            self.assertNotEqual(refused.returncode, 0, "systemd was to refuse this start")
        self.assertTrue(pitstop("start", "shop")["changed"])
        self.assert_runs("1.0.0")
        if KIND == "forking":
            burst.unlink()
            burst.parent.rmdir()
            sh("systemctl", "daemon-reload")
        self.assert_nothing_left()

    def test_07_an_update_is_one_stop_and_one_start(self):
        before, old, tried = starts(), servers(), []
        HOLD_HOOK.touch()

        def start_by_hand():
            try:
                sh("systemctl", "start", NAME)
                tried.append((show("ActiveState"), show("ConditionResult")))
            finally:
                HOLD_HOOK.unlink()

        with Watcher(when_down=lambda: threading.Timer(HOOK_S / 2, start_by_hand).start()) as watcher:
            report = pitstop("update", "shop", "--level", "1.1.0")
        self.assertEqual((report["status"], report["changed"]), ("updated", True))
        self.assertEqual([held for _, held in tried], ["no"], "a person could start it in the middle")
        self.assertNotIn("active", [state for state, _ in tried])
        self.assertEqual(starts(), [*before, "1.1.0"])
        self.assert_one_outage(watcher, old, servers())
        self.assert_runs("1.1.0")
        self.assertEqual(show("NRestarts"), "0")
        self.assertEqual(tree_of(HOME), pristine("1.1.0"))
        self.assertIn("Good morning", (HOME / "conf/app.yaml").read_text())
        self.assert_nothing_left()

    def test_08_the_second_run_leaves_the_process_alone(self):
        before = servers()
        self.assertFalse(pitstop("update", "shop", "--level", "1.1.0")["changed"])
        self.assertEqual(servers(), before)

    def test_09_a_server_that_dies_during_an_update_is_not_brought_back_on_the_half_of_it(self):
        before, old = starts(), servers()
        with Watcher(at_guard=lambda: [os.kill(pid, signal.SIGKILL) for pid in servers()]) as watcher:
            report = pitstop("update", "shop", "--level", "1.1.1")
        self.assertEqual(report["status"], "updated")
        self.assertEqual(starts(), [*before, "1.1.1"])
        self.assert_one_outage(watcher, old, servers())
        self.assert_runs("1.1.1")
        self.assert_nothing_left()

    def test_10_a_level_that_only_crashes_is_rolled_back_although_systemd_starts_it_again_and_again(self):
        before = starts()
        report = pitstop("update", "shop", "--level", "1.2.0", code=4)
        self.assertEqual((report["status"], report["error"]["kind"]), ("rolled-back", "rolled-back"))
        self.assert_runs("1.1.1")
        self.assertEqual(starts(), [*before, "1.1.1"])
        self.assertEqual(tree_of(HOME), pristine("1.1.1"))
        with Watcher() as watcher:
            time.sleep(2)
        self.assertEqual(watcher.pids(), [servers()], "the server does not stay up")
        self.assert_nothing_left()

    def test_11_an_update_of_a_stopped_server_leaves_it_stopped(self):
        pitstop("rollback", "shop")
        self.assert_runs("1.1.0")
        pitstop("stop", "shop")
        before = starts()
        self.assertEqual(pitstop("update", "shop", "--level", "1.1.1")["status"], "updated")
        self.assertEqual((servers(), starts()), ((), before))
        self.assert_nothing_left()
        pitstop("start", "shop")
        self.assert_runs("1.1.1")

    def test_12_rollback_by_hand(self):
        pitstop("rollback", "shop", "--to", "1.0.0")
        self.assert_runs("1.0.0")
        self.assertEqual(tree_of(HOME), pristine("1.0.0"))
        self.assert_nothing_left()


def rehearse(level):
    """What an update that is taken back does to files, one line each."""
    log = Path("/var/tmp/effects")
    log.unlink(missing_ok=True)
    pitstop("update", "shop", "--level", level, agent=FAULTS, PITSTOP_FAULT_LOG=str(log))
    pitstop("rollback", "shop")
    return log.read_text().splitlines()


def cut(fault, *arguments):
    """Kills pitstop at an effect, which is told by its text: numbers move with what is in the caches."""
    pitstop(*arguments, agent=FAULTS, code=-signal.SIGKILL, PITSTOP_FAULT=fault)


class Cut(Case):
    """pitstop is killed while it renames files; then the host goes down before anybody runs it again."""

    def test_1_half_an_update_does_not_start(self):
        put = [line.rsplit(" -> ")[1] for line in rehearse("1.1.0") if " rename " in line and "/new/" in line]
        self.assert_runs("1.0.0")
        NOTE.write_text(json.dumps(starts()))
        cut(f"kill-after:-> {put[len(put) // 2]}", "update", "shop", "--level", "1.1.0")
        seen = pitstop("check", "shop")
        self.assertEqual((seen["status"], seen["before"]["interrupted"]["phase"]), ("interrupted", "committing"))
        self.assertNotIn(tree_of(HOME), [pristine("1.0.0"), pristine("1.1.0")])
        sh("systemctl", "start", NAME)
        self.assertEqual((servers(), show("ConditionResult")), ((), "no"))
        os.sync()


class AfterCut(Case):
    """The host has booted again, with half an update on its disk and an enabled unit."""

    def test_1_the_boot_does_not_start_it(self):
        self.assertEqual(sh("systemctl", "is-enabled", NAME), "enabled")
        until(lambda: show("ConditionTimestampMonotonic") != "0", "systemd considers the unit")
        self.assertEqual(show("ConditionResult"), "no")
        with Watcher() as watcher:
            time.sleep(2)
        self.assertEqual(watcher.pids(), [()])
        self.assertEqual(starts(), json.loads(NOTE.read_text()))
        self.assertEqual(pitstop("check", "shop")["status"], "interrupted")

    def test_2_the_next_update_finishes_it(self):
        self.assertTrue(pitstop("update", "shop", "--level", "1.1.0")["changed"])
        self.assert_runs("1.1.0")
        self.assertEqual(tree_of(HOME), pristine("1.1.0"))
        self.assertIn("Good morning", (HOME / "conf/app.yaml").read_text())
        self.assertEqual(starts(), [*json.loads(NOTE.read_text()), "1.1.0"])
        self.assert_nothing_left()
        self.assertFalse(pitstop("update", "shop", "--level", "1.1.0")["changed"])


class AfterBoot(Case):
    """The host has booted again, and pitstop is not called before the server runs."""

    def test_1_the_boot_starts_it_as_ever(self):
        until(answers, "the enabled unit serves")
        self.assert_runs("1.1.0")
        self.assert_nothing_left()

    def test_2_a_recovery_that_is_killed_itself_still_brings_the_server_back(self):
        def stop_half_way():
            # The journal's record after the guard is that of the commit: the server is down, no file is replaced.
            cut(f"kill-before:{GUARD.name};append {STATE}/journal.jsonl", "update", "shop", "--level", "1.1.1")
            seen = pitstop("check", "shop")["before"]
            self.assertEqual((seen["interrupted"]["phase"], seen["state"]), ("stopping", "stopped"))

        for path in (STATE / "journal.jsonl", GUARD, DROP_INS / "90-pitstop-transaction.conf"):
            with self.subTest(path.name):
                stop_half_way()
                cut(f"kill-after:unlink {path}", "update", "shop", "--level", "1.1.0")
                self.assertFalse(path.exists())
                pitstop("update", "shop", "--level", "1.1.0")
                self.assert_runs("1.1.0")
                self.assertEqual(tree_of(HOME), pristine("1.1.0"))
                self.assert_nothing_left()

    def test_3_a_hook_that_fails_both_ways_does_not_keep_the_server_down(self):
        FAIL_HOOK.touch()
        report = pitstop("update", "shop", "--level", "1.1.1", code=4)
        FAIL_HOOK.unlink()
        self.assertEqual([step["ok"] for step in report["steps"] if step["step"] == "hook"], [False, False])
        self.assert_runs("1.1.0")
        self.assertEqual(tree_of(HOME), pristine("1.1.0"))
        self.assert_nothing_left()

    def test_4_where_even_the_way_back_fails_a_person_can_start_the_server(self):
        DROP_INS.mkdir()
        never = DROP_INS / "10-never.conf"
        never.write_text("[Unit]\nConditionPathExists=/nonexistent\n")
        sh("systemctl", "daemon-reload")
        report = pitstop("update", "shop", "--level", "1.1.1", "--release-hold", code=5)
        self.assertEqual(report["error"]["kind"], "rollback-unverified")
        never.unlink()
        DROP_INS.rmdir()
        sh("systemctl", "daemon-reload")
        self.assertEqual(tree_of(HOME), pristine("1.1.0"))
        self.assert_nothing_left()
        pitstop("start", "shop")
        self.assert_runs("1.1.0")

    def test_5_a_server_that_waits_for_its_restart_runs_after_the_update(self):
        DROP_INS.mkdir()
        later = DROP_INS / "10-later.conf"
        later.write_text("[Service]\nRestartSec=60\n")
        sh("systemctl", "daemon-reload")
        before = starts()
        os.kill(servers()[0], signal.SIGKILL)
        until(lambda: show("SubState") == "auto-restart" and not servers(), "the unit waits for its restart")
        pitstop("update", "shop", "--level", "1.1.1", "--release-hold")
        self.assert_runs("1.1.1")
        self.assertEqual(starts(), [*before, "1.1.1"])
        later.unlink()
        DROP_INS.rmdir()
        sh("systemctl", "daemon-reload")
        self.assert_nothing_left()


if __name__ == "__main__":
    KIND = sys.argv.pop(1)
    unittest.main(verbosity=2, failfast=True, argv=[sys.argv[0], sys.argv[1]])
