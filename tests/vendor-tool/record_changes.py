"""The steps of record.py about what happens to files: conflicts, merges, offline zips, hotfixes."""

from __future__ import annotations

from pathlib import Path

from probe import PROMPT_LIMIT, Probe, Skip
from record_steps import STEPS, TEMPLATE, no_network, step

__all__ = ["STEPS"]  # complete once this module is loaded

MINE = "\n# a customer's line\n"


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
    """A text changed on both sides in different places, and with a mode of its own."""
    file = probe.text_file()
    file.chmod(0o600)
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
