#!/usr/bin/env python3
"""A bundle on its way from development to production, with evidence that each environment signs for the next, into a folder that
a person carries on, and the bundle that a receipt asks for. Each step stands on what the one before left. story.sh starts the
hosts."""

import base64
import hashlib
import json
import re
import shutil
import socket
import subprocess
import unittest

from test_rollout import AGENT, LOST, ROOT, WORK, agent, ansible, instance, levels, play, release, servers

ENVIRONMENTS = {"dev": "h1", "staging": "h2", "production": "h3"}
STAGES = list(ENVIRONMENTS)
PROMOTE = "pitstop.fleet.promote"
TRUST = {
    "version": 1,
    "roles": {
        "release": {"keys": ["release.pem"]},
        "approval": {"keys": ["team.pem"]},
        # What was tested in development counts if the platform team has signed it as well.
        "evidence": {"dev": {"threshold": 2, "keys": ["h1.pem", "team.pem"]}, "staging": {"keys": ["h2.pem"]}},
    },
}
TESTED = {"environment": "staging", "suites": ["smoke"]}
POLICIES = {
    "h1": {"default": {"unsigned": "refuse"}},
    "h2": {"demo": {"unsigned": "refuse", "evidence": [{"environment": "dev"}]}},
    "h3": {"default": {"unsigned": "refuse", "max_age": "30d", "evidence": [{"environment": "dev"}, TESTED]}},
}
SITE = "- hosts: fleet\n  gather_facts: false\n  roles: [pitstop.fleet.agent, pitstop.fleet.pack]\n"
INVENTORY = {name: {"hosts": {host: {"pitstop_environment": name}}} for name, host in ENVIRONMENTS.items()}
INVENTORY["all"] = {
    "vars": {
        "pitstop_agent": AGENT,
        "pitstop_agent_package": "",
        "pitstop_bundle_dir": "{{ dir }}/bundles",
        "pitstop_evidence_sign": "{{ dir }}/evidence.key",
        "pitstop_controller_agent": AGENT,
        "pitstop_controller_config_dir": "controller-etc",
        "pitstop_controller_state_dir": "controller-var",
        "pitstop_evidence_cosign": "team.key",
        # They share the machine, and its name.
        "pitstop_host": socket.gethostname(),
    }
}
LOCKDOWN = {"pitstop_lockdown_dir": "carry", "pitstop_lockdown_split": "20K", "pitstop_lockdown_files": "release.pem"}


