"""The steps of record.py: each prepares a copy of the pack, calls the tool and leaves its answer in the probe."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Callable

from probe import PROMPT_LIMIT, Probe, Skip, seen

STEPS: dict[str, Callable[[Probe], None]] = {}
MINE = "\n# a customer's line\n"
TEMPLATE = "Added: {{.Added}}, Modified: {{.Modified}}, Removed: {{.Removed}}, Conflicts: {{.Conflicts}}"


def step(act: Callable[[Probe], None]) -> Callable[[Probe], None]:
    STEPS[act.__name__.rstrip("_").replace("_", "-")] = act
    return act


def customise_everywhere(file: Path) -> None:
    """Changes every line, so that whatever the vendor changed is changed here too."""
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(line.rstrip(b"\n") + b" # customer\n" for line in lines))


def conflict(probe: Probe, **how) -> Path:
    file = probe.text_file()
    customise_everywhere(file)
    probe.to_level("--template", TEMPLATE, note=f"every line of {file.name} was changed before", **how)
    return file


def resolve(probe: Probe, file: Path) -> None:
    if not file.with_name(file.name + ".new").exists():
        raise Skip("the tool left no conflict")
    for new in probe.home.rglob("*.new"):
        new.with_name(new.name[: -len(".new")] + ".final").write_bytes(new.read_bytes())


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
def conflict_(probe: Probe) -> None:
    """A conflict: output, helper files, level and state, and a further update while it is pending."""
    conflict(probe)
    probe.update("--level", str(probe.next), note="while conflicts are pending")
    probe.run("--continue", note="nothing resolved")


@step
def dry_run_conflict(probe: Probe) -> None:
    """A dry run that would conflict."""
    customise_everywhere(probe.text_file())
    probe.to_level("--dry-run")


@step
def skip_conflicts(probe: Probe) -> None:
    """What WSO2_UPDATES_SKIP_CONFLICTS=true does to a customised file."""
    file = conflict(probe, WSO2_UPDATES_SKIP_CONFLICTS="true")
    probe.runs[-1]["customer_lines_left"] = b" # customer" in file.read_bytes()


@step
def continue_(probe: Probe) -> None:
    """--continue after all conflicts were resolved, and once more."""
    resolve(probe, conflict(probe))
    probe.run("--continue")
    probe.run("--continue", note="nothing pending")


@step
def continue_offline(probe: Probe) -> None:
    """Whether --continue works without credentials and network."""
    resolve(probe, conflict(probe))
    probe.run("--continue", login=False, limit=PROMPT_LIMIT, **no_network())


@step
def revert_conflict(probe: Probe) -> None:
    """--revert while conflicts are pending."""
    conflict(probe)
    probe.run("--revert")


@step
def merge(probe: Probe) -> None:
    """A text changed on both sides in different places."""
    file = probe.text_file()
    file.write_bytes(file.read_bytes() + MINE.encode())
    probe.to_level("--template", TEMPLATE, note=f"a line was added at the end of {file.name}")
    probe.runs[-1]["customer_line_left"] = MINE.strip().encode() in file.read_bytes()


def changed_before(probe: Probe, file: Path, data: bytes) -> None:
    """The customer's bytes at a path that the update changes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    probe.to_level("--template", TEMPLATE, note=f"{file.name} was changed before")
    probe.runs[-1]["kept"] = file.exists() and file.read_bytes() == data


@step
def added_present(probe: Probe) -> None:
    """A file that the update adds is there already."""
    changed_before(probe, probe.pick("added", lambda path: True, "added file"), b"customer\n")


@step
def removed_changed(probe: Probe) -> None:
    """A file that the update removes was changed."""
    changed_before(probe, probe.pick("removed", lambda path: path.endswith((".txt", ".xml", ".jag", ".js")), "removed text"), b"customer\n")


@step
def car(probe: Probe) -> None:
    """A changed .car."""
    changed_before(probe, probe.pick("modified", lambda path: path.endswith(".car"), "changed .car"), b"customer")


@step
def war(probe: Probe) -> None:
    """A .war with its unpacked directory beside it."""
    file = probe.pick("modified", lambda path: path.endswith(".war"), "changed .war")
    folder = file.with_suffix("")
    folder.mkdir(exist_ok=True)
    (folder / "customer.txt").write_text("customer\n", encoding="utf-8")
    probe.to_level("--template", TEMPLATE, note=f"{folder.name}/ has a customer's file")


