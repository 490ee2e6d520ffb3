"""record.py asks everything, sees what the stand-in does, and lets no secret out."""

import base64
import json
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path
from unittest import mock
from urllib.parse import quote

import bundle
import catalogue
import confirm
import probe
import record
from record_changes import STEPS
from scrub import Scrubber
from standin import cli
from standin.knobs import TABLE
from world import HERE, KEY, LOG4J, PAGE, World

USER = "jane.doe@corp-internal.example"
PASSWORD = 'S3cr$et/+"x'
TOKEN = "tok-4711-abcdef"
PLANTED = ["jane.doe", "corp-internal", PASSWORD, json.dumps(PASSWORD)[1:-1], quote(PASSWORD, safe=""),
           base64.b64encode(PASSWORD.encode()).decode(), TOKEN, "proxy-person", "proxy-word", "proxyhost.intern", "build-host-17",
           "STANDIN-SECRET"]


class Forked:
    """A forked call with the little of Popen that Call needs."""

    def __init__(self, words, command, cwd, environment, streams):
        self.pid, self._code = os.fork(), None
        if self.pid == 0:
            os.setsid()
            World._become(environment, cwd, streams, lambda: cli.main(command))

    def poll(self):
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def wait(self, limit=60):
        end = time.monotonic() + limit
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("forked", limit)
            time.sleep(0.002)
        return self._code


class ForkedCall(probe.Call):
    """The same without the cost of starting an interpreter."""

    def __init__(self, words, command, cwd, environment, output):
        self.words, self.out, self.err = words, output.with_suffix(".stdout"), output.with_suffix(".stderr")
        executable = str(Path(cwd, command[0]))
        with open(os.devnull, "rb") as given, self.out.open("wb") as out, self.err.open("wb") as err:
            self.child = Forked(words, [executable, *words], cwd, environment, (given, out, err))


