"""Conflicts, --continue, --revert, offline zips and hotfixes. Knowledge base §10.5, §10.6, §1.10, §1.11."""

import os
import signal
import unittest
import zipfile

import bundle
import catalogue
from world import BUNDLES, KEY, LOG4J, PAGE, SCRIPT, TOML, World, fingerprint, pristine


class Base(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)

    def refused(self, message, *words, **how):
        result = self.world.expect(1, *words, **how)
        self.assertIn(message, result.err)


class Conflicts(Base):
    def test_conflict_leaves_both_sides_and_updates_the_rest(self):
        result = self.world.conflict()
        self.assertEqual(result.code, 3)
        self.assertIn("level = DEBUG", self.world.text(LOG4J))
        self.assertEqual(self.world.file(LOG4J + ".original").read_bytes(), pristine()[LOG4J])
        self.assertIn("level = WARN", self.world.text(LOG4J + ".new"))
        self.assertIn("org.demo.core_1.0.0.1.jar", self.world.text(BUNDLES))
        self.assertEqual(self.world.level(), "-1")
        self.assertFalse(list(self.world.file("updates").glob("changelog*")))
        self.assertNotIn("Applied", self.world.logged())

    def test_template_lists_conflicts(self):
        self.world.replace(LOG4J, "level = INFO", "level = DEBUG")
        text = self.world.expect(3, "--level", "1", "--template", "{{range .Conflicts}}C:{{.}}\n{{end}}").text
        self.assertIn(f"\nC:{self.world.home}/{LOG4J}\n", text)

    def test_pending_conflicts_stop_everything_but_the_ways_out(self):
        self.world.conflict()
        before = self.world.product()
        self.refused("conflicts are pending", "--level", "3")
        fix = catalogue.hotfix(self.world.dir, KEY, 0, 1, {PAGE: b"x"})
        self.refused("conflicts are pending", "apply-hotfix", str(fix))
        self.refused("not resolved", "--continue")
        self.assertEqual(self.world.product(), before)

    def test_continue_takes_the_final_text(self):
        self.world.conflict()
        self.world.file(LOG4J + ".final").write_text("level = MINE\n", encoding="utf-8")
        self.world.expect(0, "--continue")
        self.assertEqual(self.world.text(LOG4J), "level = MINE\n")
        self.assertFalse([path for path in self.world.product() if path.endswith((".original", ".new", ".final"))])
        self.assertEqual(self.world.level(), "1")
        self.assertTrue(self.world.file("updates/changelog-0000-0001.md").exists())
        self.assertIn("Applied", self.world.logged())
        self.refused("nothing to continue", "--continue")

    def test_every_conflict_needs_a_final(self):
        self.world.replace(PAGE, "<p>text</p>", "<p>mine</p>")
        self.world.replace(LOG4J, "level = INFO", "level = DEBUG")
        self.world.expect(3, "--level", "4")
        self.world.file(LOG4J + ".final").write_text("x\n", encoding="utf-8")
        self.refused("1 conflicts are not resolved", "--continue")
        self.assertTrue(self.world.file(LOG4J + ".final").exists())

    def test_revert_leaves_the_conflict_state(self):
        self.world.replace(LOG4J, "level = INFO", "level = DEBUG")
        before = self.world.product()
        self.world.expect(3, "--level", "1")
        self.world.expect(4, "--revert")
        self.assertEqual((self.world.product(), self.world.level()), (before, "-1"))
        self.refused("nothing to continue", "--continue")


