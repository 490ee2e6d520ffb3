"""Every fault of knowledge base §10.9 strikes as its name says; none is without a test."""

import json
import os
import signal
import unittest

import bundle
from standin.faults import FAULTS
from world import CORE, KEYSTORE, LOG4J, SCRIPT, TOML, World, pristine


class Faults(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)

    def run_with(self, *words, login=True, **faults):
        return self.world.run(*words, login=login, switches=faults)

    def changed(self):
        """How many paths differ from level 0."""
        before, after = self.world.vendor(0), self.world.product()
        return sum(before.get(path) != after.get(path) for path in {*before, *after})

    def level_paths(self, level="1"):
        """How many paths an undisturbed update changes."""
        other = World()
        try:
            other.expect(0, "--level", level)
            before, after = other.vendor(0), other.product()
            return sum(before.get(path) != after.get(path) for path in {*before, *after})
        finally:
            other.close()

    def half(self, code, **faults):
        """The run ends with `code`, some but not all files are new, the level is old."""
        self.assertEqual(self.run_with("--level", "4", **faults).code, code)
        self.assertTrue(0 < self.changed() < self.level_paths("4"), self.changed())
        self.assertEqual(self.world.level(), "-1")

    def test_every_fault_has_a_test(self):
        for name in FAULTS:
            self.assertTrue(hasattr(self, f"test_{name}"), name)

    def test_kill_after_files(self):
        self.half(-signal.SIGKILL, kill_after_files=2)
        self.assertEqual(self.changed(), 2)

    def test_kill_after_the_last_file(self):
        total = self.level_paths()
        self.assertEqual(self.run_with("--level", "1", kill_after_files=total).code, -signal.SIGKILL)
        self.assertEqual((self.changed(), self.world.level()), (total, "-1"))

    def test_enospc_after_bytes(self):
        result = self.run_with(enospc_after_bytes=40)
        self.assertEqual(result.code, 1)
        self.assertIn("no space left on device", result.err)
        self.assertEqual(self.world.level(), "-1")
        self.assertTrue(any(path.stat().st_size == 40 for path in self.world.home.rglob("*") if path.is_file()))

    def test_readonly_file(self):
        self.half(1, readonly_file=3)
        self.assertEqual(self.changed(), 2)

    def test_a_file_without_write_permission(self):
        if os.geteuid() == 0:
            self.skipTest("root may write everything")
        self.world.file(LOG4J).chmod(0o444)
        self.assertIn("Unable to write to file", self.world.expect(1).err)

    def test_network_fail(self):
        for when, backups in (("before-backup", 0), ("after-backup", 1)):
            result = self.run_with(network_fail=when)
            self.assertEqual((result.code, len(self.world.backups()), self.changed()), (1, backups, 0))
            self.assertIn("Unable to connect to WSO2 Update", result.err)

    def test_md5_failure(self):
        for how, later in (("once", 0), ("always", 1)):
            world = World()
            self.addCleanup(world.close)
            self.assertIn("File validation failed", world.expect(1, switches={"md5_failure": how}).err)
            (world.user_home / ".wso2-updates/updates").rename(world.dir / "emptied")
            self.assertEqual(world.run(switches={"md5_failure": how}).code, later)

    def test_hang_at(self):
        for place in ("prompt", "download", "backup", "files"):
            child = self.world.start(login=place != "prompt", switches={"hang_at": place})
            self.world.wait_mark(place)
            self.assertEqual((child.kill().code, self.changed() > 0), (-signal.SIGKILL, place == "files"))

    def test_exit2_twice(self):
        seen = [self.world.tool.read_bytes()]
        for code in (2, 2, 0):
            self.assertEqual(self.run_with(exit2_twice=True).code, code)
            seen.append(self.world.tool.read_bytes())
        self.assertEqual(len(set(seen)), 3)
        self.assertEqual(self.world.level(), "9")

    def test_exit2_unchanged(self):
        tool = self.world.tool.read_bytes()
        for _ in range(2):
            result = self.run_with(exit2_unchanged=True)
            self.assertEqual((result.code, self.world.tool.read_bytes(), self.changed()), (2, tool, 0))
        self.assertIn("panic:", result.err)

    def test_level_unchanged(self):
        self.assertEqual(self.run_with("--level", "1", level_unchanged=True).code, 0)
        self.assertEqual((self.world.product(), self.world.level()), (self.world.vendor(1), "-1"))

    def test_level_wrong(self):
        self.assertEqual(self.run_with("--level", "1", level_wrong=7).code, 0)
        self.assertEqual((self.world.product(), self.world.level()), (self.world.vendor(1), "7"))

    def differing(self, code, **faults):
        """The paths that differ from level 1 after a run that ends with `code`."""
        self.assertEqual(self.run_with("--level", "1", **faults).code, code)
        wanted, found = self.world.vendor(1), self.world.product()
        return {path for path in {*wanted, *found} if wanted.get(path) != found.get(path)}

    def test_wrong_file(self):
        self.assertEqual(len(self.differing(0, wrong_file=True)), 1)
        self.assertEqual(self.world.level(), "1")

    def test_exit1_applied(self):
        self.assertEqual(self.differing(1, exit1_applied=True), set())
        self.assertEqual(self.world.level(), "1")

    def test_exit1_half(self):
        self.assertEqual(self.run_with(exit1_half=True).code, 1)
        self.assertGreater(self.changed(), 0)
        self.assertEqual(self.world.level(), "-1")

    def test_die_with(self):
        self.half(139, die_with=139)
        other = World()
        self.addCleanup(other.close)
        other.expect(137, switches={"die_with": 137})

    def test_duplicate_jar(self):
        self.assertEqual(self.differing(0, duplicate_jar=True), {CORE[0]})
        self.assertTrue(self.world.file(CORE[1]).exists())

    def test_chown_root(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give files away")
        os.chown(self.world.file(LOG4J), 1234, 1234)
        os.chown(self.world.file(TOML), 1234, 1234)
        self.assertEqual(self.run_with(chown_root=True).code, 0)
        self.assertEqual([self.world.file(path).stat().st_uid for path in (LOG4J, TOML)], [0, 1234])

    def test_mode_lost(self):
        self.assertEqual(self.differing(0, mode_lost=True), {SCRIPT})
        self.assertEqual(self.world.file(SCRIPT).stat().st_mode & 0o111, 0)

    def test_config_broken(self):
        for how in ("truncated", "empty"):
            world = World()
            self.addCleanup(world.close)
            world.expect(0, switches={"config_broken": how})
            with self.assertRaises(json.JSONDecodeError):
                world.config()
            self.assertEqual(world.file("updates/config.json").stat().st_size == 0, how == "empty")

    def test_product_rewritten(self):
        self.assertEqual(self.run_with(product_rewritten=True).code, 0)
        self.assertEqual(self.world.text("updates/product.txt"), "wso2other-9.9.9\n")

    def test_log_missing(self):
        self.assertEqual(self.run_with(log_missing=True).code, 0)
        self.assertEqual(self.world.logged(), "")
        self.world.expect(0)
        self.assertNotEqual(self.world.logged(), "")

    def test_delete_customer_file(self):
        self.assertEqual(self.differing(0, delete_customer_file=TOML), {TOML})
        self.assertFalse(self.world.file(TOML).exists())

    def test_touch_keystore(self):
        self.assertEqual(self.differing(0, touch_keystore=True), {KEYSTORE})
        self.assertEqual(self.world.file(KEYSTORE).read_bytes(), pristine()[KEYSTORE] + b"\0")

    def test_temp_dirs(self):
        self.assertEqual(self.run_with("--level", "1", temp_dirs=True).code, 0)
        self.assertTrue(self.world.file("wso2update-tmp-4711/half").is_dir())
        self.assertTrue(self.world.file("updates/.tmp-extract").is_dir())

    def test_updates_home_foreign(self):
        result = self.run_with(updates_home_foreign=True)
        self.assertEqual((result.code, self.changed()), (1, 0))
        self.assertIn("Unable to create directory", result.err)

    def test_self_update_race(self):
        bundle.write(self.world.service / "tool/1.6.0/wso2update_linux", "1.6.0")
        tool = self.world.tool.read_bytes()
        for how, same in (("error", True), ("half-binary", False)):
            result = self.run_with(self_update_race=how)
            self.assertEqual((result.code, self.world.tool.read_bytes() == tool), (1, same))
            self.assertIn("Error while extracting downloaded clients", result.err)

    def test_undeletable_file(self):
        self.world.expect(0)
        self.assertEqual(self.run_with("--revert", undeletable_file=SCRIPT).code, 1)
        self.assertTrue(self.world.file(SCRIPT).exists())

    def test_disk_free(self):
        self.assertEqual(self.run_with(disk_free={"backup": 1}).code, 1)
        self.assertEqual(self.run_with(disk_free={"home": 1}).code, 0)


if __name__ == "__main__":
    unittest.main()
