"""The success path: levels, backup, files, log, changelog, template. Knowledge base §10.4."""

import os
import shutil
import unittest
import zipfile

from standin import merge
from world import (BUNDLES, CARBON, CORE, KEY, KEYSTORE, LOG4J, NEW_SQL, OLD, PAGE, PLUGINS, SCRIPT, TOML,
                   USER, WAR, World, fingerprint, pristine, war, archive)


class Update(unittest.TestCase):
    def world(self, **how):
        world = World(**how)
        self.addCleanup(world.close)
        return world

    def test_a_pristine_pack_becomes_the_level_exactly(self):
        world = self.world()
        for level in (1, 3, 4, 9):
            world.expect(0, "--level", str(level))
            self.assertEqual(world.product(), world.vendor(level), level)
            self.assertEqual(world.level(), str(level))

    def test_a_jump_over_a_required_stop_leaves_its_jars(self):
        world = self.world()
        world.expect(0)
        self.assertEqual(world.level(), "9")
        self.assertNotEqual(world.product(), world.vendor(9))
        self.assertTrue(world.file(CORE[0]).exists())
        self.assertFalse(world.file(CORE[2]).exists())

    def test_a_customised_pack_keeps_what_is_not_the_vendors(self):
        world = self.world()
        world.replace(TOML, "localhost", "api.example.com")
        world.replace(LOG4J, "name = a", "name = mine")
        world.replace(SCRIPT, "-Xms256m", "-Xms4g")
        world.replace(CARBON, "<Offset>0</Offset>", "<Offset>7</Offset>")
        world.file(KEYSTORE).write_bytes(b"\xfe\xed customer")
        world.file("repository/components/lib").mkdir()
        world.file("repository/components/lib/driver.jar").write_bytes(b"driver")
        world.expect(0, "--level", "4")
        for path, mine, theirs in ((LOG4J, "name = mine", "level = WARN"), (SCRIPT, "-Xms4g", "# standin level 3"),
                                   (CARBON, "<Offset>7</Offset>", "<!-- standin level 3 -->"), (TOML, "api.example.com", "localhost")):
            self.assertIn(mine, world.text(path))
            self.assertEqual(theirs in world.text(path), path != TOML, path)
        self.assertEqual(world.file(KEYSTORE).read_bytes(), b"\xfe\xed customer")
        self.assertEqual(world.file("repository/components/lib/driver.jar").read_bytes(), b"driver")

    def test_a_customised_text_behind_a_link_is_merged(self):
        world = self.world()
        world.replace(LOG4J, "name = a", "name = mine")
        outside = world.dir / "shared.properties"
        world.file(LOG4J).rename(outside)
        world.file(LOG4J).symlink_to(outside)
        world.expect(0, "--level", "1")
        self.assertEqual(outside.read_text(encoding="utf-8").split("\n")[1:6:4], ["name = mine", "level = WARN"])

    def test_jars_are_always_replaced_and_keystores_never(self):
        api = f"{PLUGINS}/org.demo.api_2.1.0.jar"
        world = self.world(levels=[{"level": 2, "write": {api: "new jar", KEYSTORE: "new keystore"}}])
        world.file(api).write_bytes(b"patched by hand")
        world.expect(0)
        self.assertEqual(world.file(api).read_bytes(), b"new jar")
        self.assertEqual(world.file(KEYSTORE).read_bytes(), pristine()[KEYSTORE])

    def test_bundles_info_keeps_what_the_server_added(self):
        world = self.world()
        own = "driver_1.0.0,1.0.0,../dropins/driver_1.0.0.jar,4,true"
        world.file(BUNDLES).write_text(f"{own}\n{world.text(BUNDLES)}", encoding="utf-8")
        world.expect(0, "--level", "1")
        self.assertEqual(world.text(BUNDLES).splitlines(), [
            own, "org.demo.api,2.1.0,plugins/org.demo.api_2.1.0.jar,4,true",
            "org.demo.core,1.0.0.1,plugins/org.demo.core_1.0.0.1.jar,4,true"])

    def test_wars_are_updated_on_top_of_the_customisation(self):
        world = war_world()
        self.addCleanup(world.close)
        world.expect(0)
        with zipfile.ZipFile(world.file(WAR)) as merged:
            self.assertEqual(sorted(merged.namelist()), ["WEB-INF/web.xml", "custom.css", "index.html"])
            self.assertIn(b"level 2", merged.read("index.html"))

    def test_modes_links_and_new_scripts(self):
        levels = [{"level": 2, "changes_mode": {SCRIPT: "0700"}, "symlink_target": {"lib/current": "core-2"}, "new_dbscripts": True,
                   "readds_profile_removed_file": PAGE}]
        world = self.world(levels=levels)
        world.file(PAGE).unlink()
        world.expect(0)
        self.assertEqual(world.file(SCRIPT).stat().st_mode & 0o777, 0o700)
        self.assertEqual(os.readlink(world.file("lib/current")), "core-2")
        self.assertTrue(world.file("dbscripts/standin-2.sql").exists())
        self.assertTrue(world.file(PAGE).exists())

    def test_each_catalogue_switch_does_something(self):
        switches = {
            "rename_jar": CORE[0], "touches_bundles_info": True, "touches_template": True, "touches_generated_conf": True,
            "touches_start_script": True, "touches_deployment_toml": True, "readds_profile_removed_file": PAGE, "new_dbscripts": True,
            "removes_file": [OLD], "changes_mode": {OLD: "0600"}, "symlink_target": {"l": "t"}, "write": {OLD: "x"},
            "edit": {OLD: [["leaves", "left"]]},
        }
        for name, value in switches.items():
            world = self.world(levels=[{"level": 2, name: value}])
            world.expect(0)
            self.assertNotEqual(world.product(), world.vendor(0), name)
            self.assertEqual({path for path, seen in world.product().items() if not seen.startswith("->")},
                             {path for path in world.vendor(2) if path != "l"}, name)

    def test_leave_old_jar_and_big(self):
        world = self.world(levels=[{"level": 2, "rename_jar": CORE[0], "leave_old_jar": True, "big": 10**15}])
        self.assertIn("Insufficient disk space", world.expect(1).err)
        world = self.world(levels=[{"level": 2, "rename_jar": CORE[0], "leave_old_jar": True}])
        world.expect(0)
        self.assertTrue(world.file(CORE[0]).exists() and world.file(CORE[1]).exists())

    def test_backup_is_the_whole_pack_as_it_was(self):
        world = self.world()
        world.file("repository/database").mkdir()
        world.file("repository/database/h2.mv.db").write_bytes(b"rows")
        world.expect(0, "version")
        before = {path: seen for path, seen in fingerprint(world.home).items() if not path.startswith("updates/")}
        world.expect(0, "--level", "1")
        backup = world.backups()[0]
        self.assertRegex(backup.name, rf"^{KEY}-[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$")
        self.assertEqual({path: seen for path, seen in fingerprint(backup).items() if not path.startswith("updates/")}, before)
        self.assertEqual(world.config()["product"], {"pattern": "", "backup": str(backup), "backup-size": size(backup)})

    def test_what_a_run_remembers(self):
        world = self.world()
        world.expect(0, "--level", "1")
        folder = str(world.user_home / ".wso2-updates/backup")
        self.assertEqual([world.config()[key] for key in ("username", "channel", "backup-dir")], [USER, "full", folder])
        # Another HOME does not move the backups: the first directory is remembered.
        world.expect(0, "--level", "3", HOME=str(world.dir))
        self.assertEqual(len(world.backups()), 2)

    def test_no_backup(self):
        world = self.world()
        world.expect(0, "--no-backup")
        self.assertEqual(world.backups(), [])
        self.assertIn("Unable to revert as backups could not be found", world.expect(1, "--revert").err)

    def test_log_and_changelog(self):
        world = self.world()
        world.expect(0, "--level", "4")
        self.assertIn(f"Applied {KEY} level 4", world.logged())
        text = world.text("updates/changelog-0000-0004.md")
        self.assertTrue(text.startswith("# Changelog\n\n- **Product:** wso2am 4.2.0\n- **Update levels:** 0000 -> 0004\n"))
        self.assertIn(f"## Removed Files (2)\n\n- {CORE[0]}\n- {OLD}\n", text)
        world.expect(0, "--level", "9", "--no-changelog", "--get-summary")
        self.assertFalse(world.file("updates/changelog-0004-0009.md").exists())
        self.assertTrue(world.file("updates/update-summary-0004-0009.md").exists())

    def test_template_is_a_line_of_its_own(self):
        world = self.world()
        template = "Modified: {{.Modified}}, Conflicts: {{.Conflicts}}, Removed: {{len .Removed}}"
        lines = world.expect(0, "--level", "4", "--template", template).text.splitlines()
        line = next(line for line in lines if line.startswith("Modified: ["))
        self.assertIn(f"{world.home}/{PAGE}", line)
        self.assertTrue(line.endswith("Conflicts: [], Removed: 2"), line)

    def test_dry_run_changes_nothing(self):
        world = self.world()
        world.expect(0, "version")
        before = {path: seen for path, seen in fingerprint(world.home).items() if "/logs/" not in path}
        told = world.expect(0, "--dry-run").text
        self.assertIn(f"would add {NEW_SQL}", told)
        self.assertIn(f"would remove {OLD}", told)
        self.assertEqual({path: seen for path, seen in fingerprint(world.home).items() if "/logs/" not in path}, before)
        world.replace(LOG4J, "level = INFO", "level = DEBUG")
        self.assertEqual(world.run("--dry-run").code, 3)
        self.assertFalse(world.file(LOG4J + ".new").exists())

    def test_verbose_says_more(self):
        world, other = self.world(), self.world()
        self.assertGreater(len(world.expect(0, "-v").text), len(other.expect(0).text))

    def test_a_corrupt_download_stays_until_the_cache_is_emptied(self):
        world = self.world()
        self.assertIn("File validation failed", world.expect(1, switches={"md5_failure": "once"}).err)
        self.assertIn("File validation failed", world.expect(1).err)
        self.assertEqual(world.product(), world.vendor(0))
        shutil.rmtree(world.user_home / ".wso2-updates/updates")
        world.expect(0)

    def test_a_broken_update_json(self):
        world = self.world()
        (world.service / KEY / "levels/0003/update.json").write_text("{", encoding="utf-8")
        self.assertIn("Unable to parse JSON file update.json", world.expect(1).err)


