#!/usr/bin/env python3
"""Every product's stand-in goes from adoption to rollback by `puppet apply` and the module's tasks. See README.md.

Each simulated host holds several products and has a Puppet of its own; the hosts work at the same time.
"""

import concurrent.futures
import contextlib
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import build
from expect import Expectations, variables_of
from products import PRODUCTS
from support import AGENT, ROOT, SECRET, installation

HOSTS = 4
# Exit codes of `puppet apply --detailed-exitcodes`.
SAME, CHANGED, FAILED = 0, 2, 4
PLAN = re.compile(r": plan [0-9a-f]+: ([^,]+),.*|^  ((?:put|remove|make-dir|remove-dir|set-mode|by hand) .*)")


class Host:
    """Some installations with one agent and one Puppet."""

    def __init__(self, keys, place, jdk, stack):
        self.place = place
        self.all = [
            stack.enter_context(installation(key, jdk, name=key, host=place / "agent", **variables_of(key, jdk)))
            for key in keys
        ]
        (place / "modules").mkdir()
        (place / "modules/pitstop").symlink_to(ROOT / "puppet")

    def apply(self, resources, code, *options):
        """Runs Puppet, apart from the system's, on the resources of every installation; returns what it says."""
        manifest = self.place / "site.pp"
        manifest.write_text("\n".join(resources(one) for one in self.all), encoding="utf-8")
        own = [word for name in ("conf", "var", "log", "run") for word in (f"--{name}dir", str(self.place / "puppet" / name))]
        ran = subprocess.run(
            ["puppet", "apply", "--color=false", "--detailed-exitcodes", "--modulepath", str(self.place / "modules"), *own, *options,
             str(manifest)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        said = ran.stdout + ran.stderr
        assert ran.returncode == code, f"Puppet ended with {ran.returncode}, not {code}:\n{said}"
        assert SECRET not in said, f"a secret in what Puppet says:\n{said}"
        return said

    def task(self, name, one, **parameters):
        """Runs a task as its runner does; returns its result."""
        given = {"instance": one.name, "agent": AGENT, "config_dir": one.host / "etc", "state_dir": one.host / "var",
                 "_installdir": self.place / "modules", **parameters}
        environment = {f"PT_{key}": str(value) for key, value in given.items()}
        ran = subprocess.run([ROOT / f"puppet/tasks/{name}.sh"], env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                             capture_output=True, text=True)
        assert ran.returncode == 0, f"{one.name}: the task {name} ended with {ran.returncode}:\n{ran.stdout}\n{ran.stderr}"
        assert SECRET not in ran.stdout + ran.stderr, f"{one.name}: a secret in what the task {name} says"
        return json.loads(ran.stdout)

    def servers(self):
        return [one.servers() for one in self.all]

    def running(self):
        return set().union(*(one.everything() for one in self.all))


def common(one):
    return f"agent => '{AGENT}', config_dir => '{one.host}/etc', state_dir => '{one.host}/var'"


def service(one, state):
    return f"pitstop_service {{ '{one.name}': ensure => {state}, {common(one)} }}\n"


def adopted(one):
    pack = f"pitstop_pack {{ '{one.name}': adopt => true, pristine => '{one.packs[build.BASE]}', {common(one)} }}\n"
    return pack + service(one, "running")


def at_level(level):
    """A server at a level, and something that must not happen unless it is healthy there."""
    def resources(one):
        pack = f"level => '{one.product.version}.{level}', source => '{one.packs[level]}'"
        return (f"pitstop_pack {{ '{one.name}': {pack}, {common(one)} }}\n" + service(one, "running")
                + f"pitstop_verified {{ '{one.name}': deep => true, {common(one)} }}\n"
                + f"-> file {{ '{one.place}/verified': ensure => file, content => '{level}' }}\n")

    return resources


def stopped(one):
    return service(one, "stopped")


def planned(said):
    """Levels, files and manual steps of the plans that Puppet shows, without the plans' ids."""
    return [found[1] or found[2] for found in map(PLAN.search, said.splitlines()) if found]


class Lifecycle(Expectations):
    def test_puppet_takes_every_product_from_adoption_to_rollback(self):
        keys = list(PRODUCTS)
        with concurrent.futures.ThreadPoolExecutor(HOSTS) as pool:
            runs = [pool.submit(self.lifecycle, keys[number::HOSTS]) for number in range(HOSTS)]
        for number, run in enumerate(runs):
            with self.subTest(products=keys[number::HOSTS]):
                run.result()

    def lifecycle(self, keys):
        with contextlib.ExitStack() as stack:
            place = Path(os.path.realpath(stack.enter_context(tempfile.TemporaryDirectory(prefix="pitstop-puppet-"))))
            host = Host(keys, place, self.jdk, stack)
            self.adopt(host)
            self.update(host)
            self.bad_update(host)
            self.roll_back(host)
            self.stop(host)

    def adopt(self, host):
        host.apply(adopted, SAME, "--noop")
        self.assertEqual(host.running(), set(), "noop started something")
        for one in host.all:
            self.assertFalse(host.task("check", one)["before"]["adopted"], f"{one.name}: noop adopted it")
        host.apply(adopted, CHANGED)
        self.expect_all(host, build.BASE)

    def update(self, host):
        before = host.servers()
        predicted = planned(host.apply(at_level(build.GOOD), SAME, "--noop"))
        self.expect_all(host, build.BASE)
        self.assertEqual(host.servers(), before, "noop restarted a server")
        for one in host.all:
            self.assertTrue([line for line in predicted if line.endswith(f" -> {one.product.version}.{build.GOOD}")], one.name)
        self.assertEqual(planned(host.apply(at_level(build.GOOD), CHANGED)), predicted, "the run did not do what noop said")
        self.expect_all(host, build.GOOD)
        self.expect_verified(host, build.GOOD)
        before = host.servers()
        host.apply(at_level(build.GOOD), SAME)
        self.assertEqual(host.servers(), before, "the second run restarted a server")

    def bad_update(self, host):
        said = host.apply(at_level(build.BAD), FAILED)
        for one in host.all:
            failure = rf"Pitstop_pack\[{re.escape(one.name)}\]/level: change .* failed: .*\[rolled-back, exit 4\]"
            self.assertRegex(said, failure, one.name)
        self.expect_all(host, build.GOOD)
        self.expect_verified(host, build.GOOD)

    def roll_back(self, host):
        for one in host.all:
            would = host.task("rollback", one, _noop="true")
            self.assertEqual((would["dry_run"], would["changed"]), (True, True), one.name)
            result = host.task("rollback", one, level=self.level_of(one, build.BASE), plan=would["plan"]["id"])
            self.assertEqual((result["status"], result["changed"]), ("rolled-back", True), one.name)
            self.assertTrue(host.task("verify", one, deep="true")["ok"], one.name)
        self.expect_all(host, build.BASE)

    def stop(self, host):
        host.apply(stopped, CHANGED)
        self.assertEqual(host.running(), set(), "something is left running")
        host.apply(stopped, SAME)

    def expect_all(self, host, level):
        for one in host.all:
            self.expect_level(one, level)

    def expect_verified(self, host, level):
        """The level at which what depends on the verification was applied last."""
        for one in host.all:
            self.assertEqual((one.place / "verified").read_text(encoding="utf-8"), str(level), one.name)


if __name__ == "__main__":
    unittest.main()
