"""The command line contract: every invocation of knowledge base §10.3 with its exit code and its known sentence."""

import json
import os
import subprocess
import unittest

import bundle
import catalogue
from standin import output
from standin.revert import tree_size
from world import KEY, PASSWORD, SCRIPT, USER, World


class Contract(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)

    def refused(self, message, *words, **how):
        """Exit 1, the message, and a product that nobody touched."""
        before = self.world.product()
        result = self.world.run(*words, **how)
        self.assertEqual(result.code, 1, result.out + result.err.encode())
        self.assertIn(message, result.err)
        self.assertEqual(self.world.product(), before)
        return result

    def test_product_that_is_not_named(self):
        for content in (b"", b"wso2am", b"wso2am-4.2\n", b"wso2am-4.2.0\nmore\n", b"\xff\xfe"):
            self.world.file("updates/product.txt").write_bytes(content)
            self.refused("wso2update: Unable to identify the product", "version")
        self.world.file("updates/product.txt").unlink()
        self.refused("wso2update: Unable to identify the product")

    def test_configuration_that_cannot_be_read(self):
        config = self.world.file("updates/config.json")
        for content in ("{", "", "[]"):
            config.write_text(content, encoding="utf-8")
            self.refused("Unable to parse JSON file", "version")
        for level in ("ten", "", None, "1.5"):
            config.write_text(json.dumps({"update-level": level}), encoding="utf-8")
            self.refused("Invalid update level", "version")

    def test_the_first_call_leaves_its_files(self):
        self.assertFalse(self.world.file("updates/config.json").exists())
        self.world.expect(0, "version", STANDIN_SERVICE=None, login=False)
        self.assertEqual(self.world.config(), {"update-level": "-1"})
        self.assertTrue(self.world.file("updates/logs").is_dir())

    def test_unknown_words_are_answered_as_cobra_does(self):
        self.refused('Error: unknown command "apply-updates" for "wso2update"', "apply-updates")
        self.refused("Error: unknown flag: --levels", "--levels", "1")
        self.refused("Error: unknown shorthand flag: 'x' in -x", "-x")
        self.refused("Error: flag needs an argument: --level", "--level")
        self.refused("Error: accepts 1 arg(s), received 0", "apply-hotfix")
        self.assertFalse(self.world.file("updates/config.json").exists())

    def test_flags_in_all_spellings(self):
        for words in (["--level", "1"], ["--level=1"], ["-l", "1"], ["-l1"], ["-l=1"], ["--level", "4.2.0.1"]):
            world = World()
            self.addCleanup(world.close)
            world.expect(0, *words)
            self.assertEqual(world.level(), "1", words)

    def test_help_needs_nothing(self):
        for words in (["help"], ["--help"], ["check", "-h"]):
            result = self.world.expect(0, *words, HOME=None, STANDIN_SERVICE=None, login=False)
            self.assertIn("[standin] A stand-in for the vendor's update tool", result.text)

    def test_version_says_what_it_is(self):
        result = self.world.expect(0, "version", STANDIN_SERVICE=None, login=False)
        self.assertTrue(all(line.startswith("[standin]") for line in result.text.splitlines()))
        self.assertIn(f"version {bundle.VERSION}", result.text)
        self.assertIn("not the vendor's update tool", result.text)

    def test_online_commands_without_a_service(self):
        for words in ([], ["check"], ["current-state"], ["create-update", "-s", "0", "-e", "1"], ["get-summary", "0", "1"]):
            self.refused("Unable to connect to WSO2 Update", *words, STANDIN_SERVICE=None)

    def test_home_has_to_be_known(self):
        self.refused("HOME is not set", "version", HOME=None)
        inside = self.world.user_home / ".wso2-updates/backup/copy"
        inside.parent.mkdir(parents=True)
        self.world.home.rename(inside)
        self.world.home = inside
        self.world.tool = inside / "bin/wso2update_linux"
        self.refused("is a backup", "version")

    def test_login(self):
        none = {"login": False}
        self.refused("Unable to read input: EOF", "check", **none)
        self.refused("Invalid email address 'root'", "check", "-u", "root", "-p", "x", **none)
        self.refused("invalid credentials. Please enter valid WSO2 credentials", "check", "-u", USER, "-p", "x", **none)
        self.refused("Username or password cannot be empty", "check", "-u", USER, "-p", "", **none)
        asked = self.world.expect(0, "check", stdin=f"{USER}\n{PASSWORD}\n", **none)
        self.assertIn(f"Please enter your credentials to continue.\nEmail: Password for {USER}: ", asked.text)
        # Flags win over the environment.
        self.refused("invalid credentials", "check", "-p", "wrong")

    def test_levels_that_cannot_be_asked_for(self):
        for text in ("x", "2", "99", "4.3.0.1", "-1", "1.2", ""):
            self.refused("Invalid requested update level", f"--level={text}")
        self.world.expect(0, "--level", "3")
        self.refused("Invalid requested update level", "--level", "1")

    def test_nothing_to_do(self):
        self.world.expect(0)
        before, backups = self.world.product(), self.world.backups()
        for words in ([], ["--level", "9"]):
            self.world.expect(0, *words)
        self.assertEqual((self.world.product(), self.world.backups()), (before, backups))

    def test_backup_directory(self):
        for folder in (self.world.home, self.world.home / "backup"):
            self.refused("cannot be inside the product directory", "--backup", str(folder))
        kept = self.world.dir / "kept"
        self.world.expect(0, "--level", "1", "-b", str(kept))
        self.assertEqual(self.world.config()["backup-dir"], str(kept))
        self.world.expect(0, "--level", "3")
        self.assertEqual(len(list(kept.iterdir())), 2)
        self.assertEqual(self.world.backups(), [])

    def test_disk_rule(self):
        """3 x pack + updates x size + 500 MB, to the byte."""
        world = World(levels=[{"level": level, "big": 10_000, "write": {"a": str(level)}} for level in (1, 2)])
        self.addCleanup(world.close)
        world.expect(0, "version")
        needed = 3 * tree_size(world.home) + 2 * 10_000 + 500_000_000
        self.assertIn("Insufficient disk space", world.expect(1, switches={"disk_free": {"backup": needed - 1}}).err)
        for log in world.file("updates/logs").iterdir():
            log.unlink()
        world.expect(0, switches={"disk_free": {"backup": needed}})

    def test_commands_that_only_look(self):
        listed = self.world.expect(0, "check").text
        self.assertEqual(listed, "".join(f"[standin] {KEY} {level}\n" for level in (1, 3, 4, 9)))
        self.assertIn("level -1", self.world.expect(0, "current-state").text)
        self.world.expect(0, "get-summary", "0", "3")
        summary = self.world.text("updates/update-summary-0000-0003.md")
        self.assertIn("logs less", summary)
        self.assertIn("run the SQL", summary)
        self.refused("[standin] not supported", "create-docker")

    def test_self_update_ends_with_2_and_touches_only_the_tool(self):
        world = World(tools=(bundle.VERSION, "1.10.0"))
        self.addCleanup(world.close)
        before, tool = world.product(), world.tool.read_bytes()
        world.expect(1, "check", login=False)
        self.assertEqual(world.tool.read_bytes(), tool)
        result = world.expect(2)
        self.assertEqual(result.text, output.SELF_UPDATED + "\n")
        self.assertEqual((world.product(), world.level()), (before, "-1"))
        self.assertNotEqual(world.tool.read_bytes(), tool)
        self.assertIn("version 1.10.0", world.expect(0, "version").text)
        world.expect(0)

    def test_misspelt_switches_are_noticed(self):
        for switches in ({"home_rul": "cwd"}, {"home_rule": "nowhere"}, {"check_exit": True}, {"md5_failure": "never"}):
            self.world.expect(70, "version", switches=switches)

    def test_switches_from_a_file_and_from_the_service(self):
        named = self.world.dir / "switches.json"
        named.write_text('{"check_exit": 10}', encoding="utf-8")
        self.world.expect(10, "check", STANDIN_KNOBS=str(named))
        named.rename(self.world.service / "knobs.json")
        self.world.expect(10, "check")