class Merge(unittest.TestCase):
    def test_lines(self):
        old = b"a\nb\nc\nd\ne\n"
        for local, new, merged in (
            (b"A\nb\nc\nd\ne\n", b"a\nb\nc\nd\nE\n", b"A\nb\nc\nd\nE\n"),
            (old, b"a\nc\n", b"a\nc\n"),
            (b"a\nc\n", old, b"a\nc\n"),
            (b"a\nb\nX\nd\ne\n", b"a\nb\nX\nd\ne\n", b"a\nb\nX\nd\ne\n"),
            (b"a\nb\nX\nd\ne\n", b"a\nb\nY\nd\ne\n", None),
            (b"0\na\nb\nc\nd\ne\n", b"a\nb\nc\nd\ne\nf\n", b"0\na\nb\nc\nd\ne\nf\n"),
            (b"", b"a\nb\nc\nd\nE\n", None),
        ):
            self.assertEqual(merge.merge_lines(old, local, new), merged, (local, new))

    def test_members_of_a_war(self):
        old, new = archive({"a": "1\n", "b": "1\n", "gone": "1\n"}), archive({"a": "2\n", "b": "1\n", "come": "1\n"})
        local = archive({"a": "mine\n", "b": "mine\n", "gone": "1\n"})
        for vendor_wins, text in ((True, b"2\n"), (False, b"mine\n")):
            merged = merge.members(merge.merge_war(old, local, new, vendor_wins))
            self.assertEqual(merged, {"a": text, "b": b"mine\n", "come": b"1\n"})


def size(folder):
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_symlink() or file.is_file())


def war_world(local_body="level 0"):
    """A pack whose level 2 has another console.war, with a customised and an unpacked one installed."""
    world = World(levels=[{"level": 2, "write": {WAR: war("level 2")}}])
    world.file(WAR).write_bytes(war(local_body, customised=True))
    exploded = world.file(WAR[: -len(".war")])
    exploded.mkdir()
    for name, data in merge.members(war(local_body)).items():
        (exploded / name).parent.mkdir(exist_ok=True)
        (exploded / name).write_bytes(data)
    return world
