#!/usr/bin/env python3
"""The same fleet in the hands of Puppet: agents that get their catalogs from a real server. run.sh prepares what this needs.

FLEET_PRODUCT   demo or flink: what is installed as `shop` on each host, beside the stand-in of an integrator
"""

import json
import os
import sys
import time
import unittest
from multiprocessing.pool import ThreadPool

from hosts import GIVEN, up, until
from installed import PRODUCTS, Integrator
from puppetserver import Server

SHOP, MI = PRODUCTS[os.environ["FLEET_PRODUCT"]](), Integrator()
PAST, FUTURE = "2026-01-01T00:00:00Z", "2096-01-01T00:00:00Z"


class Fleet:
    """Four servers and the Puppet server."""

    def __init__(self):
        self.server = Server("h6")
        self.server.start()
        self.servers = up(4, "puppet")
        self.h1, self.h2, self.h3, self.h4 = self.servers
        with ThreadPool(4) as hands:
            hands.map(lambda host: [product.install(host) for product in (SHOP, MI)], self.servers)
        for product in (SHOP, MI):
            product.wait_until_serving(*self.servers)
        self.data = {"pitstop::manage_package": False, "pitstop::products": str(GIVEN / "products"), "pitstop::packs": {}}
        for host in self.servers:
            host.sh(f"install -m 755 {GIVEN}/pitstop /usr/local/bin/pitstop")
            self.server.tell({"pitstop::packs": {product.name: self.pack(product, host) for product in (SHOP, MI)}}, host.name)
        self.server.wait()

    def pack(self, product, host):
        settings = product.settings(host)
        service = {name: value for name, value in settings.pop("service").items() if name != "unit"}
        return settings | {"unit": f"{product.name}.service", "pristine": str(product.pristine(product.first))} | (
            {"service": service} if service else {})

    def tell(self, level=None, mi=None, **more):
        """What the site's data says of all hosts from now on."""
        packs = {name: {"level": wanted} for name, wanted in ((SHOP.name, level), (MI.name, mi)) if wanted}
        self.server.tell(self.data | {"pitstop::packs": packs} | {f"pitstop::{name}": value for name, value in more.items()})

    def run(self, *options, hosts=None, code=None):
        """One run on each host, at once; what came of each, by its name."""
        hosts = hosts or self.servers
        with ThreadPool(4) as agents:
            ran = agents.map(lambda host: self.server.agent(host, *options, code=code), hosts)
        return {host.name: one for host, one in zip(hosts, ran)}

    def running(self, product=SHOP):
        return {host.name: (host.server(product.name), product.answers(host)) for host in self.servers}

    def levels(self, product=SHOP):
        return [product.answers(host) for host in self.servers]