class Revert(Base):
    def test_revert_restores_the_copy_and_drops_what_was_written_since(self):
        self.world.replace(TOML, "localhost", "api.example.com")
        before = self.world.product()
        self.world.expect(0)
        self.world.file("repository/database").mkdir()
        self.world.file("repository/database/h2.mv.db").write_bytes(b"rows since")
        self.world.expect(4, "--revert", STANDIN_SERVICE=None, login=False)
        self.assertEqual((self.world.product(), self.world.level()), (before, "-1"))
        self.refused("Unable to revert as backups could not be found", "--revert")

    def test_revert_without_its_backup(self):
        self.refused("Unable to revert as backups could not be found", "--revert")
        self.world.expect(0)
        backup = self.world.backups()[0]
        (backup / "more").write_text("touched", encoding="utf-8")
        after = self.world.product()
        self.refused("Cannot revert because the backup directory has been modified.", "--revert")
        backup.rename(self.world.dir / "away")
        self.refused("Unable to revert as backups could not be found", "--revert")
        self.assertEqual(self.world.product(), after)

    def test_file_that_cannot_be_deleted_leaves_half_a_tree(self):
        self.world.expect(0)
        self.refused("Error while deleting product directory", "--revert", switches={"undeletable_file": TOML})
        self.assertFalse(self.world.file(SCRIPT).exists())
        self.assertTrue(self.world.file(TOML).exists())

    def test_the_tool_may_come_back_old_and_update_itself_again(self):
        self.world.expect(0, "--level", "1")
        bundle.write(self.world.service / "tool/1.6.0/wso2update_linux", "1.6.0")
        self.world.expect(2, "--level", "3")
        self.world.expect(4, "--revert", switches={"revert_tool": "reverted"})
        self.assertIn(f"version {bundle.VERSION}", self.world.expect(0, "version").text)
        self.world.expect(2, "--level", "1")


class Offline(Base):
    def zip(self, start="0", end="4"):
        out = self.world.dir / "zips"
        out.mkdir(exist_ok=True)
        self.world.expect(0, "create-update", "-s", start, "-e", end, cwd=out)
        return out / f"{KEY}.{start}-4.2.0.{end}.zip"

    def test_zip_does_what_the_service_does(self):
        file = self.zip()
        self.world.replace(LOG4J, "name = a", "name = mine")
        self.world.expect(0, "apply-update", str(file), STANDIN_SERVICE=None, login=False)
        vendor, product = self.world.vendor(4), self.world.product()
        self.assertIn("name = mine", self.world.text(LOG4J))
        self.assertEqual({**product, LOG4J: ""}, {**vendor, LOG4J: ""})
        self.assertEqual(self.world.level(), "4")
        self.world.expect(4, "apply-update", str(file), "--revert")
        self.assertEqual(self.world.level(), "-1")

    def test_end_0_is_the_newest(self):
        self.world.expect(0, "create-update", "-s", "0", cwd=self.world.dir)
        self.assertTrue((self.world.dir / f"{KEY}.0-4.2.0.9.zip").exists())
        self.refused("Invalid requested update level", "create-update", "-s", "4", "-e", "1")
        self.refused("Invalid requested update level", "create-update", "-s", "0", "-e", "5")

    def test_conflicts_and_continue(self):
        file = self.zip()
        self.world.replace(LOG4J, "level = INFO", "level = DEBUG")
        self.world.expect(3, "apply-update", str(file))
        self.world.file(LOG4J + ".final").write_text("x\n", encoding="utf-8")
        self.world.expect(0, "apply-update", str(file), "--continue", STANDIN_SERVICE=None)
        self.assertEqual(self.world.level(), "4")

    def test_zip_for_another_place(self):
        file = self.zip("1")
        self.refused("starts at level 1, installed is 0", "apply-update", str(file))
        self.refused("Unable to open file", "apply-update", str(self.world.dir / "missing.zip"))
        self.world.file("updates/product.txt").write_text("wso2am-4.3.0", encoding="utf-8")
        self.refused(f"is for {KEY}", "apply-update", str(file))

    def test_the_tool_in_the_zip_comes_first(self):
        file = self.zip()
        bundle.install(self.world.home, "1.2.0")
        self.refused('Error: unknown command "apply-update" for "wso2update"', "apply-update", str(file))
        bundle.install(self.world.home, "1.3.0")
        before = self.world.product()
        self.world.expect(2, "apply-update", str(file), STANDIN_SERVICE=None)
        self.assertEqual(self.world.product(), before)
        self.world.expect(0, "apply-update", str(file), STANDIN_SERVICE=None)


