//! What probes count for: lines that a log does not hold any more, servers that are still starting, instances without any.

use std::fs;

use serde_json::Value;

use crate::common::Answer;
use crate::common::served::{Server, server};

const LOG: &str = "{name: up, deadline_s: 1, log: {file: log/up.log, pattern: '^up ', forbid: FATAL}}";

fn probe<'a>(answer: &'a Answer, name: &str) -> &'a Value {
    let probes = answer.report["probes"].as_array().unwrap();
    probes.iter().find(|probe| probe["name"] == name).unwrap()
}

/// Its log is gone: it was purged, or packed, or is too long by now.
fn logless() -> Server {
    let server = server("logs", &[], "");
    server.probe(LOG);
    let server = server.started();
    fs::remove_file(server.lab.home().join("log/up.log")).unwrap();
    server
}

#[test]
fn a_live_configuration_is_not_held_to_a_line_that_was_gone_before() {
    let server = logless();
    server.settings(|text| {
        let files = "{path: conf/server.conf, content: \"a = 2\\n\", restart: false}";
        format!("{text}config:\n  files:\n    - {files}\n")
    });
    let pids = server.pids();
    let answer = server.run(&["config", "apply", "lab"]).expect(0, "configured");
    assert_eq!(probe(&answer, "up")["baseline_ok"], false);
    assert_eq!(server.lab.read("conf/server.conf"), "a = 2\n");
    assert_eq!(server.pids(), pids);
}

#[test]
fn a_server_that_has_been_up_for_long_is_not_held_to_the_line_of_its_start() {
    let server = logless();
    server.settings(|text| text.replace("start_timeout_s: 20", "start_timeout_s: 3600"));
    server.run(&["verify", "lab"]).refused(5, "unhealthy");
    server.settings(|text| text.replace("start_timeout_s: 3600", "start_timeout_s: 1"));
    let answer = server.run(&["verify", "lab"]).expect(0, "verified");
    let detail = probe(&answer, "up")["detail"].as_str().unwrap();
    assert!(detail.contains("not held against"), "{detail}");
    server.lab.write("log/up.log", "FATAL\n");
    server.run(&["verify", "lab"]).refused(5, "unhealthy");
}

#[test]
fn a_server_without_probes_is_well_if_its_process_lives() {
    let server = server("", &[("1.1.0", ""), ("1.2.0", "dies")], "");
    server.settings(|text| {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("probes:") && !line.starts_with("  - {name:"));
        lines.map(|line| format!("{line}\n")).collect()
    });
    let answer = server.run(&["start", "lab"]).expect(0, "started");
    assert_eq!(probe(&answer, "process")["ok"], true);
    let update = ["update", "lab", "--level"];
    server
        .run(&[&update[..], &["1.1.0"]].concat())
        .expect(0, "updated");
    server
        .run(&[&update[..], &["1.2.0"]].concat())
        .refused(4, "rolled-back");
    assert_eq!(server.lab.read("VERSION"), "1.1.0\n");
    assert_eq!(server.pids().len(), 1);
}

/// The old level passes at the second try, the new one never.
#[test]
fn one_failed_try_before_the_stop_excuses_nothing() {
    let server = server("", &[("1.1.0", "")], "").started();
    let (home, tried) = (server.lab.home(), server.lab.path("tried"));
    let script = format!(
        "grep -q 1.0.0 {}/VERSION && {{ test -e {tried} || {{ touch {tried}; false; }}; }}",
        home.display(),
        tried = tried.display()
    );
    server.probe(&format!(
        "{{name: slow, deadline_s: 0, command: [/bin/sh, -c, '{script}']}}"
    ));
    server.run(&["update", "lab"]).refused(4, "rolled-back");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
}

/// A running server whose only probe fails at 1.0.0, and asks `script` at 1.1.0. `DIR` in it is a folder outside the home.
fn broken(script: &str) -> Server {
    let server = server("", &[("1.1.0", "")], "").started();
    let version = server.lab.home().join("VERSION").display().to_string();
    let script = script.replace("DIR", &server.lab.path("").display().to_string());
    server.settings(|text| {
        let (kept, _) = text.split_once("  - {name: main").unwrap();
        kept.to_owned()
    });
    server.probe(&format!(
        "{{name: only, deadline_s: 1, command: [/bin/sh, -c, 'grep -q 1.1.0 {version} && {script}']}}"
    ));
    server
}

#[test]
fn a_server_that_was_not_well_gets_the_time_of_its_start_to_become_so() {
    // It is well five seconds after it was first asked.
    let server = broken(
        "cd DIR && { test -e first || touch first; } && test $(($(date +%s) - $(stat -c %Y first))) -ge 5",
    );
    let answer = server.run(&["update", "lab"]).expect(0, "updated");
    let only = probe(&answer, "only");
    assert_eq!((&only["ok"], &only["baseline_ok"]), (&true.into(), &false.into()));
    assert_eq!(answer.report["after"]["verified"], true);
}

#[test]
fn a_server_that_is_as_unwell_as_before_is_kept_and_not_called_verified() {
    let server = broken("false");
    server.settings(|text| text.replace("start_timeout_s: 20", "start_timeout_s: 6"));
    let answer = server.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(probe(&answer, "only")["baseline_ok"], false);
    assert_eq!(answer.report["after"]["verified"], false);
    let warnings = answer.report["warnings"].to_string();
    assert!(
        warnings.contains("still fails, so nothing is verified: only"),
        "{warnings}"
    );
    let check = server.run(&["check", "lab"]);
    assert_eq!(check.report["before"]["verified"], false);
    assert_eq!(server.says().as_deref(), Some("1.1.0"));
}

#[test]
fn a_start_of_a_server_that_runs_and_is_not_well_says_so() {
    let server = server("extra-broken", &[], "");
    server.run(&["start", "lab"]).refused(5, "start-failed");
    let pids = server.pids();
    assert_eq!(pids.len(), 1);
    let answer = server.run(&["start", "lab"]).refused(5, "unhealthy");
    assert!(!answer.changed());
    assert_eq!(probe(&answer, "extra")["ok"], false);
    assert_eq!(server.pids(), pids);
}

#[test]
fn a_good_verify_says_of_the_level_that_it_is_well() {
    let server = server("", &[], "").started();
    let verified = || server.run(&["check", "lab"]).report["before"]["verified"].clone();
    assert_eq!(verified(), false, "it was only taken over");
    let answer = server.run(&["verify", "lab"]).expect(0, "verified");
    assert_eq!(answer.report["before"]["verified"], false);
    assert_eq!(answer.report["after"]["verified"], true);
    assert!(!answer.changed());
    assert_eq!(verified(), true);
}
