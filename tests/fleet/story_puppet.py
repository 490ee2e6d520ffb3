#!/usr/bin/env python3
"""The same fleet in the hands of Puppet: agents that get their catalogs from a real server. run.sh prepares what this needs.

FLEET_PRODUCT   demo or flink: what is installed as `shop` on each host, beside the stand-in of an integrator
"""

import hashlib
import itertools
import os
import time
import unittest
from multiprocessing.pool import ThreadPool

from fleetlock import FleetLock
from hosts import AGENT, GIVEN, up, until
from installed import PRODUCTS, Integrator
from puppetserver import Server
from timed import Timed, note

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
        package = {"pitstop::package_source": str(AGENT)} if AGENT.suffix == ".deb" else {"pitstop::manage_package": False}
        self.data = package | {"pitstop::products": str(GIVEN / "products"), "pitstop::packs": {}}
        for host in self.servers:
            if AGENT.suffix != ".deb":
                host.sh(f"install -m 755 {AGENT} /usr/local/bin/pitstop")
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


def place(seed, host):
    """Where a host stands, as the README says it."""
    return int(hashlib.sha256(f"{seed}:{host}".encode()).hexdigest()[:8], 16) % 10000 / 100


class Story(Timed):
    @classmethod
    def setUpClass(cls):
        began = time.monotonic()
        cls.fleet = Fleet()
        note(f"the fleet and the Puppet server are up after {time.monotonic() - began:.0f} s")

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

    def test_4_waves_open_one_share_of_the_fleet_after_the_other_and_an_unhealthy_release_stays_in_the_first(self):
        fleet = self.fleet
        names = [host.name for host in fleet.servers]
        # One that makes h1 the canary: it has no conflict that would keep the release away.
        seed, order = next((seed, order) for seed in map(str, itertools.count())
                           if (order := sorted(names, key=lambda name: place(seed, name)))[0] == "h1")
        last = {"percent": 100, "opens": FUTURE}
        fleet.tell(SHOP.broken, rollout={"seed": seed, "waves": [last]})
        before = fleet.running()
        for name, ran in fleet.run(code=2).items():  # the settings change, and nothing else
            self.assertEqual((ran.failed, "Pitstop_pack[shop]" in ran.changed), ([], False), name)
            self.assertIn(FUTURE[:10], ran.output)
        self.assertEqual(fleet.running(), before)
        places = {host.name: host.pitstop("check", SHOP.name)["rollout"]["percent"] for host in fleet.servers}
        self.assertEqual(places, {name: place(seed, name) for name in names})
        first, share = order[0], (places[order[0]] + places[order[1]]) / 2
        fleet.tell(SHOP.broken, rollout={"seed": seed, "waves": [{"percent": share, "opens": PAST}, last]})
        ran = fleet.run()
        self.assertEqual({name: one.failed for name, one in ran.items() if one.failed}.keys(), {first})
        holds = {host.name: [hold["release"]["level"] for hold in host.view(SHOP.name)["holds"]] for host in fleet.servers}
        self.assertEqual(holds, {name: [SHOP.broken] if name == first else [] for name in places}, ran[first].output)
        after = fleet.running()
        self.assertEqual(fleet.levels(), [SHOP.third] * 4)
        self.assertEqual({name: seen for name, seen in after.items() if name != first},
                         {name: seen for name, seen in before.items() if name != first})
        self.assertNotEqual(after[first], before[first])
        # The waves of the level that everybody has are past.
        fleet.tell(SHOP.third)
        fleet.run()
        self.assert_silent()

    def test_5_a_host_that_dies_in_the_middle_converges_with_its_next_run(self):
        fleet, host = self.fleet, self.fleet.h4
        host.pitstop("rollback", SHOP.name, "--to", SHOP.second)
        with ThreadPool(1) as agent:
            under_way = agent.apply_async(host.run, [f"puppet agent --test --server {fleet.server.host.name} --certname {host.name}"])
            until(lambda: host.phase(SHOP.name) in ("stopping", "commit", "done", "pending"), "the update stops the server")
            host.crash()
            under_way.wait()
        phase = host.phase(SHOP.name)
        self.assertIsNotNone(phase, "the host died too late")
        note(f"h4 died while its update was `{phase}`")
        host.boot()
        ran = fleet.server.agent(host)
        self.assertEqual(ran.failed, [])
        self.assertEqual(SHOP.answers(host), SHOP.third)
        SHOP.is_kept(host)
        self.assert_silent()

    def test_6_a_lock_lets_one_host_of_a_group_be_down_at_once(self):
        fleet, group = self.fleet, [self.fleet.h1, self.fleet.h2, self.fleet.h3]
        for host in group:
            host.pitstop("rollback", SHOP.name, "--to", SHOP.second)
        lock = FleetLock(os.environ["FLEET_NET"] + ".1")
        self.addCleanup(lock.close)
        # A run waits for its turn no longer than this; whoever had none in time has it in the next run.
        fleet.tell(SHOP.third, rollout={"lock": {"fleetlock": lock.url, "group": SHOP.name, "wait_s": 5}})
        before = fleet.running()
        lock.answer("/v1/pre-reboot", SHOP.name, "another")
        for name, ran in fleet.run(hosts=group).items():
            self.assertEqual((name, ran.failed, "Pitstop_pack[shop]" in ran.changed), (name, [], False))
        self.assertEqual(fleet.running(), before)
        lock.answer("/v1/steady-state", SHOP.name, "another")
        runs = 0
        while [SHOP.answers(host) for host in group] != [SHOP.third] * 3:
            runs += 1
            self.assertLessEqual(runs, 3)
            self.assertEqual({name: one.failed for name, one in fleet.run(hosts=group).items()}, {host.name: [] for host in group})
        note(f"a group of 3 went through a lock with one slot in {runs} run(s)")
        self.assertEqual((lock.most, lock.holders[SHOP.name]), (1, set()))
        self.assertGreaterEqual(len({who for path, who, granted in lock.log if granted}), 4)
        # A level that is taken back keeps the slot: the rest of the group does not get as far as stopping.
        before = fleet.running()
        fleet.tell(SHOP.broken, rollout={"lock": {"fleetlock": lock.url, "group": SHOP.name}})
        self.assertEqual(fleet.run(hosts=[fleet.h2])["h2"].failed[:1], ["Pitstop_pack[shop]"])
        self.assertEqual(len(lock.holders[SHOP.name]), 1)
        # h1 has held this release since it was the canary; somebody wants to see it once more.
        fleet.run(hosts=[fleet.h1])
        refused = fleet.h1.pitstop("update", SHOP.name, "--level", SHOP.broken, "--release-hold", code=6)
        self.assertEqual(refused["error"]["kind"], "lock")
        after = fleet.running()
        self.assertNotEqual(after["h2"], before["h2"])
        self.assertEqual((after["h1"], after["h3"]), (before["h1"], before["h3"]))
        self.assertEqual(fleet.levels(), [SHOP.third] * 4)
        fleet.h2.pitstop("verify", SHOP.name, "--release-lock")
        self.assertEqual(lock.holders[SHOP.name], set())
        fleet.tell(SHOP.third)
        fleet.run()
        self.assert_silent()

    def test_7_the_integrators_go_the_same_road(self):
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