class Hotfixes(Base):
    def fix(self, number=1, level=0, files=None, **how):
        return str(catalogue.hotfix(self.world.dir / "fixes", KEY, level, number, files or {PAGE: b"fixed\n"}, **how))

    def test_apply_and_revert_newest_first(self):
        before = self.world.product()
        self.world.expect(0, "apply-hotfix", "--offline", self.fix(), STANDIN_SERVICE=None, login=False)
        one = self.world.product()
        self.world.expect(0, "apply-hotfix", self.fix(2, files={PAGE: b"fixed more\n", "lib/new.txt": b"new\n"}))
        self.assertIn("hf-2.zip", self.world.expect(0, "current-state").text)
        self.world.expect(0, "revert-hotfix")
        self.assertEqual(self.world.product(), one)
        self.world.expect(0, "revert-hotfix")
        self.assertEqual(self.world.product(), before)
        self.refused("no hotfix is applied", "revert-hotfix")

    def test_revert_drops_what_was_configured_since(self):
        self.world.expect(0, "apply-hotfix", self.fix())
        self.world.replace(TOML, "localhost", "api.example.com")
        self.world.file("repository/tenants/1").mkdir(parents=True)
        self.world.file("repository/tenants/1/t.xml").write_text("<t/>", encoding="utf-8")
        self.world.expect(0, "revert-hotfix")
        self.assertEqual(self.world.product(), self.world.vendor(0))

    def test_what_is_refused(self):
        wrong = self.world.dir / "fix.zip"
        wrong.write_bytes(b"no zip")
        self.refused("Invalid hotfix name", "apply-hotfix", str(wrong))
        named = wrong.rename(self.world.dir / f"{KEY}-abc-hf1.zip")
        self.refused("Unable to parse JSON file hotfix.json", "apply-hotfix", str(named))
        self.refused("level 5", "apply-hotfix", self.fix(level=5))
        self.refused("hotfix 2 cannot follow hotfix 0", "apply-hotfix", self.fix(2))
        self.world.expect(0, "apply-hotfix", self.fix())
        self.refused("hotfix 1 cannot follow hotfix 1", "apply-hotfix", self.fix())
        self.refused("hotfixes are applied", "--level", "1")
        with zipfile.ZipFile(self.fix(2)) as archive:
            described = archive.read("hotfix.json")
        tampered = self.fix(2)
        with zipfile.ZipFile(tampered, "w") as archive:
            archive.writestr("hotfix.json", described)
            archive.writestr(f"files/{PAGE}", "tampered")
        self.refused("File validation failed", "apply-hotfix", tampered)

    def test_revert_without_its_backup(self):
        self.world.expect(0, "apply-hotfix", self.fix())
        self.world.backups()[0].rename(self.world.dir / "away")
        self.refused("Unable to revert as backups could not be found", "revert-hotfix")


class Signals(Base):
    def test_a_signal_ends_the_run_where_it_stands(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)):
            child = self.world.start(switches={"hang_at": "backup"})
            self.world.wait_mark("backup")
            self.assertEqual(child.kill(number).code, code)
            os.unlink(self.world.marks / "at.backup")
        self.assertEqual(self.world.product(), self.world.vendor(0))
        self.assertEqual(len(fingerprint(self.world.backups()[0])), len(fingerprint(self.world.home)))

    def test_a_run_that_ended_is_not_taken_for_a_killed_one(self):
        switches = {"after_kill": "revert-only"}
        self.assertEqual(self.world.conflict(switches).code, 3)
        self.world.file(LOG4J + ".final").write_text("x\n", encoding="utf-8")
        self.world.expect(0, "--continue", switches=switches)
        self.world.expect(0, "--level", "3", switches=switches)
        self.world.expect(0, "--level", "4", switches=switches)

    def test_a_signal_between_two_files_leaves_a_mix(self):
        child = self.world.start("--level", "1", switches={"hang_at": "files"})
        self.world.wait_mark("files")
        self.assertEqual(child.kill(signal.SIGTERM).code, 143)
        self.assertNotIn(self.world.product(), (self.world.vendor(0), self.world.vendor(1)))
        self.assertEqual(self.world.level(), "-1")


if __name__ == "__main__":
    unittest.main()
