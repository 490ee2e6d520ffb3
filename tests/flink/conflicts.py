"""A real conflict: the vendor took a key away between two levels that the operator had changed. Predicted while the server
runs, decided once, replayed on another host."""

import subprocess

from installation import AGENT, Installation
from story import expect  # the demo's

CONFIG, KEY = "conf/config.yaml", "rest.bind-address"
# What the vendor ships up to 1.20.1; 1.20.5 has it as a comment.
BOUND = b"\n  bind-address: localhost\n  # # The port"
COMMENT = b"  # bind-address: localhost\n"


def bound(how):
    return b"\n  " + how + b"\n  # # The port"


class Host(Installation):
    """An installation whose operator binds the REST server elsewhere."""

    def __init__(self, name, source, pack, how):
        super().__init__(name, source, pack)
        config = self.home / CONFIG
        text = config.read_bytes()
        expect(text.count(BOUND) == 1, f"{KEY} is not where this test expects it")
        config.write_bytes(text.replace(BOUND, bound(how)))
        self.operators[CONFIG] = config.read_bytes()
        self.pitstop("adopt", name, "--pristine", pack)

    def expect_decided(self):
        """The operator's file is as it was, with the vendor's new comment."""
        text = (self.home / CONFIG).read_bytes()
        expect(text.count(COMMENT) == 1, f"the vendor's comment is in {CONFIG} {text.count(COMMENT)} times")
        expect(text.replace(COMMENT, b"") == self.operators[CONFIG], f"{CONFIG} is not what was decided")
        self.expect_kept(text)


def open_keys(report):
    return {(one["path"], key["key"]) for one in report["conflicts"] for key in one["keys"] if "answer" not in key}


def tell(check, old, new):
    """`check` tells what is checked; `old` and `new` are packs."""
    wanted = {(CONFIG, KEY)}
    with check("a running 1.20.0 whose operator changed a key that 1.20.5 lacks: check predicts the conflict"):
        first = Host("first", new, old, b"bind-address: 127.0.0.1")
        first.pitstop("start", first.name)
        before = (first.fingerprint(), first.jvms())
        report = first.pitstop("check", first.name)
        expect(open_keys(report) == wanted, f"check predicts {open_keys(report)}")
        told = report["conflicts"][0]["keys"][0]
        expect("127.0.0.1" in told["current"] and "new" not in told, f"the conflict is told as {told}")
        expect((first.fingerprint(), first.jvms()) == before, "check changed something")
    with check("the update waits for a person and stops nothing; the key is decided once, and 1.20.5 serves with it"):
        report = first.pitstop("update", first.name, code=3)
        expect(open_keys(report) == wanted and first.answer() == "1.20.0", f"the report says {report['error']}")
        expect(first.jvms() == before[1], "the server was restarted")
        listed = first.pitstop("conflicts", "list", first.name)
        expect(open_keys(listed) == wanted, f"list says {listed['message']}")
        resolve = ["conflicts", "resolve", first.name, CONFIG, "--key", KEY, "--take", "ours"]
        expect(first.pitstop(*resolve)["status"] == "resolved", "something is still open")
        expect(not first.pitstop(*resolve)["changed"], "deciding the same again changed something")
        report = first.pitstop("update", first.name, "--continue")
        expect(report["status"] == "updated", f"the report says {report['status']}")
        first.expect_serving("1.20.5")
        first.expect_decided()
        first.expect_vendors(new)
        first.pitstop("stop", first.name)
    with check("on another host, which wrote it differently, it is in conflict too, until the memory is imported"):
        second = Host("second", new, old, b"# this host only\n  bind-address:   127.0.0.1  # not localhost")
        second.pitstop("start", second.name)
        expect(open_keys(second.pitstop("check", second.name)) == wanted, "the conflict is not predicted")
        command = [AGENT, "--state-dir", first.state_dir, "--config-dir", first.config_dir, "conflicts", "export"]
        document = subprocess.run(command, check=True, capture_output=True).stdout
        (second.place / "memory.json").write_bytes(document)
        imported = second.pitstop("conflicts", "import", second.place / "memory.json")
        expect((imported["new"], imported["changed"]) == (1, True), f"import says {imported['message']}")
        report = second.pitstop("check", second.name)
        expect(not report["conflicts"], f"check predicts {open_keys(report)}")
        report = second.pitstop("check", second.name, "--no-remembered")
        expect(open_keys(report) == wanted, "--no-remembered has no effect")
    with check("there the update goes through without a person, and its plan shows who decided what"):
        dry = second.pitstop("update", second.name, "--dry-run")
        (decided,) = dry["plan"]["remembered"]
        expect((decided["path"], decided["key"], decided["take"]) == (CONFIG, KEY, "ours"), f"the plan shows {decided}")
        expect(decided["instance"] == "first" and decided["by"] and decided["decided"], f"the plan shows {decided}")
        report = second.pitstop("update", second.name, "--plan", dry["plan"]["id"])
        expect(report["status"] == "updated", f"the report says {report['status']}")
        second.expect_serving("1.20.5")
        second.expect_decided()
        second.expect_vendors(new)
        second.pitstop("stop", second.name)
        second.expect_stopped()
