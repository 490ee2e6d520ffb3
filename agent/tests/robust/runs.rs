//! Runs in bad company: beside each other, while the source vanishes, while the clock is wrong. Needs the feature `faults`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::host::Held;
use crate::common::scenario::{REPLACED, lab, new, old};
use crate::common::{Lab, settled, write_pack};

#[test]
fn a_second_run_is_told_which_run_it_waits_for() {
    let lab = lab();
    let before = lab.tree();
    let mut first = Held::start(&lab, &["update", "lab"], "stop-before:mkdir .pitstop");
    assert!(first.wait().is_none(), "it was to be held");
    let who = format!("`pitstop update`, pid {}, since 2", first.pid());
    for args in [
        ["update", "lab"],
        ["rollback", "lab"],
        ["stop", "lab"],
        ["adopt", "lab"],
    ] {
        let answer = lab.run(&args).refused(6, "locked");
        assert!(answer.message().contains(&who), "{}", answer.message());
        assert!(answer.report["error"]["hint"].is_string());
    }
    assert_eq!(lab.tree(), before);
    // Looking is free, and tells of the other run as of one that was interrupted.
    assert_eq!(lab.run(&["check", "lab"]).code, Some(0));
    first.go_on().unwrap().expect(0, "updated");
}

#[test]
fn runs_that_race_leave_one_update() {
    const RUNS: usize = 8;
    let alone = lab();
    alone.run(&["update", "lab"]).expect(0, "updated");
    let lab = lab();
    let start = || {
        let mut command = lab.command(&["update", "lab"]);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let runs: Vec<_> = (0..RUNS).map(|_| start()).collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let outcome = (output.status.code(), report["error"]["kind"].as_str());
        assert!(
            matches!(outcome, (Some(0), None) | (Some(6), Some("locked"))),
            "{report:#}"
        );
        let message = report["message"].as_str().unwrap();
        assert!(
            outcome.0 == Some(0) || message.contains("pid ") || message.contains("another run"),
            "{message}"
        );
    }
    assert!(!lab.run(&["update", "lab"]).expect(0, "current").changed());
    let all: Vec<&str> = REPLACED.iter().copied().chain(old_paths()).collect();
    assert_eq!(
        crate::common::difference(&settled(&lab.tree(), &all), &settled(&alone.tree(), &all)),
        ""
    );
    let history = fs::read_to_string(lab.path("state/instances/lab/history.jsonl")).unwrap();
    assert_eq!(history.lines().count(), 1, "{history}");
}

/// Two laboratories have other times everywhere.
fn old_paths() -> impl Iterator<Item = &'static str> {
    const MORE: &[&str] = &["lib/ext-driver.jar", "data/db", "log/server.log"];
    old()
        .into_keys()
        .map(|path| &*path.leak())
        .chain(MORE.iter().copied())
        .chain(new().into_keys().map(|path| &*path.leak()))
}

/// Removed or replaced between the plan and the staging.
#[test]
fn a_source_that_vanishes_in_the_middle_ends_the_run_without_a_trace() {
    type Vanish = fn(&Path);
    let vanish: [(&str, Vanish); 2] = [("vanished", remove), ("changed", replace)];
    for kind in ["directory", "tar", "tar.gz"] {
        for (says, vanish) in vanish {
            let lab = lab();
            let source = source(&lab, kind);
            let before = lab.tree();
            let args = ["update", "lab", "--from", source.to_str().unwrap()];
            let mut run = Held::start(&lab, &args, "stop-before:mkdir .pitstop");
            assert!(run.wait().is_none(), "{kind}: it was to be held");
            vanish(&source);
            let answer = run.go_on().unwrap().refused(1, "source");
            let message = answer.message();
            assert!(message.contains(source.to_str().unwrap()), "{kind}: {message}");
            assert!(message.contains(says), "{kind}, {says}: {message}");
            assert!(answer.report["error"]["hint"].is_string(), "{kind}");
            assert_eq!(lab.tree(), before, "{kind}");
            assert_eq!(lab.leftovers(), Vec::<String>::new(), "{kind}");
            assert_eq!(
                lab.run(&["check", "lab"]).report["before"]["interrupted"],
                serde_json::Value::Null
            );
            lab.run(&["update", "lab"]).expect(0, "updated");
        }
    }
}