class Executable(unittest.TestCase):
    """The bundled file as packs have it, started as a program."""

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)

    def program(self, *words, **env):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.world.user_home), "UPDATE_TOOL_USERNAME": USER,
                       "UPDATE_TOOL_PASSWORD": PASSWORD, **env}
        return subprocess.run(words, cwd=self.world.home / "bin", env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              check=False)

    def test_two_bundles_are_the_same_bytes(self):
        self.assertEqual(bundle.bundle("1.0.0"), bundle.bundle("1.0.0"))
        self.assertNotEqual(bundle.bundle("1.0.0"), bundle.bundle("1.0.1"))

    def test_it_updates_itself_and_the_product(self):
        bundle.install(self.world.home, "1.4.0", self.world.service)
        self.assertEqual(self.program("./wso2update_linux").returncode, 2)
        done = self.program("./wso2update_linux")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.world.level(), "9")

    def test_without_the_x_bit_it_does_not_start(self):
        bundle.install(self.world.home, service=self.world.service, mode=0o644)
        with self.assertRaises(PermissionError):
            self.program("./wso2update_linux", "version")

    def test_setup_script_fetches_the_tool(self):
        self.world.tool.unlink()
        bundle.install_setup_script(self.world.home, self.world.service)
        done = self.program("./update_tool_setup.sh", "--all")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in bundle.NAMES.values():
            self.assertIn(b"[standin]", self.program(f"./{name}", "version").stdout)

    def test_setup_script_without_a_binary_to_offer_ends_with_0(self):
        self.world.tool.unlink()
        bundle.install_setup_script(self.world.home, self.world.service)
        (self.world.service / "tool/unsupported").touch()
        done = self.program("./update_tool_setup.sh")
        self.assertEqual((done.returncode, self.world.tool.exists()), (0, False))
        self.assertIn(b"Product does not support the current system's OS and architecture", done.stdout)

    def test_setup_script_refuses_what_it_does_not_know(self):
        bundle.install_setup_script(self.world.home, self.world.service)
        self.assertEqual(self.program("./update_tool_setup.sh", "--nothing").returncode, 1)
        self.world.file("updates/product.txt").write_text(f"{KEY}\nsecond\n", encoding="utf-8")
        self.assertEqual(self.program("./update_tool_setup.sh").returncode, 1)


class Catalogue(unittest.TestCase):
    def test_jars_get_a_fourth_digit(self):
        self.assertEqual(catalogue.next_jar("p/a.b_1.2.3.jar"), "p/a.b_1.2.3.1.jar")
        self.assertEqual(catalogue.next_jar("p/a.b_1.2.3.9.jar"), "p/a.b_1.2.3.10.jar")
        with self.assertRaises(ValueError):
            catalogue.next_jar("p/plain.jar")

    def test_command_line(self):
        world = World()
        self.addCleanup(world.close)
        levels, service = world.dir / "levels.json", world.dir / "other"
        levels.write_text(json.dumps([{"level": 2, "touches_start_script": SCRIPT}]), encoding="utf-8")
        program = str(catalogue.HERE / "catalogue.py")
        subprocess.run([program, str(service), str(world.home), str(levels), "--tool", "1.5.0"], check=True)
        world.expect(0, STANDIN_SERVICE=str(service))
        self.assertIn("# standin level 2", world.text(SCRIPT))


if __name__ == "__main__":
    unittest.main()