class Recorded(unittest.TestCase):
    def setUp(self):
        self.world = World(tools=(bundle.VERSION, "1.6.0"))
        self.addCleanup(self.world.close)
        (self.world.service / "users.json").write_text(json.dumps({USER: PASSWORD}), encoding="utf-8")
        self.world.file("repository/of-jane.doe.txt").write_text(f"{PASSWORD}\n", encoding="utf-8")
        self.switches = {"echo_secrets": True, "config_account": "tokens", "output_volume": "normal"}
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.world.dir / "home/jane.doe"), "HOSTNAME": "build-host-17",
            "UPDATE_TOOL_USERNAME": USER, "UPDATE_TOOL_PASSWORD": PASSWORD, "CI_JOB_TOKEN": TOKEN,
            "HTTPS_PROXY": "http://proxy-person:proxy-word@proxyhost.intern:3128", "STANDIN_SERVICE": str(self.world.service),
            "STANDIN_MARKS": str(self.world.marks), "STANDIN_KNOBS": json.dumps(self.switches),
        }
        packs = self.world.home.parent.rename(self.world.dir / "packs-of-jane.doe")
        self.pack = packs / KEY

    def no_secret(self, text):
        for secret in PLANTED:
            self.assertFalse(secret.lower() in text.lower(), secret)
        self.assertFalse(str(self.world.dir) in text)

    def all_steps(self):
        work = self.world.dir / "work"
        work.mkdir()
        out = self.world.dir / "out.json"
        fixes = [catalogue.hotfix(self.world.dir / "fixes", KEY, 4, number, {PAGE: b"fixed\n"}) for number in (1, 2)]
        with mock.patch.dict(os.environ, self.environment, clear=True), mock.patch.object(probe, "Call", ForkedCall), \
                mock.patch.object(sys, "stderr"):
            scrub = record.scrubber(self.pack, work, out)
            found = record.record(probe.Probe(self.pack, work, "wso2update_linux", 4, 9, fixes, 60, scrub), [])
            record.write(found, scrub, out)
            record.write(found, scrub, out.with_suffix(".md"))
        return found, out

    def test_all_steps_are_answered_without_a_secret(self):
        found, out = self.all_steps()
        raw = json.dumps(found)
        # The raw material holds the secrets; a record that never met them would prove nothing.
        for secret in ("jane.doe", json.dumps(PASSWORD)[1:-1], "STANDIN-SECRET"):
            self.assertTrue(secret in raw, secret)
        for file in (out, out.with_suffix(".md")):
            self.no_secret(file.read_text(encoding="utf-8"))
        steps = {step["step"]: step for step in json.loads(out.read_text(encoding="utf-8"))["steps"]}
        self.assertEqual(set(steps), set(STEPS))
        for name, step in steps.items():
            self.assertTrue(step["runs"] or "skipped" in step, name)
        skipped = {name for name, step in steps.items() if "skipped" in step}
        self.assertLessEqual(skipped, {"car", "war", "bundles-info", "read-only-file", "disk"})
        self.answers(steps)

    def answers(self, steps):
        """The record shows what the stand-in is known to do."""
        exits = {name: [run["exit"] for run in step["runs"]] for name, step in steps.items()}
        self.assertEqual(exits["self-update"][:4], [0, 1, 2, 0])
        self.assertTrue(steps["self-update"]["runs"][2]["tool_changed"])
        self.assertEqual(exits["conflict"], [3, 1, 1])
        self.assertEqual(exits["continue"], [3, 0, 1])
        self.assertEqual(exits["revert-again"], [0, 4, 1])
        self.assertEqual(exits["lower-level"], [0, 1])
        self.assertEqual(exits["revert-touched"], [0, 4, 0, 1])
        self.assertEqual(exits["hotfix-gap"], [0, 1])
        self.assertEqual(exits["login-closed"], [1])
        conflict = steps["conflict"]["runs"][0]
        self.assertTrue(any(path.endswith(".original") for path in conflict["files"]["added"]))
        update = next(run for run in steps["update"]["runs"] if "--level 4" in run["command"])
        self.assertIn(LOG4J, update["files"]["modified"])
        self.assertEqual(update["config"]["keys"]["update-level"], "4")
        self.assertEqual(update["config"]["keys"]["service"], {"access-token": "<secret>", "refresh-token": "<secret>"})
        self.assertEqual(update["config"]["types"]["update-level"], "str")
        self.assertTrue(steps["symlink"]["runs"][-1]["outside_changed"])

    def program(self, *words, **env):
        return subprocess.run([sys.executable, str(HERE / "record.py"), "--pack", str(self.pack), "--level", "4", "--next", "9", "--work",
                               str(self.world.dir), *words], env={**self.environment, **env}, capture_output=True, text=True, check=False)

    def test_the_program_itself(self):
        out = self.world.dir / "answers.md"
        done = self.program("--out", str(out), "--only", "check", "login-closed")
        self.assertEqual(done.returncode, 0, done.stderr)
        text = out.read_text(encoding="utf-8")
        self.no_secret(text)
        self.assertIn("## login-closed", text)
        self.assertIn("Unable to read input: EOF", text)
        self.assertEqual([one.name for one in self.world.dir.glob("record-*")], [])

    def test_what_the_program_refuses(self):
        out = str(self.world.dir / "out.json")
        for words, env, message in (
            (["--out", out + ".txt"], {}, "--out has to end"),
            (["--out", out, "--tool", "other"], {}, "is missing"),
        ):
            done = self.program(*words, **env)
            self.assertEqual(done.returncode, 1)
            self.assertIn(message, done.stderr)
        self.environment.pop("UPDATE_TOOL_PASSWORD")
        self.assertIn("UPDATE_TOOL_PASSWORD are not set", self.program("--out", out).stderr)


