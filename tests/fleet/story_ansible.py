#!/usr/bin/env python3
"""A platform team's year with pitstop and Ansible, on booted hosts over SSH. run.sh prepares what this needs.

FLEET_PRODUCT   demo or flink: what is installed as `shop` on each host, beside the stand-in of an integrator
"""

import os
import shutil
import sys
import tempfile
import unittest
from multiprocessing.pool import ThreadPool

from controller import Controller
from hosts import GIVEN, up, until
from installed import PRODUCTS, Integrator
from traffic import Balancer

SHOP, MI = PRODUCTS[os.environ["FLEET_PRODUCT"]](), Integrator()
LAYER = {"demo": "", "flink": "java"}[os.environ["FLEET_PRODUCT"]]
UPDATE = "Update"


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
        self.work = tempfile.mkdtemp(prefix="pitstop-fleet-")
        own = {host: {"instances": {product.name: product.settings(host) for product in (SHOP, MI)}} for host in self.servers}
        groups = {"servers": self.servers, "balanced": [self.h1, self.h2], "balancers": [self.balancer.host]}
        pristine = {product.name: str(product.pristine(product.first)) for product in (SHOP, MI)}
        settings = {"products": str(GIVEN / "products")}
        self.controller = Controller(self.work, own | {self.balancer.host: {}}, groups, {"pristine": pristine, "settings": settings})

    def close(self):
        self.controller.close()
        shutil.rmtree(self.work)

    def running(self, product=SHOP):
        """Which server serves since when on each host, by the agent and by the server itself."""
        return {host.name: (host.server(product.name), product.answers(host)) for host in self.servers}

    def levels(self, product=SHOP):
        return [product.answers(host) for host in self.servers]


