#!/usr/bin/env python3
"""What `check` and `verify` find wrong with a pack as a whole, and that they find nothing in a sound one. See README.md."""

import concurrent.futures
import os
import tempfile
import unittest
from pathlib import Path

import build
from products import PRODUCTS
from support import WORKERS, WithJdk, installation, rewrite

AM, IS, MI, SI, EI = "wso2am-4.2.0", "wso2is-7.1.0", "wso2mi-4.3.0", "wso2si-4.3.0", "wso2ei-6.6.0"
CORE = "org.wso2.carbon.user.core"


def plugins(one):
    return one.home / one.product.components / "plugins"


def bundles_info(one):
    return one.home / one.product.osgi / "bundles.info"


def line(name, version, folder="plugins"):
    return f"{name},{version},../{folder}/{name}_{version}.jar,4,true\n"


# Defects: each lays itself in an adopted installation.


def old_bundle_left_and_listed(one):
    (plugins(one) / f"{CORE}_4.8.0.jar").write_bytes(build.bundle(CORE, "4.8.0"))
    rewrite(bundles_info(one), lambda text: text + line(CORE, "4.8.0"))


def old_bundle_left(one):
    (plugins(one) / f"{CORE}_4.8.0.jar").write_bytes(build.bundle(CORE, "4.8.0"))


def listed_bundle_missing(one):
    (plugins(one) / f"{CORE}_4.9.0.jar").unlink()


def list_of_another_level(one):
    bundles_info(one).write_text(build.bundles_info(one.product, build.GOOD), encoding="utf-8")


def bundle_of_ones_own(one):
    (plugins(one) / "org.acme.tool_1.0.0.jar").write_bytes(build.bundle("org.acme.tool", "1.0.0"))


def dropin_of_a_plugins_name(one):
    (one.home / one.product.dropins / f"{CORE}_5.0.0.jar").write_bytes(build.bundle(CORE, "5.0.0"))
    rewrite(bundles_info(one), lambda text: text + line(CORE, "5.0.0", "dropins"))


def conflict_of_the_vendors_tool(one):
    for end in ("original", "new"):
        Path(f"{one.home / one.product.logging}.{end}").write_text("x\n", encoding="utf-8")


def older_patches(one):
    folder = {"carbon": "repository/components/patches"}.get(one.product.layout, "patches")
    (one.home / folder / "patch0000").mkdir(parents=True)


def older_update_tool(one):
    (one.home / "updates/wum").mkdir(parents=True)


def keystore_for_everybody(one):
    for folder in (one.place, one.home.parent):
        folder.chmod(0o755)
    (one.home / one.product.security / "wso2carbon.jks").chmod(0o755)


TABLE = [
    (old_bundle_left_and_listed, AM, {("duplicate-bundle", "required")}),
    (old_bundle_left_and_listed, EI, {("duplicate-bundle", "required")}),
    (old_bundle_left, MI, {("duplicate-bundle", "wanted")}),
    (listed_bundle_missing, IS, {("missing-bundle", "required")}),
    (listed_bundle_missing, MI, {("missing-bundle", "required")}),
    (list_of_another_level, AM, {("missing-bundle", "required")}),
    (bundle_of_ones_own, EI, {("orphan-bundle", "wanted")}),
    (dropin_of_a_plugins_name, IS, {("duplicate-bundle", "wanted")}),
    (dropin_of_a_plugins_name, MI, {("duplicate-bundle", "wanted")}),
    (conflict_of_the_vendors_tool, AM, {("stray-file", "wanted")}),
    (conflict_of_the_vendors_tool, SI, {("stray-file", "wanted")}),
    (older_patches, AM, {("leftover", "wanted")}),
    (older_patches, MI, {("leftover", "wanted")}),
    (older_update_tool, IS, {("leftover", "wanted")}),
    (keystore_for_everybody, MI, {("exposed", "wanted")}),
    (keystore_for_everybody, SI, {("exposed", "wanted")}),
]


def found(report):
    return {(one["kind"], one["severity"]) for one in report.get("findings", [])}


