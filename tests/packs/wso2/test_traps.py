#!/usr/bin/env python3
"""What the servers and their scripts do against expectation, each with the verbs that could fall for it. See README.md.

Each run ends in exactly the old level, exactly the new one, or a stop that says why.
"""

import concurrent.futures
import contextlib
import json
import os
import signal
import subprocess
import tempfile
import unittest
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import build
from support import WORKERS, WithJdk, digest, installation, rewrite, until

AM, AM_46, IS, MI, MI_12, SI, EI = (
    "wso2am-4.2.0", "wso2am-4.6.0", "wso2is-7.1.0", "wso2mi-4.3.0", "wso2mi-1.2.0", "wso2si-4.3.0", "wso2ei-6.6.0")


@dataclass
class Seen:
    """A trap, laid: what the judgement needs to know."""

    env: dict = None
    before: dict = None
    strangers: tuple = ()


# Traps: each lays itself in an adopted installation. Those whose name ends in _running need the server up before.


def stranger_in_pid_file(one, end):
    """The file outlived its server, and its number belongs to somebody else by now; NUL bytes follow it."""
    stranger = subprocess.Popen(["sleep", "600"])
    end.callback(lambda: (stranger.kill(), stranger.wait()))
    (one.home / one.product.pid_file).write_bytes(f"{stranger.pid}\n".encode().ljust(100, b"\0"))
    return Seen(strangers=(stranger,))


def stranger_in_pid_file_running(one, end):
    """The same while the server runs: the product's own stop would end the stranger."""
    return stranger_in_pid_file(one, end)


def restarted_from_the_console_running(one, _):
    """Exit code 121: the wrapper stays and starts a new JVM."""
    before, wrappers = one.servers(), one.wrappers()
    begun = one.log_tail().count("Starting WSO2")
    for pid in before:
        os.kill(pid, signal.SIGUSR2)
    until(lambda: one.servers() and not set(one.servers()) & set(before), "another server after exit code 121")
    until(lambda: one.log_tail().count("Starting WSO2") > begun, "the other server's first line in the log")
    assert one.wrappers() == wrappers, "the wrapper is another one too"
    until_ready(one)
    return Seen(before=one.servers())


def started_by_hand(one, _):
    """Whoever started it, it runs."""
    script = one.home / "bin" / one.product.script
    subprocess.run([script, "start"], env={"JAVA_HOME": str(one.jdk), "PATH": os.environ["PATH"]}, check=True)
    until_ready(one)
    return Seen(before=one.servers())


def home_of_another_pack_in_the_environment(one, _):
    """The scripts believe CARBON_HOME."""
    return Seen(env={"CARBON_HOME": str(one.packs[build.GOOD]), "JAVA_HOME": "/nonexistent"})


def side_process_left_over(one, _):
    """The wrapper ends its second process only if it may."""
    one.pitstop("start", "a")
    for pid in [*one.wrappers(), *one.servers()]:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not one.servers(), "the server is gone")
    assert one.side_processes(), "no side process is left: this is no trap"
    return Seen()


def wrapper_killed_running(one, _):
    for pid in one.wrappers():
        os.kill(pid, signal.SIGKILL)
    return Seen(before=one.servers())


def deaf_to_sigterm_running(one, _):
    return Seen(before=one.servers())


def slow_to_start(one, _):
    """Ports are open at once, readiness comes later."""
    one.switch(start_delay=4)
    return Seen()


def slow_to_stop_running(one, _):
    return Seen(before=one.servers())


def health_api_off(one, _, start_timeout_s=10):
    """It answers 200 with an empty body then."""
    one.variables |= {"ca": str(one.jdk / "ca.pem"), "health_check": True}
    one.timeouts["start_timeout_s"] = start_timeout_s
    one.configure()
    return Seen()


def health_api_off_running(one, _):
    return health_api_off(one, _)


def health_api_on(one, _, start_timeout_s=30):
    rewrite(one.home / one.product.settings, lambda text: text + "\n[carbon_health_check]\nenable = true\n")
    return health_api_off(one, _, start_timeout_s)


def health_api_on_and_sick(one, _):
    one.switch(sick=True)
    return health_api_on(one, _, start_timeout_s=10)


def duplicate_bundle(one, _):
    """Two bundles of one symbolic name: the server waits for services for ever."""
    (one.home / one.product.dropins / "patched.jar").write_bytes(build.bundle("org.wso2.carbon.user.core", "4.8.7"))
    one.timeouts["start_timeout_s"] = 10
    one.configure()
    return Seen()


def generated_file_missing(one, _):
    """The mapper remembers it and gives up."""
    one.pitstop("start", "a")
    one.pitstop("stop", "a")
    (one.home / one.product.conf / "user-mgt.xml").unlink()
    return Seen()


def generated_file_edited_running(one, _):
    (one.home / one.product.conf / "user-mgt.xml").write_text("<!-- by hand -->\n", encoding="utf-8")
    return Seen(before=one.servers())


