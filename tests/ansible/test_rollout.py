#!/usr/bin/env python3
"""The life of a small fleet with the collection's roles and playbooks, each step on what the one before left. The playbook
of the README takes over what was installed by hand; then the fleet is looked at, goes to a level in waves, meets a conflict
and a bad release, goes back, and is reported. story.sh starts the hosts."""

import datetime
import json
import os
import re
import subprocess
import unittest
import unittest.mock
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AGENT = os.environ["PITSTOP_BIN"]
WORK = Path(os.environ["PITSTOP_CONTROLLER"])
HOSTS = ["h1", "h2", "h3"]
SECRET = "geheim-0815"
OPERATORS = "server.max-connections=220"  # the next level changes it, too

# What the README's playbook says of a host with Flink, said of this fleet's.
PACKS = [
    {
        "name": "{{ inventory_hostname }}",
        "product": "demo",
        "home": "{{ dir }}/demo-server-1.0.0",
        "source": "{{ dir }}/packs",
        "pristine": "{{ dir }}/packs/demo-server-1.0.0.tar.gz",
        "vars": {"port": "{{ demo_port | int }}"},
        "level": "1.1.0",
        "state": "started",
    }
]
CONFIGURED = [dict(PACKS[0], config={}, values={"page": {"greeting": "Hello fleet"}}, secrets={"admin": {"password": SECRET}})]

# A load balancer's back end, as far as the hosts are concerned: who is in and who is out, in order. Nobody comes back whose
# server does not answer.
DRAIN = """
- name: Take the host out
  ansible.builtin.shell: echo out {{ inventory_hostname }} >> lb
  args: {chdir: "{{ work }}"}
  delegate_to: localhost
"""
TAKE_IN = """
- name: Take the host in
  ansible.builtin.shell: echo in {{ inventory_hostname }} >> lb
  args: {chdir: "{{ work }}"}
  delegate_to: localhost
"""
UNDRAIN = """
- name: See that the server answers
  ansible.builtin.uri: {url: "http://127.0.0.1:{{ demo_port }}/health"}
""" + TAKE_IN.lstrip()
INVENTORY = {
    "flink": {"children": {"fleet": {}}},
    "canary": {"hosts": {"h2": {}}},
    "pair": {"hosts": {"h1": {}, "h2": {}}},
    "all": {"vars": {"work": str(WORK), "pitstop_agent": "{{ dir }}/opt/pitstop"}},
}
# A host is gone once there is a file of its name: nobody listens at that address.
LOST = {"ansible_host": "127.0.0.{{ 9 if (work ~ '/lost.' ~ inventory_hostname) is exists else 1 }}"}
ROLLOUT = {
    "pitstop_stages": "canary,fleet",
    "pitstop_serial": 2,
    "pitstop_drain_tasks": "drain.yml",
    "pitstop_undrain_tasks": "undrain.yml",
}


