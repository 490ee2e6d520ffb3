#!/usr/bin/env python3
"""The real Apache Flink end to end: see run.sh, which prepares what this needs."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import conflicts
from installation import PLACE, ROOT, Installation, ThreeLevels, differing, processes_naming, until
from story import Unexpected, expect, wait_for_answers  # the demo's

# What the vendor changed in conf/config.yaml between 1.20.1 and 1.20.5.
BOUND, UNBOUND = "\n  bind-address: localhost\n  # # The port", "\n  # bind-address: localhost\n  # # The port"


@contextlib.contextmanager
def check(what):
    began = time.monotonic()
    try:
        yield
    except Unexpected as problem:
        raise Unexpected(f"{what}\n     {problem}") from problem
    print(f"ok   {what} ({time.monotonic() - began:.1f} s)", flush=True)


def steps_of(report):
    return [(step["step"], step["ok"]) for step in report["steps"]]


def expect_in_order(wanted, found):
    rest = iter(found)
    expect(all(one in rest for one in wanted), f"steps {wanted} are not in this order among {found}")


class Story:
    def __init__(self):
        self.packs, self.archives = PLACE / "packs", PLACE / "archives"
        self.packs.mkdir(parents=True)
        self.archives.mkdir()
        offer = ThreeLevels((0, 0)).offer
        self.pack = {level: offer(level, self.packs) for level in ("1.20.0", "1.20.1", "1.20.5")}
        self.flink = Installation("shop", self.archives, self.pack["1.20.0"])
        before = self.flink.operators["conf/config.yaml"].decode()
        expect(before.count(BOUND) == 1, "the vendor's change of conf/config.yaml is not where this test expects it")
        self.merged_config = before.replace(BOUND, UNBOUND).encode()

    def adopted_and_started(self):
        flink = self.flink
        with check("1.20.0 with an operator's changes is adopted with its pristine pack; check sees what was changed"):
            report = flink.pitstop("adopt", flink.name, "--pristine", self.pack["1.20.0"])
            expect(report["changed"] and report["status"] == "adopted", f"the report says {report['status']}")
            seen = flink.look()
            drift = {(one["path"], one["change"]) for one in seen["drift"]["paths"] if one["change"] != "extra"}
            expect(drift == {("conf/config.yaml", "modified"), ("conf/log4j.properties", "modified")}, f"drift is {drift}")
            expect(seen["adopted"] and seen["pristine_known"] and seen["state"] == "stopped", f"check sees {seen}")
        with check("pitstop starts it, REST answers 1.20.0, and it verifies; a second start changes nothing"):
            expect(flink.pitstop("start", flink.name)["changed"], "the start counts as no change")
            expect(flink.answer() == "1.20.0", f"REST answers {flink.answer()} right after the start")
            server = flink.jvms()
            flink.pitstop("verify", flink.name, "--deep")
            again = flink.pitstop("start", flink.name)
            expect(not again["changed"] and flink.jvms() == server, "the second start changed something")

    def updated_from_a_directory(self):
        flink, old, new = self.flink, self.pack["1.20.0"], self.pack["1.20.1"]
        with check("a dry run predicts exactly the paths in which the packs differ, and touches nothing"):
            before = (flink.fingerprint(), flink.jvms())
            dry = flink.pitstop("update", flink.name, "--from", new, "--dry-run")
            expect(dry["dry_run"] and dry["changed"] and dry["status"] == "planned", f"the report says {dry['status']}")
            planned = {one["path"] for one in dry["plan"]["files"] if one["op"] in ("put", "remove")}
            expect(planned == differing(old, new), f"planned and needed paths differ: {planned ^ differing(old, new)}")
            expect((flink.fingerprint(), flink.jvms()) == before, "the dry run changed something")
        with check("1.20.0 -> 1.20.1 from a directory, by the predicted plan, while a client asks"), flink.client() as client:
            wait_for_answers(client, "1.20.0")
            report = flink.pitstop("update", flink.name, "--from", new, "--plan", dry["plan"]["id"])
            wait_for_answers(client, "1.20.1")
            expect(report["status"] == "updated" and report["changed"], f"the report says {report['status']}")
            expect(report["plan"] == dry["plan"], "the dry run showed another plan")
            expect(client.levels() == ["1.20.0", "1.20.1"], f"the client saw {client.levels()}")
        print(f"     stopped for {report['timing']['stopped_ms']} ms, commit {report['timing']['commit_ms']} ms; "
              f"the client went without an answer for {max(client.outages()):.1f} s")
        with check("1.20.1 serves and is verified, every change of the operator is kept, all else is the pack"):
            flink.expect_serving("1.20.1")
            flink.expect_kept()
            flink.expect_vendors(new)
            flink.pitstop("verify", flink.name, "--deep")
        with check("the second run changes nothing and leaves the JVM alone"):
            before = (flink.fingerprint(), flink.jvms())
            again = flink.pitstop("update", flink.name, "--from", new)
            expect(not again["changed"] and again["status"] == "current", f"the report says {again['status']}")
            expect((flink.fingerprint(), flink.jvms()) == before, "the second run changed something")

    def updated_from_an_archive(self):
        flink = self.flink
        with check("a folder with a .tar.gz and a .zip, used as source, offers both levels"):
            with tarfile.open(self.archives / "flink-1.20.1.tar.gz", "w:gz", compresslevel=0) as archive:
                archive.add(self.pack["1.20.1"], "flink-1.20.1")
            write_zip(self.pack["1.20.5"], self.archives / "flink-1.20.5.zip")
            report = flink.pitstop("check", flink.name)
            offers = [(Path(one["path"]).name, one["level"], one["newer"]) for one in report["offers"]]
            wanted = [("flink-1.20.5.zip", "1.20.5", True), ("flink-1.20.1.tar.gz", "1.20.1", False)]
            expect(offers == wanted, f"the source offers {offers}")
            expect(report["status"] == "update-available" and not report["blockers"], f"the report says {report}")
        with check("1.20.1 -> 1.20.5 from the zip: the vendor's change of conf/config.yaml joins the operator's"):
            report = flink.pitstop("update", flink.name)
            expect(report["status"] == "updated", f"the report says {report['status']}")
            whys = {one["path"]: one["why"] for one in report["plan"]["files"]}
            expect(whys.get("conf/config.yaml") == "merged", f"conf/config.yaml is {whys.get('conf/config.yaml')}")
            flink.expect_serving("1.20.5")
            flink.expect_kept(self.merged_config)
            flink.expect_vendors(self.pack["1.20.5"])

    def rolled_back(self, level):
        """Updates to the highest level offered, a bad one, and expects to be back as if nothing had been."""
        flink = self.flink
        before, old, snapshots = flink.fingerprint(".pitstop"), flink.jvms(), flink.look()["snapshots"]
        report = flink.pitstop("update", flink.name, code=4)
        expect(report["status"] == "rolled-back" and report["error"]["kind"] == "rolled-back", f"the report says {report}")
        expect(report["plan"]["to"]["level"] == level, f"the plan leads to {report['plan']['to']['level']}")
        wanted = [("stop", True), ("commit", True), ("start", False), ("commit", True), ("start", True), ("verify", True)]
        expect_in_order(wanted, steps_of(report))
        flink.expect_serving("1.20.5")
        expect(flink.jvms() != old, "the server never stopped")
        expect(flink.fingerprint(".pitstop") == before, "not every file is as it was")
        flink.expect_kept(self.merged_config)
        seen = flink.look()
        held = [one["release"]["level"] for one in seen["holds"]]
        expect(level in held, f"{level} is not among the held releases {held}")
        expect(seen["snapshots"] == snapshots, f"the snapshots {snapshots} became {seen['snapshots']}")
        return report

    def bad_releases(self):
        flink = self.flink
        with check("a release with its main jar cut short is rolled back, and the old level verified, by itself"):
            flink.product.offer("1.20.6", self.archives)
            self.rolled_back("1.20.6")
        with check("that release is held: a second try is refused and stops nothing, check shows the hold"):
            before = (flink.fingerprint(), flink.jvms())
            again = flink.pitstop("update", flink.name, code=6)
            expect(again["error"]["kind"] == "held" and again["status"] == "blocked", f"the report says {again['error']}")
            expect((flink.fingerprint(), flink.jvms()) == before, "the refused update changed something")
            report = flink.pitstop("check", flink.name)
            expect([one["kind"] for one in report["blockers"]] == ["held"], f"check names blockers {report['blockers']}")
            expect(report["before"]["holds"][0]["reason"], "the hold has no reason")
        with check("a newer release whose configuration makes the JobManager exit, merged with the operator's, is rolled back"):
            flink.product.offer_refused(self.archives)
            report = self.rolled_back("1.20.7")
            whys = {one["path"]: one["why"] for one in report["plan"]["files"]}
            expect(whys.get("conf/config.yaml") == "merged", f"conf/config.yaml is {whys.get('conf/config.yaml')}")

    def back_by_hand(self):
        flink = self.flink
        edit = (b"numberOfTaskSlots: 1\n", b"numberOfTaskSlots: 4\n")
        with check("rollback by hand to 1.20.1; what was edited since the update stays edited"):
            config = flink.home / "conf/config.yaml"
            config.write_bytes(self.merged_config.replace(*edit))
            dry = flink.pitstop("rollback", flink.name, "--to", "1.20.1", "--dry-run")
            expect(dry["changed"] and flink.answer() == "1.20.5", "the dry run of the rollback did something")
            report = flink.pitstop("rollback", flink.name, "--to", "1.20.1")
            expect(report["changed"] and report["plan"] == dry["plan"], "the dry run showed another plan")
            flink.expect_serving("1.20.1")
            flink.expect_kept(flink.operators["conf/config.yaml"].replace(*edit))
            flink.expect_vendors(self.pack["1.20.1"])
            flink.pitstop("verify", flink.name, "--deep")

    def drifted(self):
        flink = self.flink
        jar, script = "opt/flink-sql-client-1.20.1.jar", "bin/historyserver.sh"
        with check("drift: check names a vendor jar with one byte changed, size and time as before, and a missing file"):
            with open(flink.home / jar, "r+b") as file:
                times = os.stat(file.fileno())
                file.seek(1000)
                byte = file.read(1)
                file.seek(1000)
                file.write(bytes([byte[0] ^ 1]))
            os.utime(flink.home / jar, ns=(times.st_atime_ns, times.st_mtime_ns))
            (flink.home / script).unlink()
            drift = {one["path"]: one["change"] for one in flink.look()["drift"]["paths"] if one["class"] == "vendor"}
            expect(drift == {jar: "modified", script: "missing"}, f"drift of vendor files is {drift}")
        with check("verify fails and names both; it passes once they are back"):
            report = flink.pitstop("verify", flink.name, code=5)
            expect(report["error"]["kind"] == "unhealthy", f"the kind is {report['error']['kind']}")
            failed = {one["name"]: one["detail"] for one in report["probes"] if not one["ok"]}
            expect(set(failed) == {"integrity"}, f"failed checks: {failed}")
            expect(jar in failed["integrity"] and script in failed["integrity"], f"integrity says {failed['integrity']}")
            for path in (jar, script):
                shutil.copy2(self.pack["1.20.1"] / path, flink.home / path)
            flink.pitstop("verify", flink.name)

    def killed_and_stopped(self):
        flink = self.flink
        with check("SIGKILL of the JVM: check sees it stopped, whatever the pid file says; start brings it back"):
            (pid,) = flink.jvms()
            (pid_file,) = (flink.home / "log").glob("*.pid")
            expect(str(pid) in pid_file.read_text(encoding="utf-8").split(), "the pid file does not name the JVM")
            os.kill(pid, signal.SIGKILL)
            until(lambda: not flink.jvms(), "the killed JVM is not gone")
            expect(pid_file.exists() and flink.look()["state"] == "stopped", "check does not see it stopped")
            content = pid_file.read_bytes()
            pid_file.write_text(f"{os.getpid()}\n", encoding="utf-8")  # a reused pid: this test's
            expect(flink.look()["state"] == "stopped", "check believes a pid file that names a stranger")
            pid_file.write_bytes(content)
            flink.pitstop("verify", flink.name, code=5)
            expect(flink.pitstop("start", flink.name)["changed"], "the start counts as no change")
            flink.expect_serving("1.20.1")
        with check("stop ends the processes and frees the port; a second stop changes nothing"):
            expect(flink.pitstop("stop", flink.name)["changed"], "the stop counts as no change")
            flink.expect_stopped()
            again = flink.pitstop("stop", flink.name)
            expect(not again["changed"] and again["status"] == "stopped", f"the report says {again['status']}")

    def carried(self, by, pack, running):
        """The update by tests/ansible or tests/puppet, which judge it and then put the instance back."""
        flink = Installation(by, pack, self.pack["1.20.0"])
        if running:
            flink.pitstop("start", flink.name)
        with flink.client() as client:
            variables = {
                "INSTANCE": flink.name, "CONFIG_DIR": flink.config_dir, "STATE_DIR": flink.state_dir,
                "PACK_OLD": self.pack["1.20.0"], "PACK_NEW": pack,
            }
            ran = subprocess.run(
                [ROOT / f"tests/{by}/run.sh"], env={**os.environ, **{name: str(value) for name, value in variables.items()}},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
        lines = ran.stdout.splitlines()
        shown = lines if ran.returncode else [line for line in lines if line.startswith(("#", "ok ", "PASS", "SKIP"))]
        print("".join(f"     {line}\n" for line in shown), end="", flush=True)
        expect(ran.returncode == 0, f"tests/{by}/run.sh ended with {ran.returncode}{flink.log_tail()}")
        expect("SKIP" not in ran.stdout, f"tests/{by}/run.sh tested nothing")
        expect(client.levels() == ["1.20.0", "1.20.1", "1.20.0"], f"a client saw the levels {client.levels()}")
        flink.expect_kept()
        flink.expect_vendors(self.pack["1.20.0"])
        flink.pitstop("stop", flink.name)
        flink.expect_stopped()

    def tell(self):
        self.adopted_and_started()
        self.updated_from_a_directory()
        self.updated_from_an_archive()
        self.bad_releases()
        self.back_by_hand()
        self.drifted()
        self.killed_and_stopped()
        conflicts.tell(check, self.pack["1.20.0"], self.pack["1.20.5"])
        with check("Ansible over SSH takes another installation to 1.20.1 from the .tar.gz; a client saw it serve"):
            self.carried("ansible", self.archives / "flink-1.20.1.tar.gz", running=False)
        with check("Puppet takes a third, running, to 1.20.1 from the directory; a client saw it serve"):
            self.carried("puppet", self.pack["1.20.1"], running=True)


def write_zip(pack, file):
    with zipfile.ZipFile(file, "w") as archive:  # stored: jars are compressed already
        for path in sorted(pack.rglob("*")):
            archive.write(path, f"{pack.name}/{path.relative_to(pack)}")


def clean_up():
    """Ends what this or an interrupted earlier run left running, and removes its folder."""
    for way in (signal.SIGTERM, signal.SIGKILL):
        for pid in processes_naming(PLACE):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, way)
        with contextlib.suppress(Unexpected):
            until(lambda: not processes_naming(PLACE), "processes do not end", seconds=10)
            break
    shutil.rmtree(PLACE, ignore_errors=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    clean_up()
    failed = True
    try:
        Story().tell()
        failed = False
    except Unexpected as problem:
        print(f"FAIL {problem}", file=sys.stderr)
        sys.exit(1)
    finally:
        if not (failed and os.environ.get("KEEP_WORK")):
            clean_up()


if __name__ == "__main__":
    main()