def unsupported_jdk(one, _):
    """The script says so to /dev/null and ends with 0."""
    jdk = one.place / "jdk8"
    build.write_jdk(jdk, "1.8.0_402")
    one.variables["java_home"] = str(jdk)
    one.configure()
    return Seen()


def new_level(**switches):
    """A trap that only the new level's server has. The limit is also for the old level, which must come back."""
    def lay(one, _):
        for file in (one.packs[build.GOOD] / "bin/standin.json",):
            rewrite(file, lambda text: json.dumps(json.loads(text) | switches))
        one.timeouts["start_timeout_s"] = 30
        one.configure()
        return Seen()
    return lay


# What the server is told before it starts, by trap.
SWITCHES = {"deaf_to_sigterm_running": {"ignore_term": True}, "slow_to_stop_running": {"stop_delay": 3}}

# Trap, product, verb, exit code, level after, whether a server runs after.
OLD, NEW = build.BASE, build.GOOD
TABLE = [
    (stranger_in_pid_file, AM, "start", 0, OLD, True),
    (stranger_in_pid_file, SI, "start", 0, OLD, True),
    (stranger_in_pid_file, IS, "update", 0, NEW, False),
    (stranger_in_pid_file, AM, "stop", 0, OLD, False),
    (stranger_in_pid_file_running, MI, "stop", 0, OLD, False),
    (stranger_in_pid_file_running, EI, "update", 0, NEW, True),
    (restarted_from_the_console_running, AM_46, "check", 0, OLD, True),
    (restarted_from_the_console_running, IS, "start", 0, OLD, True),
    (restarted_from_the_console_running, AM, "stop", 0, OLD, False),
    (restarted_from_the_console_running, MI, "update", 0, NEW, True),
    (started_by_hand, AM_46, "start", 0, OLD, True),
    (started_by_hand, SI, "update", 0, NEW, True),
    (home_of_another_pack_in_the_environment, AM, "start", 0, OLD, True),
    (home_of_another_pack_in_the_environment, SI, "start", 0, OLD, True),
    (home_of_another_pack_in_the_environment, MI, "update", 0, NEW, False),
    (side_process_left_over, AM_46, "check", 0, OLD, False),
    (side_process_left_over, AM_46, "start", 0, OLD, True),
    (side_process_left_over, MI, "stop", 0, OLD, False),
    (side_process_left_over, AM_46, "update", 0, NEW, False),
    (wrapper_killed_running, AM_46, "stop", 0, OLD, False),
    (wrapper_killed_running, IS, "update", 0, NEW, True),
    (deaf_to_sigterm_running, AM_46, "stop", 0, OLD, False),
    (deaf_to_sigterm_running, IS, "update", 0, NEW, True),
    (slow_to_stop_running, MI, "stop", 0, OLD, False),
    (slow_to_stop_running, EI, "update", 0, NEW, True),
    (slow_to_start, AM, "start", 0, OLD, True),
    (slow_to_start, IS, "start", 0, OLD, True),
    (slow_to_start, SI, "start", 0, OLD, True),
    (slow_to_start, MI, "start", 0, OLD, True),
    (health_api_off, IS, "start", 5, OLD, None),
    (health_api_off_running, IS, "verify", 5, OLD, True),
    (health_api_on, IS, "start", 0, OLD, True),
    (health_api_on_and_sick, IS, "start", 5, OLD, None),
    (duplicate_bundle, IS, "start", 5, OLD, None),
    (generated_file_missing, AM, "start", 5, OLD, False),
    (generated_file_missing, AM, "update", 0, NEW, False),
    (generated_file_edited_running, IS, "update", 0, NEW, True),
    (unsupported_jdk, MI, "start", 5, OLD, False),
    (new_level(crash="when-asked"), MI, "update-running", 4, OLD, True),
    (new_level(crash="when-ready"), EI, "update-running", 4, OLD, True),
    (new_level(start_delay=600), AM, "update-running", 4, OLD, True),
    (new_level(never_ready=True), IS, "update-running", 4, OLD, True),
    (new_level(faulty_capp=True), MI_12, "update-running", 4, OLD, True),
]


def until_ready(one):
    started = "started in"
    until(lambda: started in one.log_tail().rsplit("Starting WSO2", 1)[-1], "the server says that it started")


