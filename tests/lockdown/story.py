#!/usr/bin/env python3
"""An update on its way into a network that nothing reaches, and what comes back. run.sh prepares what this needs; every step
stands on what the one before left."""

import contextlib
import json
import os
import queue
import shutil
import socket
import threading
from pathlib import Path

from sandbox import AGENT, PLACE, Host, Lockdown, expect

PART = {"demo": "20K", "flink": "1M"}[os.environ["PRODUCT"]]
SUITE = "smoke=test -d \"$PITSTOP_HOME\""


def tell(text):
    print(f"     {text}", flush=True)


def carry(files, to):
    """By hand: files are copied, and nothing else passes."""
    to.mkdir(exist_ok=True)
    return [Path(shutil.copy(file, to)) for file in files]


class Story:
    def __init__(self):
        self.desk = PLACE / "desk"  # where bundles are made, in the connected sandbox
        self.media = PLACE / "media"
        for folder in (self.desk, self.media, self.desk / "packs"):
            folder.mkdir(parents=True)
        self.networks = [Lockdown(), Lockdown()]
        self.hosts = []

    def prepare(self):
        self.staging = self.host("staging-1", "staging")
        self.locked = [self.host(f"locked-{n}", "lockdown", network) for n, network in enumerate(self.networks, 1)]
        product = self.staging.product
        self.levels = product.levels
        self.packs = {level: product.offer(level, self.desk / "packs") for level in self.levels}
        self.release, self.tester = keygen(self.staging, self.desk / "release.key"), keygen(self.staging, self.desk / "tester.key")
        self.keys = [keygen(host, host.place / f"{host.name}.key") for host in self.locked]
        roles = {"release": {"keys": ["release.key.pem"]}, "evidence": {"staging": {"keys": ["tester.key.pem"]}}}
        for host in self.locked:
            host.trust(roles, [self.release, self.tester])
        # Only where bundles are made anybody believes what these two say of themselves.
        roles["evidence"]["lockdown"] = {"keys": [f"{key.name}.pem" for key in self.keys]}
        self.staging.trust(roles, [self.release, self.tester, *self.keys])
        for host in self.hosts:
            host.write("policy.yaml", {"default": {"unsigned": "refuse"}})
            host.install(self.packs[self.levels[0]])
            expect(host.level() == self.levels[0], f"{host.name} answers {host.level()}")
        for host in self.locked:
            demanded = {"environment": "staging", "suites": ["smoke"]}
            host.write("policy.yaml", {"default": {"unsigned": "refuse", "max_age": "7d", "evidence": [demanded]}})

    def host(self, *arguments):
        self.hosts.append(Host(*arguments))
        return self.hosts[-1]

    def nothing_gets_out(self):
        """The same connections succeed in the connected sandbox and fail in the others, so that it is the network that fails them."""
        addresses = ["127.0.0.1"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))  # sends nothing: only asks the routes which address would be used
                addresses.append(probe.getsockname()[0])
            except OSError:
                tell("this machine has no route itself: only its own listener is tried")
        with socket.create_server(("0.0.0.0", 0)) as listener:
            port = listener.getsockname()[1]
            heard, came = queue.Queue(), []
            threading.Thread(target=lambda: listen(listener, heard), daemon=True).start()
            for address in addresses:
                ran = self.staging.reaches(address, port)
                expect(ran.stdout == "reached\n", f"the connected sandbox does not reach {address}: {ran.stderr}")
            for host in self.locked:
                expect(host.network.interfaces() == ["lo"], f"{host.name} has {host.network.interfaces()}")
                for address in addresses:
                    ran = host.reaches(address, port)
                    expect(ran.returncode != 0, f"{host.name} reaches {address}")
                ran = host.reaches("192.0.2.1", 80)
                expect("Network is unreachable" in ran.stderr, f"{host.name} has a way out: {ran.stdout}{ran.stderr}")
            expect(self.staging.reaches("127.0.0.1", port).returncode == 0, "the listener has ended: nothing was proven")
            # Whoever came before this last one is heard before it.
            while came.count(self.staging.name) <= len(addresses):
                came.append(heard.get(timeout=60))
            expect(not {host.name for host in self.locked} & set(came), f"something came out of a lockdown sandbox: {came}")

    def make(self, *start, to):
        out = self.desk / f"to-{to}.pitstop"
        made = self.staging.pitstop("bundle", "create", *start, "--to", self.packs[to], "--sign", self.release, "--out", out)
        whole = sum(file.stat().st_size for file in files_of(self.packs[to]))
        tell(f"{out.name}: {made['bytes']} bytes; the pack has {whole}")
        return out, made

    def test(self, bundle, level):
        """Staging runs it, tests it, and what was found goes into the bundle. Nothing else of it changes."""
        self.staging.pitstop("update", self.staging.name, "--from", bundle)
        expect(self.staging.level() == level, f"staging answers {self.staging.level()}")
        evidence = self.desk / f"evidence-{level}.json"
        self.staging.pitstop(
            "verify", self.staging.name, "--deep", "--suite", SUITE, "--evidence", evidence, "--sign", self.tester
        )
        before = self.staging.pitstop("bundle", "inspect", bundle)
        attached = self.staging.pitstop("bundle", "attach", bundle, evidence)
        expect(len(attached["attached"]) == len(before["attached"]) + 1, f"nothing was attached: {attached}")
        expect((attached["to"], attached["contents"]) == (before["to"], before["contents"]), "the content is another")

    def refused_without_evidence(self, bundle):
        """What is signed and whole is not enough: nobody has tested it. The server does not notice."""
        for host in self.locked:
            server = host.server()
            report = host.pitstop("update", host.name, "--from", bundle, code=6)
            expect(report["error"]["kind"] == "evidence", f"{host.name} refuses for {report['error']}")
            expect("needs evidence from staging: 0 of 1 host with smoke" in report["error"]["message"], report["error"]["message"])
            check = host.pitstop("check", host.name, "--from", bundle)
            expect([one["kind"] for one in check["blockers"]] == ["evidence"], f"check sees {check['blockers']}")
            expect((host.server(), host.level()) == (server, self.levels[0]), f"{host.name} was touched")

    def join_damaged(self, parts):
        """Media fail: the part that did is named, and no bundle comes of it."""
        bad, out = parts[0], self.media / "damaged.pitstop"
        good = bad.read_bytes()
        bad.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        report = self.locked[0].pitstop("bundle", "join", list_of(parts), "--out", out, code=1)
        expect(bad.name in report["error"]["message"], f"the damaged part is not named: {report['error']}")
        expect(not out.exists(), "a damaged bundle was put together")
        bad.write_bytes(good)

    def apply(self, bundle, level):
        for host in self.locked:
            verified = host.pitstop("bundle", "verify", bundle)
            expect(verified["trusted"] and len(verified["attached"]) == 1, f"{host.name} verifies {verified}")
            check = host.pitstop("check", host.name, "--from", bundle)
            expect(check["blockers"] == [], f"{host.name} is held up: {check['blockers']}")
            report = host.pitstop("update", host.name, "--from", bundle)
            expect(report["status"] == "updated" and len(report["signed_by"]) == 1, f"{host.name}: {report['message']}")
            host.pitstop("verify", host.name, "--deep")
            expect(host.level() == level, f"{host.name} answers {host.level()}, not {level}")
            again = host.pitstop("update", host.name, "--from", bundle)
            expect(not again["changed"], f"{host.name} changes again")
            tell(f"{host.name}: {report['message']}")

    def receipts(self):
        out = []
        for host, key in zip(self.locked, self.keys):
            out.append(host.place / f"receipt-{host.name}.json")
            host.pitstop("receipt", host.name, "--out", out[-1], "--sign", key)
            expect(out[-1].stat().st_size < 64 << 10, f"a receipt of {out[-1].stat().st_size} bytes")
        return out

    def tell_it(self):
        first, second, third = self.levels
        self.nothing_gets_out()
        tell("no packet leaves the two sandboxes in lockdown, and the connected one is reached from itself")

        bundle, _ = self.make("--from", self.packs[first], to=second)
        untested = shutil.copy(bundle, self.desk / "untested.pitstop")
        self.refused_without_evidence(carry([untested], self.media)[0])
        tell(f"{second} is refused in lockdown: nobody has tested it")
        self.test(bundle, second)
        cut = self.staging.pitstop("bundle", "split", bundle, "--size", PART)
        parts = carry([Path(part) for part in cut["parts"]], self.media)
        expect(len(parts) > 2, f"{len(parts)} parts are none: {cut}")
        self.join_damaged(parts)
        joined = self.media / "joined.pitstop"
        self.locked[0].pitstop("bundle", "join", list_of(parts), "--out", joined)
        expect(joined.read_bytes() == bundle.read_bytes(), "what was put together is not what was cut")
        self.apply(joined, second)

        receipts = carry(self.receipts(), self.desk / "receipts")
        start = [word for receipt in receipts for word in ("--for", receipt)]
        # Staging went the same way, so that the bundle that these two need is also its own.
        bundle, made = self.make(*start, "--packs", self.desk / "packs", to=third)
        expect([tree["level"] for tree in made["from"]] == [second], f"it starts at {made['from']}")
        self.test(bundle, third)
        self.apply(carry([bundle], self.media)[0], third)
        self.nothing_gets_out()

    def close(self):
        for host in self.hosts:
            host.stop()
        for network in self.networks:
            network.close()


def keygen(host, key):
    host.pitstop("trust", "keygen", key)
    return key


def listen(listener, heard):
    """Hears who comes, one after the other."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            heard.put(connection.recv(64).decode(errors="replace"))


def files_of(pack):
    return [pack] if pack.is_file() else [file for file in pack.rglob("*") if file.is_file() and not file.is_symlink()]


def list_of(parts):
    return next(part for part in parts if part.name.endswith(".parts"))


def main():
    expect(Path(AGENT).exists(), f"{AGENT} is missing")
    shutil.rmtree(PLACE, ignore_errors=True)
    story, well = Story(), False
    try:
        story.prepare()
        story.tell_it()
        well = True
    finally:
        story.close()
        if well or not os.environ.get("KEEP_WORK"):
            shutil.rmtree(PLACE, ignore_errors=True)
    print(json.dumps({"lockdown": "well", "levels": story.levels}))


main()
