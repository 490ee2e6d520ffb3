"""The steps of record.py about calls, levels, backups and processes.

Each prepares a copy of the pack, calls the tool and leaves its answer in the probe.
"""

from __future__ import annotations

import os
import signal
from typing import Callable

from probe import PROMPT_LIMIT, Probe, Skip, seen

STEPS: dict[str, Callable[[Probe], None]] = {}
TEMPLATE = "Added: {{.Added}}, Modified: {{.Modified}}, Removed: {{.Removed}}, Conflicts: {{.Conflicts}}"


def step(act: Callable[[Probe], None]) -> Callable[[Probe], None]:
    STEPS[act.__name__.rstrip("_").replace("_", "-")] = act
    return act


@step
def self_update(probe: Probe) -> None:
    """What the first call says and changes, with exit 2 if the tool updates itself; a wrong login before it."""
    probe.run("version")
    probe.run("check", note="wrong password", UPDATE_TOOL_PASSWORD="not-the-password")
    probe.update("check")
    for words in (("--help",), ("help", "apply-update"), ("help", "apply-hotfix"), ("help", "create-update")):
        probe.run(*words)


@step
def elsewhere(probe: Probe) -> None:
    """Which product is found when the working directory is not bin/."""
    probe.run("version", cwd=probe.work)


@step
def updates_home(probe: Probe) -> None:
    """Whether WSO2_UPDATES_HOME moves downloads and backups."""
    other = probe.work / "other-updates-home"
    probe.to_level(note=f"WSO2_UPDATES_HOME={other.name}", WSO2_UPDATES_HOME=str(other))
    probe.runs[-1]["other_updates_home"] = sorted(one.name for one in other.glob("*")) if other.exists() else None


@step
def login_env(probe: Probe) -> None:
    """Whether the credentials of the environment are read."""
    probe.update("check")


@step
def login_closed(probe: Probe) -> None:
    """What a call without credentials says when stdin is closed, and whether it waits."""
    probe.run("check", login=False, limit=PROMPT_LIMIT)


@step
def current_state(probe: Probe) -> None:
    """What current-state prints; whether it can end with 2."""
    probe.update("current-state")


@step
def current_state_offline(probe: Probe) -> None:
    """Whether current-state works without credentials and with a proxy that does not exist."""
    probe.run("current-state", login=False, limit=PROMPT_LIMIT, note="no credentials, no network", **no_network())


def no_network() -> dict[str, str]:
    """Proxies that nobody answers for, and for the stand-in a service that is not there."""
    dead = "http://127.0.0.1:9"
    return {"http_proxy": dead, "https_proxy": dead, "HTTP_PROXY": dead, "HTTPS_PROXY": dead, "STANDIN_SERVICE": "/nowhere"}


@step
def migrations(probe: Probe) -> None:
    """What happens to leftovers of WUM, with and without WSO2_UPDATES_SKIP_MIGRATIONS."""
    for skip in (None, "true"):
        probe.fresh()
        (probe.home / "updates/wum").mkdir(exist_ok=True)
        (probe.home / "updates/wum/config.yaml").write_text("left: true\n", encoding="utf-8")
        (probe.home / "updates/config.yaml").write_text("left: true\n", encoding="utf-8")
        probe.to_level(note=f"WSO2_UPDATES_SKIP_MIGRATIONS={skip}", WSO2_UPDATES_SKIP_MIGRATIONS=skip)


@step
def check(probe: Probe) -> None:
    """What check prints when there are newer levels, and its exit code."""
    probe.update("check")


@step
def dry_run(probe: Probe) -> None:
    """What a dry run prints and writes."""
    probe.to_level("--dry-run", "--template", TEMPLATE)


@step
def update(probe: Probe) -> None:
    """A plain update: texts, streams, files, inodes, config.json, backup."""
    probe.run("version", note="before")
    probe.to_level("--verbose")
    probe.update("--level", str(probe.next), note="a further level")