class Story(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        began = time.monotonic()
        cls.fleet = Fleet()
        print(f"     the fleet and the Puppet server are up after {time.monotonic() - began:.0f} s", file=sys.stderr)

    def assert_silent(self):
        """One run more changes nothing, and restarts nothing."""
        before = [self.fleet.running(product) for product in (SHOP, MI)]
        for options in ([], ["--noop"]):
            for name, ran in self.fleet.run(*options, code=0).items():
                self.assertEqual((name, ran.events, ran.failed), (name, [], []))
        self.assertEqual([self.fleet.running(product) for product in (SHOP, MI)], before)

    def assert_predicted(self, predicted, ran):
        """noop had named each change that was made, from what and to what."""
        for host, one in ran.items():
            self.assertEqual(predicted[host].events, one.events, host)

    def test_1_the_module_comes_with_the_first_run_and_takes_over_what_is_there(self):
        fleet = self.fleet
        pids = {host.name: host.sh("systemctl show --value -p MainPID shop mi") for host in fleet.servers}
        fleet.tell()
        for name, ran in fleet.run(code=2).items():
            self.assertIn("Pitstop_pack[shop]", ran.changed, name)
        self.assertEqual({host.name: host.sh("systemctl show --value -p MainPID shop mi") for host in fleet.servers}, pids)
        for host in fleet.servers:
            for product in (SHOP, MI):
                seen = host.view(product.name)
                self.assertEqual((seen["adopted"], seen["state"], seen["release"]["level"]), (True, "running", product.first))
                product.is_kept(host)
        self.assert_silent()

    def test_2_noop_predicts_the_update_and_the_run_does_it(self):
        fleet = self.fleet
        fleet.tell(SHOP.second)
        before = fleet.running()
        predicted = fleet.run("--noop", code=0)
        self.assertEqual(fleet.running(), before)
        ran = fleet.run(code=2)
        self.assert_predicted(predicted, ran)
        self.assertEqual(fleet.levels(), [SHOP.second] * 4)
        for host in fleet.servers:
            SHOP.is_kept(host)
        self.assert_silent()

    def test_3_a_conflict_fails_the_resource_and_stops_nothing_until_the_decision_is_shipped(self):
        fleet = self.fleet
        path, key = SHOP.conflict
        for host in (fleet.h3, fleet.h4):
            host.edit(f"{SHOP.home(host)}/{path}", *SHOP.edits[host.name])
        before = fleet.running()
        fleet.tell(SHOP.third)
        ran = fleet.run()
        self.assertEqual({name: "Pitstop_pack[shop]" in one.failed for name, one in ran.items()},
                         {"h1": False, "h2": False, "h3": True, "h4": True})
        self.assertIn(key, ran["h3"].output)
        after = fleet.running()
        self.assertEqual(fleet.levels(), [SHOP.third, SHOP.third, SHOP.second, SHOP.second])
        self.assertEqual((after["h3"], after["h4"]), (before["h3"], before["h4"]))
        fleet.h3.pitstop("conflicts", "resolve", SHOP.name, path, "--key", key, "--take", "ours")
        fleet.h3.pitstop("update", SHOP.name, "--level", SHOP.third, "--continue")
        document = fleet.h3.sh("pitstop conflicts export --output json")
        fleet.tell(SHOP.third, resolutions={"decided.json": {"content": document}})
        ran = fleet.run()
        self.assertEqual({name: one.failed for name, one in ran.items()}, dict.fromkeys(ran, []))
        self.assertEqual(fleet.levels(), [SHOP.third] * 4)
        for host in (fleet.h3, fleet.h4):
            self.assertIn(SHOP.edits[host.name][1].strip().splitlines()[-1].strip(), host.read(f"{SHOP.home(host)}/{path}"))
            SHOP.is_kept(host)
        self.assert_silent()

    def test_4_an_unhealthy_release_fails_where_its_wave_is_open_and_the_others_wait(self):
        fleet = self.fleet
        fleet.tell(SHOP.third, rollout={"waves": [{"percent": 100, "opens": PAST}]})
        fleet.run()
        places = {host.name: host.pitstop("check", SHOP.name)["rollout"]["percent"] for host in fleet.servers}
        first = min(places, key=places.get)
        between = sum(sorted(places.values())[:2]) / 2
        waves = [{"percent": between, "opens": PAST}, {"percent": 100, "opens": FUTURE}]
        before = fleet.running()
        fleet.tell(SHOP.broken, rollout={"waves": waves})
        ran = fleet.run()
        self.assertEqual([name for name, one in ran.items() if one.failed], [first])
        self.assertIn("rolled-back", ran[first].output)
        after = fleet.running()
        self.assertEqual(fleet.levels(), [SHOP.third] * 4)
        for name in set(places) - {first}:
            self.assertEqual(after[name], before[name])
            self.assertIn(FUTURE, ran[name].output)
        self.assertNotEqual(after[first], before[first])

    def test_5_a_host_that_dies_in_the_middle_converges_with_its_next_run(self):
        fleet, host = self.fleet, self.fleet.h4
        fleet.tell(SHOP.second)
        host.pitstop("rollback", SHOP.name, "--to", SHOP.second)
        fleet.tell(SHOP.third)
        with ThreadPool(1) as agent:
            under_way = agent.apply_async(host.run, [f"puppet agent --test --server {fleet.server.host.name} --certname {host.name}"])
            until(lambda: host.phase(SHOP.name) in ("stopping", "commit", "done", "pending"), "the update stops the server", 120)
            host.crash()
            under_way.wait()
        phase = host.phase(SHOP.name)
        self.assertIsNotNone(phase, "the host died too late")
        print(f"     h4 died while its update was `{phase}`", file=sys.stderr)
        host.boot()
        ran = fleet.server.agent(host)
        self.assertEqual(ran.failed, [])
        self.assertEqual(SHOP.answers(host), SHOP.third)
        SHOP.is_kept(host)
        self.assert_silent()

    def test_6_the_integrators_go_the_same_road(self):
        fleet = self.fleet
        shops = fleet.running()
        fleet.tell(SHOP.third, MI.second)
        predicted = fleet.run("--noop", code=0)
        self.assert_predicted(predicted, fleet.run(code=2))
        self.assertEqual(fleet.levels(MI), [MI.second] * 4)
        self.assert_silent()
        fleet.tell(SHOP.third, MI.broken)
        ran = fleet.run(hosts=[fleet.h1])
        self.assertEqual(ran["h1"].failed, ["Pitstop_pack[mi]"])
        self.assertEqual(fleet.levels(MI), [MI.second] * 4)
        self.assertEqual(fleet.running(), shops)


if __name__ == "__main__":
    unittest.main(verbosity=2, failfast=True)
