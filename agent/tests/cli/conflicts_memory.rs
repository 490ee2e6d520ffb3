//! What is remembered of decided conflicts: how it moves to other hosts, and what of secrets is kept.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::conflicts::*;
use crate::common::{Answer, file};
use serde_json::Value;

#[test]
fn memory_moves_to_another_host() {
    let (here, there) = (in_conflict(), in_conflict());
    decided(&here, "lab");
    let document = serde_json::to_vec(&exported(&here)).unwrap();
    let import = ["conflicts", "import", "-"];
    let (code, report) = with_input(&there, &import, &document);
    assert_eq!(
        (code, report["new"].as_u64(), report["changed"].as_bool()),
        (0, Some(2), Some(true))
    );
    let (_, again) = with_input(&there, &import, &document);
    assert_eq!(
        (again["known"].as_u64(), again["changed"].as_bool()),
        (Some(2), Some(false))
    );
    there.run(&["update", "lab"]).expect(0, "updated");
    let first = &remembered(&here)[0];
    assert!(
        first["transaction"].is_string() && first["instance"] == "lab",
        "{first:#}"
    );
    // Private, and never a part of a file.
    let own = there.path("state/resolutions");
    assert_eq!(fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o700);
    for one in fs::read_dir(own.join("lab")).unwrap() {
        assert_eq!(
            one.unwrap().metadata().unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    let contrary = String::from_utf8(document.clone())
        .unwrap()
        .replace("\"ours\"", "\"theirs\"");
    let (_, report) = with_input(&there, &import, contrary.as_bytes());
    assert_eq!(
        (report["replaced"].as_u64(), report["known"].as_u64()),
        (Some(1), Some(1))
    );
    let forget = there.run(&["conflicts", "forget", "--key", "log"]);
    assert_eq!(
        (forget.code, forget.report["forgotten"].as_u64()),
        (Some(0), Some(1))
    );
    assert_eq!(remembered(&there).len(), 1);
    // To a file, twice.
    let out = there.path("memory.json");
    let export = ["conflicts", "export", "-o", out.to_str().unwrap()];
    assert!(there.run(&export).changed());
    assert!(!there.run(&export).changed());
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn shipped_decisions_are_used_and_never_written() {
    let (here, there) = (in_conflict(), in_conflict());
    decided(&here, "lab");
    let folder = there.path("config/resolutions.d");
    fs::create_dir_all(&folder).unwrap();
    let shipped = folder.join("fleet.json");
    let document = serde_json::to_vec(&exported(&here)).unwrap();
    fs::write(&shipped, &document).unwrap();
    fs::write(folder.join("broken.json"), "{").unwrap();
    // Who else may write it could decide what is configured.
    fs::set_permissions(&shipped, fs::Permissions::from_mode(0o666)).unwrap();
    let refused = there.run(&["update", "lab", "--dry-run"]).refused(3, "conflicts");
    let warned = refused.report["warnings"].to_string();
    assert!(
        warned.contains("fleet.json") && warned.contains("broken.json"),
        "{warned}"
    );
    fs::set_permissions(&shipped, fs::Permissions::from_mode(0o644)).unwrap();
    let updated = there.run(&["update", "lab"]).expect(0, "updated");
    let from = updated.report["plan"]["remembered"][0]["file"].as_str().unwrap();
    assert_eq!(Path::new(from), shipped);
    assert_eq!(fs::read(&shipped).unwrap(), document);
    assert!(!there.run(&["conflicts", "forget", "--all"]).changed());
}

#[test]
fn conflicts_of_equal_lines_are_remembered_apart() {
    const SCRIPT: &str = "bin/server.sh";
    let levels = [("1.0.0", "8"), ("1.1.0", "17")].map(|(version, java)| {
        let mut level = level(version, 8080, "info");
        let text = format!("start)\n  java {java}\n  ;;\nstatus)\n  ps\n  ;;\ndebug)\n  java {java}\n  ;;\n");
        level.insert(SCRIPT.to_owned(), file(text));
        level
    });
    let lab = lab_of(levels.each_ref());
    for name in NAMES {
        edit(&lab, name, SCRIPT, &[("java 8", "java 11")]);
    }
    waiting(&lab, "lab");
    for (line, side) in [("line 2", "ours"), ("line 8", "theirs")] {
        let resolve = [
            "conflicts",
            "resolve",
            "lab",
            SCRIPT,
            "--key",
            line,
            "--take",
            side,
        ];
        assert!(lab.run(&resolve).changed());
    }
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    lab.run(&["update", "second"]).expect(0, "updated");
    for name in NAMES {
        let text = read(&lab, name, SCRIPT);
        let found: Vec<&str> = text.lines().filter(|line| line.contains("java")).collect();
        assert_eq!(found, ["  java 11", "  java 17"], "{name}");
    }
}

#[test]
fn what_no_host_would_import_is_not_exported() {
    let lab = in_conflict();
    decided(&lab, "lab");
    let document = exported(&lab);
    let keyed = document["resolutions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["key"].is_string());
    let folder = lab.path("config/resolutions.d");
    fs::create_dir_all(&folder).unwrap();
    // Each can be imported, both together cannot.
    for file in ["a", "b"] {
        let one = |number: u32| {
            let mut one = keyed.unwrap().clone();
            one["key"] = format!("{file}.{number}").into();
            one["path"] = format!("conf/{file}").into();
            one
        };
        let shipped = serde_json::json!({
            "schema": document["schema"],
            "resolutions": (0..6000).map(one).collect::<Vec<_>>(),
        });
        fs::write(folder.join(format!("{file}.json")), shipped.to_string()).unwrap();
    }
    let out = lab.path("memory.json");
    let export = ["conflicts", "export", "-o", out.to_str().unwrap()];
    let refused = lab.run(&export).refused(2, "usage");
    let error = &refused.report["error"];
    assert!(
        error["message"].to_string().contains("more than 10000 decisions"),
        "{error}"
    );
    assert!(error["hint"].to_string().contains("--path"), "{error}");
    assert!(!out.exists());
    let part = [&export[..], &["--path", "conf/b"]].concat();
    assert_eq!(lab.run(&part).report["exported"], 6000);
}

#[test]
fn hostile_documents_change_nothing() {
    let lab = in_conflict();
    decided(&lab, "lab");
    let good = exported(&lab);
    let mut climbing = good.clone();
    climbing["resolutions"][1]["path"] = "../../../etc/passwd".into();
    let mut product = good.clone();
    product["resolutions"][0]["product"] = "../../x".into();
    let mut secret = good.clone();
    secret["resolutions"][0]["secret"] = true.into();
    let before = crate::common::tree(&lab.path("state"));
    for bad in [
        climbing,
        product,
        secret,
        Value::Null,
        serde_json::json!({"schema": "pitstop/resolutions/v1"}),
    ] {
        let (code, report) = with_input(&lab, &["conflicts", "import", "-"], bad.to_string().as_bytes());
        assert_eq!(
            (code, report["error"]["kind"].as_str()),
            (2, Some("settings")),
            "{bad:#}"
        );
    }
    assert!(crate::common::tree(&lab.path("state")) == before);
}

/// The operator's password, and the one that is decided.
const PASSWORDS: [&str; 2] = ["hunter2-mine", "hunter2-decided"];

#[test]
fn secrets_are_neither_shown_nor_exported_nor_remembered_unasked() {
    let lab = lab();
    for name in NAMES {
        edit(&lab, name, APP, &[("default-info", PASSWORDS[0])]);
    }
    let texts = |answer: &Answer| answer.report.to_string() + &answer.stderr;
    let shown = waiting(&lab, "lab");
    assert_eq!(keys(&shown.report), [("admin.password".into(), None)]);
    let resolve = ["conflicts", "resolve", "lab", APP, "--key", "admin.password"];
    let refused = lab
        .run(&[&resolve[..], &["--value", "x"]].concat())
        .refused(2, "usage");
    assert!(
        refused.report["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("--value-from")
    );
    let from = [&resolve[..], &["--value-from", "-"]].concat();
    let (code, report) = with_input(&lab, &from, format!("{}\n", PASSWORDS[1]).as_bytes());
    assert_eq!(
        (code, report["status"].as_str()),
        (0, Some("resolved")),
        "{report:#}"
    );
    let all = lab.run(&["conflicts", "show", "lab"]);
    let updated = lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert!(read(&lab, "lab", APP).contains(PASSWORDS[1]));
    assert!(updated.report["warnings"].to_string().contains("not remembered"));
    for text in [texts(&shown), report.to_string(), texts(&all), texts(&updated)] {
        assert!(!PASSWORDS.iter().any(|secret| text.contains(secret)), "{text}");
    }
    // A side is no value: it is remembered, on this host.
    waiting(&lab, "second");
    lab.run(&["conflicts", "resolve", "second", "--all", "--take", "ours"])
        .expect(0, "resolved");
    lab.run(&["update", "second", "--continue"]).expect(0, "updated");
    lab.run(&["rollback", "second"]).expect(0, "rolled-back");
    lab.run(&["update", "second"]).expect(0, "updated");
    assert_eq!(remembered(&lab), Vec::<Value>::new(), "a secret is exported");
    let kept: String = fs::read_dir(lab.path("state/resolutions/lab"))
        .unwrap()
        .map(|one| fs::read_to_string(one.unwrap().path()).unwrap())
        .collect();
    assert!(
        kept.contains("\"secret\": true") && !kept.contains("hunter2"),
        "{kept}"
    );
}

#[test]
fn a_secret_value_is_remembered_on_this_host_if_that_is_asked_for() {
    let lab = lab();
    for name in NAMES {
        edit(&lab, name, APP, &[("default-info", PASSWORDS[0])]);
    }
    waiting(&lab, "lab");
    let resolve = [
        "conflicts",
        "resolve",
        "lab",
        APP,
        "--value-from",
        "-",
        "--remember-secret",
    ];
    with_input(&lab, &resolve, PASSWORDS[1].as_bytes());
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    let updated = lab.run(&["update", "second"]).expect(0, "updated");
    assert!(read(&lab, "second", APP).contains(PASSWORDS[1]));
    assert!(!updated.report.to_string().contains("hunter2"));
    assert_eq!(remembered(&lab), Vec::<Value>::new());
}

#[test]
fn a_secret_that_is_decided_where_none_was_is_kept_to_this_host() {
    let lab = in_conflict();
    let url = "jdbc:mysql://u:hunter2@db";
    waiting(&lab, "lab");
    lab.run(&resolve("lab", "log", ["--value", url]))
        .refused(2, "usage");
    let from = resolve("lab", "log", ["--value-from", "-"]);
    with_input(&lab, &from, url.as_bytes());
    let all = ["conflicts", "resolve", "lab", "--all", "--take", "ours"];
    let resolved = lab.run(&all).expect(0, "resolved");
    assert!(
        !resolved.report.to_string().contains("hunter2"),
        "{}",
        resolved.report
    );
    let updated = lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert!(read(&lab, "lab", APP).contains(url));
    assert!(updated.report["warnings"].to_string().contains("not remembered"));
    assert_eq!(remembered(&lab).len(), 1, "only the port is");
    // Asked for, it is remembered on this host and used there.
    waiting(&lab, "second");
    with_input(
        &lab,
        &[
            &resolve("second", "log", ["--value-from", "-"])[..],
            &["--remember-secret"],
        ]
        .concat(),
        url.as_bytes(),
    );
    lab.run(&["update", "second", "--continue"]).expect(0, "updated");
    lab.run(&["rollback", "second"]).expect(0, "rolled-back");
    let again = lab.run(&["update", "second"]).expect(0, "updated");
    assert!(read(&lab, "second", APP).contains(url));
    assert!(!again.report.to_string().contains("hunter2"), "{}", again.report);
    assert_eq!(remembered(&lab).len(), 1);
}

#[test]
fn a_file_that_adds_a_secret_is_not_remembered_unasked() {
    let lab = crate::common::conflicts::lab();
    edit(&lab, "lab", "bin/run.sh", &[("exec run", "exec nice run")]);
    waiting(&lab, "lab");
    let script = b"#!/bin/sh\nDB_PASS=hunter2 exec nice run\n";
    let given = with_input(
        &lab,
        &["conflicts", "resolve", "lab", "bin/run.sh", "--final", "-"],
        script,
    );
    assert_eq!(given.0, 0, "{:#}", given.1);
    let updated = lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert!(updated.report["warnings"].to_string().contains("not remembered"));
    assert_eq!(remembered(&lab), Vec::<Value>::new());
}
