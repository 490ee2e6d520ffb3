"""The command line: what may be said, and which exit code answers. Knowledge base §10.3."""

from __future__ import annotations

import fcntl
import os
import platform
import signal
import sys
from pathlib import Path
from typing import Any, Callable, Optional

from standin import conflicts, hotfix, offline, result, revert, update
from standin.catalogue import version_key
from standin.context import Run, tool_version
from standin.knobs import BAD_KNOB, BadKnob
from standin.output import NOTICE, End, Refusal

NAME = "wso2update"
OFFLINE_SINCE = (1, 3, 0)  # older tools do not know apply-update
COMMON = {"-v": "verbose", "--verbose": "verbose", "-h": "help", "--help": "help"}
LOGIN = {"-u": "username=", "--username": "username=", "-p": "password=", "--password": "password="}
CHANGE = {"-b": "backup=", "--backup": "backup=", "--no-backup": "no-backup", "--continue": "continue",
          "--revert": "revert", "--dry-run": "dry-run"}
CHANNEL = {"-c": "channel=", "--channel": "channel="}
# Command → (its flags, its number of arguments). A name that ends with "=" takes a value.
COMMANDS: dict[str, tuple[dict[str, str], int]] = {
    "": ({**LOGIN, **CHANGE, **CHANNEL, "-l": "level=", "--level": "level=", "--template": "template=",
          "--no-changelog": "no-changelog", "--get-summary": "get-summary"}, 0),
    "check": ({**LOGIN, **CHANNEL, "--template": "template="}, 0),
    "current-state": (LOGIN, 0),
    "version": ({}, 0),
    "create-update": ({**LOGIN, "-s": "start=", "--start": "start=", "-e": "end=", "--end": "end="}, 0),
    "apply-update": ({**CHANGE, "--template": "template="}, 1),
    "apply-hotfix": ({**LOGIN, "--offline": "offline", "--dry-run": "dry-run"}, 1),
    "revert-hotfix": (LOGIN, 0),
    "get-summary": (LOGIN, 2),
    "create-docker": ({**LOGIN, "--os": "os=", "-t": "tag=", "--tag": "tag="}, 0),
    "help": ({}, -1),
}


class UsageError(Exception):
    """What cobra says before a command runs."""


def parse(words: list[str]) -> tuple[str, dict[str, Any], list[str]]:
    """Command, options, arguments; flags may stand anywhere, as cobra allows."""
    command = next((word for word in words if word in COMMANDS and word), "")
    flags, wanted = COMMANDS[command]
    options: dict[str, Any] = {}
    arguments: list[str] = []
    rest = list(words)
    if command:
        rest.remove(command)
    while rest:
        word = rest.pop(0)
        if word.startswith("-") and len(word) > 1:
            _flag(word, rest, {**COMMON, **flags}, options)
        else:
            arguments.append(word)
    if not command and arguments:
        raise UsageError(f'unknown command "{arguments[0]}" for "{NAME}"')
    if wanted >= 0 and len(arguments) != wanted and not options.get("help"):
        raise UsageError(f"accepts {wanted} arg(s), received {len(arguments)}")
    return command, options, arguments


def _flag(word: str, rest: list[str], flags: dict[str, str], options: dict[str, Any]) -> None:
    name, equals, value = word.partition("=")
    if name not in flags and not word.startswith("--") and word[:2] in flags:
        name, equals, value = word[:2], "=", word[2:].lstrip("=")
    if name not in flags:
        kind = f"flag: {name}" if name.startswith("--") else f"shorthand flag: {name[1]!r} in {name}"
        raise UsageError(f"unknown {kind}")
    known = flags[name]
    if not known.endswith("="):
        options[known] = value != "false"
    elif equals or rest:
        options[known[:-1]] = value if equals else rest.pop(0)
    else:
        raise UsageError(f"flag needs an argument: {name}")


def run_root(run: Run, _: list[str]) -> None:
    if run.options.get("revert"):
        revert.revert(run)
    if run.options.get("continue"):
        if run.knobs["continue_online"]:
            run.go_online()
        conflicts.resume(run)
        return
    run.go_online()
    update.update(run, run.levels())


def run_check(run: Run, _: list[str]) -> None:
    run.go_online()
    levels = run.levels()
    newer = levels.between(run.config.level, levels.latest())
    for number in newer:
        run.out.sentence(f"{NOTICE} {run.key} {number}")
    if newer and run.knobs["check_exit"]:
        raise End(run.knobs["check_exit"])