fn source(lab: &Lab, kind: &str) -> std::path::PathBuf {
    let dir = lab.path("elsewhere");
    write_pack(&dir, &new());
    if kind == "directory" {
        return dir;
    }
    let path = lab.path(&format!("pack.{kind}"));
    let packed = Command::new("tar")
        .arg("-caf")
        .arg(&path)
        .arg("-C")
        .arg(&dir)
        .arg(".")
        .status();
    assert!(packed.unwrap().success());
    path
}

fn remove(path: &Path) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

fn replace(path: &Path) {
    let file = if path.is_dir() {
        path.join("VERSION")
    } else {
        path.to_owned()
    };
    fs::write(file, "something else that is longer than before").unwrap();
}

const YEARS: i64 = 10 * 365 * 86400;

/// The order of transactions, what caches hold and what is to be done do not hang on the wall clock.
#[test]
fn a_clock_that_is_set_back_between_runs_changes_nothing() {
    let lab = lab();
    let clock = |seconds: i64| seconds.to_string();
    let (ahead, back) = (clock(YEARS), clock(-YEARS));
    let run = |args: &[&str], clock: &str| lab.run_with(args, &[("PITSTOP_FAULT_CLOCK", clock)]);
    run(&["update", "lab"], &ahead).expect(0, "updated");
    let seen = run(&["check", "lab"], &back).report["before"]["drift"].clone();
    // Caches that were written ahead of time must not hide what changes now.
    lab.write("web/ü ö.html", "<p>3</p>\n");
    lab.write("lib/core-1.1.0.jar", "\0core 3");
    for clock in [&ahead, &back, &"0".to_owned()] {
        let drift = run(&["check", "lab"], clock).report["before"]["drift"].clone();
        assert_ne!(drift, seen);
        let paths = drift["paths"].to_string();
        assert!(
            paths.contains("lib/core-1.1.0.jar") && paths.contains("web/"),
            "{paths}"
        );
    }
    lab.write("web/ü ö.html", "<p>2</p>\n");
    lab.write("lib/core-1.1.0.jar", "\0core 2");
    run(&["rollback", "lab"], &back).expect(0, "rolled-back");
    run(&["update", "lab"], &back).expect(0, "updated");
    run(&["rollback", "lab"], "0").expect(0, "rolled-back");
    let history = fs::read_to_string(lab.path("state/instances/lab/history.jsonl")).unwrap();
    let numbers: Vec<String> = history
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["transaction"]
                .as_str()
                .unwrap()[..6]
                .to_owned()
        })
        .collect();
    assert_eq!(numbers, ["000001", "000002", "000003", "000004"]);
}

/// A killed run leaves a journal from the future, or from the past.
#[test]
fn an_interrupted_run_is_finished_whatever_the_clock_says() {
    for (then, now) in [(YEARS, -YEARS), (-YEARS, YEARS)] {
        let lab = lab();
        let env = |clock: i64| ("PITSTOP_FAULT_CLOCK", clock.to_string());
        let (name, then) = env(then);
        let faults = [
            (name, then.as_str()),
            ("PITSTOP_FAULT", "kill-after:link bin/run.sh"),
        ];
        assert_eq!(lab.run_with(&["update", "lab"], &faults).code, None);
        let (name, now) = env(now);
        let answer = lab.run_with(&["update", "lab"], &[(name, now.as_str())]);
        assert_eq!(answer.code, Some(0), "{:#}", answer.report);
        assert_eq!(lab.read("VERSION"), "1.1.0\n");
        lab.run(&["verify", "lab", "--deep"]).expect(0, "verified");
    }
}