class Findings(WithJdk):
    def each(self, rows, run):
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            runs = [pool.submit(run, *row) for row in rows]
        for row, one in zip(rows, runs):
            with self.subTest(row=[getattr(part, "__name__", part) for part in row]):
                one.result()

    def test_a_sound_pack_has_no_findings(self):
        """As released, running, after an update, and after it was taken back."""
        self.each([(key,) for key in sorted(PRODUCTS)], self.sound)

    def sound(self, key):
        with installation(key, self.jdk) as one:
            self.assertEqual(found(one.pitstop("check", "a")), set(), "not adopted")
            one.pitstop("adopt", "a", "--pristine", one.packs[build.BASE])
            one.pitstop("start", "a")
            for level, change in ((build.BASE, None), (build.GOOD, "update"), (build.BASE, "rollback")):
                if change == "update":
                    one.update(level)
                elif change:
                    one.pitstop(change, "a")
                for verb in ("check", "verify"):
                    report = one.pitstop(verb, "a")
                    self.assertEqual(report.get("findings", []), [], f"{verb} at level {level}")
            one.pitstop("stop", "a")
            one.update(build.GOOD)
            self.assertEqual(one.pitstop("check", "a").get("findings", []), [], "updated and not started yet")

    def test_each_defect_is_found_by_both_verbs(self):
        self.each(TABLE, self.defect)

    def defect(self, lay, key, expected):
        with installation(key, self.jdk) as one:
            one.pitstop("adopt", "a", "--pristine", one.packs[build.BASE])
            self.assertEqual(found(one.pitstop("check", "a")), set())
            lay(one)
            # The second check may answer from the first.
            for _ in range(2):
                self.assertEqual(found(one.pitstop("check", "a")), expected)
            required = any(severity == "required" for _, severity in expected)
            report = one.pitstop("verify", "a", code=5)  # nothing runs
            self.assertEqual(found(report), expected)
            lint = [probe["ok"] for probe in report["probes"] if probe["name"] == "lint"]
            self.assertEqual(lint, [not required])

    def test_what_the_vendor_may_have_meant_is_not_severe(self):
        with installation(AM, self.jdk) as one:
            one.pitstop("adopt", "a")
            old_bundle_left_and_listed(one)
            self.assertEqual(found(one.pitstop("check", "a")), {("duplicate-bundle", "wanted")})

    def test_an_answer_from_the_last_scan_sees_what_no_scan_sees(self):
        """Drop-ins and keystores are the customer's: nothing of theirs is in a scan."""
        with installation(IS, self.jdk) as one:
            one.pitstop("adopt", "a", "--pristine", one.packs[build.BASE])
            dropin_of_a_plugins_name(one)
            keystore_for_everybody(one)
            both = {("duplicate-bundle", "wanted"), ("exposed", "wanted")}
            for _ in range(2):
                self.assertEqual(found(one.pitstop("check", "a")), both)
            (one.home / one.product.security / "wso2carbon.jks").chmod(0o600)
            self.assertEqual(found(one.pitstop("check", "a")), {("duplicate-bundle", "wanted")})
            (one.home / one.product.dropins / f"{CORE}_5.0.0.jar").unlink()
            self.assertEqual(found(one.pitstop("check", "a")), set())


@unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
class Owners(unittest.TestCase):
    """The service's user is not root; a start by root left files of root behind."""

    def test_a_start_that_would_fail_is_refused_with_what_mends_it(self):
        with tempfile.TemporaryDirectory(prefix="pitstop-wso2-jdk-") as folder:
            jdk = Path(folder) / "jdk"
            build.write_jdk(jdk)
            for key in (AM, MI):
                with self.subTest(product=key), installation(key, jdk) as one:
                    self.run_one(one)

    def may_only_be_started(self, one):
        """The mapper writes nothing while nothing changes: whoever shields its files may do so until the next update."""
        generated = one.home / one.product.conf / "user-mgt.xml"
        os.chown(generated, 0, 0)
        self.assertEqual(found(one.pitstop("check", "a")), {("not-writable", "wanted")})
        error = one.pitstop("update", "a", "--from", one.packs[build.GOOD], code=1)["error"]
        self.assertEqual((error["kind"], error["path"]), ("permission", str(generated)))
        os.chown(generated, 65534, 65534)

    def run_one(self, one):
        for folder, _, files in os.walk(one.place):
            for name in [".", *files]:
                os.chown(Path(folder) / name, 65534, 65534, follow_symlinks=False)
        one.pitstop("adopt", "a", "--pristine", one.packs[build.BASE])
        self.assertEqual(found(one.pitstop("check", "a")), set())
        left = one.home / "backup/conf"
        left.mkdir(parents=True)
        self.assertEqual(found(one.pitstop("check", "a")), {("not-writable", "wanted")})
        for verb in (("start", "a"), ("update", "a", "--from", one.packs[build.GOOD])):
            error = one.pitstop(*verb, code=1)["error"]
            self.assertEqual(error["kind"], "permission")
            self.assertEqual(error["path"], str(one.home / "backup"))
            command = error["hint"].removeprefix("run `").removesuffix("`")
        self.assertEqual(os.system(command), 0, command)
        self.may_only_be_started(one)
        self.assertEqual(found(one.pitstop("check", "a")), set())
        one.update(build.GOOD)


if __name__ == "__main__":
    unittest.main()
