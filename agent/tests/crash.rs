//! Killed anywhere, the next run finishes or undoes: at every effect of an update, of a rollback and of a configuration,
//! the tree is exactly old or exactly new, and nothing of ours is left over. Needs the feature `faults`.
#![cfg(feature = "faults")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "test code")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{Answer, Item, Lab, Pack, Tree, difference, file, pack, script, settled};

const CONF: &str = "port = 1\n\n# memory\nmemory = 2\n\n# threads\nthreads = 4\n";

fn old() -> Pack {
    pack(&[
        ("VERSION", file("1.0.0\n")),
        ("bin/run.sh", script("#!/bin/sh\nexit 0\n")),
        ("bin/tool", file("not yet executable")),
        ("conf/server.conf", file(CONF)),
        ("conf/same.conf", file("a\n")),
        ("lib/core-1.0.0.jar", file(b"\0core 1".to_vec())),
        ("lib/stays.jar", file(b"\0stays".to_vec())),
        ("lib/gone.jar", file(b"\0gone".to_vec())),
        ("doc/old/index.html", file("<p>1</p>")),
        ("web/ü ö.html", file("<p>1</p>\n")),
        ("swap", file("a file that becomes a directory")),
        ("paws/x", file("in a directory that becomes a file")),
        ("current", Item::Link("lib/core-1.0.0.jar")),
        ("custom/seed", file("seed")),
    ])
}

fn new() -> Pack {
    pack(&[
        ("VERSION", file("1.1.0\n")),
        ("bin/run.sh", script("#!/bin/sh\n# 1.1\nexit 0\n")),
        ("bin/tool", script("not yet executable")),
        (
            "conf/server.conf",
            file(CONF.replace("threads = 4", "threads = 8")),
        ),
        ("conf/same.conf", file("a\n")),
        ("conf/added.conf", file("new\n")),
        ("lib/core-1.1.0.jar", file(b"\0core 2".to_vec())),
        ("lib/stays.jar", file(b"\0stays".to_vec())),
        ("doc/new/deep/index.html", file("<p>2</p>")),
        ("web/ü ö.html", file("<p>2</p>\n")),
        ("swap/now-inside", file("x")),
        ("paws", file("a file now")),
        ("current", Item::Link("lib/core-1.1.0.jar")),
        ("custom/seed", file("seed")),
        ("custom/second-seed", file("seed 2")),
    ])
}

/// Paths that an update or a rollback replaces: only their times may differ between two runs.
const REPLACED: &[&str] = &[
    "VERSION",
    "bin/run.sh",
    "conf/server.conf",
    "conf/added.conf",
    "conf/deep/added.conf",
    "lib/core-1.1.0.jar",
    "doc/new/deep/index.html",
    "web/ü ö.html",
    "swap/now-inside",
    "paws",
    "custom/second-seed",
];

/// A customised, adopted pack and the folder of its successors.
fn lab() -> Lab {
    let lab = Lab::new(&old());
    lab.offer("1.0.0", &old());
    lab.offer("1.1.0", &new());
    lab.instance(&format!("source: {}\n", lab.path("packs").display()));
    lab.write("conf/server.conf", &CONF.replace("port = 1", "port = 9999"));
    fs::set_permissions(
        lab.home().join("conf/server.conf"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    xattr::set(lab.home().join("conf/server.conf"), "user.origin", b"operator").unwrap();
    lab.write("lib/ext-driver.jar", "mine");
    lab.write("data/db", "precious");
    lab.write("log/server.log", "line\n");
    std::os::unix::fs::chown(lab.home().join("conf/server.conf"), Some(1234), Some(1235)).ok();
    lab.run(&["adopt", "lab"]).expect(0, "adopted");
    let answer = lab.run(&["adopt", "lab", "--pristine", lab.path("packs").to_str().unwrap()]);
    answer.expect(0, "adopted");
    lab
}

/// Runs once with a log of every effect; returns how many there were.
fn effects(lab: &Lab, args: &[&str]) -> u64 {
    let log = lab.path("effects");
    let _ = fs::remove_file(&log);
    lab.run_with(args, &[("PITSTOP_FAULT_LOG", log.to_str().unwrap())]);
    fs::read_to_string(log).unwrap().lines().count() as u64
}

struct Scenario {
    lab: Lab,
    args: &'static [&'static str],
    before: Tree,
    after: Tree,
    leftovers: (Vec<String>, Vec<String>),
    count: u64,
    start: common::Saved,
}

impl Scenario {
    fn new(lab: Lab, args: &'static [&'static str]) -> Self {
        let start = lab.save();
        let before = settled(&lab.tree(), &[]);
        let untouched = lab.leftovers();
        let count = effects(&lab, args);
        assert!(
            count > 30,
            "only {count} effects: the fault hooks are not compiled in"
        );
        let after = settled(&lab.tree(), REPLACED);
        assert_ne!(before, after);
        let left = lab.leftovers();
        Self {
            lab,
            args,
            before,
            after,
            leftovers: (untouched, left),
            count,
            start,
        }
    }

    fn faulty(&self, fault: &str) -> Answer {
        self.lab.restore(&self.start);
        self.lab.run_with(self.args, &[("PITSTOP_FAULT", fault)])
    }

    /// Whether the tree is exactly new; panics if it is neither new nor old.
    #[track_caller]
    fn is_new(&self, fault: &str) -> bool {
        let tree = self.lab.tree();
        let (as_old, as_new) = (settled(&tree, &[]), settled(&tree, REPLACED));
        if as_old == self.before {
            return false;
        }
        assert!(
            as_new == self.after,
            "{fault}: neither old nor new\nto old:\n{}\nto new:\n{}",
            difference(&as_old, &self.before),
            difference(&as_new, &self.after)
        );
        true
    }

    #[track_caller]
    fn converges(&self, fault: &str) {
        let check = self.lab.run(&["check", "lab"]);
        let interrupted = check.report["status"] == "interrupted";
        self.lab.run(&["stop", "lab"]).expect(0, "stopped");
        let new = self.is_new(fault);
        let leftovers = self.lab.leftovers();
        let expected = if new { &self.leftovers.1 } else { &self.leftovers.0 };
        if !interrupted && !new {
            assert_eq!(
                &names(&leftovers),
                &names(expected),
                "{fault}: something is left over"
            );
        }
        let again = self.lab.run(self.args);
        assert!(matches!(again.code, Some(0 | 6)), "{fault}: {:#}", again.report);
        assert!(
            self.is_new(fault),
            "{fault}: did not converge: {:#}",
            again.report
        );
        assert_eq!(
            names(&self.lab.leftovers()),
            names(&self.leftovers.1),
            "{fault}: something is left over"
        );
        let check = self.lab.run(&["check", "lab"]);
        assert_ne!(check.report["status"], "interrupted", "{fault}");
        self.one_record_each(fault);
    }

    #[track_caller]
    fn one_record_each(&self, fault: &str) {
        let history = fs::read_to_string(self.lab.path("state/instances/lab/history.jsonl")).unwrap();
        let ids: Vec<String> = history
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["transaction"].to_string())
            .collect();
        let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(ids.len(), distinct.len(), "{fault}: {history}");
    }
}

