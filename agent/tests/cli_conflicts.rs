//! Conflicts that are solved once, as an operator sees them.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "test code")]

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use common::{Answer, Lab, Pack, file, pack, write_pack};
use serde_json::Value;

fn level(version: &str, port: u16, log: &str) -> Pack {
    pack(&[
        ("VERSION", file(format!("{version}\n"))),
        (
            "conf/app.yaml",
            file(format!(
                "# server\nserver:\n  port: {port}\n  host: localhost\nlog: {log}\nadmin:\n  password: default-{log}\n"
            )),
        ),
        (
            "bin/run.sh",
            file(format!("#!/bin/sh\nexec run --version {version}\n")),
        ),
        ("lib/core.jar", file(format!("\0core {version}"))),
    ])
}

const NAMES: [&str; 2] = ["lab", "second"];

/// Two instances of one product at 1.0.0, both adopted; 1.1.0 is on offer.
fn lab() -> Lab {
    let lab = Lab::new(&level("1.0.0", 8080, "info"));
    lab.offer("1.0.0", &level("1.0.0", 8080, "info"));
    lab.offer("1.1.0", &level("1.1.0", 9090, "warn"));
    let source = lab.path("packs");
    lab.instance(&format!("source: {}\n", source.display()));
    write_pack(&lab.path("second"), &level("1.0.0", 8080, "info"));
    let second = format!(
        "name: second\nproduct: lab\nhome: {}\nsource: {}\n",
        lab.path("second").display(),
        source.display()
    );
    fs::write(lab.path("config/instances.d/second.yaml"), second).unwrap();
    for name in NAMES {
        lab.run(&["adopt", name, "--pristine", source.to_str().unwrap()])
            .expect(0, "adopted");
    }
    lab
}

/// Changes a file in an instance's home.
fn edit(lab: &Lab, instance: &str, path: &str, changes: &[(&str, &str)]) {
    let at = lab
        .path(if instance == "lab" { "home" } else { instance })
        .join(path);
    let mut text = fs::read_to_string(&at).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from} in {text}");
        text = text.replace(from, to);
    }
    fs::write(at, text).unwrap();
}

fn read(lab: &Lab, instance: &str, path: &str) -> String {
    fs::read_to_string(
        lab.path(if instance == "lab" { "home" } else { instance })
            .join(path),
    )
    .unwrap()
}

const APP: &str = "conf/app.yaml";

/// Both instances have the same two conflicts, written differently, and each something of its own.
fn in_conflict() -> Lab {
    let lab = lab();
    edit(
        &lab,
        "lab",
        APP,
        &[
            ("port: 8080", "port: 9443"),
            ("log: info", "log: debug"),
            ("localhost", "a.example.com"),
        ],
    );
    edit(
        &lab,
        "second",
        APP,
        &[
            ("  port: 8080", "  # ours\n  port:   9443 # tls"),
            ("log: info", "log: \"debug\""),
            ("localhost", "b.example.com"),
        ],
    );
    lab
}

fn waiting(lab: &Lab, instance: &str) -> Answer {
    lab.run(&["update", instance]).refused(3, "conflicts")
}

fn keys(report: &Value) -> Vec<(String, Option<String>)> {
    let conflicts = report["conflicts"].as_array().unwrap();
    let keys = conflicts
        .iter()
        .flat_map(|one| one["keys"].as_array().cloned().unwrap_or_default());
    keys.map(|key| {
        let take = key["answer"]["take"].as_str().map(str::to_owned);
        (key["key"].as_str().unwrap_or_default().to_owned(), take)
    })
    .collect()
}

fn with_input(lab: &Lab, args: &[&str], input: &[u8]) -> (i32, Value) {
    let mut child = lab
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    (
        output.status.code().unwrap(),
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
    )
}

/// Decides both conflicts of an instance and goes on.
fn decided(lab: &Lab, instance: &str) {
    waiting(lab, instance);
    lab.run(&[
        "conflicts",
        "resolve",
        instance,
        APP,
        "--key",
        "server.port",
        "--take",
        "ours",
    ])
    .expect(0, "conflicts");
    lab.run(&[
        "conflicts",
        "resolve",
        instance,
        APP,
        "--key",
        "log",
        "--value",
        "error",
    ])
    .expect(0, "resolved");
    lab.run(&["update", instance, "--continue"]).expect(0, "updated");
}

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
    let port = [
        "conflicts",
        "resolve",
        "lab",
        APP,
        "--key",
        "server.port",
        "--take",
        "ours",
    ];
    assert!(lab.run(&port).expect(0, "conflicts").changed());
    assert!(
        !lab.run(&port).expect(0, "conflicts").changed(),
        "deciding the same again changes something"
    );
    // One answer is not enough.
    lab.run(&["update", "lab", "--continue"]).refused(3, "conflicts");
    let value = [
        "conflicts",
        "resolve",
        "lab",
        APP,
        "--key",
        "log",
        "--value",
        "error",
    ];
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
    lab.run(&[
        "conflicts",
        "resolve",
        "second",
        APP,
        "--key",
        "server.port",
        "--take",
        "theirs",
    ])
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

fn exported(lab: &Lab) -> Value {
    let output = lab.command(&["conflicts", "export"]).output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn remembered(lab: &Lab) -> Vec<Value> {
    exported(lab)["resolutions"].as_array().unwrap().clone()
}

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
    let before = common::tree(&lab.path("state"));
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
    assert!(common::tree(&lab.path("state")) == before);
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
fn what_does_not_fit_is_refused_with_what_to_do() {
    let lab = in_conflict();
    lab.run(&["conflicts", "list", "lab"]).expect(0, "current");
    lab.run(&["conflicts", "resolve", "lab", "--all", "--take", "ours"])
        .refused(2, "usage");
    waiting(&lab, "lab");
    let table: [&[&str]; 6] = [
        &["conflicts", "resolve", "lab", "conf/apq.yaml", "--take", "ours"],
        &[
            "conflicts",
            "resolve",
            "lab",
            APP,
            "--key",
            "nothing",
            "--take",
            "ours",
        ],
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
