//! The switches of the stand-in of the vendor's update tool, and how an update with each of them ends.

use std::fs;

use serde_json::{Value, json};

use super::tooled::{GOAL, LOG4J, PASSWORD, TOML, differing};
use super::{Lab, Saved, difference, settled};

pub const UPDATE: &[&str] = &["update", "lab", "--level", GOAL];
pub const BUNDLES: &str =
    "repository/components/default/configuration/org.eclipse.equinox.simpleconfigurator/bundles.info";
pub const OLD: &str = "repository/resources/old.txt";

/// How a row ends.
#[derive(Clone, Copy)]
pub enum End {
    /// Exactly the vendor's files.
    New,
    /// The vendor's files but for these, which the vendor's tool itself decides otherwise then.
    NewBut(&'static [&'static str]),
    /// A clear stop: these words are in the message, and everything is as it was.
    Stop(&'static str),
}
pub use End::{New, NewBut, Stop};

/// What the tool does of itself, and pitstop has to see through.
pub fn faults() -> Vec<(Value, End)> {
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
pub fn unknowns() -> Vec<(Value, End)> {
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

/// A laboratory, and how to begin again.
pub struct Bench {
    pub lab: Lab,
    start: Saved,
    /// What the operator changed.
    own: &'static [&'static str],
    /// Whether the tool works in the home itself.
    pub in_place: bool,
}

impl Bench {
    pub fn new(lab: Lab, own: &'static [&'static str]) -> Self {
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
        Self {
            lab,
            start,
            own,
            in_place: false,
        }
    }

    /// Runs a row for every verb that runs the tool, or once if all of them succeed; what is wrong with it.
    fn wrong(&self, switches: &Value, end: End) -> Vec<String> {
        let verbs: &[&[&str]] = match (self.in_place, end) {
            (true, _) => &[&["--in-place"]],
            (false, Stop(_)) => &[&[], &["--dry-run"], &["--stage-only"]],
            (false, _) => &[&[]],
        };
        let wrong = verbs.iter().filter_map(|more| {
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
        if code == 1 && (answer.report["error"]["kind"] != "vendor-tool" || !told.contains(self.untouched()))
        {
            return Some(format!("not a clear stop: {:#}", answer.report["error"]));
        }
        let after = settled(&lab.tree(), &[]);
        if code == 1 || option.is_some_and(|option| option != "--in-place") {
            let left = self.left();
            let is_old = before == after && (option == Some("--stage-only") || left.is_empty());
            return (!is_old).then(|| format!("not exactly old: {}{left:?}", difference(&before, &after)));
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

    /// What is left in our folder. Where the tool worked in the home, half of an update is kept: it could be the operator's.
    fn left(&self) -> Vec<String> {
        let mut left = self.lab.leftovers();
        left.retain(|path| !self.in_place || !path.starts_with("kept") && path != "owner");
        left
    }

    fn untouched(&self) -> &'static str {
        match self.in_place {
            true => "the pack is put back as it was",
            false => "nothing of the pack was changed",
        }
    }

    /// What the operator changed in texts is still there.
    fn has_own_edits(&self) -> bool {
        let has = |path: &str, text: &str| !self.own.contains(&path) || self.lab.read(path).contains(text);
        has(LOG4J, "appender = file") && has(LOG4J, "level = WARN") && has(TOML, "acme.jks")
    }
}

pub fn hold(bench: &Bench, rows: Vec<(Value, End)>) {
    let wrong: Vec<String> = rows
        .iter()
        .flat_map(|(switches, end)| bench.wrong(switches, *end))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
