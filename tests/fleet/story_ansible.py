#!/usr/bin/env python3
"""A platform team's year with pitstop and Ansible, on booted hosts over SSH. run.sh prepares what this needs.

FLEET_PRODUCT   demo or flink: what is installed as `shop` on each host, beside the stand-in of an integrator
"""

import os
import time
import unittest
from multiprocessing.pool import ThreadPool

from controller import PLAYS, Controller
from hosts import AGENT, GIVEN, up, until
from installed import PRODUCTS, Integrator
from timed import Timed, note
from traffic import Balancer

SHOP, MI = PRODUCTS[os.environ["FLEET_PRODUCT"]](), Integrator()
LAYER = {"demo": "", "flink": "java"}[os.environ["FLEET_PRODUCT"]]
ROLLOUT, ROLLBACK = "pitstop.fleet.rollout", "pitstop.fleet.rollback"
UPDATE, ADOPT, BACK = "Have it at its level", "Take it over", "Go back to the level"


class Fleet:
    """Four servers, two of them a group behind a balancer, and the controller."""

    def __init__(self):
        self.servers = up(4, LAYER)
        self.h1, self.h2, self.h3, self.h4 = self.servers
        with ThreadPool(4) as hands:
            hands.map(lambda host: [product.install(host) for product in (SHOP, MI)], self.servers)
        for product in (SHOP, MI):
            product.wait_until_serving(*self.servers)
        self.balancer = Balancer("h5", SHOP, [self.h1, self.h2])
        own = {host: {"pitstop_packs": {product.name: self.pack(product, host) for product in (SHOP, MI)}} for host in self.servers}
        groups = {"servers": self.servers, "balanced": [self.h1, self.h2], "balancers": [self.balancer.host]}
        variables = {
            "pitstop_agent_file": str(AGENT), "pitstop_settings": {"products": str(GIVEN / "products")},
            "group": SHOP.name,
        }
        self.controller = Controller(os.environ["FLEET_WORK"], own | {self.balancer.host: {}}, groups, variables)

    def pack(self, product, host):
        return product.settings(host) | {"pristine": str(product.pristine(product.first)), "state": "started"}

    def running(self, product=SHOP):
        """Which server serves since when on each host, by the agent and by the server itself."""
        return {host.name: (host.server(product.name), product.answers(host)) for host in self.servers}

    def levels(self, product=SHOP):
        return [product.answers(host) for host in self.servers]


def drained():
    return {f"pitstop_{verb}_tasks": str(PLAYS / f"{verb}.yml") for verb in ("drain", "undrain")}