class Traps(WithJdk):
    def test_no_verb_falls_for_a_trap(self):
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            runs = [pool.submit(self.run_one, *row) for row in TABLE]
        for row, run in zip(TABLE, runs):
            with self.subTest(trap=row[0].__name__, product=row[1], verb=row[2]):
                run.result()

    def run_one(self, trap, key, verb, code, level, runs):
        with installation(key, self.jdk) as one, contextlib.ExitStack() as end:
            one.pitstop("adopt", "a", "--pristine", one.packs[OLD])
            if trap.__name__ in SWITCHES:
                one.switch(**SWITCHES[trap.__name__])
            if "running" in trap.__name__ + verb:
                one.pitstop("start", "a")
            if "ignore_term" in SWITCHES.get(trap.__name__, {}):
                one.timeouts["stop_timeout_s"] = 3
                one.configure()
            seen = trap(one, end)
            if verb.startswith("update"):
                report = one.update(NEW, code=code, env=seen.env)
            else:
                report = one.pitstop(verb, "a", code=code, env=seen.env)
            self.judge(one, seen, verb, report, level, runs)

    def judge(self, one, seen, verb, report, level, runs):
        for stranger in seen.strangers:
            self.assertIsNone(stranger.poll(), "a process that has nothing to do with the pack was ended")
        self.assertEqual({path: digest(one.home / path) for path in one.kept}, one.kept, "something of the customer's changed")
        for path in ("bin/standin.json", "LICENSE.txt", f"bin/{one.product.script}"):
            self.assertEqual((one.home / path).read_bytes(), (one.packs[level] / path).read_bytes(), f"{path} is not level {level}'s")
        if runs is None:
            return  # it did not start well: what is left of it is the operator's to look at
        self.assertEqual(len(one.servers()), int(runs), f"{one.servers()} run; {report['message']}")
        if verb in ("check", "start") and seen.before:
            self.assertEqual(one.servers(), seen.before, "a server that ran already was started anew")
        if runs and verb in ("start", "update", "update-running"):
            self.assertIn("started in", one.log_tail().rsplit("Starting WSO2", 1)[-1], "it counts as started before it is ready")
        if not runs and verb in ("stop", "update"):
            self.assertEqual(one.everything(), set(), "something is left running")


class Starts(WithJdk):
    """What a start needs is asked for while the server still runs."""

    def refused(self, one, kind, code, verbs):
        before = one.servers()
        for verb in verbs:
            error = one.pitstop(*verb, code=code)["error"]
            self.assertEqual(error["kind"], kind, verb)
        self.assertEqual(one.servers(), before, "the server was stopped")
        blockers = one.pitstop("check", "a", "--from", one.packs[NEW])["blockers"]
        self.assertEqual([blocker["kind"] for blocker in blockers], [kind])
        return error

    def test_a_server_is_not_stopped_without_the_java_that_starts_it_again(self):
        for key in (AM, MI, SI, EI):
            with self.subTest(product=key), installation(key, self.jdk, java_home="") as one:
                one.pitstop("adopt", "a", "--pristine", one.packs[OLD])
                started_by_hand(one, None)
                update = ("update", "a", "--from", one.packs[NEW])
                error = self.refused(one, "settings", 2, (update, (*update, "--dry-run")))
                self.assertIn("`java_home` below `vars`", error["hint"])
                one.variables["java_home"] = str(one.place)
                one.configure()
                self.refused(one, "settings", 2, (update,))
                one.variables["java_home"] = str(one.jdk)
                one.configure()
                one.update(NEW)

    def test_a_server_is_not_stopped_whose_vault_would_ask_for_a_password(self):
        for key in (AM, MI):
            with self.subTest(product=key), installation(key, self.jdk) as one:
                one.pitstop("adopt", "a", "--pristine", one.packs[OLD])
                one.pitstop("start", "a")
                rewrite(one.home / one.product.settings, lambda text: text + '\n[secrets]\nadmin = "b3BlbiBzZXNhbWU="\n')
                update = ("update", "a", "--from", one.packs[NEW])
                error = self.refused(one, "manual-steps", 6, (update, (*update, "--dry-run")))
                self.assertIn("password-tmp", error["hint"])
                one.pitstop("stop", "a")
                one.pitstop("start", "a", code=6)
                (one.home / "password-tmp").write_text("wso2carbon\n", encoding="utf-8")
                one.pitstop("start", "a")
                self.assertFalse((one.home / "password-tmp").exists())
                self.refused(one, "manual-steps", 6, (update,))
                (one.home / "password-persist").write_text("wso2carbon\n", encoding="utf-8")
                one.update(NEW)

    def test_a_start_finds_java_by_its_name_too(self):
        with installation(SI, self.jdk) as one:
            one.pitstop("adopt", "a", "--pristine", one.packs[OLD])
            (one.home / "jars").mkdir()
            (one.home / "jars/siddhi-io-x-1.0.jar").write_bytes(build.bundle("siddhi-io-x", "1.0.0"))
            one.pitstop("start", "a")
            self.assertTrue((one.home / "lib/siddhi-io-x-1.0.jar").exists(), "the extension is not installed")


class Levels(unittest.TestCase):
    def test_the_process_that_serves_is_the_updated_one(self):
        """MI says which level its process read when it started."""
        with tempfile.TemporaryDirectory(prefix="pitstop-wso2-jdk-") as folder:
            jdk = Path(folder) / "jdk"
            build.write_jdk(jdk)
            with installation(MI, jdk) as one:
                one.pitstop("adopt", "a", "--pristine", one.packs[OLD])
                one.pitstop("start", "a")
                one.update(NEW)
                with urllib.request.urlopen(f"http://127.0.0.1:{one.product.ports['internal'] + one.offset}/healthz") as answer:
                    self.assertEqual(json.load(answer)["update_level"], str(NEW))


if __name__ == "__main__":
    unittest.main()
