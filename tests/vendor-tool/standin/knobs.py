"""Every unknown of the vendor's tool as a switch: its default, its alternatives, and who can settle it.

A knob is set by the variable STANDIN_KNOBS (a JSON object, or the path of a file with one) or by knobs.json in the
service directory. Unknown names and values end the run with exit 70: a test must not pass because of a misspelling.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

BAD_KNOB = 70


class BadKnob(Exception):
    """The test asked for a switch or a value that does not exist."""


@dataclass(frozen=True)
class Knob:
    """One unknown: `section` of the knowledge base it comes from, `step` of record.py that answers it."""

    name: str
    default: Any
    alternatives: tuple
    section: str
    step: str
    asks: str

    @property
    def values(self) -> tuple:
        return (self.default, *self.alternatives)


GROUPS = {
    "Installation, service, credentials": [
        Knob("home_rule", "executable", ("cwd",), "1.1, 10.1", "elsewhere",
             "Is the product the executable's parent or the working directory's?"),
        Knob("updates_home_env", "ignored", ("read",), "1.4, 12.3", "updates-home",
             "Is WSO2_UPDATES_HOME read by the tool?"),
        Knob("current_state_online", True, (False,), "1.2, 12.10", "current-state-offline",
             "Does current-state need the network and credentials?"),
        Knob("current_state_self_updates", True, (False,), "12.10", "current-state", "Can current-state end with 2?"),
        Knob("continue_online", True, (False,), "10.1", "continue-offline",
             "Does --continue need the network and credentials?"),
        Knob("self_update_order", "after-login", ("before-login",), "1.12", "self-update",
             "Does the self-update come after the login?"),
        Knob("self_update_mode", "kept", ("x-lost",), "12.10", "self-update",
             "Does a self-update keep the mode of the binary?"),
        Knob("offline_self_update", "exit-2", ("none",), "1.10", "apply-update",
             "Does apply-update replace the tool from the zip and end with 2?"),
        Knob("env_credentials", "read", ("ignored",), "1.4", "login-env",
             "Are UPDATE_TOOL_USERNAME and UPDATE_TOOL_PASSWORD read?"),
        Knob("prompt_word", "Email:", ("Username:",), "1.5", "login-closed", "What does the prompt ask for?"),
        Knob("hang_on_prompt", False, (True,), "10.3", "login-closed",
             "Does the prompt wait for ever on /dev/tty when stdin is closed?"),
        Knob("wum_leftovers", "left", ("converted",), "1.4, 12.3", "migrations",
             "Does a run without WSO2_UPDATES_SKIP_MIGRATIONS=true convert what WUM left?"),
    ],
    "Levels and exit codes": [
        Knob("lower_level", "refuse", ("no-op",), "12.12", "lower-level",
             "What does --level below the installed level do?"),
        Knob("up_to_date_exit", 0, (1,), "1.3", "up-to-date", "Which exit code says that there is nothing to do?"),
        Knob("up_to_date_backup", False, (True,), "10.3", "up-to-date", "Is a backup made when there is nothing to do?"),
        Knob("dry_run_conflict_exit", 3, (0,), "1.2, 12.1", "dry-run-conflict",
             "Which exit code has a dry run that finds conflicts?"),
        Knob("dry_run_template", "printed", ("ignored",), "1.2", "dry-run", "Does a dry run print the template?"),
        Knob("check_exit", 0, (10,), "1.2", "check", "Which exit code has check when there are newer levels?"),
        Knob("revert_exit", 4, (0,), "1.3, 12.2", "revert", "Which exit code has a --revert that worked?"),
        Knob("revert_hotfix_exit", 0, (4,), "12.2", "revert-hotfix", "Which exit code has a revert-hotfix that worked?"),
        Knob("auto_rollback", "never", ("exit-4",), "1.3, 12.2", "read-only-file",
             "Does a failed update restore its backup and end with 4?"),
        Knob("signal_exit", "128+n", ("signal", "1"), "10.3", "interrupt", "How does the tool end on SIGINT and SIGTERM?"),
        Knob("after_kill", "rerun", ("revert-only",), "12.11", "interrupt",
             "May the same command run again after a kill in the middle?"),
        Knob("running_server", "ignored", ("refused",), "0, 12.6", "running", "Does the tool notice a running server?"),
        Knob("second_run", "allowed", ("refused",), "12.6", "second-run",
             "Does the tool lock the product against a second run?"),
    ],
    "Backup and disk": [
        Knob("backup_dir_missing", "create", ("refuse",), "10.3", "backup-missing",
             "Is a missing or relative --backup directory created?"),
        Knob("backup_symlinks", "link", ("follow",), "12.7", "update", "Does the backup copy links as links?"),
        Knob("backup_mtimes", "kept", ("now",), "10.4", "update", "Does the backup keep modification times?"),
        Knob("backup_pruned", False, (True,), "1.7, 12.7", "update-again", "Does a new backup remove the older one?"),
        Knob("backup_check", "size", ("hash", "none"), "12.7", "revert-touched",
             "How does --revert know that the backup was modified?"),
        Knob("no_backup_record", "forgotten", ("older-kept",), "1.2", "no-backup",
             "After --no-backup, does --revert know an older backup?"),
        Knob("disk_check", "backup", ("all",), "1.7, 12.7", "disk", "Which file systems does the disk rule look at?"),
    ],
    "What happens to files": [
        Knob("steps", "cumulative", ("one-by-one",), "10.4", "update",
             "Is an update over several levels one difference or one after the other?"),
        Knob("permission_check", "midway", ("upfront",), "10.3", "read-only-file",
             "Is a file without write permission found before anything changes?"),
        Knob("write_method", "truncate", ("rename",), "10.4", "update", "Are files overwritten in place or renamed over?"),
        Knob("file_mode", "kept", ("vendor",), "10.4", "merge", "Does an overwritten file keep the mode that it had?"),
        Knob("symlink_at_path", "through", ("replaced",), "1.9, 12.5", "symlink",
             "Is a link at a changed path written through?"),
        Knob("added_present", "replace", ("conflict",), "10.4", "added-present",
             "What if a file that the update adds is there already?"),
        Knob("missing_local", "restore", ("skip", "conflict"), "12.5", "deleted-vendor-file",
             "What if a changed vendor file was deleted (profile optimisation)?"),
        Knob("removed_but_changed", "remove", ("keep", "conflict"), "1.9", "removed-changed",
             "What if a file that the update removes was customised?"),
        Knob("text_merge", "lines", ("never",), "1.9", "merge", "Are texts changed on both sides merged?"),
        Knob("generated_conf", "as-text", ("replace", "conflict"), "12.5", "generated-conf",
             "How are files classified that have a template?"),
        Knob("bundles_info", "merge", ("conflict", "replace"), "5, 12.5", "bundles-info", "How is bundles.info merged?"),
        Knob("car_files", "replace", ("keep",), "1.9", "car", "Is a changed .car replaced?"),
        Knob("war_member_conflict", "vendor", ("local",), "1.9", "war",
             "Whose text wins inside a .war when both sides changed the same lines?"),
        Knob("exploded_war", "updated", ("left",), "10.4", "war",
             "Is the exploded directory beside a .war updated with it?"),
    ],
    "Conflicts": [
        Knob("conflict_level", "old", ("new",), "1.9, 12.4", "conflict",
             "Which level is in config.json while conflicts are pending?"),
        Knob("state_place", "own-file", ("config",), "1.7, 12.4", "conflict",
             "Where are pending conflicts and hotfixes recorded?"),
        Knob("skip_conflicts", "vendor", ("local", "ignored"), "1.4, 12.3", "skip-conflicts",
             "What does WSO2_UPDATES_SKIP_CONFLICTS=true do?"),
        Knob("continue_leaves_original", False, (True,), "10.5", "continue", "Does --continue leave helper files behind?"),
        Knob("second_wave", False, (True,), "10.5", "continue", "Can --continue end with 3 again?"),
        Knob("revert_conflicted", "allowed", ("refused",), "10.6", "revert-conflict",
             "May --revert run while conflicts are pending?"),
    ],
    "Revert": [
        Knob("second_revert", "refused", ("repeated",), "10.6", "revert-again", "What does a second --revert do?"),
        Knob("backup_after_revert", "kept", ("removed",), "10.6", "revert", "Is the backup kept after --revert?"),
        Knob("revert_tool", "kept", ("reverted",), "10.6", "revert", "Does --revert bring the older tool back?"),
    ],
    "Offline and hotfixes": [
        Knob("create_update_dir", "cwd", ("home", "updates-home"), "1.10, 12.8", "create-update",
             "Where does create-update write the zip?"),
        Knob("create_update_from", "exclusive", ("inclusive",), "12.8", "create-update",
             "Is the start level itself part of the zip?"),
        Knob("apply_update_earlier_start", "refuse", ("accept",), "12.8", "apply-update-earlier",
             "May the zip start below the installed level?"),
        Knob("hotfix_gap", "refuse", ("accept",), "1.11, 10.3", "hotfix-gap", "May a hotfix number be left out?"),
        Knob("hotfix_after_update", "allowed", ("refused",), "1.11", "hotfix-after-update",
             "May a hotfix follow an update immediately?"),
        Knob("hotfix_dry_run", "unknown", ("simulated",), "1.2", "hotfix-dry-run", "Does apply-hotfix know --dry-run?"),
        Knob("update_with_hotfixes", "refuse", ("drop",), "1.11", "update-hotfixed",
             "Does the tool refuse to update while hotfixes are on?"),
    ],
    "config.json and changelog": [
        Knob("level_type", "string", ("number",), "10.7", "update", "Is update-level a string?"),
        Knob("config_account", "username", ("tokens", "none"), "1.4, 1.7", "update",
             "Which account data are left in config.json?"),
        Knob("config_extra_keys", False, (True,), "1.7, 10.7", "update", "Are there keys that nobody has seen?"),
        Knob("config_order", "stable", ("reversed",), "10.7", "update", "Do the keys keep their order?"),
        Knob("config_newlines", "lf", ("crlf",), "10.7", "update", "Which line ends has config.json?"),
        Knob("changelog", "written", ("never",), "1.8", "update", "Does the tool write a changelog?"),
        Knob("changelog_start", "0000", ("-001",), "1.8", "update", "Which start level has the changelog of a fresh pack?"),
    ],
    "Output": [
        Knob("message_stream", "stdout", ("stderr",), "12.1", "update", "Where do progress and success texts go?"),
        Knob("progress", "lines", ("carriage-return",), "10.8", "update",
             "Is progress a bar redrawn with carriage returns?"),
        Knob("output_volume", "normal", ("flood",), "10.8", "update", "How much is printed?"),
        Knob("output_bytes", "utf-8", ("invalid",), "10.8", "update", "Is the output valid UTF-8?"),
        Knob("output_pause", "none", ("silent",), "10.8", "update",
             "Can the tool be silent for ten minutes while it works?"),
        Knob("echo_secrets", False, (True,), "10.8", "update", "Does the output contain credentials?"),
        Knob("template_paths", "absolute", ("pack",), "1.6", "template",
             "Are the template's paths absolute or do they begin with the pack's name?"),
        Knob("template_merged", "undefined", ("defined",), "1.6, 12.9", "template-merged",
             "Is .Merged a field of the template?"),
        Knob("template_modified", "all", ("merged",), "1.6", "template",
             "Does .Modified list all changed files or the merged ones?"),
        Knob("template_range", "go", ("refused",), "12.9", "template-range",
             "Can the template range over a list and print several lines?"),
        Knob("template_up_to_date", "empty-lists", ("no-line",), "1.6", "up-to-date",
             "Is the template printed when there is nothing to do?"),
    ],
}
TABLE = [knob for knobs in GROUPS.values() for knob in knobs]
KNOBS = {knob.name: knob for knob in TABLE}


class Knobs:
    """The values of this run: the chosen ones, else the defaults."""

    def __init__(self, chosen: dict[str, Any]):
        for name, value in chosen.items():
            # A bool is an int to Python; here it is another value.
            if not any(value == known and type(value) is type(known) for known in KNOBS[name].values):
                raise BadKnob(f"{name}: {value!r} is none of {KNOBS[name].values}")
        self._chosen = chosen

    def __getitem__(self, name: str) -> Any:
        return self._chosen.get(name, KNOBS[name].default)


def chosen(service: Optional[Path]) -> dict[str, Any]:
    """What the test asks for, knobs and faults together."""
    text = os.environ.get("STANDIN_KNOBS", "")
    beside = service / "knobs.json" if service else None
    if text and not text.startswith("{"):
        text = Path(text).read_text(encoding="utf-8")
    elif not text and beside and beside.is_file():
        text = beside.read_text(encoding="utf-8")
    try:
        return json.loads(text) if text else {}
    except ValueError as error:
        raise BadKnob(f"STANDIN_KNOBS is not JSON: {error}") from error
