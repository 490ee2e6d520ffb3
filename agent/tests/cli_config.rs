//! `config apply` and `config diff`, as a person or a tool calls them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{Answer, Lab, Pack, difference, file, pack, settled};
use serde_json::Value;

const SECRET: &str = "hunter2-precious";

fn old() -> Pack {
    pack(&[
        ("VERSION", file("1.0.0\n")),
        ("bin/run.sh", file("#!/bin/sh\n")),
        (
            "conf/server.toml",
            file("[server]\nport = 1\n\n[admin]\npassword = \"admin\"\n"),
        ),
        ("conf/log.properties", file("# levels\nroot=INFO\n")),
        ("conf/app.yaml", file("a: 1\nb: 2\n")),
    ])
}

const CONFIG: &str = "
config:
  values: [values.yaml]
  templates: ../templates
  files:
    - path: conf/server.toml
    - {path: conf/log.properties, content: \"# levels\\nroot={{ log.level }}\\n\", restart: false}
    - {path: conf/new/deep.json, content: \"{\\\"name\\\": {{ instance.name | json }}}\\n\"}
";

const TEMPLATE: &str = "[server]
port = {{ server.port | toml }}
level = {{ instance.level | toml }}

[admin]
password = {{ admin.password | toml }}
";

const VALUES: &str = "
server: {port: 9443}
log: {level: WARN}
admin: {password: {secret: {file: secret}}}
";

/// An adopted pack whose instance says how it is configured.
fn lab() -> Lab {
    let lab = Lab::new(&old());
    lab.offer("1.0.0", &old());
    setting(&lab, "values.yaml", VALUES);
    secret(&lab, SECRET);
    fs::create_dir_all(lab.path("config/templates")).unwrap();
    fs::write(lab.path("config/templates/server.toml.tera"), TEMPLATE).unwrap();
    lab.instance(&format!("source: {}\n{CONFIG}", lab.path("packs").display()));
    lab.run(&["adopt", "lab", "--pristine", lab.path("packs").to_str().unwrap()])
        .expect(0, "adopted");
    lab
}

/// Writes a file beside the instance's.
fn setting(lab: &Lab, name: &str, text: &str) {
    fs::write(lab.path("config/instances.d").join(name), text).unwrap();
}

fn secret(lab: &Lab, text: &str) {
    setting(lab, "secret", &format!("{text}\n"));
    fs::set_permissions(
        lab.path("config/instances.d/secret"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
}

fn mode(lab: &Lab, path: &str) -> u32 {
    fs::metadata(lab.home().join(path)).unwrap().permissions().mode() & 0o7777
}

fn diff_of(answer: &Answer, path: &str) -> String {
    let diffs = answer.report["diffs"].as_array().cloned().unwrap_or_default();
    let found = diffs.iter().find(|one| one["path"] == path);
    found.map_or_else(String::new, |one| one["diff"].as_str().unwrap().to_owned())
}

#[test]
fn what_is_shown_is_what_is_done_and_a_second_run_does_nothing() {
    let lab = lab();
    let before = settled(&lab.tree(), &[]);
    let shown = lab.run(&["config", "diff", "lab"]).expect(0, "planned");
    assert!(shown.changed());
    assert_eq!(settled(&lab.tree(), &[]), before, "a diff changes nothing");
    let done = lab.run(&["config", "apply", "lab"]).expect(0, "configured");
    for part in ["plan", "diffs"] {
        assert_eq!(shown.report[part], done.report[part], "{part}");
    }
    assert_eq!(
        lab.read("conf/server.toml"),
        format!("[server]\nport = 9443\nlevel = \"1.0.0\"\n\n[admin]\npassword = \"{SECRET}\"\n")
    );
    assert_eq!(lab.read("conf/log.properties"), "# levels\nroot=WARN\n");
    assert_eq!(lab.read("conf/new/deep.json"), "{\"name\": \"lab\"}\n");
    assert_eq!(
        [mode(&lab, "conf/server.toml"), mode(&lab, "conf/log.properties")],
        [0o640, 0o644]
    );
    let after = settled(&lab.tree(), &[]);
    for args in [&["config", "diff", "lab"], &["config", "apply", "lab"]] {
        let again = lab.run(args).expect(0, "current");
        assert!(!again.changed() && again.report["plan"]["files"] == Value::Array(vec![]));
        let now = settled(&lab.tree(), &[]);
        assert!(now == after, "{}", difference(&now, &after));
    }
    let check = lab.run(&["check", "lab"]).expect(0, "current");
    let drift = check.report["before"]["drift"]["paths"]
        .as_array()
        .unwrap()
        .clone();
    assert!(
        drift.len() == 3 && drift.iter().all(|one| one["configured"] == true),
        "{drift:?}"
    );
    lab.run(&["verify", "lab"]).expect(0, "verified");
}

#[test]
fn no_secret_leaves_by_any_way() {
    let lab = lab();
    let mut said = String::new();
    let mut note = |answer: &Answer| said.push_str(&format!("{}{}", answer.report, answer.stderr));
    note(&lab.run(&["config", "diff", "lab", "-vv"]));
    let first = lab
        .run(&["config", "apply", "lab", "-vv"])
        .expect(0, "configured");
    note(&first);
    let diff = diff_of(&first, "conf/server.toml");
    assert!(
        diff.contains("-password = <secret>") && diff.contains("+password = <secret>"),
        "{diff}"
    );
    assert!(
        !diff.contains("\"admin\"") && diff.starts_with("mode 0644 -> 0640\n"),
        "{diff}"
    );
    secret(&lab, "another-precious-one");
    let second = lab.run(&["config", "apply", "lab"]).expect(0, "configured");
    note(&second);
    let diff = diff_of(&second, "conf/server.toml");
    assert!(
        diff.contains("-password = <secret>") && diff.contains("+password = <secret>"),
        "{diff}"
    );
    note(&lab.run(&["rollback", "lab", "--config"]).expect(0, "rolled-back"));
    note(&lab.run(&["check", "lab"]));
    for word in [SECRET, "another-precious-one"] {
        assert!(!said.contains(word), "{word}");
    }
    let log = fs::read_to_string(lab.path("state/instances/lab/history.jsonl")).unwrap();
    assert!(!log.contains("precious"));
    for (path, bits) in lab.tree() {
        let holds = String::from_utf8_lossy(&bits.content).contains("precious");
        assert!(!holds || bits.mode & 0o007 == 0, "{path} is readable by everyone");
    }
}