/// Transaction ids differ between runs.
fn names(paths: &[String]) -> Vec<String> {
    let mut names: Vec<String> = paths
        .iter()
        .map(|path| {
            let parts = path
                .split('/')
                .map(|part| if part.starts_with("0000") { "TX" } else { part });
            parts.collect::<Vec<_>>().join("/")
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

const SLACK: u64 = 24;

fn kill_everywhere(scenario: &Scenario) {
    for number in 1..=scenario.count {
        for fault in [format!("kill-before:{number}"), format!("kill-after:{number}")] {
            let killed = scenario.faulty(&fault);
            if killed.code == Some(0) {
                // How many digests come from a cache depends on the files' ages, so a run can have a few effects less.
                assert!(
                    number + SLACK > scenario.count && scenario.is_new(&fault),
                    "{fault}: {:#}",
                    killed.report
                );
                continue;
            }
            assert_eq!(killed.code, None, "{fault}: not killed: {:#}", killed.report);
            scenario.converges(&fault);
        }
    }
}

fn fail_everywhere(scenario: &Scenario, kind: &str) {
    for number in 1..=scenario.count {
        let fault = format!("{kind}:{number}");
        let answer = scenario.faulty(&fault);
        if answer.code == Some(0) {
            // An effect that may fail without harm, such as writing a cache; or the newer pack could not be read, and
            // that is said.
            let report = &answer.report;
            let unread = report["status"] == "current" && report["warnings"].to_string().contains("1.1.0");
            assert!(
                scenario.is_new(&fault) || unread,
                "{fault}: reported success but is old: {report:#}"
            );
        } else {
            assert!(
                answer.report["error"]["kind"].is_string(),
                "{fault}: {:#}",
                answer.report
            );
        }
        scenario.converges(&fault);
    }
}

#[test]
fn an_update_killed_at_any_effect_converges() {
    kill_everywhere(&Scenario::new(lab(), &["update", "lab"]));
}

#[test]
fn an_update_survives_a_full_disk_at_any_write() {
    fail_everywhere(&Scenario::new(lab(), &["update", "lab"]), "enospc");
}

#[test]
fn an_update_survives_an_io_error_at_any_effect() {
    fail_everywhere(&Scenario::new(lab(), &["update", "lab"]), "eio");
}

fn updated() -> Lab {
    let lab = lab();
    lab.run(&["update", "lab"]).expect(0, "updated");
    // Edited after the update: must be merged back, not dropped.
    let edited = lab.read("conf/server.conf").replace("memory = 2", "memory = 512");
    lab.write("conf/server.conf", &edited);
    lab
}

#[test]
fn a_rollback_killed_at_any_effect_converges() {
    kill_everywhere(&Scenario::new(updated(), &["rollback", "lab"]));
}

#[test]
fn a_rollback_survives_a_full_disk_at_any_write() {
    fail_everywhere(&Scenario::new(updated(), &["rollback", "lab"]), "enospc");
}

/// An adopted pack whose instance configures a file that is there and one that is not.
fn configurable() -> Lab {
    let lab = lab();
    lab.instance(&format!(
        "source: {}\nconfig:\n  files:\n    - {{path: conf/server.conf, content: \"port = {{{{ instance.name }}}}\\n\"}}\n    \
         - {{path: conf/deep/added.conf, content: x}}\n",
        lab.path("packs").display()
    ));
    lab
}

#[test]
fn a_configuration_killed_at_any_effect_converges() {
    kill_everywhere(&Scenario::new(configurable(), &["config", "apply", "lab"]));
}

#[test]
fn a_configuration_survives_a_full_disk_at_any_write() {
    fail_everywhere(
        &Scenario::new(configurable(), &["config", "apply", "lab"]),
        "enospc",
    );
}

#[test]
fn a_configuration_taken_back_and_killed_at_any_effect_converges() {
    let lab = configurable();
    lab.run(&["config", "apply", "lab"]).expect(0, "configured");
    kill_everywhere(&Scenario::new(lab, &["rollback", "lab", "--config"]));
}
