#!/usr/bin/env python3
"""What an update leaves to a person, and nodes that were optimised for a profile. See README.md."""

import shutil
import subprocess
import unittest

import build
from products import PRODUCTS
from support import WithJdk, installation

AM_32, AM, IS, IS_511, MI, SI, EI = (
    "wso2am-3.2.0", "wso2am-4.2.0", "wso2is-7.1.0", "wso2is-5.11.0", "wso2mi-4.3.0", "wso2si-4.3.0", "wso2ei-6.6.0")
SCRIPTS = "database-scripts"
WEBAPPS = "repository/deployment/server/webapps"
AXIS2 = "repository/resources/conf/templates/repository/conf/axis2"


# Each lays in an installation that is not adopted yet what a manual step is about.


def nothing(_):
    pass


def other_h2_engine(one):
    for folder, version in ((one.home, "1.4.199"), (one.packs[build.BASE], "1.4.199"), (one.packs[build.GOOD], "2.1.210")):
        (folder / f"{one.product.components}/plugins/h2_{version}.wso2v1.jar").write_bytes(build.bundle("h2", version))


def other_h2_engine_without_databases(one):
    other_h2_engine(one)
    shutil.rmtree(one.home / "repository/database")
    one.kept.pop("repository/database/WSO2CARBON_DB.mv.db")


def older_patches(one):
    (one.home / ("repository/components/patches" if one.product.layout == "carbon" else "patches") / "patch0000").mkdir(parents=True)


def optimise(one, profile):
    """As an operator does it: once, with the settings that belong to the profile."""
    toml = one.home / one.product.settings
    before = toml.read_bytes()
    subprocess.run([one.home / "bin/profileSetup.sh", f"-Dprofile={profile}"], check=True, stdout=subprocess.DEVNULL)
    toml.write_bytes(before)


# What is laid, product, the steps by name: whether they must be acknowledged.
TABLE = [
    (nothing, IS, {SCRIPTS: False}),
    (nothing, SI, {}),
    (other_h2_engine, IS_511, {SCRIPTS: False, "h2-engine": True}),
    (other_h2_engine, AM, {SCRIPTS: False, "h2-engine": True}),
    (other_h2_engine_without_databases, IS_511, {SCRIPTS: False}),
    (older_patches, IS, {SCRIPTS: False, "older-patches": True}),
    (older_patches, MI, {SCRIPTS: False, "older-patches": True}),
    (older_patches, EI, {SCRIPTS: False, "older-patches": True}),
]


def names(plan):
    return {step["id"].rpartition("-")[0]: step["acknowledge"] for step in plan.get("manual", [])}


class ManualSteps(WithJdk):
    def test_an_update_waits_for_what_must_be_acknowledged(self):
        for lay, key, expected in TABLE:
            with self.subTest(case=lay.__name__, product=key), installation(key, self.jdk) as one:
                lay(one)
                one.pitstop("adopt", "a", "--pristine", one.packs[build.BASE])
                self.run_one(one, expected)

    def run_one(self, one, expected):
        new, demanded = one.packs[build.GOOD], any(expected.values())
        checked = one.pitstop("check", "a", "--from", new)
        self.assertEqual(names(checked["plan"]), expected)
        self.assertEqual([blocker["kind"] for blocker in checked["blockers"]], ["manual-steps"] * demanded)
        steps = [step["id"] for step in checked["plan"].get("manual", [])]
        for step in steps:
            self.assertTrue([warning for warning in checked["warnings"] if f"by hand, {step}: " in warning], step)
        if demanded:
            for more in ([], ["--dry-run"], ["--acknowledge", "another-0123"]):
                refused = one.pitstop("update", "a", "--from", new, *more, code=6)
                self.assertEqual(refused["error"]["kind"], "manual-steps")
                self.assertFalse(refused["changed"])
            self.assertEqual([step["id"] for step in refused["plan"]["manual"]], steps, "the ids are the same each time")
        given = [word for step in steps for word in ("--acknowledge", step)]
        done = one.pitstop("update", "a", "--from", new, *given)
        self.assertEqual(done["after"]["release"]["level"], f"{one.product.version}.{build.GOOD}")
        again = one.pitstop("update", "a", "--from", new, *given)
        self.assertFalse(again["changed"], "an id that is given for good does no harm")

    def test_the_same_delta_has_the_same_id_on_every_host_and_another_one_another(self):
        ids = []
        for edit in ("", "", "-- and more\n"):
            with installation(IS, self.jdk) as one:
                script = one.packs[build.GOOD] / "dbscripts/mysql.sql"
                script.write_text(script.read_text(encoding="utf-8") + edit, encoding="utf-8")
                one.pitstop("adopt", "a", "--pristine", one.packs[build.BASE])
                ids.append(one.pitstop("check", "a", "--from", one.packs[build.GOOD])["plan"]["manual"][0]["id"])
        self.assertEqual(ids[0], ids[1])
        self.assertNotEqual(ids[0], ids[2])

    def test_the_instances_policy_demands_more_or_less(self):
        for acknowledge, lay, demanded in ((True, nothing, True), (False, older_patches, False)):
            with self.subTest(acknowledge=acknowledge), installation(IS, self.jdk) as one:
                lay(one)
                (one.place / "etc/pitstop.yaml").write_text(f"policy: {{acknowledge: {str(acknowledge).lower()}}}\n", encoding="utf-8")
                one.pitstop("adopt", "a", "--pristine", one.packs[build.BASE])
                one.update(build.GOOD, code=6 if demanded else 0)


