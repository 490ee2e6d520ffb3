//! Two instances whose changes conflict with the next level.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use super::{Answer, Lab, Pack, file, pack, write_pack};

pub fn level(version: &str, port: u16, log: &str) -> Pack {
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

pub const NAMES: [&str; 2] = ["lab", "second"];

/// Two instances of one product at 1.0.0, both adopted; 1.1.0 is on offer.
pub fn lab() -> Lab {
    lab_of([&level("1.0.0", 8080, "info"), &level("1.1.0", 9090, "warn")])
}

/// The same with these levels.
pub fn lab_of([old, new]: [&Pack; 2]) -> Lab {
    let lab = Lab::new(old);
    lab.offer("1.0.0", old);
    lab.offer("1.1.0", new);
    let source = lab.path("packs");
    lab.instance(&format!("source: {}\n", source.display()));
    write_pack(&lab.path("second"), old);
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
pub fn edit(lab: &Lab, instance: &str, path: &str, changes: &[(&str, &str)]) {
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

pub fn read(lab: &Lab, instance: &str, path: &str) -> String {
    fs::read_to_string(
        lab.path(if instance == "lab" { "home" } else { instance })
            .join(path),
    )
    .unwrap()
}

pub const APP: &str = "conf/app.yaml";

/// Both instances have the same two conflicts, written differently, and each something of its own.
pub fn in_conflict() -> Lab {
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

pub fn waiting(lab: &Lab, instance: &str) -> Answer {
    lab.run(&["update", instance]).refused(3, "conflicts")
}

pub fn keys(report: &Value) -> Vec<(String, Option<String>)> {
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

pub fn with_input(lab: &Lab, args: &[&str], input: &[u8]) -> (i32, Value) {
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

/// The command that answers one key, such as with `["--take", "ours"]`.
pub fn resolve<'a>(instance: &'a str, key: &'a str, [how, what]: [&'a str; 2]) -> [&'a str; 8] {
    ["conflicts", "resolve", instance, APP, "--key", key, how, what]
}

/// Decides both conflicts of an instance and goes on.
pub fn decided(lab: &Lab, instance: &str) {
    waiting(lab, instance);
    lab.run(&resolve(instance, "server.port", ["--take", "ours"]))
        .expect(0, "conflicts");
    lab.run(&resolve(instance, "log", ["--value", "error"]))
        .expect(0, "resolved");
    lab.run(&["update", instance, "--continue"]).expect(0, "updated");
}
pub fn exported(lab: &Lab) -> Value {
    let output = lab.command(&["conflicts", "export"]).output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn remembered(lab: &Lab) -> Vec<Value> {
    exported(lab)["resolutions"].as_array().unwrap().clone()
}