class Story(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet()
        cls.addClassCleanup(cls.fleet.close)
        cls.play = cls.fleet.controller.play

    def roll_out(self, level, *options, product=SHOP, **variables):
        return self.play("rollout", *options, "--diff", instance=product.name, level=level, **variables)

    def assert_silent(self, level, product=SHOP):
        """The same once more changes nothing and restarts nothing, and check mode says so."""
        before = self.fleet.running(product)
        for options in ([], ["--check"]):
            self.assertEqual(self.roll_out(level, *options, product=product).changed, [])
        self.assertEqual(self.fleet.running(product), before)

    def assert_predicted(self, predicted, ran, hosts):
        """Check mode had shown what was done: the same plan, to the id, and the same difference."""
        for host in hosts:
            told, done = predicted.of(UPDATE, host.name), ran.of(UPDATE, host.name)
            self.assertTrue(told["plan_id"])
            for what in ("plan_id", "diff", "changed", "level", "running"):
                self.assertEqual(told[what], done[what], f"{host.name}: {what}")
            self.assertEqual(told["report"]["plan"]["files"], done["report"]["plan"]["files"])

    def plans(self, predicted):
        return {host: one["result"]["plan_id"] for host, one in predicted.of(UPDATE).items() if one["outcome"] == "ok"}

    def test_01_servers_that_differ_are_taken_over_as_they_are(self):
        fleet = self.fleet
        before = {product: {host.name: product.answers(host) for host in fleet.servers} for product in (SHOP, MI)}
        pids = {host.name: host.sh("systemctl show --value -p MainPID shop mi") for host in fleet.servers}
        ran = self.play("site")
        self.assertEqual(ran.hosts("Take over"), ["h1", "h2", "h3", "h4"])
        self.assertEqual({host.name: host.sh("systemctl show --value -p MainPID shop mi") for host in fleet.servers}, pids)
        for product in (SHOP, MI):
            self.assertEqual({host.name: product.answers(host) for host in fleet.servers}, before[product])
            for host in fleet.servers:
                seen = host.view(product.name)
                self.assertEqual((seen["adopted"], seen["state"], seen["release"]["level"]), (True, "running", product.first))
                product.is_kept(host)
        self.assertEqual(self.play("site").changed, [])
        self.assertEqual(self.play("site", "--check").changed, [])

    def test_02_a_rolling_update_of_the_group_with_drain_loses_no_request(self):
        fleet, group = self.fleet, [self.fleet.h1, self.fleet.h2]
        predicted = self.roll_out(SHOP.second, "--check")
        self.assertEqual(fleet.levels(), [SHOP.first] * 4)
        with fleet.balancer.clients() as clients:
            ran = self.roll_out(SHOP.second, targets="balanced", waves=[1], drain=True, plans=self.plans(predicted))
        self.assert_predicted(predicted, ran, group)
        print(f"     with drain: {clients.total} requests, {len(clients.lost)} lost", file=sys.stderr)
        self.assertEqual(clients.lost, [])
        self.assertEqual(clients.levels, {SHOP.first, SHOP.second})
        self.assertGreater(clients.total, 100)

    def test_03_without_drain_requests_are_lost(self):
        with self.fleet.balancer.clients() as clients:
            self.play("back", targets="balanced", instance=SHOP.name, level=SHOP.first)
        print(f"     without drain: {clients.total} requests, {len(clients.lost)} lost", file=sys.stderr)
        self.assertGreater(len(clients.lost), 0)

    def test_04_the_waves_go_through_the_fleet_and_keep_what_people_made(self):
        fleet = self.fleet
        predicted = self.roll_out(SHOP.second, "--check")
        ran = self.roll_out(SHOP.second, waves=[1, "50%", "100%"], drain=True, plans=self.plans(predicted))
        self.assert_predicted(predicted, ran, fleet.servers)
        self.assertEqual(fleet.levels(), [SHOP.second] * 4)
        for host in fleet.servers:
            SHOP.is_kept(host)
        self.assert_silent(SHOP.second)

    def test_05_a_conflict_stops_the_waves_before_anything_stops(self):
        fleet = self.fleet
        path, key = SHOP.conflict
        for host in (fleet.h3, fleet.h4):
            host.edit(f"{SHOP.home(host)}/{path}", *SHOP.edits[host.name])
        before = fleet.running()
        predicted = self.roll_out(SHOP.third, "--check", code=2)
        self.assertEqual(predicted.failed, [("h3", UPDATE), ("h4", UPDATE)])
        ran = self.roll_out(SHOP.third, waves=[2, 1, 1], drain=True, code=2)
        self.assertEqual(ran.failed, [("h3", UPDATE)])
        failed = ran.of(UPDATE, "h3")
        self.assertEqual((failed["kind"], failed["exit"]), ("conflicts", 3))
        self.assertEqual([(one["path"], [each["key"] for each in one["keys"]]) for one in failed["report"]["conflicts"]], [(path, [key])])
        self.assertNotIn("h4", ran.of("Look"), "the wave after a failed one began")
        after = fleet.running()
        self.assertEqual([fleet.levels()], [[SHOP.third, SHOP.third, SHOP.second, SHOP.second]])
        self.assertEqual((after["h3"], after["h4"]), (before["h3"], before["h4"]))

    def test_06_what_one_person_decided_once_is_replayed_on_the_next_host(self):
        fleet = self.fleet
        path, key = SHOP.conflict
        self.play("decide", decider="h3", instance=SHOP.name, level=SHOP.third, path=path, key=key)
        self.assertEqual(fleet.levels(), [SHOP.third, SHOP.third, SHOP.third, SHOP.second])
        predicted = self.roll_out(SHOP.third, "--check")
        self.assertEqual(predicted.changed, [("h4", UPDATE)])
        ran = self.roll_out(SHOP.third, waves=[2, 1, 1], plans=self.plans(predicted))
        self.assertEqual(ran.changed, [("h4", UPDATE)], "the waves that were done are not done again")
        self.assert_predicted(predicted, ran, [fleet.h4])
        (decided,) = ran.of(UPDATE, "h4")["report"]["plan"]["remembered"]
        self.assertEqual((decided["path"], decided["key"], decided["take"]), (path, key, "ours"))
        for host in (fleet.h3, fleet.h4):
            self.assertIn(SHOP.edits[host.name][1].strip().splitlines()[-1].strip(), host.read(f"{SHOP.home(host)}/{path}"))
            SHOP.is_kept(host)
        self.assert_silent(SHOP.third)

    def test_07_an_unhealthy_release_is_taken_back_on_the_first_host_and_goes_no_further(self):
        fleet = self.fleet
        before = fleet.running()
        with fleet.balancer.clients() as clients:
            ran = self.roll_out(SHOP.broken, waves=[1, "100%"], drain=True, code=2)
        failed = ran.of(UPDATE, "h1")
        self.assertEqual((failed["kind"], failed["exit"]), ("rolled-back", 4))
        self.assertEqual(set(ran.of("Look")), {"h1"}, "the wave after a failed one began")
        after = fleet.running()
        self.assertEqual({host: level for host, (_, level) in after.items()}, dict.fromkeys(before, SHOP.third))
        self.assertEqual([after[host] for host in ("h2", "h3", "h4")], [before[host] for host in ("h2", "h3", "h4")])
        self.assertNotEqual(after["h1"], before["h1"])
        self.assertEqual(clients.lost, [], "requests were lost while a bad release was tried and taken back")
        SHOP.is_kept(fleet.h1)
        ran = self.roll_out(SHOP.broken, "--check", targets="h1", code=2)
        self.assertEqual(ran.of(UPDATE, "h1")["kind"], "held")
        self.assertEqual(fleet.running(), after)
        # Whoever has looked puts the host back.
        fleet.balancer.host.sh(f"balancer.sh ready {SHOP.name} h1")

    def test_08_a_host_that_dies_in_the_middle_converges_after_its_boot(self):
        fleet, host = self.fleet, self.fleet.h4
        self.play("back", targets="h3:h4", instance=SHOP.name, level=SHOP.second)
        others = {name: seen for name, seen in fleet.running().items() if name != "h4"}
        with fleet.controller.running("rollout", instance=SHOP.name, level=SHOP.third, targets="h4") as process:
            until(lambda: host.phase(SHOP.name) in ("stopping", "commit", "done", "pending"), "the update stops the server")
            host.crash()
        phase = host.phase(SHOP.name)
        self.assertIsNotNone(phase, "the host died too late")
        print(f"     h4 died while its update was `{phase}`", file=sys.stderr)
        self.assertNotEqual(process.ran.code, 0)
        host.boot()
        seen = host.view(SHOP.name)
        self.assertTrue(seen["interrupted"] or not seen["verified"], seen)
        ran = self.roll_out(SHOP.third, targets="h4")
        self.assertIn(("h4", UPDATE), ran.changed)
        self.assertEqual(SHOP.answers(host), SHOP.third)
        SHOP.is_kept(host)
        self.assertTrue(host.view(SHOP.name)["verified"])
        self.assertEqual({name: seen for name, seen in fleet.running().items() if name != "h4"}, others)

    def test_09_a_dropped_connection_leaves_no_host_half_way(self):
        fleet, host = self.fleet, self.fleet.h3
        with fleet.controller.running("rollout", instance=SHOP.name, level=SHOP.third, targets="h3") as process:
            until(lambda: host.phase(SHOP.name) in ("stopping", "commit", "done", "pending"), "the update stops the server")
            # The sessions, not the server that accepts them.
            host.sh("pkill -KILL -f '^sshd: root'")
        self.assertEqual(process.ran.failed, [("h3", UPDATE)])
        until(lambda: host.phase(SHOP.name) is None, "what was begun comes to its end by itself", 180)
        SHOP.wait_until_serving(host, level=SHOP.third)
        self.assertTrue(host.view(SHOP.name)["verified"])
        SHOP.is_kept(host)
        self.assert_silent(SHOP.third)

    def test_10_the_integrators_go_the_same_road(self):
        fleet = self.fleet
        shops = fleet.running()
        predicted = self.roll_out(MI.second, "--check", product=MI)
        ran = self.roll_out(MI.second, product=MI, waves=[1, "100%"], plans=self.plans(predicted))
        self.assert_predicted(predicted, ran, fleet.servers)
        self.assertEqual(fleet.levels(MI), [MI.second] * 4)
        for host in fleet.servers:
            MI.is_kept(host)
        self.assert_silent(MI.second, MI)
        before = fleet.running(MI)
        ran = self.roll_out(MI.broken, product=MI, waves=[1, "100%"], code=2)
        self.assertEqual(ran.of(UPDATE, "h1")["kind"], "rolled-back")
        self.assertEqual(set(ran.of("Look")), {"h1"})
        self.assertEqual(fleet.levels(MI), [MI.second] * 4)
        self.assertEqual({name: seen for name, seen in fleet.running(MI).items() if name != "h1"},
                         {name: seen for name, seen in before.items() if name != "h1"})
        self.assertEqual(fleet.running(), shops, "the shop beside it was touched")


if __name__ == "__main__":
    unittest.main(verbosity=2, failfast=True)