class ProductVersions(WithJdk):
    """One folder holds the packs of the whole fleet."""

    def test_only_who_says_so_gets_to_another_product_version(self):
        with installation(IS_511, self.jdk) as one:
            one.pitstop("adopt", "a", "--pristine", one.packs[build.BASE])
            fleet = one.place / "fleet"
            newer, other = f"{IS_511}.7", f"{IS}.0"
            build.write_tree(PRODUCTS[IS_511], build.GOOD, fleet / newer)
            build.write_tree(PRODUCTS[IS], build.BASE, fleet / other)
            report = one.pitstop("update", "a", "--from", fleet)
            self.assertEqual(report["after"]["release"]["level"], "5.11.0.7")
            self.assertEqual({offer["level"]: offer["newer"] for offer in report["offers"]}, {"5.11.0.7": True, "7.1.0.0": False})
            self.assertFalse(one.pitstop("update", "a", "--from", fleet)["changed"])
            checked = one.pitstop("check", "a", "--from", fleet)
            self.assertEqual((checked["status"], [offer.get("migration", False) for offer in checked["offers"]]), ("current", [True, False]))
            refused = one.pitstop("update", "a", "--from", fleet, "--level", "7.1.0.0", code=6)
            self.assertEqual(refused["error"]["kind"], "manual-steps")
            self.assertIn("migration", names(refused["plan"]))


class Optimised(WithJdk):
    def node(self, key, profile):
        return installation(key, self.jdk, profile=profile, optimized=True)

    def prepare(self, one, profile):
        if profile != "control-plane":
            self.drop_own_webapp(one)
        optimise(one, profile)
        one.pitstop("adopt", "a", "--pristine", one.packs[build.BASE])

    def drop_own_webapp(self, one):
        """The product's script deletes it anyway."""
        own = next(path for path in one.kept if path.endswith(".war"))
        del one.kept[own]
        (one.home / own).unlink()

    def is_optimised(self, one, profile, level):
        found = (one.home / AXIS2 / "axis2.xml.j2").read_bytes()
        self.assertEqual(found, (one.packs[level] / AXIS2 / f"axis2_{profile}.xml.j2").read_bytes())
        left = {path.name for path in (one.home / WEBAPPS).iterdir()}
        gateway = {"api#am#gateway#v2.war", "api#am#gateway#v2"}
        if profile == "control-plane":
            self.assertFalse(left & gateway, left)
        else:
            self.assertEqual(left, gateway if profile == "gateway-worker" else set())

    def is_sound(self, one):
        report = one.pitstop("verify", "a")
        self.assertEqual(report.get("findings", []), [])
        drift = [one["path"] for one in report["before"]["drift"]["paths"]]
        self.assertEqual([path for path in drift if "templates" in path or "gateway" in path], [], "what the script did is no drift")
        return drift

    def test_an_update_optimises_again_before_the_start_and_a_rollback_too(self):
        for key, profile in ((AM, "control-plane"), (AM, "gateway-worker"), (AM_32, "traffic-manager")):
            with self.subTest(product=key, profile=profile), self.node(key, profile) as one:
                self.prepare(one, profile)
                one.pitstop("start", "a")
                drift = self.is_sound(one)
                one.update(build.GOOD)
                self.is_optimised(one, profile, build.GOOD)
                self.assertFalse((one.home / WEBAPPS / "api#am#added#v1.war").exists() and profile != "control-plane")
                self.assertEqual(self.is_sound(one), drift)
                one.pitstop("rollback", "a")
                self.is_optimised(one, profile, build.BASE)
                self.assertEqual(self.is_sound(one), drift)

    def test_a_script_that_fails_leads_back(self):
        cases = ((lambda one: (one.home / "profile-setup-fails").touch(), "no space left"),
                 (lambda one: one.variables.update(profile="gateway") or one.configure(), "not specified properly"))
        for spoil, said in cases:
            with self.subTest(said=said), self.node(AM, "control-plane") as one:
                self.prepare(one, "control-plane")
                one.pitstop("start", "a")
                # The way back runs it too, and it fails again.
                spoil(one)
                report = one.update(build.GOOD, code=4)
                self.assertIn(said, report["message"])
                self.assertEqual(report["after"]["release"]["level"], f"4.2.0.{build.BASE}")
                self.is_optimised(one, "control-plane", build.BASE)
                self.assertEqual(len(one.servers()), 1)

    def test_a_node_that_is_optimised_and_does_not_say_so_is_not_updated(self):
        with installation(AM, self.jdk, profile="control-plane") as one:
            self.prepare(one, "control-plane")
            self.assertEqual([one["kind"] for one in one.pitstop("check", "a")["findings"]], ["leftover"])
            refused = one.update(build.GOOD, code=6)
            self.assertEqual(names(refused["plan"]), {SCRIPTS: False, "optimized-node": True})
            one.variables["optimized"] = True
            one.configure()
            one.update(build.GOOD)
            self.is_optimised(one, "control-plane", build.GOOD)

    def test_own_web_applications_are_not_deleted_unasked(self):
        with self.node(AM, "gateway-worker") as one:
            optimise(one, "gateway-worker")
            own = one.home / next(path for path in one.kept if path.endswith(".war"))
            own.write_bytes(b"PK deployed after the optimisation")
            one.pitstop("adopt", "a", "--pristine", one.packs[build.BASE])
            refused = one.update(build.GOOD, code=6)
            self.assertEqual(names(refused["plan"]), {SCRIPTS: False, "own-webapps": True})
            self.assertTrue(own.exists())


if __name__ == "__main__":
    unittest.main()
