//! Conflicts that are solved once, as an operator sees them.

use std::fs;

use crate::common::conflicts::*;
use serde_json::Value;

#[test]
fn predicted_decided_once_and_replayed_on_the_next_instance() {
    let lab = in_conflict();
    let check = lab.run(&["check", "lab"]).expect(0, "update-available");
    let open = |key: &str| (key.to_owned(), None);
    assert_eq!(keys(&check.report), [open("server.port"), open("log")]);
    waiting(&lab, "lab");
    let list = lab.run(&["conflicts", "list", "lab"]).expect(0, "conflicts");
    assert!(list.message().starts_with("2 of 2"), "{}", list.message());
    assert!(!list.changed());
    let port = resolve("lab", "server.port", ["--take", "ours"]);
    assert!(lab.run(&port).expect(0, "conflicts").changed());
    assert!(
        !lab.run(&port).expect(0, "conflicts").changed(),
        "deciding the same again changes something"
    );
    let waits = &lab.run(&["check", "lab"]).report["waiting"];
    assert_eq!(
        (&waits["conflicts"], &waits["open"]),
        (&1.into(), &1.into()),
        "{waits}"
    );
    // One answer is not enough.
    lab.run(&["update", "lab", "--continue"]).refused(3, "conflicts");
    let value = resolve("lab", "log", ["--value", "error"]);
    let done = lab.run(&value).expect(0, "resolved");
    assert!(
        done.message().contains("update lab --continue"),
        "{}",
        done.message()
    );
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    let text = read(&lab, "lab", APP);
    for line in ["  port: 9443\n", "log: error\n", "a.example.com"] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert_eq!(lab.run(&["check", "lab"]).report["waiting"], Value::Null);
    // The second instance: predicted as decided, and updated without a person.
    let check = lab.run(&["check", "second"]).expect(0, "update-available");
    assert_eq!(keys(&check.report), []);
    let dry = lab.run(&["update", "second", "--dry-run"]).expect(0, "planned");
    let remembered = dry.report["plan"]["remembered"].as_array().unwrap();
    let told: Vec<_> = remembered
        .iter()
        .map(|one| {
            (
                one["path"].as_str().unwrap(),
                one["key"].as_str().unwrap(),
                one["take"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [(APP, "server.port", "ours"), (APP, "log", "value")]);
    assert_eq!(remembered[0]["instance"], "lab");
    assert!(remembered[0]["decided"].is_string() && remembered[0]["by"].is_string());
    let without = lab.run(&["update", "second", "--dry-run", "--no-remembered"]);
    assert_eq!(
        keys(&without.refused(3, "conflicts").report),
        [open("server.port"), open("log")]
    );
    let check = lab.run(&["check", "second", "--no-remembered"]);
    assert_eq!(keys(&check.report), [open("server.port"), open("log")]);
    let id = dry.report["plan"]["id"].as_str().unwrap();
    let real = lab.run(&["update", "second", "--plan", id]).expect(0, "updated");
    let why = real.report["plan"]["files"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["path"] == APP);
    assert_eq!(why.unwrap()["why"], "remembered");
    let text = read(&lab, "second", APP);
    for line in ["  # ours\n  port:   9443 # tls\n", "b.example.com"] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(
        text.contains("log: error\n") || text.contains("log: \"error\"\n"),
        "{text}"
    );
    lab.run(&["rollback", "second"]).expect(0, "rolled-back");
}

#[test]
fn a_decision_does_not_apply_to_another_conflict() {
    let lab = in_conflict();
    decided(&lab, "lab");
    edit(&lab, "second", APP, &[("9443", "9444")]);
    let answer = waiting(&lab, "second");
    let log = Some("value".to_owned());
    assert_eq!(
        keys(&answer.report),
        [("server.port".into(), None), ("log".into(), log)]
    );
    // What is remembered and what is decided now come together.
    lab.run(&resolve("second", "server.port", ["--take", "theirs"]))
        .expect(0, "resolved");
    lab.run(&["update", "second", "--continue"]).expect(0, "updated");
    let text = read(&lab, "second", APP);
    assert!(text.contains("9090") && !text.contains("debug"), "{text}");
}

#[test]
fn a_later_contrary_decision_replaces_the_earlier_one() {
    let lab = in_conflict();
    decided(&lab, "lab");
    lab.run(&["update", "second", "--no-remembered"])
        .refused(3, "conflicts");
    lab.run(&["conflicts", "resolve", "second", "--all", "--take", "theirs"])
        .expect(0, "resolved");
    lab.run(&["update", "second", "--continue"]).expect(0, "updated");
    let text = read(&lab, "second", APP);
    assert!(text.contains("9090") && text.contains("log: warn"), "{text}");
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    let dry = lab.run(&["update", "lab", "--dry-run"]).expect(0, "planned");
    let takes: Vec<&str> = dry.report["plan"]["remembered"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["take"].as_str().unwrap())
        .collect();
    assert_eq!(takes, ["theirs", "theirs"]);
}

#[test]
fn answers_are_taken_back_and_then_nothing_is_remembered() {
    let lab = in_conflict();
    waiting(&lab, "lab");
    lab.run(&["conflicts", "resolve", "lab", "--all", "--take", "ours"])
        .expect(0, "resolved");
    let reopened = lab
        .run(&["conflicts", "resolve", "lab", "--all", "--reopen"])
        .expect(0, "conflicts");
    assert!(reopened.changed());
    lab.run(&["update", "lab", "--continue"]).refused(3, "conflicts");
    assert_eq!(remembered(&lab), Vec::<Value>::new());
}

#[test]
fn a_file_written_by_hand_wins_and_is_remembered_as_a_whole() {
    let lab = lab();
    for name in NAMES {
        edit(&lab, name, "bin/run.sh", &[("exec run", "exec nice run")]);
    }
    let report = waiting(&lab, "lab").report;
    let place = report["conflicts"][0]["final_file"].as_str().unwrap();
    lab.run(&["conflicts", "resolve", "lab", "bin/run.sh", "--take", "theirs"])
        .expect(0, "resolved");
    fs::write(place, "#!/bin/sh\nexec nice run --version 1.1.0\n").unwrap();
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert_eq!(
        read(&lab, "lab", "bin/run.sh"),
        "#!/bin/sh\nexec nice run --version 1.1.0\n"
    );
    let real = lab.run(&["update", "second"]).expect(0, "updated");
    assert_eq!(real.report["plan"]["remembered"][0]["take"], "final");
    assert_eq!(
        read(&lab, "second", "bin/run.sh"),
        read(&lab, "lab", "bin/run.sh")
    );
}

#[test]
fn a_whole_file_is_refused_while_it_has_markers_or_cannot_be_read() {
    let lab = in_conflict();
    waiting(&lab, "lab");
    let resolve = ["conflicts", "resolve", "lab", APP, "--final", "-"];
    for bad in ["<<<<<<< current\na: 1\n=======\na: 2\n>>>>>>> new\n", "a: [\n"] {
        let (code, report) = with_input(&lab, &resolve, bad.as_bytes());
        assert_eq!(
            (code, report["error"]["kind"].as_str()),
            (2, Some("usage")),
            "{report:#}"
        );
    }
    let (code, report) = with_input(&lab, &resolve, b"a: 1\n");
    assert_eq!((code, report["status"].as_str()), (0, Some("resolved")));
    // It wins over everything else until it is taken back.
    lab.run(&["conflicts", "resolve", "lab", APP, "--take", "ours"])
        .refused(2, "usage");
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert_eq!(read(&lab, "lab", APP), "a: 1\n");
}

#[test]
fn a_whole_file_put_there_by_hand_is_judged_like_any_other() {
    let lab = in_conflict();
    let report = waiting(&lab, "lab").report;
    let place = report["conflicts"][0]["final_file"].as_str().unwrap();
    let before = read(&lab, "lab", APP);
    for bad in ["<<<<<<< current\na: 1\n=======\na: 2\n>>>>>>> new\n", "a: [\n"] {
        fs::write(place, bad).unwrap();
        let refused = lab.run(&["update", "lab", "--continue"]).refused(3, "conflicts");
        assert!(refused.message().contains(place), "{}", refused.message());
        assert_eq!(read(&lab, "lab", APP), before);
        let list = lab.run(&["conflicts", "list", "lab"]).expect(0, "conflicts");
        assert!(
            list.report["warnings"].to_string().contains("is not used"),
            "{}",
            list.report
        );
    }
    fs::write(place, "a: 1\n").unwrap();
    lab.run(&["conflicts", "list", "lab"]).expect(0, "resolved");
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert_eq!(read(&lab, "lab", APP), "a: 1\n");
}

#[test]
fn conflicts_of_whole_files_are_decided_and_remembered_too() {
    let lab = lab();
    for name in NAMES {
        let home = lab.path(if name == "lab" { "home" } else { name });
        fs::write(home.join("lib/core.jar"), "\0patched").unwrap();
        fs::remove_file(home.join("bin/run.sh")).unwrap();
    }
    waiting(&lab, "lab");
    lab.run(&["conflicts", "resolve", "lab", "lib/core.jar", "--take", "ours"])
        .expect(0, "conflicts");
    lab.run(&["conflicts", "resolve", "lab", "bin/run.sh", "--take", "theirs"])
        .expect(0, "resolved");
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    lab.run(&["update", "second"]).expect(0, "updated");
    for name in NAMES {
        assert_eq!(read(&lab, name, "lib/core.jar"), "\0patched");
        assert!(read(&lab, name, "bin/run.sh").contains("1.1.0"));
    }
}

#[test]
fn what_does_not_fit_is_refused_with_what_to_do() {
    let lab = in_conflict();
    lab.run(&["conflicts", "list", "lab"]).expect(0, "current");
    lab.run(&["conflicts", "resolve", "lab", "--all", "--take", "ours"])
        .refused(2, "usage");
    waiting(&lab, "lab");
    let table: [&[&str]; 6] = [
        &["conflicts", "resolve", "lab", "conf/apq.yaml", "--take", "ours"],
        &resolve("lab", "nothing", ["--take", "ours"]),
        &["conflicts", "resolve", "lab", APP, "--value", "1"],
        &["conflicts", "resolve", "lab", "--take", "ours"],
        &["conflicts", "show", "lab", APP, "nothing"],
        // Without a terminal nobody is asked.
        &["conflicts", "resolve", "lab"],
    ];
    for args in table {
        let answer = lab.run(args);
        assert_eq!(answer.code, Some(2), "{args:?}: {:#}", answer.report);
        assert!(answer.report["error"]["hint"].is_string(), "{args:?}");
    }
    edit(&lab, "lab", APP, &[("9443", "9555")]);
    lab.run(&["conflicts", "list", "lab"]).refused(6, "stale");
    waiting(&lab, "lab");
    lab.run(&["conflicts", "list", "lab"]).expect(0, "conflicts");
}