def ansible(*command):
    ran = subprocess.run(command, cwd=WORK, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return ran.returncode, ran.stdout


def play(playbook, variables, *options):
    """Runs a playbook; returns its exit code, what it said, and what it changed on each host and on the controller."""
    extra = WORK / "extra.json"
    extra.write_text(json.dumps(variables), encoding="utf-8")
    code, said = ansible("ansible-playbook", playbook, "-i", "inventory.yml", "-i", "groups.json", "-e", "@extra.json", *options)
    changed = {host: int(count) for host, count in re.findall(r"^(h\d|localhost) +: ok=\d+ +changed=(\d+)", said, re.M)}
    return code, said, changed


def agent(host, *words):
    folder = WORK / host
    command = [AGENT, "--config-dir", folder / "etc", "--state-dir", folder / "var", "--output", "json", *words]
    return json.loads(subprocess.run(command, capture_output=True, text=True).stdout)


def instance(host):
    return agent(host, "check", host)


def release(level):
    """Offers a level to the hosts."""
    for host in HOSTS:
        pack = WORK / host / f"packs/demo-server-{level}.tar.gz"
        subprocess.run(["python3", ROOT / "tests/packs/build.py", "archive", level, pack], check=True)


def levels():
    return {host: instance(host)["before"]["release"]["level"] for host in HOSTS}


def servers():
    """The processes of the servers: another one is a restart."""
    return {host: [(one["pid"], one["started_ticks"]) for one in instance(host)["before"]["processes"]] for host in HOSTS}


def balancer():
    """Who went out and came in since the last question."""
    log = WORK / "lb"
    said = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return said


def readme_playbook():
    """The newcomer's playbook, as the README has it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(r"```yaml\n(# site.yml\n.*?)```", text, re.S).group(1)


class Fleet(unittest.TestCase):
    maxDiff = None

    def run_well(self, playbook, variables, *options):
        code, said, changed = play(playbook, variables, *options)
        self.assertEqual(code, 0, said[-6000:])
        self.assertNotIn(SECRET, said, "a secret in what Ansible says")
        return said, changed

    def run_badly(self, playbook, variables, *options):
        code, said, _ = play(playbook, variables, *options)
        self.assertNotEqual(code, 0, said[-6000:])
        return said

    def silent(self, playbook, variables, *options):
        """The second run changes nothing and touches no server."""
        before = servers()
        said, changed = self.run_well(playbook, variables, *options)
        self.assertEqual((set(changed.values()), servers()), ({0}, before), said[-6000:])
        return said

    @classmethod
    def setUpClass(cls):
        (WORK / "groups.json").write_text(json.dumps(INVENTORY), encoding="utf-8")
        (WORK / "drain.yml").write_text(DRAIN, encoding="utf-8")
        (WORK / "undrain.yml").write_text(UNDRAIN, encoding="utf-8")
        (WORK / "in.yml").write_text(TAKE_IN, encoding="utf-8")
        (WORK / "site.yml").write_text(readme_playbook(), encoding="utf-8")

    def test_01_the_playbook_of_the_readme_takes_a_host_over(self):
        self.assertLess(len(readme_playbook().splitlines()), 20)
        settings = {"pitstop_agent_file": AGENT, "pitstop_packs": PACKS, "pitstop_policy": {"keep_snapshots": 3}}
        settings["pitstop_settings"] = {"products": str(ROOT / "templates/products")}
        _, predicted = self.run_well("site.yml", settings, "--limit", "h1", "--check", "--diff")
        self.assertFalse((WORK / "h1/opt").exists(), "check mode installed the agent")
        self.assertFalse(instance("h1")["before"]["adopted"], "check mode adopted the pack")
        _, changed = self.run_well("site.yml", settings, "--limit", "h1")
        self.assertTrue(predicted["h1"] > 0 and changed["h1"] > 0)
        view = instance("h1")["before"]
        self.assertEqual((view["release"]["level"], view["state"], view["adopted"]), ("1.1.0", "running", True))
        self.silent("site.yml", settings, "--limit", "h1")

    def test_02_a_configuration_with_secrets_is_predicted_and_done(self):
        settings = {"pitstop_agent_file": "", "pitstop_agent_package": "", "pitstop_packs": CONFIGURED}
        self.run_well("site.yml", settings, "--limit", "h1", "-vvv", "--diff")
        before = servers()
        settings["pitstop_packs"] = [dict(CONFIGURED[0], values={"page": {"greeting": "Good day"}})]
        said, predicted = self.run_well("site.yml", settings, "--limit", "h1", "--check", "--diff")
        self.assertIn('+  greeting: "Good day"', said)
        self.assertEqual(servers(), before)
        _, changed = self.run_well("site.yml", settings, "--limit", "h1", "--diff")
        self.assertEqual(changed, predicted)
        self.assertIn("Good day", (WORK / "h1/demo-server-1.0.0/conf/app.yaml").read_text(encoding="utf-8"))
        # A mistake in what is said of a pack is mended where it was made.
        well = settings["pitstop_packs"][0]
        said = self.run_badly("site.yml", dict(settings, pitstop_packs=[dict(well, policy={"keep_snapshot": 3})]), "--limit", "h1")
        self.assertIn("unknown key `keep_snapshot`", said)
        self.run_well("site.yml", settings, "--limit", "h1")
        # What is said of updates is in the way of nothing where no level is asked for.
        asked = {"release_hold": True, "allow_downgrade": True, "acknowledge": ["database"]}
        settings["pitstop_packs"] = [{"name": "h1", "state": "started", **asked}]
        self.silent("site.yml", settings, "--limit", "h1")

    def test_03_the_fleet_is_looked_at(self):
        for host in [host for host in HOSTS if not (WORK / host / "opt").exists()]:
            agent(host, "adopt", host, "--pristine", WORK / host / "packs/demo-server-1.0.0.tar.gz")
            agent(host, "update", host, "--level", "1.1.0")
            agent(host, "start", host)
            (WORK / host / "opt").mkdir()
            (WORK / host / "opt/pitstop").symlink_to(AGENT)
        release("1.1.1")
        conf = WORK / "h1/demo-server-1.0.0/conf/server.properties"
        conf.write_text(conf.read_text(encoding="utf-8").replace("server.max-connections=200", OPERATORS), encoding="utf-8")
        before = servers()
        said = self.run_badly("pitstop.fleet.check", {"pitstop_fail": True})
        self.assertRegex(said, r"h1 +h1 +1.1.0 +1.1.1 +running +\d+ +1 conflict: conf/server.properties")
        self.assertRegex(said, r"h2 +h2 +1.1.0 +1.1.1 +running +\d+ +ready, stops the server")
        self.assertIn("3 instances: 1 conflict, 2 ready", said)
        self.silent("pitstop.fleet.check", {}, "--limit", "h1")
        said = self.run_badly("pitstop.fleet.check", {"pitstop_fail": True, "pitstop_agent": "/no/agent"}, "--limit", "h2")
        self.assertRegex(said, r"h2 +- +\? +- +\? +\? +the agent /no/agent is not there")
        self.assertEqual(servers(), before)

    def test_04_a_host_that_needs_a_person_ends_the_rollout_after_its_wave(self):
        before = servers()
        said = self.run_badly("pitstop.fleet.rollout", dict(ROLLOUT, pitstop_level="1.1.1"))
        self.assertEqual(levels(), {"h1": "1.1.0", "h2": "1.1.1", "h3": "1.1.1"}, said[-6000:])
        # The canary alone, then two, of which one is refused before it goes out and the other comes back.
        self.assertEqual(balancer(), ["out h2", "in h2", "out h3", "in h3"])
        after = servers()
        self.assertEqual({host for host in HOSTS if after[host] != before[host]}, {"h2", "h3"})
        self.assertIn("conf/server.properties", said)

    def test_05_the_rollout_is_taken_up_where_it_stopped(self):
        options = {"command": "resolve", "name": "h1", "all": True, "take": "ours", "agent": str(WORK / "h1/opt/pitstop")}
        options.update(config_dir=str(WORK / "h1/etc"), state_dir=str(WORK / "h1/var"))
        code, said = ansible("ansible", "h1", "-m", "pitstop.fleet.pack_conflicts", "-a", json.dumps(options))
        self.assertEqual(code, 0, said)
        before = servers()
        # An earlier rollout was killed when this host, which is at the level, was out of service.
        (WORK / "h3/var/out-of-service").touch()
        variables = dict(ROLLOUT, pitstop_level="1.1.1", pitstop_continue=True)
        self.run_well("pitstop.fleet.rollout", variables)
        self.assertEqual(levels(), dict.fromkeys(HOSTS, "1.1.1"))
        self.assertEqual(sorted(balancer()), ["in h1", "in h3", "out h1"])
        after = servers()
        self.assertEqual({host for host in HOSTS if after[host] != before[host]}, {"h1"})
        self.assertIn(OPERATORS, (WORK / "h1/demo-server-1.0.0/conf/server.properties").read_text(encoding="utf-8"))
        self.silent("pitstop.fleet.rollout", variables)
        self.assertEqual(balancer(), [])

    def test_06_a_host_that_was_left_out_of_service_comes_back_only_if_all_on_it_is_well(self):
        # An earlier rollout has left this host, which is at the level, behind with its server down.
        marker, variables = WORK / "h3/var/out-of-service", dict(ROLLOUT, pitstop_level="1.1.1")
        marker.touch()
        agent("h3", "stop", "h3")
        for more in ({}, {"pitstop_level": "9.9.9"}, {"pitstop_agent": "/no/agent"}):
            with self.subTest(more):
                said = self.run_badly("pitstop.fleet.rollout", dict(variables, **more), "--limit", "h3")
                self.assertIn("h3 stays out of service", said)
                self.assertNotIn("See that the server answers", said)
                self.assertTrue(marker.exists(), said[-6000:])
        said = self.silent("pitstop.fleet.rollout", {"pitstop_level": "1.1.1"}, "--limit", "h3")
        self.assertIn("h3 was taken out of service by an earlier rollout and stays out", said)
        # What the inventory wants down is not asked to be well.
        stopped = {"h3": {"state": "stopped"}}
        self.run_well("pitstop.fleet.rollout", dict(variables, pitstop_packs=stopped, pitstop_undrain_tasks="in.yml"), "--limit", "h3")
        self.assertEqual((marker.exists(), balancer()), (False, ["in h3"]))
        marker.touch()
        agent("h3", "start", "h3")
        self.run_badly("pitstop.fleet.rollout", dict(variables, pitstop_level="9.9.9"), "--limit", "h3")
        self.assertEqual((marker.exists(), balancer()), (False, ["in h3"]))

    def test_07_conflicts_are_laid_out_as_the_update_was_asked_for(self):
        packs = {"h1": {"allow_downgrade": True}}
        said = self.run_badly("pitstop.fleet.rollout", {"pitstop_level": "1.1.0", "pitstop_packs": packs}, "--limit", "h1")
        self.assertIn("conf/server.properties", said)
        waiting = agent("h1", "conflicts", "list", "h1")["conflicts"]
        self.assertEqual([one["path"] for one in waiting], ["conf/server.properties"], said[-6000:])
        # Those of a configuration are no update's.
        report = json.loads((ROOT / "tests/contract/update-conflicts-dry-run.json").read_text(encoding="utf-8"))["report"]
        (WORK / "conflicts.json").write_text(json.dumps(dict(report, action="config", instance="h2")), encoding="utf-8")
        calls, refusing = WORK / "calls", WORK / "refusing"
        lie = f'case " $* " in *" config apply "*) cat "{WORK}/conflicts.json"; exit 3;; esac'
        refusing.write_text(f'#!/bin/sh\necho "$*" >>"{calls}"\n{lie}\nexec "{AGENT}" "$@"\n', encoding="utf-8")
        refusing.chmod(0o755)
        variables = {"pitstop_level": "1.1.1", "pitstop_packs": {"h2": {"configure": True}}, "pitstop_agent": str(refusing)}
        said = self.run_badly("pitstop.fleet.rollout", variables, "--limit", "h2")
        self.assertIn("End the rollout with what failed", said)
        self.assertEqual([call for call in calls.read_text(encoding="utf-8").splitlines() if " update " in call], [])

    def test_08_a_bad_release_ends_with_the_canary(self):
        release("1.2.0")
        before = servers()
        # Whatever strategy the user's settings have for other plays.
        with unittest.mock.patch.dict(os.environ, ANSIBLE_STRATEGY="ansible.builtin.free"):
            said = self.run_badly("pitstop.fleet.rollout", dict(ROLLOUT, pitstop_level="1.2.0"))
        self.assertEqual(set(levels().values()) & {"1.2.0"}, set(), said[-6000:])
        after = servers()
        self.assertEqual({host for host in HOSTS if after[host] != before[host]}, {"h2"})
        # The old level is back and verified: the host serves again.
        self.assertEqual(balancer(), ["out h2", "in h2"], said[-6000:])

    def test_09_an_update_that_must_wait_is_told_and_is_no_failure(self):
        # It holds the release that failed on it; what kinds mean to wait is the caller's to say.
        variables = dict(ROLLOUT, pitstop_level="1.2.0", pitstop_waiting_kinds="held")
        said = self.silent("pitstop.fleet.rollout", variables, "--limit", "h2")
        self.assertIn("h2 waits: ", said)
        self.assertEqual(balancer(), [])
        # The next maintenance window is some days away.
        day = (datetime.date.today() + datetime.timedelta(days=3)).strftime("%a").lower()
        window = {"windows": [{"days": [day], "from": "02:00", "to": "03:00"}]}
        settings = {"pitstop_agent_file": "", "pitstop_agent_package": ""}
        settings["pitstop_packs"] = [dict(PACKS[0], level="1.2.0", rollout=window)]
        before = servers()
        said, _ = self.run_well("site.yml", settings, "--limit", "h3")
        self.assertRegex(said, "h3 waits: .*window")
        self.assertEqual((servers(), levels()["h3"]), (before, "1.1.1"))

    def test_10_the_fleet_goes_back(self):
        said = self.run_badly("pitstop.fleet.rollback", {})
        self.assertIn("name the level to go back to", said)
        variables = dict(ROLLOUT, pitstop_serial="100%", pitstop_level="1.1.0")
        self.run_well("pitstop.fleet.rollback", variables)
        self.assertEqual(levels(), dict.fromkeys(HOSTS, "1.1.0"))
        self.assertEqual(sorted(balancer()), sorted(f"{where} {host}" for host in HOSTS for where in ("out", "in")))
        self.assertEqual({instance(host)["before"]["state"] for host in HOSTS}, {"running"})
        self.silent("pitstop.fleet.rollback", variables)

    def test_11_packs_go_by_their_whole_names(self):
        said = self.run_badly("pitstop.fleet.rollout", {"pitstop_level": "1.1.1", "pitstop_names": "h33"})
        self.assertIn("no host of the play has a pack h33", said)
        # Those of no host are refused, and those of another one are not.
        settings = {"pitstop_level": "1.1.1", "pitstop_names": "h33,h2", "pitstop_packs": [{"name": "h3"}, {"name": "h33"}]}
        said = self.run_badly("pitstop.fleet.rollout", settings, "--limit", "h1")
        self.assertIn("no host of the play has a pack h2, which", said)
        self.silent("pitstop.fleet.rollout", {"pitstop_level": "1.1.0", "pitstop_names": "h2", "pitstop_serial": 1})
        self.assertEqual(levels(), dict.fromkeys(HOSTS, "1.1.0"))

    def test_12_a_host_that_is_lost_while_its_wave_is_watched_ends_the_rollout(self):
        # It goes once its server was verified, which is before the wave is watched.
        lost, losing = WORK / "lost.h1", WORK / "losing"
        losing.write_text(f'#!/bin/sh\ncase " $* " in *" verify h1 "*) touch {lost};; esac\nexec "{AGENT}" "$@"\n', encoding="utf-8")
        losing.chmod(0o755)
        variables = dict(LOST, pitstop_level="1.1.1", pitstop_stages="pair,h3", pitstop_serial="100%", pitstop_soak_s=1)
        said = self.run_badly("pitstop.fleet.rollout", dict(variables, pitstop_agent=str(losing)))
        self.assertIn("the rollout ends here: h1 ", said)
        self.assertEqual(levels(), {"h1": "1.1.1", "h2": "1.1.1", "h3": "1.1.0"})
        lost.unlink()

    def test_13_changed_settings_are_written_before_what_follows_from_them(self):
        moved, settings = WORK / "h3/moved", WORK / "h3/etc/instances.d/h3.yaml"
        moved.mkdir()
        (WORK / "h3/packs/demo-server-1.1.1.tar.gz").rename(moved / "demo-server-1.1.1.tar.gz")
        packs = [dict(PACKS[0], source="{{ dir }}/moved", level="1.1.1")]
        variables = dict(ROLLOUT, pitstop_packs=packs)
        self.run_well("pitstop.fleet.rollout", variables, "--limit", "h3")
        self.assertEqual((levels()["h3"], balancer()), ("1.1.1", ["out h3", "in h3"]))
        # What the agent would refuse is refused before the host goes out of service.
        written = settings.read_text(encoding="utf-8")
        for why, wrong in [("unknown key `keep_snapshot`", {"policy": {"keep_snapshot": 4}}), ("/nowhere", {"home": "/nowhere"})]:
            said = self.run_badly("pitstop.fleet.rollout", dict(variables, pitstop_packs=[dict(packs[0], **wrong)]), "--limit", "h3")
            self.assertIn(why, said)
        said = self.run_badly("pitstop.fleet.rollout", dict(variables, pitstop_agent="/no/agent"), "--limit", "h3")
        self.assertIn("the agent /no/agent is not there", said)
        self.assertEqual((balancer(), settings.read_text(encoding="utf-8")), ([], written))
        packs[0]["policy"] = {"keep_snapshots": 4}
        before = servers()
        self.run_well("pitstop.fleet.rollout", variables, "--limit", "h3")
        self.assertIn("keep_snapshots: 4", settings.read_text(encoding="utf-8"))
        self.assertEqual(servers(), before)
        self.silent("pitstop.fleet.rollout", variables, "--limit", "h3")

    def test_14_the_fleet_is_reported(self):
        playbook = WORK / "report.yml"
        playbook.write_text("- hosts: fleet\n  gather_facts: false\n  roles: [pitstop.fleet.report]\n", encoding="utf-8")
        variables = {"pitstop_report_agent": AGENT, "pitstop_report_markdown": "fleet.md", "pitstop_report_dir": "page"}
        has_verb = subprocess.run([AGENT, "report", "--help"], capture_output=True).returncode == 0
        if not has_verb:
            variables["pitstop_report_agent"] = "no-such-program"
        self.silent("report.yml", variables)
        for host in HOSTS:
            reports = json.loads((WORK / f"page/hosts/{host}.json").read_text(encoding="utf-8"))
            self.assertEqual([(one["action"], one["instance"]) for one in reports], [("check", host)])
        if not has_verb:
            self.skipTest("this agent has no verb report: the answers are there, and no page")
        for page in ("index.html", "fleet.md"):
            text = (WORK / "page" / page).read_text(encoding="utf-8")
            self.assertTrue(all(host in text for host in HOSTS), page)
        # Of one that cannot read its own settings the page says so.
        (WORK / "h3/etc/pitstop.yaml").write_text("bogus: 1\n", encoding="utf-8")
        self.run_well("report.yml", variables)
        self.assertIn("hosts/h3.json: no report could be made", (WORK / "page/fleet.md").read_text(encoding="utf-8"))
        told = json.loads((WORK / "page/hosts/h3.json").read_text(encoding="utf-8"))
        self.assertEqual([(one["ok"], one["error"]["kind"]) for one in told], [(False, "settings")])


if __name__ == "__main__":
    unittest.main()