@step
def bundles_info(probe: Probe) -> None:
    """bundles.info that a start of the server has rewritten."""
    file = probe.pick("modified", lambda path: path.endswith("bundles.info"), "changed bundles.info")
    own = b"customer,1.0.0,../dropins/customer_1.0.0.jar,4,true\n"
    changed_before(probe, file, own + b"".join(sorted(file.read_bytes().splitlines(keepends=True))))
    probe.runs[-1]["own_line_left"] = own in file.read_bytes()


@step
def generated_conf(probe: Probe) -> None:
    """A changed file that has a template."""
    folder = probe.home / "repository/resources/conf/templates"
    file = probe.pick("modified", lambda path: (folder / f"{path}.j2").exists(), "changed file with a template")
    changed_before(probe, file, file.read_bytes() + b"<!-- generated -->\n")


@step
def deleted_vendor_file(probe: Probe) -> None:
    """A changed vendor file was deleted, as profile optimisation does."""
    file = probe.text_file()
    file.unlink()
    probe.to_level("--template", TEMPLATE, note=f"{file.name} was deleted before")


@step
def symlink(probe: Probe) -> None:
    """A changed vendor file is a link to a place outside."""
    file = probe.text_file()
    outside = probe.work / "outside"
    outside.write_bytes(file.read_bytes())
    before = outside.read_bytes()
    file.unlink()
    file.symlink_to(outside)
    probe.to_level(note=f"{file.name} is a link to a file outside")
    probe.runs[-1].update(still_a_link=file.is_symlink(), outside_changed=outside.read_bytes() != before)


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
def create_update(probe: Probe) -> None:
    """Where the zip is written, and what is in it."""
    probe.update("create-update", "-s", "0", "-e", str(probe.level))
    zips = [path for path in probe.work.rglob("*.zip") if path.name.startswith(f"{probe.home.name}.0-")]
    probe.runs[-1]["zips"] = [str(path) for path in zips]


def offline_zip(probe: Probe, start: int, end: int) -> str:
    probe.update("create-update", "-s", str(start), "-e", str(end))
    found = next((path for path in probe.work.rglob(f"*.{start}-*.{end}.zip")), None)
    if found is None:
        raise Skip("create-update left no zip")
    kept = probe.work / found.name
    found.replace(kept)
    return str(kept)


@step
def apply_update(probe: Probe) -> None:
    """apply-update on a fresh pack without credentials and network."""
    file = offline_zip(probe, 0, probe.level)
    probe.fresh()
    probe.update("apply-update", file, "--template", TEMPLATE, login=False, **no_network())


@step
def apply_update_earlier(probe: Probe) -> None:
    """A zip that starts below the installed level."""
    file = offline_zip(probe, 0, probe.next)
    probe.to_level()
    probe.update("apply-update", file)


def hotfix(probe: Probe, number: int = 0) -> str:
    if len(probe.hotfixes) <= number:
        raise Skip(f"needs {number + 1} hotfix zips (--hotfix) for level {probe.level}")
    probe.to_level()
    return str(probe.hotfixes[number])


@step
def hotfix_after_update(probe: Probe) -> None:
    """A hotfix right after an update."""
    probe.run("apply-hotfix", hotfix(probe))
    probe.run("current-state")


@step
def hotfix_dry_run(probe: Probe) -> None:
    """Whether apply-hotfix knows --dry-run."""
    probe.run("apply-hotfix", "--dry-run", hotfix(probe))


@step
def hotfix_gap(probe: Probe) -> None:
    """The second hotfix without the first."""
    probe.run("apply-hotfix", hotfix(probe, 1))


@step
def update_hotfixed(probe: Probe) -> None:
    """An update while a hotfix is applied."""
    probe.run("apply-hotfix", hotfix(probe))
    probe.update("--level", str(probe.next))


@step
def revert_hotfix(probe: Probe) -> None:
    """Exit code of revert-hotfix, and what it drops."""
    probe.run("apply-hotfix", hotfix(probe))
    since = probe.home / "repository/deployment/server/written-since.txt"
    since.parent.mkdir(parents=True, exist_ok=True)
    since.write_text("since\n", encoding="utf-8")
    probe.run("revert-hotfix")


@step
def disk(probe: Probe) -> None:
    """The disk rule."""
    raise Skip("by hand: run once with a small file system as --backup and once with a small one as HOME")
