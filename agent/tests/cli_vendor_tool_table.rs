//! Every switch of the stand-in of the vendor's update tool × what is asked of pitstop: each run ends exactly old, exactly
//! new, or in a clear stop that leaves the old.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

mod common;

use std::fs;
use std::process::Command;

use common::tooled::{GOAL, LOG4J, PAGE, PASSWORD, TOML, differing};
use common::{Lab, Saved, difference, settled};
use serde_json::{Value, json};

const UPDATE: &[&str] = &["update", "lab", "--level", GOAL];
const BUNDLES: &str =
    "repository/components/default/configuration/org.eclipse.equinox.simpleconfigurator/bundles.info";
const OLD: &str = "repository/resources/old.txt";

/// How a row ends.
#[derive(Clone, Copy)]
enum End {
    /// Exactly the vendor's files.
    New,
    /// The vendor's files but for these, which the vendor's tool itself decides otherwise then.
    NewBut(&'static [&'static str]),
    /// A clear stop: these words are in the message, and everything is as it was.
    Stop(&'static str),
}
use End::{New, NewBut, Stop};

/// What the tool does of itself, and pitstop has to see through.
fn faults() -> Vec<(Value, End)> {
    vec![
        (json!({"kill_after_files": 3}), Stop("signal 9")),
        (json!({"enospc_after_bytes": 100}), Stop("no space left")),
        (json!({"readonly_file": 2}), Stop("Unable to write to file")),
        (
            json!({"network_fail": "before-backup"}),
            Stop("Unable to connect"),
        ),
        (json!({"network_fail": "after-backup"}), Stop("Unable to connect")),
        (json!({"md5_failure": "once"}), Stop("File validation failed")),
        (json!({"md5_failure": "always"}), Stop("File validation failed")),
        (json!({"exit2_unchanged": true}), Stop("as when it crashes")),
        (json!({"exit2_twice": true}), Stop("a second time")),
        (json!({"level_unchanged": true}), Stop("the level is the old one")),
        (
            json!({"level_wrong": 3}),
            Stop("level 4.2.0.3, which was not asked for"),
        ),
        (json!({"exit1_half": true}), Stop("exit code 1")),
        (
            json!({"exit1_half": true, "auto_rollback": "exit-4"}),
            Stop("exit code 1"),
        ),
        (json!({"die_with": 137}), Stop("unknown exit code 137")),
        (json!({"die_with": 139}), Stop("unknown exit code 139")),
        (json!({"duplicate_jar": true}), Stop("core_1.0.0.jar beside")),
        (json!({"config_broken": "truncated"}), Stop("the level is gone")),
        (json!({"config_broken": "empty"}), Stop("the level is gone")),
        (json!({"product_rewritten": true}), Stop("the level is gone")),
        (
            json!({"delete_customer_file": "repository/resources/security/wso2carbon.jks"}),
            Stop("exit code 1"),
        ),
        (json!({"updates_home_foreign": true}), Stop("permission denied")),
        (
            json!({"disk_check": "all", "disk_free": {"home": 4096}}),
            Stop("Insufficient disk space"),
        ),
        (
            json!({"env_credentials": "ignored"}),
            Stop("Unable to read input: EOF"),
        ),
        (json!({"no_such_knob": true}), Stop("unknown exit code 70")),
        (json!({"chown_root": true}), New),
        (json!({"mode_lost": true}), New),
        (json!({"log_missing": true}), New),
        (json!({"touch_keystore": true}), New),
        (json!({"temp_dirs": true}), New),
    ]
}

/// What nobody knows of the real tool.
fn unknowns() -> Vec<(Value, End)> {
    vec![
        (json!({}), New),
        (json!({"home_rule": "cwd"}), New),
        (json!({"updates_home_env": "read"}), New),
        (json!({"continue_online": false}), New),
        (json!({"wum_leftovers": "converted"}), New),
        (json!({"second_run": "refused"}), New),
        (json!({"after_kill": "revert-only"}), New),
        (json!({"running_server": "refused"}), New),
        (json!({"disk_check": "all"}), New),
        (json!({"steps": "one-by-one"}), New),
        (json!({"permission_check": "upfront"}), New),
        (json!({"write_method": "rename"}), New),
        (json!({"file_mode": "vendor"}), New),
        (json!({"symlink_at_path": "replaced"}), New),
        (json!({"text_merge": "never"}), New),
        (json!({"generated_conf": "replace"}), New),
        (json!({"generated_conf": "conflict"}), New),
        (json!({"conflict_level": "new"}), New),
        (json!({"state_place": "config"}), New),
        (json!({"continue_leaves_original": true}), New),
        (json!({"level_type": "number"}), New),
        (json!({"config_account": "none"}), New),
        (json!({"config_account": "tokens"}), New),
        (
            json!({"config_extra_keys": true, "config_order": "reversed", "config_newlines": "crlf"}),
            New,
        ),
        (json!({"changelog": "never"}), New),
        (json!({"changelog_start": "-001"}), New),
        (json!({"no_backup_record": "older-kept"}), New),
        (json!({"message_stream": "stderr"}), New),
        (json!({"progress": "carriage-return"}), New),
        (json!({"output_volume": "flood"}), New),
        (json!({"output_bytes": "invalid"}), New),
        (json!({"echo_secrets": true}), New),
    ]
}

