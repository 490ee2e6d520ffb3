#!/usr/bin/env python3
"""What `make dist` made, judged by the tools of those who will install it.

DIST=FOLDER      what was made
WORK=FOLDER      a folder for the tests
ANSIBLE=FOLDER   the programs of Ansible
OLD_ROOT=FOLDER  the root of an old system with glibc, if there is one
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).resolve().parents[2]
DIST, WORK, ANSIBLE = (Path(os.environ[name]) for name in ("DIST", "WORK", "ANSIBLE"))
OLD_ROOT = os.environ.get("OLD_ROOT")
SCRIPT = ROOT / "agent/package/dist.sh"
ARCH = os.uname().machine
VERSION = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
BINARY = DIST / f"pitstop-{VERSION}-linux-{ARCH}"
DEB_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[ARCH]
DEB = DIST / f"pitstop_{VERSION}-1_{DEB_ARCH}.deb"
RPM = DIST / f"pitstop-{VERSION}-1.{ARCH}.rpm"
# Where the two families of systems differ.
ONLY_DEB = {
    "/usr/share/doc/pitstop/changelog.Debian.gz",
    "/usr/share/doc/pitstop/copyright",
    "/usr/share/lintian/overrides/pitstop",
    "/usr/share/zsh/vendor-completions/_pitstop",
}
ONLY_RPM = {"/usr/share/licenses/pitstop/LICENSE", "/usr/share/zsh/site-functions/_pitstop"}


def run(*command, code=0, **options):
    ran = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )
    if code not in (None, ran.returncode):
        raise AssertionError(f"{command} ended with {ran.returncode}, not {code}\n{ran.stdout}")
    return ran.stdout


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def in_deb():
    """Path → (mode, owner, size) of every file in the Debian package."""
    found = {}
    for line in run("dpkg-deb", "--contents", DEB).splitlines():
        kind, owner, size, _, _, path = line.split(maxsplit=5)
        if kind[0] != "d":
            found[path.lstrip(".")] = (kind, owner.replace("0/0", "root/root"), int(size))
    return found


def in_rpm():
    listed = run(
        "rpm",
        "-qp",
        "--queryformat",
        "[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILESIZES}\n]",
        RPM,
    )
    return {path: (kind, owner, int(size)) for path, kind, owner, size in map(str.split, listed.splitlines())}


class Binary(unittest.TestCase):
    def refused(self, source, *flags):
        program = WORK / "program"
        run("gcc", "-x", "c", "-", "-o", program, *flags, input=source)
        return run(
            SCRIPT, "binary", code=1, env={**os.environ, "DIST_BINARY": str(program), "DIST_OUT": str(WORK / "refused")}
        )

    def test_one_that_needs_a_newer_glibc_is_refused(self):
        # What every program needs that is linked here, on a newer system.
        self.assertRegex(
            self.refused("int main(void) { return 0; }"), r"needs GLIBC_2\.[3-9]\d, promised is GLIBC_2\.28"
        )

    def test_one_that_needs_other_libraries_is_refused(self):
        library = WORK / "libforeign.so.1"
        run(
            "gcc",
            "-x",
            "c",
            "-",
            "-shared",
            "-o",
            library,
            f"-Wl,-soname,{library.name}",
            input="int foreign(void) { return 0; }",
        )
        source = "int foreign(void), getpid(void); void _start(void) { foreign(); getpid(); }"
        self.assertIn(
            "a host may not have: libforeign.so.1", self.refused(source, "-nostartfiles", "-x", "none", library)
        )

    def test_one_that_tells_where_it_was_built_is_refused(self):
        source = f'int puts(const char *); void _start(void) {{ puts("{ROOT}/agent/src/main.rs"); }}'
        self.assertIn("holds paths of this machine", self.refused(source, "-nostartfiles"))

    def test_it_runs_on_an_old_system(self):
        if not OLD_ROOT:
            self.skipTest("no old system here")
        inside = Path(OLD_ROOT) / "pitstop"
        shutil.copy(BINARY, inside)
        self.addCleanup(inside.unlink)
        self.assertEqual(run("chroot", OLD_ROOT, "/pitstop", "--version"), f"pitstop {VERSION}\n")
        for name, text in {"base": "a = 1\nb = 1\n", "mine": "a = 2\nb = 1\n", "new": "a = 1\nb = 3\n"}.items():
            (Path(OLD_ROOT) / f"tmp/{name}.toml").write_text(text)
        run(
            "chroot",
            OLD_ROOT,
            "/pitstop",
            "merge",
            "/tmp/base.toml",
            "/tmp/mine.toml",
            "/tmp/new.toml",
            "-o",
            "/tmp/out.toml",
        )
        self.assertEqual((Path(OLD_ROOT) / "tmp/out.toml").read_text(), "a = 2\nb = 3\n")


class Packages(unittest.TestCase):
    def test_both_hold_the_same(self):
        deb, rpm = in_deb(), in_rpm()
        self.assertEqual((set(deb) - set(rpm), set(rpm) - set(deb)), (ONLY_DEB, ONLY_RPM))
        self.assertEqual(
            {path: deb[path] for path in deb if path in rpm}, {path: rpm[path] for path in rpm if path in deb}
        )

    def test_only_programs_run_and_only_root_writes(self):
        for path, (kind, owner, _) in {**in_deb(), **in_rpm()}.items():
            program = path in ("/usr/bin/pitstop", "/usr/lib/pitstop/check-all")
            self.assertEqual((kind, owner), ("-rwxr-xr-x" if program else "-rw-r--r--", "root/root"), path)

    def test_both_hold_the_binary(self):
        deb, rpm = WORK / "deb", WORK / "rpm"
        run("dpkg-deb", "--extract", DEB, deb)
        rpm.mkdir()
        run("sh", "-c", 'rpm2cpio "$1" | cpio -id --quiet', "sh", RPM, cwd=rpm)
        self.assertEqual({digest(at / "usr/bin/pitstop") for at in (deb, rpm)}, {digest(BINARY)})

    def test_every_verb_has_its_page(self):
        verbs = re.findall(
            r"^  (\w+) ", run(BINARY, "--help").partition("Commands:")[2].partition("Options:")[0], re.MULTILINE
        )
        self.assertIn("update", verbs)
        for page in {f"pitstop-{verb}" for verb in verbs} - {"pitstop-help"} | {"pitstop"}:
            self.assertIn(f"/usr/share/man/man1/{page}.1.gz", in_deb())

    def test_settings_are_the_operators(self):
        self.assertEqual(run("dpkg-deb", "--info", DEB, "conffiles"), "/etc/pitstop/pitstop.yaml\n")
        flags = run("rpm", "-qp", "--queryformat", "[%{FILENAMES} %{FILEFLAGS:fflags}\n]", RPM)
        self.assertEqual(
            [line for line in flags.splitlines() if re.search(" .*[cn]", line)], ["/etc/pitstop/pitstop.yaml cn"]
        )

    def test_name_and_version_are_what_roles_and_classes_ask_for(self):
        self.assertEqual(
            run("dpkg-deb", "--show", "--showformat", "${Package} ${Version} ${Architecture}", DEB),
            f"pitstop {VERSION}-1 {DEB_ARCH}",
        )
        self.assertEqual(
            run("rpm", "-qp", "--queryformat", "%{NAME} %{VERSION}-%{RELEASE} %{ARCH}", RPM),
            f"pitstop {VERSION}-1 {ARCH}",
        )

    def test_what_they_require_is_the_glibc_of_the_binary(self):
        self.assertIn("libc6 (>= 2.28)", run("dpkg-deb", "--field", DEB, "Depends"))
        self.assertIn("libc.so.6(GLIBC_2.28)(64bit)", run("rpm", "-qpR", RPM))

    def test_lintian_and_rpmlint_find_nothing(self):
        self.assertEqual(run("lintian", "--allow-root", "--fail-on", "warning", DEB), "")
        said = run("rpmlint", "--config", ROOT / "tests/dist/rpmlint.toml", RPM, code=None)
        self.assertRegex(said, r"\b0 errors, 0 warnings\b")

    def test_rpm_finds_its_digests_right(self):
        self.assertIn("digests OK", run("rpm", "--checksig", "--nosignature", RPM))


class UnattendedCheck(unittest.TestCase):
    def test_one_that_is_killed_leaves_the_last_report(self):
        folder = WORK / "check"
        folder.mkdir()
        agent, report = folder / "pitstop", folder / "check.json"
        script = (ROOT / "agent/package/check-all.sh").read_text()
        script = script.replace("/usr/bin/pitstop", str(agent)).replace("/run/pitstop", str(folder))
        for does, code, left in [
            ("echo first", 0, "first\n"),
            ("echo failed; exit 1", 1, "failed\n"),
            ("kill -9 $$", 137, "failed\n"),
            ("echo half; kill -9 $$", 137, "failed\n"),
            ("exit 1", 1, "failed\n"),
        ]:
            with self.subTest(does):
                agent.write_text(f"#!/bin/sh\n{does}\n")
                agent.chmod(0o755)
                run("sh", "-c", script, code=code, env={**os.environ, "PITSTOP_TEXTFILES": "/nonexistent"})
                self.assertEqual(report.read_text(), left)

    def test_its_figures_leave_with_the_package_from_wherever_they_are(self):
        for removal, argument in [("debian/postrm", "remove"), ("rpm/postun", "0")]:
            for name, stays in [("pitstop.prom", False), ("shadow", True)]:
                with self.subTest(removal=removal, name=name):
                    host = Path(tempfile.mkdtemp(dir=WORK))
                    folders = ["/run/pitstop", "/var/lib/pitstop", "/figures"]
                    for folder in folders:
                        (host / folder[1:]).mkdir(parents=True)
                    figures, record = host / "figures" / name, host / "var/lib/pitstop/textfile"
                    agent = host / "pitstop"
                    agent.write_text('#!/bin/sh\necho {}; echo 1 >"$6"\n')
                    agent.chmod(0o755)

                    def on_host(script, *arguments, env=None):
                        text = (ROOT / "agent/package" / script).read_text()
                        text = text.replace("/usr/bin/pitstop", str(agent)).replace("/run/systemd", str(host / "none"))
                        for folder in [*folders[:2], "/var/lib/prometheus"]:
                            text = text.replace(folder, f"{host}{folder}")
                        run("sh", "-c", text, script, *arguments, env={**os.environ, **(env or {})})

                    on_host("check-all.sh", env={"PITSTOP_TEXTFILES": str(host / "figures")})
                    self.assertTrue((host / "figures/pitstop.prom").exists())
                    if stays:
                        figures.write_text("not pitstop's")
                        record.write_text(f"{figures}\n")
                    on_host(removal, argument)
                    self.assertEqual((figures.exists(), record.exists()), (stays, False))


class Archives(unittest.TestCase):
    def test_the_collection_installs_and_knows_its_files(self):
        into = WORK / "collections"
        env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(into), "LC_ALL": "C.UTF-8", "HOME": str(WORK)}
        run(
            ANSIBLE / "ansible-galaxy",
            "collection",
            "install",
            DIST / f"pitstop-fleet-{VERSION}.tar.gz",
            "-p",
            into,
            env=env,
        )
        verified = run(ANSIBLE / "ansible-galaxy", "collection", "verify", "--offline", "pitstop.fleet", env=env)
        self.assertIn("Successfully verified", verified)
        self.assertIn("PITSTOP.FLEET.PACK", run(ANSIBLE / "ansible-doc", "pitstop.fleet.pack", env=env).upper())
        self.assertFalse((into / "ansible_collections/pitstop/fleet/tests").exists())

    def test_the_module_installs_and_compiles(self):
        into = WORK / "modules"
        puppet = ("puppet",)
        options = ("--confdir", WORK / "puppet", "--vardir", WORK / "puppet")
        run(
            *puppet,
            "module",
            "install",
            "--ignore-dependencies",
            "--target-dir",
            into,
            DIST / f"pitstop-pitstop-{VERSION}.tar.gz",
            *options,
        )
        self.assertEqual(json.loads((into / "pitstop/metadata.json").read_text())["version"], VERSION)
        self.assertFalse((into / "pitstop/spec").exists())
        run(*puppet, "apply", "--noop", "--modulepath", into, *options, "-e", "include pitstop")


    def test_a_link_is_refused(self):
        clone = WORK / "clone"
        run("git", "clone", "--quiet", "--shared", ROOT, clone)
        shutil.copy(SCRIPT, clone / "agent/package")
        for part, folder in {"collection": "ansible", "module": "puppet"}.items():
            (clone / folder / "self").symlink_to(clone / folder)
            run("git", "-C", clone, "add", "--all")
            self.assertIn(
                f"links are not packed: {folder}/self", run(clone / "agent/package/dist.sh", part, code=1)
            )


class Bill(unittest.TestCase):
    def test_it_is_valid_and_names_every_crate_in_the_program(self):
        text = (DIST / f"pitstop-{VERSION}.cdx.json").read_text()
        self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_5).validate_str(text))
        bill = json.loads(text)
        target = f"{ARCH}-unknown-linux-gnu"
        tree = run(
            "cargo",
            "tree",
            "--quiet",
            "--locked",
            "-p",
            "pitstop",
            "--target",
            target,
            "-e",
            "normal",
            "--prefix",
            "none",
            "-f",
            "{p}|",
            cwd=ROOT,
        )
        linked = {tuple(line.split("|")[0].split()[:2]) for line in tree.splitlines()} - {("pitstop", f"v{VERSION}")}
        named = {(one["name"], "v" + one["version"]) for one in bill["components"]}
        self.assertGreater(len(linked), 100)
        self.assertEqual(linked - named, set())
        self.assertEqual([one["name"] for one in bill["components"] if not one.get("licenses")], [])

    def test_the_notices_name_every_crate_too(self):
        notices = (DIST / f"pitstop-{VERSION}-notices.txt").read_text()
        for one in ("clap 4.", "zstd-sys 2.", "ring 0."):
            self.assertIn(f"\n{one}", notices)
        self.assertNotIn("without the text", notices)


class Together(unittest.TestCase):
    def test_sums_cover_everything(self):
        listed = dict(reversed(line.split("  ")) for line in (DIST / "SHA256SUMS").read_text().splitlines())
        self.assertEqual(listed, {path.name: digest(path) for path in DIST.iterdir() if path.name != "SHA256SUMS"})

    def test_no_text_names_the_place_where_it_was_made(self):
        for path in DIST.iterdir():
            if path.suffix in (".json", ".txt"):
                self.assertNotIn(str(ROOT), path.read_text(), path)

    def test_packing_again_gives_the_same_bytes(self):
        again = WORK / "again"
        again.mkdir()
        for binary in DIST.glob("pitstop-*-linux-*"):
            shutil.copy(binary, again)
        env = {**os.environ, "DIST_OUT": str(again), "TZ": "Asia/Tokyo", "LC_ALL": "POSIX"}
        parts = ("packages", "collection", "module", "sbom", "sums")
        run("sh", "-c", 'umask 077; exec "$0" "$@"', SCRIPT, *parts, env=env, cwd="/")
        self.assertEqual((again / "SHA256SUMS").read_text(), (DIST / "SHA256SUMS").read_text())


if __name__ == "__main__":
    unittest.main()