def pitstop(*words):
    ran = subprocess.run([AGENT, "--output", "json", *words], cwd=WORK, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
    return json.loads(ran.stdout)


def keygen(key):
    pitstop("trust", "keygen", str(key))
    return key.with_name(key.name + ".pub")


def packs(host):
    folder = WORK / host
    home = {"home": str(folder / "demo-server-1.0.0"), "pristine": str(folder / "packs/demo-server-1.0.0.tar.gz")}
    return {host: home | {"product": "demo", "vars": {"port": "{{ demo_port | int }}"}, "state": "started"}}


def statements(bundle):
    """What is attached to a bundle says, as it lies in the archive."""
    listed = subprocess.run(["tar", "-tf", WORK / bundle], capture_output=True, text=True, check=True).stdout.split()
    for name in (name for name in listed if name.startswith("attached/")):
        text = subprocess.run(["tar", "-xOf", WORK / bundle, name], capture_output=True, check=True).stdout
        envelope = json.loads(text)
        yield json.loads(base64.b64decode(envelope["payload"])), len(envelope["signatures"]), hashlib.sha256(text).hexdigest()


def tree_of(bundle):
    return pitstop("bundle", "inspect", bundle)["to"]["tree"]


def outcomes(bundle):
    """Where the evidence in a bundle is from, how it went, and how many signed it; by its time."""
    evidence = [(one["predicate"], signed) for one, signed, _ in statements(bundle)]
    evidence.sort(key=lambda one: one[0]["pitstop"]["at"])
    return [(one["pitstop"]["environment"], one["result"], signed) for one, signed in evidence]


def after_evidence(command):
    """An agent after which something else happens on the host, before anybody fetches what it signed."""
    path = WORK / "compromised"
    then = f'case " $* " in *" --evidence "*) {command};; esac'
    path.write_text(f'#!/bin/sh\n"{AGENT}" "$@"\ncode=$?\n{then}\nexit $code\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def handed_over(forged):
    """An agent as on a host in other hands: what it signs is replaced."""
    return after_evidence(f'cp "{forged}" "{WORK / "h1/var/evidence/h1.json"}"')


def altered(path, change):
    """A statement that says something else than was signed."""
    envelope = json.loads(path.read_text(encoding="utf-8"))
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(statement)
    envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps(envelope)


def about(evidence, *trees):
    """The same evidence, said of other trees."""
    return altered(evidence, lambda said: said.update(subject=[{"name": "other", "digest": {"sha256": tree}} for tree in trees]))


def of_host(evidence, host):
    """The same evidence, said by another host."""
    return altered(evidence, lambda said: said["predicate"]["pitstop"].update(host=host))


def by_digest(folder, text):
    """A statement as the role calls it on a host."""
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()}.json"
    path.write_text(text, encoding="utf-8")
    return path


def carried(said):
    """Which statements were carried to which host, or would be."""
    return set(re.findall(r"changed: \[(h\d)\] => \(item=([0-9a-f]{64})\)", said))


class Promotion(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        (WORK / "controller-etc/trust").mkdir(parents=True)
        for name in ("release", "team"):
            shutil.copy(keygen(WORK / f"{name}.key"), WORK / f"{name}.pem")
        for host in ENVIRONMENTS.values():
            shutil.copy(keygen(WORK / host / "evidence.key"), WORK / f"{host}.pem")
            shutil.copy(WORK / f"{host}.pem", WORK / "controller-etc/trust")
            own = INVENTORY["all"].setdefault("hosts", {}).setdefault(host, {})
            own.update(pitstop_release_policy=POLICIES[host], pitstop_packs=packs(host))
        shutil.copy(WORK / "release.pem", WORK / "controller-etc/trust")
        # Receipts are believed, where bundles are made, of those whose evidence from their environment is.
        believed = {name: {"keys": [f"{host}.pem"]} for name, host in ENVIRONMENTS.items()}
        trusted = {"version": 1, "roles": {"release": TRUST["roles"]["release"], "evidence": believed}}
        (WORK / "controller-etc/trust/trust.yaml").write_text(json.dumps(trusted), encoding="utf-8")  # JSON is YAML
        (WORK / "groups.json").write_text(json.dumps(INVENTORY), encoding="utf-8")
        (WORK / "site.yml").write_text(SITE, encoding="utf-8")
        old, new = (WORK / f"h1/packs/demo-server-{level}.tar.gz" for level in ("1.0.0", "1.1.0"))
        pitstop("bundle", "create", "--from", old, "--to", new, "--sign", "release.key", "--out", "to-1.1.0.pitstop")

    def run_well(self, playbook, variables, *options):
        code, said, changed = play(playbook, variables, *options)
        self.assertEqual(code, 0, said[-6000:])
        return said, changed

    def promote(self, bundle, *options, stages=STAGES, **variables):
        return self.run_well(PROMOTE, dict(variables, pitstop_bundle=bundle, pitstop_stages=stages), *options)

    def refused(self, bundle, stages=STAGES, **variables):
        code, said, _ = play(PROMOTE, dict(variables, pitstop_bundle=bundle, pitstop_stages=stages))
        self.assertNotEqual(code, 0, said[-6000:])
        return said

    def test_01_trust_and_policy_come_with_the_agent(self):
        keys = [str(WORK / f"{name}.pem") for name in ("release", "team", "h1", "h2")]
        settings = {"pitstop_settings": {"products": str(ROOT / "templates/products")}, "pitstop_trust": keys}
        settings["pitstop_trust_roles"] = TRUST
        _, changed = self.run_well("site.yml", settings)
        self.assertTrue(all(changed[host] for host in ENVIRONMENTS.values()))
        for host in ENVIRONMENTS.values():
            for path in ("trust/trust.yaml", "trust/release.pem", "policy.yaml"):
                self.assertEqual((WORK / host / "etc" / path).stat().st_mode & 0o777, 0o644)
            told = agent(host, "trust", "show")
            self.assertEqual({role["role"] for role in told["roles"]}, {"release", "approval", "evidence.dev", "evidence.staging"}, told)
        self.assertEqual(set(self.run_well("site.yml", settings)[1].values()), {0})

    def test_02_a_prediction_sends_nothing(self):
        code, said, _ = play(PROMOTE, {"pitstop_bundle": "to-1.1.0.pitstop"})
        self.assertIn("name the bundle with", said)
        self.assertNotEqual(code, 0)
        before = servers()
        said, _ = self.promote("to-1.1.0.pitstop", "--check")
        self.assertIn("the bundle would be sent to h1", said)
        self.assertEqual((servers(), (WORK / "h1/bundles").exists()), (before, False))

    def test_03_a_bundle_that_nobody_signed_goes_nowhere(self):
        old, new = (WORK / f"h1/packs/demo-server-{level}.tar.gz" for level in ("1.0.0", "1.1.0"))
        pitstop("bundle", "create", "--from", old, "--to", new, "--out", "unsigned.pitstop")
        said = self.refused("unsigned.pitstop")
        self.assertIn("is not signed by who must", said)
        # Also where the controller does not look: the host does.
        said = self.refused("unsigned.pitstop", pitstop_bundle_verify=False)
        self.assertIn("is not signed", said)
        self.assertEqual(set(levels().values()), {"1.0.0"})

    def test_04_what_the_controller_cannot_sign_is_not_taken_for_done(self):
        said = self.refused("to-1.1.0.pitstop", pitstop_evidence_cosign="nowhere.key")
        self.assertIn("nowhere.key", said)
        self.assertEqual((levels()["h1"], outcomes("to-1.1.0.pitstop")), ("1.1.0", []))

    def test_05_it_stops_where_the_policy_misses_something_and_says_what(self):
        said = self.refused("to-1.1.0.pitstop", **LOCKDOWN)
        self.assertIn("needs evidence from staging: 0 of 1 host with smoke", said)
        self.assertEqual(levels(), {"h1": "1.1.0", "h2": "1.1.0", "h3": "1.0.0"})
        # What the run before could not sign was tested again, and is not taken up with one signature.
        self.assertEqual(outcomes("to-1.1.0.pitstop"), [("dev", "PASSED", 2), ("staging", "PASSED", 2)])
        self.assertFalse((WORK / "carry").exists(), "what production refuses is not carried on")
        self.assertEqual(instance("h3")["before"]["state"], "running")

    def test_06_the_controller_signs_nothing_but_evidence_of_that_host_and_release(self):
        bundle = (WORK / "to-1.1.0.pitstop").read_bytes()
        tree = tree_of("to-1.1.0.pitstop")
        forged = {name: WORK / f"{name}.json" for name in ("staging", "approval", "more", "other", "none")}
        key = ["--sign", WORK / "h1/evidence.key"]
        self.assertTrue(agent("h1", "verify", "h1", "--evidence", forged["staging"], "--environment", "staging", *key)["ok"])
        pitstop("trust", "approve", tree, "--reason", "mine", "--expires", "1h", "--out", forged["approval"], *key)
        dev = next((WORK / "pitstop-evidence").glob("*/h1.h1.json"))
        forged["more"].write_text(about(dev, tree, "70" * 32), encoding="utf-8")
        forged["other"].write_text(of_host(dev, "h9"), encoding="utf-8")
        forged["none"].write_text("{}", encoding="utf-8")
        for name, why in [
            ("staging", "environment is staging and not dev"),
            ("approval", "kind is approval and not"),
            ("more", "70" * 32),
            ("other", f"host is h9 and not {socket.gethostname()}"),
            ("none", "kind is unknown and not"),
        ]:
            with self.subTest(name):
                variables = {"pitstop_agent": handed_over(forged[name]), "pitstop_evidence_again": True}
                said = self.refused("to-1.1.0.pitstop", stages=["dev"], **variables)
                self.assertIn("h1 handed over something else than its evidence of this release", said)
                self.assertIn(why, said)
        said = self.refused("to-1.1.0.pitstop", stages=["dev"], pitstop_environment="")
        self.assertIn("pitstop_evidence_cosign needs pitstop_environment", said)
        said = self.refused("to-1.1.0.pitstop", stages=["dev"], pitstop_host="")
        self.assertIn("evidence is expected of h1", " ".join(said.split()))
        self.assertEqual((WORK / "to-1.1.0.pitstop").read_bytes(), bundle)

    def test_07_a_host_whose_tests_fail_counts_against_the_release(self):
        smoke = {"pitstop_suites": ["smoke=true"]}
        self.promote("to-1.1.0.pitstop", stages=["staging"], pitstop_evidence_again="true", **smoke)
        variables = {"pitstop_suites": ["smoke=false"], "pitstop_evidence_again": True}
        said = self.refused("to-1.1.0.pitstop", stages=["staging"], **variables)
        self.assertIn("h2: ", said)
        self.assertEqual(outcomes("to-1.1.0.pitstop")[-1], ("staging", "FAILED", 2))
        said = self.refused("to-1.1.0.pitstop", stages=["production"])
        self.assertRegex(said, "needs evidence from staging: 0 of 1 host with smoke, not well on ")
        self.assertEqual(levels()["h3"], "1.0.0")
        # It is tested again before anything else is taken for good, without being asked for.
        self.promote("to-1.1.0.pitstop", stages=["staging"], **smoke)
        self.assertEqual(outcomes("to-1.1.0.pitstop")[-1], ("staging", "PASSED", 2))

    def test_08_it_is_taken_up_with_what_was_missing(self):
        before = servers()
        # What earlier bundles of the name left there is replaced, and nothing else.
        (WORK / "carry").mkdir()
        for name in ("to-1.1.0.pitstop", "to-1.1.0.pitstop.999", "to-1.1.0.pitstop.old"):
            (WORK / "carry" / name).write_text("earlier", encoding="utf-8")
        variables = dict(LOCKDOWN, pitstop_suites=["smoke=true"], pitstop_evidence_again=True)
        self.promote("to-1.1.0.pitstop", **variables)
        self.assertEqual(set(levels().values()), {"1.1.0"})
        after = servers()
        self.assertEqual({host for host in before if after[host] != before[host]}, {"h3"}, "others were restarted")
        told = list(statements("to-1.1.0.pitstop"))
        environments = [one["predicate"]["pitstop"]["environment"] for one, _, _ in told]
        self.assertEqual(sorted(set(environments)), ["dev", "production", "staging"])
        self.assertEqual({signed for _, signed, _ in told}, {2}, "the controller has signed as well")

    def test_09_a_second_run_changes_nothing(self):
        before, bundle = servers(), (WORK / "to-1.1.0.pitstop").read_bytes()
        # As with `-e key=value`, which says everything as a text.
        _, changed = self.promote("to-1.1.0.pitstop", **LOCKDOWN, pitstop_evidence_again="false")
        self.assertEqual((set(changed.values()), servers()), ({0}, before))
        self.assertEqual((WORK / "to-1.1.0.pitstop").read_bytes(), bundle)

    def test_10_what_is_carried_on_is_the_bundle_with_its_evidence(self):
        carried = {path.name for path in (WORK / "carry").iterdir()}
        self.assertLessEqual({"README.txt", "release.pem", "to-1.1.0.pitstop.parts"}, carried)
        self.assertLessEqual({"to-1.1.0.pitstop.old"}, carried)
        self.assertEqual(carried & {"to-1.1.0.pitstop", "to-1.1.0.pitstop.999"}, set())
        self.assertTrue(all(path.stat().st_size <= 20 << 10 for path in (WORK / "carry").iterdir()))
        pitstop("bundle", "join", "carry/to-1.1.0.pitstop.parts", "--out", "joined.pitstop")
        self.assertEqual((WORK / "joined.pitstop").read_bytes(), (WORK / "to-1.1.0.pitstop").read_bytes())
        self.assertIn("pitstop bundle join to-1.1.0.pitstop.parts", (WORK / "carry/README.txt").read_text(encoding="utf-8"))
        # A bundle is not laid where it lies.
        play_of = {"include_role": {"name": PROMOTE, "tasks_from": "lockdown"}}
        lay_out = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [play_of]}]
        (WORK / "lay-out.yml").write_text(json.dumps(lay_out), encoding="utf-8")
        variables = {"pitstop_bundle": "to-1.1.0.pitstop", "pitstop_lockdown_dir": ".", "pitstop_controller_agent": AGENT}
        code, said, _ = play("lay-out.yml", variables)
        self.assertNotEqual(code, 0, said[-6000:])
        self.assertIn("name another folder", " ".join(said.split()))
        self.assertTrue((WORK / "to-1.1.0.pitstop").exists())

    def test_11_receipts_make_the_next_bundle(self):
        release("1.1.1")
        (WORK / "receipts").mkdir()
        options = {"agent": AGENT, "config_dir": "{{ pitstop_config_dir }}", "state_dir": "{{ pitstop_state_dir }}"}
        options.update(file=str(WORK / "receipts") + "/{{ inventory_hostname }}.json", sign="{{ dir }}/evidence.key")
        code, said = ansible("ansible", "fleet", "-i", "inventory.yml", "-m", "pitstop.fleet.receipt", "-a", json.dumps(options))
        self.assertEqual(code, 0, said)
        variables = {"pitstop_receipts": "receipts", "pitstop_bundle_packs": "h1/packs", "pitstop_bundle_sign": "release.key"}
        variables.update(pitstop_bundle_to="h1/packs/demo-server-1.1.1.tar.gz", pitstop_suites=["smoke=true"])
        variables.update(stages=STAGES[:2])
        self.promote("to-1.1.1.pitstop", **variables)
        self.assertEqual(levels(), {"h1": "1.1.1", "h2": "1.1.1", "h3": "1.1.0"})
        told = pitstop("bundle", "inspect", "to-1.1.1.pitstop")
        self.assertEqual([tree["level"] for tree in told["from"]], ["1.1.0"])
        self.assertEqual(set(self.promote("to-1.1.1.pitstop", **variables)[1].values()), {0})

    def break_the_glass(self):
        """Production goes to the release before any evidence of it is there, with a bundle as it was made."""
        old, new = (WORK / f"h1/packs/demo-server-{level}.tar.gz" for level in ("1.1.0", "1.1.1"))
        bundle, shipped = WORK / "h3/bundles/to-1.1.1.pitstop", WORK / "h3/etc/evidence.d"
        pitstop("bundle", "create", "--from", old, "--to", new, "--sign", "release.key", "--out", bundle)
        shipped.mkdir()
        tree = tree_of(bundle)
        why = ["--break-glass", "--reason", "exploited", "--expires", "1h", "--instance", "h3"]
        pitstop("trust", "approve", tree, *why, "--out", shipped / "glass.json", "--sign", "team.key")
        told = agent("h3", "update", "h3", "--from", bundle)
        self.assertEqual((told["status"], len(told["missing"])), ("updated", 2), told)
        (shipped / "glass.json").unlink()
        return bundle, shipped

    def lay_out_what_was_carried_earlier(self, shipped):
        """Evidence of the level that a rollback leads to, what a person brought, evidence of a release that is gone, and an
        approval that has ended."""
        earlier = WORK / "earlier.json"
        old = WORK / "pitstop-evidence" / tree_of("to-1.1.0.pitstop")[:16] / "h2.h2.json"
        pitstop("trust", "approve", "70" * 32, "--reason", "for a hotfix", "--expires", "1h", "--out", earlier, "--sign", "team.key")
        gone = about(old, "70" * 32)
        ended = altered(earlier, lambda said: said["predicate"].update(expires="2020-01-01T00:00:00Z"))
        kept = {by_digest(shipped, old.read_text(encoding="utf-8")), by_digest(shipped, earlier.read_text(encoding="utf-8"))}
        for name, text in (("brought.json", gone), (f"{'0' * 64}.json", gone), ("ended.json", ended)):
            (shipped / name).write_text(text, encoding="utf-8")
            kept.add(shipped / name)
        return kept, {by_digest(shipped, gone), by_digest(shipped, ended)}

    def test_12_evidence_follows_to_a_host_that_runs_the_release_already(self):
        bundle, shipped = self.break_the_glass()
        # This one came to the release with a bundle that is gone: its pack has nothing to go by.
        (WORK / "h1/bundles/to-1.1.1.pitstop").unlink()
        asked_for = {("h3", sha256) for _, _, sha256 in statements("to-1.1.1.pitstop")}
        kept, left_behind = self.lay_out_what_was_carried_earlier(shipped)
        self.assertEqual(len(asked_for), 2)
        before = servers()
        said, _ = self.promote("to-1.1.1.pitstop", "--check")
        self.assertEqual((carried(said), set(shipped.iterdir())), (asked_for, kept | left_behind))
        self.assertIn("the bundle would be sent to h1", said)
        said, _ = self.promote("to-1.1.1.pitstop")
        self.assertEqual((carried(said), servers()), (asked_for, before))
        came = set(shipped.iterdir()) - kept
        self.assertEqual({("h3", hashlib.sha256(path.read_bytes()).hexdigest()) for path in came}, asked_for)
        self.assertEqual(list(statements(bundle)), [], "a bundle was sent for it")
        self.assertEqual(set(self.promote("to-1.1.1.pitstop")[1].values()), {0})
        # It is what the policy asks for: the release may be left and come back to.
        self.assertTrue(agent("h3", "rollback", "h3", "--to", "1.1.0")["ok"])
        told = agent("h3", "update", "h3", "--from", bundle)
        self.assertEqual((told["status"], told.get("missing")), ("updated", None), told)

    def test_13_a_host_that_is_lost_ends_the_promotion_after_its_wave(self):
        for host in ENVIRONMENTS.values():
            self.assertTrue(agent(host, "rollback", host, "--to", "1.1.0")["ok"])
        early = {"early": {"children": {"dev": {}, "staging": {}}}}
        (WORK / "groups.json").write_text(json.dumps(INVENTORY | early), encoding="utf-8")
        # No other refusal ends it: a signed release is all that any host asks for.
        for host in ENVIRONMENTS.values():
            (WORK / host / "etc/policy.yaml").write_text(json.dumps(POLICIES["h1"]), encoding="utf-8")
        # Development does not answer at all; then it is gone when its evidence is fetched.
        gone = WORK / "lost.h1"
        lose = after_evidence(f'case " $* " in *" h1 "*) touch "{gone}";; esac')
        variables = dict(LOST, work=str(WORK), stages=["early", "production"], pitstop_suites=["smoke=true"])
        # What they are is for the hosts to say, where the inventory only names them.
        variables.update(pitstop_packs=[{"name": "{{ inventory_hostname }}"}], pitstop_evidence_again=True)
        gone.touch()
        for more in ({}, {"pitstop_agent": lose}):
            with self.subTest(more):
                said = self.refused("to-1.1.1.pitstop", **variables, **more)
                self.assertIn("the rollout ends here: h1 ", said)
                gone.unlink()
        self.assertEqual(levels(), {"h1": "1.1.1", "h2": "1.1.1", "h3": "1.1.0"})


if __name__ == "__main__":
    unittest.main()
