"""Knobs of files, conflicts, hotfixes, config.json and output."""

from __future__ import annotations

import zipfile

import catalogue
from knob_cases import case
from standin import merge
from standin.config import STATE_FILE
from world import BUNDLES, CAR, CARBON, CORE, KEY, LOG4J, NEW_SQL, OLD, PAGE, PASSWORD, SCRIPT, WAR, archive, war

TEMPLATE = ("--template", "M={{.Modified}}")
WAR_LEVEL = [{"level": 2, "write": {WAR: war("level 2")}}]


def helpers(world):
    """The conflict files of the product, by their ends."""
    return sorted({path.rpartition(".")[2] for path in world.product() if path.endswith((".original", ".new", ".final"))})


def resolve(world):
    world.file(LOG4J + ".final").write_text("x\n", encoding="utf-8")


def fix(world, number=1, level=0):
    return str(catalogue.hotfix(world.dir, KEY, level, number, {PAGE: b"fixed\n"}))


@case({"cumulative": True, "one-by-one": False})
def steps(world, switches):
    """Only the jump from 0 to 9 in one difference misses the stop that level 9 requires."""
    world.expect(0, switches=switches)
    return world.file(CORE[0]).exists()


@case({"midway": False, "upfront": True})
def permission_check(world, switches):
    world.expect(1, switches={**switches, "readonly_file": 3})
    return world.product() == world.vendor(0)


@case({"truncate": True, "rename": False})
def write_method(world, switches):
    before = world.file(LOG4J).stat().st_ino
    world.expect(0, switches=switches)
    return world.file(LOG4J).stat().st_ino == before


@case({"kept": 0o600, "vendor": 0o644})
def file_mode(world, switches):
    world.file(LOG4J).chmod(0o600)
    world.expect(0, switches=switches)
    return world.file(LOG4J).stat().st_mode & 0o777


@case({"through": (True, True), "replaced": (False, False)})
def symlink_at_path(world, switches):
    outside = world.dir / "outside.properties"
    world.file(LOG4J).rename(outside)
    world.file(LOG4J).symlink_to(outside)
    world.expect(0, "--level", "1", switches=switches)
    return world.file(LOG4J).is_symlink(), "level = WARN" in outside.read_text(encoding="utf-8")


@case({"replace": 0, "conflict": 3})
def added_present(world, switches):
    world.file(NEW_SQL).write_text("-- mine\n", encoding="utf-8")
    return world.run(switches=switches).code


@case({"restore": (0, True), "skip": (0, False), "conflict": (3, False)})
def missing_local(world, switches):
    world.file(LOG4J).unlink()
    return world.run(switches=switches).code, world.file(LOG4J).exists()


@case({"remove": (0, False), "keep": (0, True), "conflict": (3, True)})
def removed_but_changed(world, switches):
    world.file(OLD).write_text("mine\n", encoding="utf-8")
    return world.run(switches=switches).code, world.file(OLD).exists()


@case({"lines": 0, "never": 3})
def text_merge(world, switches):
    world.replace(LOG4J, "name = a", "name = mine")
    return world.run(switches=switches).code


@case({"as-text": (0, True), "replace": (0, False), "conflict": (3, True)})
def generated_conf(world, switches):
    world.replace(CARBON, "<Offset>0</Offset>", "<Offset>7</Offset>")
    return world.run(switches=switches).code, "<Offset>7" in world.text(CARBON)


@case({"merge": (0, True), "conflict": (3, True), "replace": (0, False)})
def bundles_info(world, switches):
    world.file(BUNDLES).write_text(world.text(BUNDLES) + "own,1.0.0,../dropins/own.jar,4,true\n", encoding="utf-8")
    return world.run("--level", "1", switches=switches).code, "own.jar" in world.text(BUNDLES)


@case({"replace": False, "keep": True}, levels=[{"level": 2, "write": {CAR: archive({"a": "new"})}}])
def car_files(world, switches):
    world.file(CAR).write_bytes(archive({"a": "mine"}))
    world.expect(0, switches=switches)
    return merge.members(world.file(CAR).read_bytes()) == {"a": b"mine"}


@case({"vendor": b"level 2", "local": b"mine"}, levels=WAR_LEVEL)
def war_member_conflict(world, switches):
    world.file(WAR).write_bytes(war("mine"))
    world.expect(0, switches=switches)
    return merge.members(world.file(WAR).read_bytes())["index.html"].splitlines()[1]


@case({"updated": "level 2", "left": "level 0"}, levels=WAR_LEVEL)
def exploded_war(world, switches):
    folder = world.file(WAR[: -len(".war")])
    with zipfile.ZipFile(world.file(WAR)) as packed:
        packed.extractall(folder)
    world.expect(0, switches=switches)
    return (folder / "index.html").read_text(encoding="utf-8").splitlines()[1]


@case({"old": "-1", "new": "1"})
def conflict_level(world, switches):
    world.conflict(switches)
    return world.level()


@case({"own-file": True, "config": False})
def state_place(world, switches):
    world.conflict(switches)
    seen = world.file(f"updates/{STATE_FILE}").exists()
    resolve(world)
    world.expect(0, "--continue", switches=switches)
    return seen


@case({"vendor": (0, "WARN"), "local": (0, "DEBUG"), "ignored": (3, "DEBUG")})
def skip_conflicts(world, switches):
    code = world.conflict(switches, WSO2_UPDATES_SKIP_CONFLICTS="true").code
    return code, next(word for word in ("WARN", "DEBUG") if word in world.text(LOG4J))


