"""Knobs of installation, login, levels, exit codes, backup and disk."""

from __future__ import annotations

import fcntl
import os
import signal

import bundle
from knob_cases import case
from world import KEY, LOG4J, TOML, World

NEWER = (bundle.VERSION, "1.6.0")


@case({"executable": 0, "cwd": 1})
def home_rule(world, switches):
    return world.run("version", cwd=world.dir, switches=switches).code


@case({"ignored": (True, False), "read": (False, True)})
def updates_home_env(world, switches):
    other = world.dir / "other"
    world.expect(0, switches=switches, WSO2_UPDATES_HOME=str(other))
    return bool(world.backups()), (other / "backup").is_dir()


@case({True: 1, False: 0})
def current_state_online(world, switches):
    return world.run("current-state", switches=switches, STANDIN_SERVICE=None).code


@case({True: 2, False: 0}, tools=NEWER)
def current_state_self_updates(world, switches):
    return world.run("current-state", switches=switches).code


@case({True: 1, False: 0})
def continue_online(world, switches):
    world.conflict(switches)
    world.file(LOG4J + ".final").write_text("x\n", encoding="utf-8")
    return world.run("--continue", switches=switches, STANDIN_SERVICE=None).code


@case({"after-login": 1, "before-login": 2}, tools=NEWER)
def self_update_order(world, switches):
    return world.run("check", "-p", "wrong", switches=switches).code


@case({"kept": True, "x-lost": False}, tools=NEWER)
def self_update_mode(world, switches):
    world.expect(2, switches=switches)
    return bool(world.tool.stat().st_mode & 0o100)


@case({"exit-2": (2, "-1"), "none": (0, "9")}, tools=NEWER)
def offline_self_update(world, switches):
    bundle.install(world.home, "1.6.0")
    world.expect(0, "create-update", "-s", "0", cwd=world.dir)
    bundle.install(world.home)
    result = world.run("apply-update", str(world.dir / f"{KEY}.0-4.2.0.9.zip"), switches=switches)
    return result.code, world.level()


@case({"read": 0, "ignored": 1})
def env_credentials(world, switches):
    return world.run("check", switches=switches).code


@case({"Email:": True, "Username:": False})
def prompt_word(world, switches):
    return "Email:" in world.run("check", login=False, switches=switches).text


@case({False: 1, True: -signal.SIGKILL})
def hang_on_prompt(world, switches):
    child = world.start("check", login=False, switches=switches)
    if switches["hang_on_prompt"]:
        world.wait_mark("prompt")
        return child.kill().code
    return child.wait().code


@case({"left": (True, True), "converted": (False, True)})
def wum_leftovers(world, switches):
    seen = []
    for skip in (None, "true"):
        world.file("updates/wum").mkdir(exist_ok=True)
        world.file("updates/config.yaml").touch()
        world.expect(0, "version", switches=switches, WSO2_UPDATES_SKIP_MIGRATIONS=skip)
        seen.append(world.file("updates/wum").exists() and world.file("updates/config.yaml").exists())
    return tuple(seen)


@case({"refuse": (1, "3"), "no-op": (0, "3")})
def lower_level(world, switches):
    world.expect(0, "--level", "3")
    return world.run("--level", "1", switches=switches).code, world.level()


@case({0: 0, 1: 1})
def up_to_date_exit(world, switches):
    world.expect(0)
    return world.run(switches=switches).code


@case({False: 1, True: 2})
def up_to_date_backup(world, switches):
    world.expect(0)
    world.expect(0, switches=switches)
    return len(world.backups())


@case({3: 3, 0: 0})
def dry_run_conflict_exit(world, switches):
    world.replace(LOG4J, "level = INFO", "level = DEBUG")
    return world.run("--dry-run", switches=switches).code


@case({"printed": True, "ignored": False})
def dry_run_template(world, switches):
    return "Added: [" in world.expect(0, "--dry-run", "--template", "Added: {{.Added}}", switches=switches).text


@case({0: (0, 0), 10: (10, 0)})
def check_exit(world, switches):
    before = world.run("check", switches=switches).code
    world.expect(0)
    return before, world.run("check", switches=switches).code


@case({4: 4, 0: 0})
def revert_exit(world, switches):
    world.expect(0)
    return world.run("--revert", switches=switches).code


@case({"never": (1, False), "exit-4": (4, True)})
def auto_rollback(world, switches):
    code = world.run(switches={**switches, "readonly_file": 4}).code
    return code, world.product() == world.vendor(0)