/// The same again where the vendor's originals are not known and every text comes back by the tool's conflicts; and what is
/// only asked of the tool then.
fn only_without_originals() -> Vec<(Value, End)> {
    vec![
        (json!({"second_wave": true}), NewBut(&["bin/api-manager.sh"])),
        (json!({"bundles_info": "conflict"}), NewBut(&[BUNDLES])),
        (json!({"bundles_info": "replace"}), NewBut(&[BUNDLES])),
        (json!({"removed_but_changed": "conflict"}), New),
        (json!({"removed_but_changed": "keep"}), NewBut(&[OLD])),
    ]
}

/// A laboratory, and how to begin again.
struct Bench {
    lab: Lab,
    start: Saved,
    /// What the operator changed.
    own: &'static [&'static str],
}

impl Bench {
    fn new(lab: Lab, own: &'static [&'static str]) -> Self {
        fs::write(lab.home().join("wso2carbon.pid"), std::process::id().to_string()).unwrap();
        let edit = |path, old: &str, new: &str| lab.write(path, &lab.read(path).replace(old, new));
        for path in own {
            match *path {
                LOG4J => edit(LOG4J, "appender = console", "appender = file"),
                TOML => edit(TOML, "wso2carbon.jks", "acme.jks"),
                path => lab.write(
                    path,
                    &format!("{}own,1,../dropins/own_1.jar,4,true\n", lab.read(path)),
                ),
            }
        }
        let start = lab.save();
        Self { lab, start, own }
    }

    /// Runs a row for every verb that runs the tool, or once if all of them succeed; what is wrong with it.
    fn wrong(&self, switches: &Value, end: End) -> Vec<String> {
        let verbs: [&[&str]; 3] = [&[], &["--dry-run"], &["--stage-only"]];
        let count = if matches!(end, Stop(_)) { verbs.len() } else { 1 };
        let wrong = verbs[..count].iter().filter_map(|more| {
            self.lab.restore(&self.start);
            self.lab.knobs(switches);
            let why = self.wrong_once(&[UPDATE, more].concat(), more.first().copied(), end)?;
            Some(format!("{switches} {more:?}: {why}"))
        });
        wrong.collect()
    }

    fn wrong_once(&self, args: &[&str], option: Option<&str>, end: End) -> Option<String> {
        let lab = &self.lab;
        let before = settled(&lab.tree(), &[]);
        let answer = lab.run(args);
        let told = format!("{} {}", answer.report["message"], answer.report["error"]["hint"]);
        if [answer.report.to_string(), answer.stderr, lab.kept()]
            .concat()
            .contains(PASSWORD)
        {
            return Some("a secret is told".to_owned());
        }
        let (code, words) = match end {
            Stop(words) => (1, words),
            New | NewBut(_) => (0, ""),
        };
        if answer.code != Some(code) || !told.contains(words) {
            return Some(format!("ended with {:?}: {told}", answer.code));
        }
        if code == 1
            && (answer.report["error"]["kind"] != "vendor-tool"
                || !told.contains("nothing of the pack was changed"))
        {
            return Some(format!("not a clear stop: {:#}", answer.report["error"]));
        }
        let after = settled(&lab.tree(), &[]);
        if code == 1 || option.is_some() {
            let is_old = before == after && (option == Some("--stage-only") || lab.leftovers().is_empty());
            return (!is_old).then(|| {
                format!(
                    "not exactly old: {}{:?}",
                    difference(&before, &after),
                    lab.leftovers()
                )
            });
        }
        let mut expected: Vec<&str> = self.own.to_vec();
        if let NewBut(paths) = end {
            expected.extend(paths);
        }
        let found = differing(&lab.product(), &lab.vendor("4"));
        let unexpected: Vec<_> = found
            .iter()
            .filter(|path| !expected.contains(&path.as_str()))
            .collect();
        let level = lab.config_json()["update-level"].clone();
        let is_new = unexpected.is_empty() && (level == "4" || level == 4) && self.has_own_edits();
        (!is_new).then(|| format!("not exactly new: level {level}, {found:?} differ"))
    }

    /// What the operator changed in texts is still there.
    fn has_own_edits(&self) -> bool {
        let has = |path: &str, text: &str| !self.own.contains(&path) || self.lab.read(path).contains(text);
        has(LOG4J, "appender = file") && has(LOG4J, "level = WARN") && has(TOML, "acme.jks")
    }
}