class Story(Timed):
    @classmethod
    def setUpClass(cls):
        began = time.monotonic()
        cls.fleet = Fleet()
        cls.addClassCleanup(cls.fleet.controller.close)
        cls.play = cls.fleet.controller.play
        note(f"the fleet is up after {time.monotonic() - began:.0f} s")

    def variables(self, level, product=SHOP, serial=("100%",), drain=False):
        found = {"pitstop_stages": "servers", "pitstop_level": level, "pitstop_names": [product.name], "pitstop_serial": list(serial)}
        return found | (drained() if drain else {})

    def roll_out(self, level, *options, code=0, **how):
        return self.play(ROLLOUT, "--diff", *options, code=code, **self.variables(level, **how))

    def assert_silent(self, level, product=SHOP):
        """The same once more changes nothing and restarts nothing, and check mode says so."""
        before = self.fleet.running(product)
        for options in ([], ["--check"]):
            self.assertEqual(self.roll_out(level, *options, product=product, drain=True).changed, [])
        self.assertEqual(self.fleet.running(product), before)

    def assert_predicted(self, predicted, ran, hosts):
        """Check mode had shown what was done: the same plan, to the id, and the same difference."""
        for host in hosts:
            told, done = predicted.of(UPDATE, host.name), ran.of(UPDATE, host.name)
            self.assertTrue(told["plan_id"])
            for what in ("plan_id", "diff", "changed", "level", "running"):
                self.assertEqual(told[what], done[what], f"{host.name}: {what}")
            self.assertEqual(told["report"]["plan"]["files"], done["report"]["plan"]["files"])

    def assert_updated(self, ran, *hosts):
        """On these hosts the level changed, in this order; nothing else did, but that they went out of service for it."""
        self.assertEqual([host for host, task in ran.changed if task == UPDATE], list(hosts))
        self.assertLessEqual({host for host, _ in ran.changed}, set(hosts))

    def test_01_servers_that_differ_are_taken_over_as_they_are(self):
        fleet = self.fleet

        def servers():
            return [(host.sh("systemctl show --value -p MainPID shop mi"), SHOP.answers(host), MI.answers(host)) for host in fleet.servers]

        before = servers()
        # On a clean host there is no agent to ask: the check says what it would install.
        self.assertIn(("h1", "Send the file"), self.play("site", "--check").changed)
        ran = self.play("site")
        self.assertEqual({host for host, task in ran.changed if task == ADOPT}, {"h1", "h2", "h3", "h4"})
        self.assertEqual(servers(), before)
        for product in (SHOP, MI):
            for host in fleet.servers:
                seen = host.view(product.name)
                self.assertEqual((seen["adopted"], seen["state"], seen["release"]["level"]), (True, "running", product.first))
                product.is_kept(host)
        self.assertEqual(self.play("site").changed, [])
        self.assertEqual(self.play("site", "--check").changed, [])

    def test_02_a_rolling_update_of_the_group_with_drain_loses_no_request(self):
        fleet, group = self.fleet, [self.fleet.h1, self.fleet.h2]
        predicted = self.roll_out(SHOP.second, "--check", "--limit", "balanced")
        self.assertEqual(fleet.levels(), [SHOP.first] * 4)
        with fleet.balancer.clients() as clients:
            ran = self.roll_out(SHOP.second, "--limit", "balanced", serial=[1], drain=True)
        self.assert_updated(ran, "h1", "h2")
        self.assert_predicted(predicted, ran, group)
        note(f"with drain: {clients.total} requests, {len(clients.lost)} lost")
        self.assertEqual(clients.lost, [], fleet.balancer.said())
        self.assertEqual(clients.levels, {SHOP.first, SHOP.second})
        self.assertGreater(clients.total, 100)

    def test_03_without_drain_requests_are_lost(self):
        with self.fleet.balancer.clients() as clients:
            self.play(ROLLBACK, "--limit", "balanced", **self.variables(SHOP.first, serial=[1]))
        note(f"without drain: {clients.total} requests, {len(clients.lost)} lost")
        self.assertGreater(len(clients.lost), 0)
        self.assertEqual(self.fleet.levels(), [SHOP.first] * 4)

    def test_04_the_waves_go_through_the_fleet_and_keep_what_people_made(self):
        fleet = self.fleet
        predicted = self.roll_out(SHOP.second, "--check")
        ran = self.roll_out(SHOP.second, serial=[1, "50%", "100%"], drain=True)
        self.assert_predicted(predicted, ran, fleet.servers)
        self.assertEqual(ran.hosts[0], "h1")
        self.assertEqual(fleet.levels(), [SHOP.second] * 4)
        for host in fleet.servers:
            SHOP.is_kept(host)
        self.assert_silent(SHOP.second)

    def test_05_a_conflict_ends_the_waves_before_anything_stops(self):
        fleet = self.fleet
        path, key = SHOP.conflict
        for host in (fleet.h3, fleet.h4):
            host.edit(f"{SHOP.home(host)}/{path}", *SHOP.edits[host.name])
        before = fleet.running()
        predicted = self.roll_out(SHOP.third, "--check", code=2)
        self.assertEqual({host for host, task in predicted.failed if task == UPDATE}, {"h3", "h4"})
        ran = self.roll_out(SHOP.third, serial=[1], drain=True, code=2)
        self.assert_updated(ran, "h1", "h2")
        failed = ran.of(UPDATE, "h3")
        self.assertEqual((failed["kind"], failed["exit"]), ("conflicts", 3))
        self.assertEqual([(one["path"], [each["key"] for each in one["keys"]]) for one in failed["report"]["conflicts"]], [(path, [key])])
        self.assertNotIn("h4", ran.hosts, "the wave after a failed one began")
        after = fleet.running()
        self.assertEqual(fleet.levels(), [SHOP.third, SHOP.third, SHOP.second, SHOP.second])
        self.assertEqual((after["h3"], after["h4"]), (before["h3"], before["h4"]))

    def test_06_what_one_person_decided_once_is_replayed_on_the_next_host(self):
        fleet = self.fleet
        path, key = SHOP.conflict
        self.play("decide", decider="h3", instance=SHOP.name, level=SHOP.third, path=path, key=key)
        self.assertEqual(fleet.levels(), [SHOP.third, SHOP.third, SHOP.third, SHOP.second])
        predicted = self.roll_out(SHOP.third, "--check")
        ran = self.roll_out(SHOP.third, serial=[1])
        # What was done before the failure is not done again.
        self.assert_updated(ran, "h4")
        self.assert_predicted(predicted, ran, [fleet.h4])
        (decided,) = ran.of(UPDATE, "h4")["report"]["plan"]["remembered"]
        self.assertEqual((decided["path"], decided["key"], decided["take"]), (path, key, "ours"))
        for host in (fleet.h3, fleet.h4):
            self.assertIn(SHOP.edits[host.name][1].strip().splitlines()[-1].strip(), host.read(f"{SHOP.home(host)}/{path}"))
            SHOP.is_kept(host)
        self.assert_silent(SHOP.third)

    def test_07_an_unhealthy_release_is_taken_back_on_the_first_host_and_goes_no_further(self):
        fleet = self.fleet
        before, levels = fleet.running(), fleet.levels()
        with fleet.balancer.clients() as clients:
            ran = self.roll_out(SHOP.broken, serial=[1, "100%"], drain=True, code=2)
        failed = ran.of(UPDATE, "h1")
        self.assertEqual((failed["kind"], failed["exit"]), ("rolled-back", 4))
        self.assertEqual(ran.hosts, ["h1"], "the wave after a failed one began")
        after = fleet.running()
        self.assertEqual(fleet.levels(), levels)
        self.assertEqual([after[host] for host in ("h2", "h3", "h4")], [before[host] for host in ("h2", "h3", "h4")])
        self.assertNotEqual(after["h1"], before["h1"])
        note(f"while a bad release was tried and taken back: {clients.total} requests, {len(clients.lost)} lost")
        self.assertEqual(clients.lost, [], fleet.balancer.said())
        self.assertIn(("h1", "Undrain"), ran.changed, "the host is well and out of service")
        SHOP.is_kept(fleet.h1)
        ran = self.roll_out(SHOP.broken, "--check", "--limit", "h1", code=2)
        self.assertEqual(ran.of(UPDATE, "h1")["kind"], "held")
        self.assertEqual(fleet.running(), after)
        self.assert_silent(levels[0])

    def is_in_the_middle(self, host):
        return host.phase(SHOP.name) in ("stopping", "commit", "done", "pending")

    def under_way(self, host):
        return self.fleet.controller.running(ROLLOUT, "--limit", host.name, **self.variables(SHOP.third))

    def test_08_a_host_that_dies_in_the_middle_converges_after_its_boot(self):
        fleet, host = self.fleet, self.fleet.h4
        self.play(ROLLBACK, "--limit", "h3,h4", **self.variables(SHOP.second))
        others = {name: seen for name, seen in fleet.running().items() if name != "h4"}
        with self.under_way(host) as process:
            until(lambda: self.is_in_the_middle(host), "the update stops the server")
            host.crash()
        phase = host.phase(SHOP.name)
        self.assertIsNotNone(phase, "the host died too late")
        note(f"h4 died while its update was `{phase}`")
        self.assertNotEqual(process.ran.code, 0)
        host.boot()
        seen = host.view(SHOP.name)
        self.assertTrue(seen["interrupted"] or not seen["verified"], seen)
        # Nothing can be planned on what was interrupted; check mode says that, and repairs nothing.
        predicted = self.roll_out(SHOP.third, "--check", "--limit", "h4")
        self.assertIn(("h4", "Say what waits, and what a prediction cannot know"), predicted.changed)
        self.assertEqual(host.phase(SHOP.name), phase)
        ran = self.roll_out(SHOP.third, "--limit", "h4")
        self.assert_updated(ran, "h4")
        self.assertEqual(SHOP.answers(host), SHOP.third)
        SHOP.is_kept(host)
        self.assertTrue(host.view(SHOP.name)["verified"])
        self.assertEqual({name: seen for name, seen in fleet.running().items() if name != "h4"}, others)

    def test_09_a_dropped_connection_leaves_no_host_half_way(self):
        host = self.fleet.h3
        with self.under_way(host) as process:
            until(lambda: self.is_in_the_middle(host), "the update stops the server")
            # The sessions, not the server that accepts them.
            host.sh("pkill -KILL -f '^sshd: ops'")
        self.assertIn(("h3", UPDATE), process.ran.failed)
        until(lambda: host.phase(SHOP.name) is None, "what was begun comes to its end by itself")
        SHOP.wait_until_serving(host, level=SHOP.third)
        self.assertTrue(host.view(SHOP.name)["verified"])
        SHOP.is_kept(host)
        self.assert_silent(SHOP.third)

    def test_10_the_integrators_go_the_same_road(self):
        fleet = self.fleet
        shops = fleet.running()
        predicted = self.roll_out(MI.second, "--check", product=MI)
        ran = self.roll_out(MI.second, product=MI, serial=[1, "100%"])
        self.assert_predicted(predicted, ran, fleet.servers)
        self.assertEqual(fleet.levels(MI), [MI.second] * 4)
        for host in fleet.servers:
            MI.is_kept(host)
        self.assert_silent(MI.second, MI)
        before = fleet.running(MI)
        ran = self.roll_out(MI.broken, product=MI, serial=[1, "100%"], code=2)
        self.assertEqual(ran.of(UPDATE, "h1")["kind"], "rolled-back")
        self.assertEqual(ran.hosts, ["h1"])
        self.assertEqual(fleet.levels(MI), [MI.second] * 4)
        after = fleet.running(MI)
        self.assertEqual([after[host] for host in ("h2", "h3", "h4")], [before[host] for host in ("h2", "h3", "h4")])
        self.assertEqual(fleet.running(), shops, "the shop beside it was touched")


if __name__ == "__main__":
    unittest.main(verbosity=2, failfast=True)