@step
def update_again(probe: Probe) -> None:
    """Whether the second backup removes the first."""
    probe.to_level()
    probe.update("--level", str(probe.next))


@step
def up_to_date(probe: Probe) -> None:
    """An update when there is nothing to do: exit code, template, backup."""
    probe.to_level()
    probe.to_level("--template", TEMPLATE)


@step
def lower_level(probe: Probe) -> None:
    """A level below the installed one."""
    probe.update("--level", str(probe.next))
    probe.to_level()


@step
def template(probe: Probe) -> None:
    """Paths and lists of the template."""
    probe.to_level("--template", TEMPLATE)


@step
def template_merged(probe: Probe) -> None:
    """Whether .Merged exists."""
    probe.to_level("--template", "Merged: {{.Merged}}")


@step
def template_range(probe: Probe) -> None:
    """Whether a template may range."""
    probe.to_level("--template", '{{range .Modified}}M:{{.}}{{"\\n"}}{{end}}')


@step
def backup_missing(probe: Probe) -> None:
    """Backup directories that are missing, relative, or inside of the product."""
    probe.to_level("--backup", str(probe.work / "missing"))
    probe.fresh()
    probe.to_level("--backup", "../../relative")
    probe.fresh()
    probe.to_level("--backup", str(probe.home / "inside"))


@step
def no_backup(probe: Probe) -> None:
    """Whether --revert after --no-backup goes back to an older backup."""
    probe.to_level()
    probe.update("--level", str(probe.next), "--no-backup")
    probe.run("--revert")


@step
def revert(probe: Probe) -> None:
    """Exit code of --revert, what is kept of the backup and of the tool."""
    probe.to_level()
    (probe.home / "written-since.txt").write_text("since\n", encoding="utf-8")
    probe.run("--revert")


@step
def revert_again(probe: Probe) -> None:
    """A second --revert."""
    probe.to_level()
    probe.run("--revert")
    probe.run("--revert")


@step
def revert_touched(probe: Probe) -> None:
    """How a touched backup is noticed: other bytes of the same size, then another size."""
    for note, change in (("same size", lambda data: data.swapcase()), ("other size", lambda data: data + b"more")):
        probe.fresh()
        probe.to_level()
        version = next((probe.user_home / ".wso2-updates/backup").glob("*/bin/version.txt"), None)
        if version is None:
            raise Skip("no backup with bin/version.txt in the default place")
        version.write_bytes(change(version.read_bytes()))
        probe.run("--revert", note=f"bin/version.txt of the backup was changed: {note}")


@step
def read_only_file(probe: Probe) -> None:
    """A changed file without write permission: how much was done before it was noticed."""
    if os.geteuid() == 0:
        raise Skip("root may write everything: record as an ordinary user")
    probe.text_file().chmod(0o444)
    probe.to_level()


@step
def interrupt(probe: Probe) -> None:
    """SIGTERM when the first file has changed, then the same command again."""
    before, client = seen(probe.home), probe.tool.read_bytes()
    call = probe.start("--level", str(probe.level))
    probe.wait_for_change(call)
    if call.child.poll() is None:
        os.killpg(call.child.pid, signal.SIGTERM)
    probe.note(call, "SIGTERM in the middle", call.ended(PROMPT_LIMIT), before, client)
    probe.to_level(note="again")


@step
def second_run(probe: Probe) -> None:
    """A second run while the first one works."""
    before, client = seen(probe.home), probe.tool.read_bytes()
    first = probe.start("--level", str(probe.level))
    probe.run("current-state", note="while another run works")
    probe.note(first, "the first run", first.ended(probe.limit), before, client)


@step
def running(probe: Probe) -> None:
    """A pid file that names a living process."""
    (probe.home / "wso2carbon.pid").write_text(f"{os.getpid()}\n", encoding="ascii")
    probe.to_level(note="wso2carbon.pid names a living process")


@step
def disk(probe: Probe) -> None:
    """The disk rule."""
    raise Skip("by hand: run once with a small file system as --backup and once with a small one as HOME")