class Scrubbing(unittest.TestCase):
    def setUp(self):
        environment = {"UPDATE_TOOL_USERNAME": USER, "UPDATE_TOOL_PASSWORD": PASSWORD, "X_API_KEY": TOKEN, "USERPASS": "hunter",
                       "https_proxy": "http://proxy-person:proxy-word@proxyhost.intern:3128"}
        self.scrub = Scrubber(environment, {"/srv/private/packs": "<packs>"}, "jdoe")

    def test_known_secrets_in_every_spelling(self):
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        for text in (PASSWORD, PASSWORD.upper(), quote(PASSWORD), quote(PASSWORD, safe=""), json.dumps(PASSWORD),
                     PASSWORD.replace("$", "\\$"), base64.b64encode(PASSWORD.encode()).decode(), PASSWORD.encode().hex(),
                     f"Basic {pair}", f"a{TOKEN}b", "xhunterx"):
            clean = self.scrub.text(f"before {text} after")
            self.assertNotIn(text, clean)
            self.assertEqual(self.scrub.leaks(clean), [])
            self.assertEqual(self.scrub.leaks(f"before {text} after"), ["<secret>"], text)

    def test_what_looks_secret(self):
        for text, clean in (
            ("mail me@example.org now", "mail <mail> now"),
            ("Authorization: Bearer abcdef.ghi", "Authorization: <secret> <token>"),
            ("access-token=abc123 rest", "access-token=<secret> rest"),
            ("with token AB-cd-12, Password for you", "with token <secret> Password for you"),
            ('"password": "x y"', '"password": "<secret> y"'),
            ("https://me:you@cdn.updates.wso2.com/a", "https://<secret>@cdn.updates.wso2.com/a"),
            ("http://nexus.corp.example:8081/x", "http://<host>/x"),
            ("https://api.updates.wso2.com/updates", "https://api.updates.wso2.com/updates"),
            ("/home/alice/.wso2-updates", "/home/<user>/.wso2-updates"),
            ("/root/.wso2-updates", "<user-home>/.wso2-updates"),
            ("wso2am-4.2.0-30de1a18-f60f-4c5e-9d3b-0123456789ab", "wso2am-4.2.0-<uuid>"),
            ("eyJhbGciOi.eyJzdWIi.c2ln", "<token>"),
            ("dial 10.1.2.3:443", "dial <host>"),
            ("x" * 48, "<opaque>"),
            ("wso2am-4.2.0.10 level 4.2.0.10", "wso2am-4.2.0.10 level 4.2.0.10"),
            ("/srv/private/packs/wso2am-4.2.0/bin of jdoe, not jdoes", "<packs>/wso2am-4.2.0/bin of <user>, not jdoes"),
        ):
            self.assertEqual(self.scrub.text(text), clean)

    def test_proxies_of_the_environment(self):
        self.assertEqual(self.scrub.text("proxyhost.intern proxy-person proxy-word"), "<host> <user> <secret>")

    def test_configuration_is_learnt(self):
        self.scrub.learn_config({"service": [{"refresh-token": "r3fresh", "n": 1}], "username": "bob.b@x.example", "channel": "full"})
        self.assertEqual(self.scrub.text("r3fresh bob.b full"), "<secret> <user> full")
        self.assertEqual(self.scrub.value({"r3fresh": ["r3fresh", 7, None]}), {"<secret>": ["<secret>", 7, None]})

    def test_nothing_is_written_with_a_leak(self):
        world = World()
        self.addCleanup(world.close)
        out = world.dir / "out.json"
        with mock.patch.object(Scrubber, "value", lambda self, value: value), self.assertRaisesRegex(SystemExit, "nothing was written"):
            record.write({"steps": [], "tool": TOKEN, "levels": []}, self.scrub, out)
        self.assertFalse(out.exists())


class CheckList(unittest.TestCase):
    def test_every_knob_is_in_the_list_and_has_a_step(self):
        text = (HERE / "CONFIRM.md").read_text(encoding="utf-8")
        rows = {found["name"] for found in confirm.ITEM.finditer(text.partition(confirm.END)[0])}
        self.assertEqual(rows, {knob.name for knob in TABLE})
        for knob in TABLE:
            self.assertIn(knob.step, STEPS, knob.name)

    def test_the_list_is_the_table(self):
        done = subprocess.run([sys.executable, str(HERE / "confirm.py")], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_ticks_and_notes_are_kept(self):
        item = confirm.item(TABLE[0], " ", "")
        answered = item.replace("[ ]", "[x]") + "  - executable, tool 1.5.1\n"
        text = confirm.with_list((HERE / "CONFIRM.md").read_text(encoding="utf-8"))
        self.assertIn(answered, confirm.with_list(text.replace(item, answered)))

    def test_every_open_question_is_answered_by_a_knob_or_a_step(self):
        """Knowledge base §12 has twelve."""
        sections = ", ".join(knob.section for knob in TABLE).split(", ")
        self.assertEqual({int(one[3:]) for one in sections if one.startswith("12.")}, set(range(1, 13)))


if __name__ == "__main__":
    unittest.main()
