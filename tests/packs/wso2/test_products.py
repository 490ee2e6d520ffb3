#!/usr/bin/env python3
"""Every product's stand-in goes from adoption to rollback with its server running. See README.md."""

import concurrent.futures
import unittest

import build
from expect import Expectations, variables_of
from products import PRODUCTS
from support import LOGIN, POLICY, WORKERS, installation


class Lifecycle(Expectations):
    def test_every_product_is_adopted_updated_verified_and_rolled_back(self):
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            runs = {key: pool.submit(self.lifecycle, key) for key in PRODUCTS}
        for key, run in runs.items():
            with self.subTest(product=key):
                run.result()

    def lifecycle(self, key):
        with installation(key, self.jdk, **variables_of(key, self.jdk)) as one:
            self.adopt(one)
            self.update(one)
            self.bad_update(one)
            self.roll_back(one)

    def adopt(self, one):
        self.assertTrue(one.pitstop("adopt", "a", "--pristine", one.packs[build.BASE])["changed"])
        self.assertTrue(one.pitstop("start", "a")["changed"])
        self.expect_running(one, build.BASE)
        seen = one.pitstop("check", "a")["after"] or one.pitstop("check", "a")["before"]
        modified = {path["path"] for path in seen["drift"]["paths"] if path["change"] != "extra"}
        customised = {one.product.settings, one.product.logging} | {path for path in (LOGIN, POLICY) if (one.home / path).exists()}
        self.assertEqual(modified, customised, f"{one.product.key}: what a start writes counts as drift, or what was customised does not")

    def update(self, one):
        report = one.update(build.GOOD)
        self.assertEqual((report["status"], report["changed"]), ("updated", True))
        self.expect_level(one, build.GOOD)
        one.pitstop("verify", "a", "--deep")
        before = one.servers()
        again = one.update(build.GOOD)
        self.assertEqual((again["status"], again["changed"]), ("current", False))
        self.assertFalse(one.pitstop("start", "a")["changed"])
        self.assertEqual(one.servers(), before, f"{one.product.key}: the second run restarted the server")

    def bad_update(self, one):
        report = one.update(build.BAD, code=4)
        self.assertEqual(report["status"], "rolled-back", one.product.key)
        self.expect_level(one, build.GOOD)

    def roll_back(self, one):
        report = one.pitstop("rollback", "a")
        self.assertTrue(report["changed"])
        self.expect_level(one, build.BASE)
        one.pitstop("verify", "a", "--deep")
        self.assertTrue(one.pitstop("stop", "a")["changed"])
        self.assertEqual(one.everything(), set(), f"{one.product.key}: something is left running")
        self.assertFalse(one.pitstop("stop", "a")["changed"])


if __name__ == "__main__":
    unittest.main()