@case({"128+n": 143, "signal": -signal.SIGTERM, "1": 1})
def signal_exit(world, switches):
    child = world.start(switches={**switches, "hang_at": "backup"})
    world.wait_mark("backup")
    return child.kill(signal.SIGTERM).code


@case({"rerun": (0, "4"), "revert-only": (1, "-1")})
def after_kill(world, switches):
    world.expect(-signal.SIGKILL, "--level", "4", switches={**switches, "kill_after_files": 3})
    return world.run("--level", "4", switches=switches).code, world.level()


@case({"ignored": 0, "refused": 1})
def running_server(world, switches):
    world.file("wso2carbon.pid").write_bytes(f"{os.getpid()}\n".encode() + b"\0\0\0")
    return world.run(switches=switches).code


@case({"allowed": 0, "refused": 1})
def second_run(world, switches):
    with world.file("updates/product.txt").open("rb") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        return world.run("version", switches=switches).code


@case({"create": (0, 0), "refuse": (1, 1)})
def backup_dir_missing(world, switches):
    first = world.run("--level", "1", "-b", str(world.dir / "missing"), switches=switches).code
    return first, world.run("--level", "3", "-b", "../../relative", switches=switches).code


@case({"link": True, "follow": False})
def backup_symlinks(world, switches):
    outside = world.dir / "outside"
    outside.mkdir()
    world.file("repository/logs").symlink_to(outside)
    world.expect(0, switches=switches)
    return (world.backups()[0] / "repository/logs").is_symlink()


@case({"kept": True, "now": False})
def backup_mtimes(world, switches):
    os.utime(world.file(TOML), (1_700_000_000, 1_700_000_000))
    world.expect(0, switches=switches)
    return (world.backups()[0] / TOML).stat().st_mtime == 1_700_000_000


@case({False: 2, True: 1})
def backup_pruned(world, switches):
    world.expect(0, "--level", "1", switches=switches)
    world.expect(0, "--level", "3", switches=switches)
    return len(world.backups())


@case({"size": (4, 1), "hash": (1, 1), "none": (4, 4)})
def backup_check(world, switches):
    """A change that keeps the size, and one that does not."""
    codes = []
    for change in (lambda text: text.swapcase(), lambda text: text + "more"):
        other = World()
        try:
            other.expect(0, switches=switches)
            file = other.backups()[0] / TOML
            file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
            codes.append(other.run("--revert", switches=switches).code)
        finally:
            other.close()
    return tuple(codes)


@case({"forgotten": (1, "3"), "older-kept": (4, "-1")})
def no_backup_record(world, switches):
    world.expect(0, "--level", "1")
    world.expect(0, "--level", "3", "--no-backup", switches=switches)
    return world.run("--revert", switches=switches).code, world.level()


@case({"backup": (0, 0), "all": (1, 1)})
def disk_check(world, switches):
    return tuple(world.run("--dry-run", switches={**switches, "disk_free": {name: 0}}).code for name in ("home", "updates-home"))


@case({"refused": (1, "-1"), "repeated": (4, "-1")})
def second_revert(world, switches):
    world.expect(0)
    world.expect(4, "--revert", switches=switches)
    return world.run("--revert", switches=switches).code, world.level()


@case({"kept": 1, "removed": 0})
def backup_after_revert(world, switches):
    world.expect(0)
    world.expect(4, "--revert", switches=switches)
    return len(world.backups())


@case({"kept": 0, "reverted": 2})
def revert_tool(world, switches):
    world.expect(0)
    bundle.write(world.service / "tool/1.6.0/wso2update_linux", "1.6.0")
    world.expect(2)
    world.expect(4, "--revert", switches=switches)
    return world.run("check").code


@case({"allowed": 4, "refused": 1})
def revert_conflicted(world, switches):
    world.conflict()
    return world.run("--revert", switches=switches).code


@case({"cwd": "cwd", "home": "home", "updates-home": "updates-home"})
def create_update_dir(world, switches):
    world.expect(0, "create-update", "-s", "0", "-e", "1", cwd=world.dir, switches=switches)
    places = {"cwd": world.dir, "home": world.home, "updates-home": world.user_home / ".wso2-updates"}
    return next(name for name, place in places.items() if (place / f"{KEY}.0-4.2.0.1.zip").exists())


@case({"refuse": (1, "3"), "accept": (0, "4")})
def apply_update_earlier_start(world, switches):
    world.expect(0, "create-update", "-s", "1", "-e", "4", cwd=world.dir)
    world.expect(0, "--level", "3")
    code = world.run("apply-update", str(world.dir / f"{KEY}.1-4.2.0.4.zip"), switches=switches).code
    return code, world.level()