def run_current_state(run: Run, _: list[str]) -> None:
    if run.knobs["current_state_online"]:
        run.go_online(run.knobs["current_state_self_updates"])
    run.out.sentence(f"{NOTICE} {run.key} level {run.config.keys['update-level']}")
    for one in run.state.hotfixes:
        run.out.sentence(f"{NOTICE} hotfix {one['name']}")


def run_version(run: Run, _: list[str]) -> None:
    run.out.sentence(f"{NOTICE} This is not the vendor's update tool but a stand-in for tests.")
    run.out.sentence(f"{NOTICE} version {tool_version(run.executable)}")
    run.out.sentence(f"{NOTICE} {platform.system().lower()} {platform.machine()}, Python {platform.python_version()}")


def run_create_update(run: Run, _: list[str]) -> None:
    run.go_online()
    offline.create(run)


def run_apply_update(run: Run, arguments: list[str]) -> None:
    if version_key(tool_version(run.executable)) < OFFLINE_SINCE:
        raise UsageError(f'unknown command "apply-update" for "{NAME}"')
    if run.options.get("revert"):
        revert.revert(run)
    if run.options.get("continue"):
        conflicts.resume(run)
        return
    offline.apply(run, Path(arguments[0]))


def run_apply_hotfix(run: Run, arguments: list[str]) -> None:
    if run.options.get("dry-run") and run.knobs["hotfix_dry_run"] == "unknown":
        raise UsageError("unknown flag: --dry-run")
    if not run.options.get("offline"):
        run.go_online()
    hotfix.apply(run, Path(arguments[0]))


def run_revert_hotfix(run: Run, _: list[str]) -> None:
    hotfix.revert(run)


def run_get_summary(run: Run, arguments: list[str]) -> None:
    if not all(text.isdigit() for text in arguments):
        raise Refusal("Invalid requested update level")
    run.go_online()
    result.write_summary(run, int(arguments[0]), int(arguments[1]))


def run_create_docker(_run: Run, _: list[str]) -> None:
    raise Refusal("[standin] not supported")


RUNS: dict[str, Callable[[Run, list[str]], None]] = {
    "": run_root, "check": run_check, "current-state": run_current_state, "version": run_version,
    "create-update": run_create_update, "apply-update": run_apply_update, "apply-hotfix": run_apply_hotfix,
    "revert-hotfix": run_revert_hotfix, "get-summary": run_get_summary, "create-docker": run_create_docker,
}


def show_help() -> None:
    print(f"{NOTICE} A stand-in for the vendor's update tool: for tests only.\n\nUsage:\n  {NAME} [flags]\n  {NAME} [command]\n")
    print("Commands:\n" + "\n".join(f"  {name}" for name in COMMANDS if name))
    print("\nFlags:\n" + "\n".join(f"  {name}" for name in sorted({**COMMON, **COMMANDS[''][0]}) if name.startswith("--")))


def die_by(run: Run) -> None:
    """SIGINT and SIGTERM end the run where it stands."""
    how = run.knobs["signal_exit"]

    def end(number: int, _frame: Any) -> None:
        if how == "signal":
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        os._exit(1 if how == "1" else 128 + number)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)


def lock(run: Run) -> Optional[int]:
    """Held until the process ends, if this variant of the tool guards against a second run."""
    if run.knobs["second_run"] == "allowed":
        return None
    held = os.open(run.home / "updates/product.txt", os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise Refusal("[standin] another run is under way") from error
    return held


def answer(executable: Path, command: str, options: dict[str, Any], arguments: list[str]) -> int:
    """Runs one command; the exit code."""
    run = None
    try:
        run = Run(executable, options)
        die_by(run)
        run.open()
        held = lock(run)
        RUNS[command](run, arguments)
        if held is not None:
            os.close(held)
    except End as end:
        return end.code
    except (Refusal, OSError) as refusal:
        # Before the product is known there is no log to write to.
        if run is None:
            print(f"{NAME}: {refusal}", file=sys.stderr)
        else:
            run.out.error(str(refusal))
        return 1
    return 0


def main(argv: list[str]) -> int:
    try:
        command, options, arguments = parse(argv[1:])
        if command == "help" or options.get("help"):
            show_help()
            return 0
        return answer(Path(os.path.abspath(argv[0])), command, options, arguments)
    except UsageError as error:
        print(f"Error: {error}\nRun '{NAME} --help' for usage.", file=sys.stderr)
        return 1
    except BadKnob as error:
        print(f"{NOTICE} {error}", file=sys.stderr)
        return BAD_KNOB