fn hold(bench: &Bench, rows: Vec<(Value, End)>) {
    let wrong: Vec<String> = rows
        .iter()
        .flat_map(|(switches, end)| bench.wrong(switches, *end))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn with_the_vendors_originals() {
    let bench = Bench::new(Lab::tooled(), &[LOG4J, TOML]);
    // Without conflicts there is no second run that would end well.
    let only_here = vec![(json!({"exit1_applied": true}), Stop("exit code 1"))];
    hold(&bench, [unknowns(), faults(), only_here].concat());
}

#[test]
fn without_the_vendors_originals() {
    let lab = Lab::unadopted(&["1.5.0"]);
    lab.run(&["adopt", "lab"]).expect(0, "adopted");
    let bench = Bench::new(lab, &[LOG4J, TOML, BUNDLES]);
    hold(&bench, [unknowns(), only_without_originals(), faults()].concat());
}

#[test]
fn with_a_tool_that_updates_itself_first() {
    let bench = Bench::new(Lab::tooled_by(&["1.5.0", "1.6.0"]), &[]);
    let rows = vec![
        (json!({}), New),
        (json!({"self_update_order": "before-login"}), New),
        (json!({"self_update_mode": "x-lost"}), New),
        (json!({"exit2_twice": true}), Stop("a second time")),
        (
            json!({"self_update_race": "error"}),
            Stop("Error while extracting"),
        ),
        (
            json!({"self_update_race": "half-binary"}),
            Stop("Error while extracting"),
        ),
        (json!({"exit2_unchanged": true}), Stop("as when it crashes")),
    ];
    hold(&bench, rows);
}

#[test]
fn a_tool_that_hangs_is_ended_when_its_time_is_over() {
    let lab = Lab::tooled();
    lab.configure("{credentials: {file: ../../login.yaml}, timeout_s: 2}");
    let bench = Bench::new(lab, &[]);
    let rows = vec![
        (
            json!({"hang_at": "download"}),
            Stop("did not end within its time"),
        ),
        (json!({"hang_at": "files"}), Stop("did not end within its time")),
        (
            json!({"env_credentials": "ignored", "hang_on_prompt": true}),
            Stop("did not end within its time"),
        ),
        (
            json!({"output_pause": "silent"}),
            Stop("did not end within its time"),
        ),
    ];
    hold(&bench, rows);
}

/// A driver that believes exit code 0 would take each of these for an update. Here the tool itself says so, in place, and
/// leaves what is not the vendor's tree or says another level; pitstop stops.
#[test]
fn the_exit_code_alone_proves_nothing() {
    let lab = Lab::tooled();
    let start = lab.save();
    let lies = [
        (json!({"level_unchanged": true}), "4", "the level is the old one"),
        (json!({"level_wrong": 3}), "4", "which was not asked for"),
        (json!({"duplicate_jar": true}), "4", "beside"),
        (json!({"config_broken": "empty"}), "4", "the level is gone"),
        (json!({"product_rewritten": true}), "4", "the level is gone"),
        // A level that must not be jumped over.
        (json!({}), "9", "which is not there"),
    ];
    for (switches, level, words) in lies {
        lab.restore(&start);
        lab.knobs(&switches);
        let goal = format!("4.2.0.{level}");
        let tool = Command::new(lab.home().join("bin/wso2update_linux"))
            .args(["--level", level, "--no-backup"])
            .current_dir(lab.home().join("bin"))
            .env("HOME", lab.dir.path())
            .env("UPDATE_TOOL_USERNAME", "user@example.com")
            .env("UPDATE_TOOL_PASSWORD", PASSWORD)
            .output()
            .unwrap();
        assert_eq!(
            tool.status.code(),
            Some(0),
            "{switches}: the tool calls it a success"
        );
        let differs = !differing(&lab.product(), &lab.vendor(level)).is_empty();
        assert!(
            differs || lab.config_json()["update-level"] != level,
            "{switches}: and is wrong"
        );
        lab.restore(&start);
        let answer = lab
            .run(&["update", "lab", "--level", &goal])
            .refused(1, "vendor-tool");
        assert!(
            answer.message().contains(words),
            "{switches}: {}",
            answer.message()
        );
        assert_eq!(differing(&lab.product(), &lab.vendor("0")), Vec::<String>::new());
    }
}

#[test]
fn the_page_that_both_changed_needs_a_person_whatever_the_tool_makes_of_it() {
    for (pristine, switches) in [
        (true, json!({})),
        (false, json!({})),
        (false, json!({"text_merge": "never"})),
    ] {
        let lab = if pristine {
            Lab::tooled()
        } else {
            Lab::unadopted(&["1.5.0"])
        };
        lab.write(PAGE, &lab.read(PAGE).replace("<p>text</p>", "<p>our text</p>"));
        if !pristine {
            lab.run(&["adopt", "lab"]).expect(0, "adopted");
        }
        lab.knobs(&switches);
        let answer = lab.run(UPDATE).refused(3, "conflicts");
        assert_eq!(
            answer.report["conflicts"].as_array().unwrap().len(),
            1,
            "{switches}"
        );
        assert!(lab.read(PAGE).contains("our text"));
    }
}