@case({False: [], True: ["original"]})
def continue_leaves_original(world, switches):
    world.conflict()
    resolve(world)
    world.expect(0, "--continue", switches=switches)
    return helpers(world)


@case({False: (0, []), True: (3, ["new", "original"])})
def second_wave(world, switches):
    world.conflict(switches)
    resolve(world)
    code, seen = world.run("--continue", switches=switches).code, helpers(world)
    resolve(world)
    world.run("--continue", switches=switches)
    assert world.level() == "1"
    return code, seen


@case({"exclusive": [3], "inclusive": [1, 3]})
def create_update_from(world, switches):
    world.expect(0, "create-update", "-s", "1", "-e", "3", cwd=world.dir, switches=switches)
    with zipfile.ZipFile(world.dir / f"{KEY}.1-4.2.0.3.zip") as packed:
        return [level for level in (1, 3, 4) if f"levels/{level:04}/update.json" in packed.namelist()]


@case({"refuse": 1, "accept": 0})
def hotfix_gap(world, switches):
    return world.run("apply-hotfix", fix(world, 2), switches=switches).code


@case({"allowed": 0, "refused": 1})
def hotfix_after_update(world, switches):
    world.expect(0, "--level", "1")
    return world.run("apply-hotfix", fix(world, level=1), switches=switches).code


@case({"unknown": 1, "simulated": 0})
def hotfix_dry_run(world, switches):
    result = world.run("apply-hotfix", "--dry-run", fix(world), switches=switches)
    assert world.product() == world.vendor(0)
    return result.code


@case({"refuse": (1, "fixed"), "drop": (3, "fixed")})
def update_with_hotfixes(world, switches):
    world.expect(0, "apply-hotfix", fix(world))
    return world.run("--level", "4", switches=switches).code, world.text(PAGE).strip()


@case({0: 0, 4: 4})
def revert_hotfix_exit(world, switches):
    world.expect(0, "apply-hotfix", fix(world))
    return world.run("revert-hotfix", switches=switches).code


@case({"string": "1", "number": 1})
def level_type(world, switches):
    world.expect(0, "--level", "1", switches=switches)
    return world.level()


@case({"username": ["username"], "tokens": ["service", "username"], "none": []})
def config_account(world, switches):
    world.expect(0, switches=switches)
    return sorted({"username", "service"} & set(world.config()))


@case({False: False, True: True})
def config_extra_keys(world, switches):
    world.expect(0, switches=switches)
    return "standin-unknown" in world.config()


@case({"stable": 0, "reversed": 4})
def config_order(world, switches):
    world.expect(0, switches=switches)
    return list(world.config()).index("update-level")


@case({"lf": False, "crlf": True})
def config_newlines(world, switches):
    world.expect(0, switches=switches)
    return b"\r\n" in world.file("updates/config.json").read_bytes()


@case({"written": 1, "never": 0})
def changelog(world, switches):
    world.expect(0, switches=switches)
    return len(list(world.file("updates").glob("changelog-*")))


@case({"0000": "changelog-0000-0009.md", "-001": "changelog--001-0009.md"})
def changelog_start(world, switches):
    world.expect(0, switches=switches)
    return next(world.file("updates").glob("changelog-*")).name


@case({"stdout": (True, False), "stderr": (False, True)})
def message_stream(world, switches):
    result = world.expect(0, switches=switches)
    return "[standin]" in result.text, "[standin]" in result.err


@case({"lines": False, "carriage-return": True})
def progress(world, switches):
    return b"\r[standin]" in world.expect(0, switches=switches).out


@case({"normal": False, "flood": True})
def output_volume(world, switches):
    return len(world.expect(0, switches=switches).out) > 1_000_000


@case({"utf-8": False, "invalid": True})
def output_bytes(world, switches):
    return "\ufffd" in world.expect(0, switches=switches).out.decode(errors="replace")


@case({"none": (False, "9"), "silent": (True, "9")})
def output_pause(world, switches):
    child = world.start(switches=switches)
    if switches["output_pause"] == "silent":
        world.wait_mark("silent")
        (world.marks / "release.silent").touch()
    assert child.wait().code == 0
    return (world.marks / "at.silent").exists(), world.level()


@case({False: False, True: True})
def echo_secrets(world, switches):
    return PASSWORD in world.expect(0, switches=switches).text


@case({"absolute": True, "pack": False})
def template_paths(world, switches):
    text = world.expect(0, *TEMPLATE, switches=switches).text
    assert f"{KEY}/{LOG4J}" in text
    return f"{world.home}/{LOG4J}" in text


@case({"undefined": (1, False), "defined": (0, True)})
def template_merged(world, switches):
    world.replace(SCRIPT, "-Xms256m", "-Xms4g")
    result = world.run("--template", "G={{.Merged}}", switches=switches)
    return result.code, f"G=[{world.home}/{SCRIPT}]" in result.text


@case({"all": True, "merged": False})
def template_modified(world, switches):
    return LOG4J in world.expect(0, *TEMPLATE, switches=switches).text


@case({"go": 0, "refused": 1})
def template_range(world, switches):
    return world.run("--template", '{{range .Added}}{{.}}{{"\\n"}}{{end}}', switches=switches).code


@case({"empty-lists": True, "no-line": False})
def template_up_to_date(world, switches):
    world.expect(0)
    return "M=[]" in world.expect(0, *TEMPLATE, switches=switches).text
