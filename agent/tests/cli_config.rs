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

/// Applies, and a second time; tells whether the first changed anything and that the second did not.
#[track_caller]
fn applied(lab: &Lab) -> Answer {
    let answer = lab.run(&["config", "apply", "lab"]);
    assert!(matches!(answer.code, Some(0)), "{:#}", answer.report);
    let tree = settled(&lab.tree(), &[]);
    let again = lab.run(&["config", "apply", "lab"]).expect(0, "current");
    assert!(!again.changed());
    assert!(
        settled(&lab.tree(), &[]) == tree,
        "a second run changes something"
    );
    answer
}

/// A laboratory that configures these files, as YAML.
fn configuring(files: &str) -> Lab {
    let lab = lab();
    lab.instance(&format!(
        "config:\n  values: [values.yaml]\n  templates: ../templates\n  files:\n{files}"
    ));
    lab
}

#[test]
fn named_keys_are_held_in_every_format_and_the_rest_is_its_owners() {
    let table = [
        (
            "log.properties",
            "# mine\nroot = INFO\nother=1\n",
            "root",
            "# mine\nroot = WARN\nother=1\n",
        ),
        (
            "a.ini",
            "[log]\n; mine\nlevel=INFO\n",
            "log.level",
            "[log]\n; mine\nlevel=WARN\n",
        ),
        (
            "a.json",
            "{\n  \"log\": {\"level\": \"INFO\"} // mine\n}\n",
            "log.level",
            "{\n  \"log\": {\"level\": \"WARN\"} // mine\n}\n",
        ),
        (
            "a.toml",
            "[log]\nlevel = 'INFO' # mine\n",
            "log.level",
            "[log]\nlevel = \"WARN\" # mine\n",
        ),
        (
            "a.yaml",
            "log:\n  # mine\n  level: INFO # too\n",
            "log.level",
            "log:\n  # mine\n  level: WARN # too\n",
        ),
        (
            "a.xml",
            "<c>\r\n  <!-- mine -->\r\n  <log level='INFO'/>\r\n</c>\r\n",
            "c/log/@level",
            "<c>\r\n  <!-- mine -->\r\n  <log level='WARN'/>\r\n</c>\r\n",
        ),
    ];
    let files: String = table
        .iter()
        .map(|(name, _, key, _)| {
            format!(
                "    - {{path: conf/{name}, keys: {{{key}: '{{{{ log.level }}}}', gone.or.not: null}}}}\n"
            )
        })
        .collect();
    let lab = configuring(&files.replace("gone.or.not", "gone"));
    for (name, text, ..) in table {
        lab.write(&format!("conf/{name}"), text);
    }
    applied(&lab);
    for (name, _, _, expected) in table {
        assert_eq!(lab.read(&format!("conf/{name}")), expected, "{name}");
    }
    // What the owner changes beside the keys stays; what he changes of them does not.
    lab.write("conf/log.properties", "# mine\nroot = DEBUG\nother=2\n");
    let drifted = lab.run(&["config", "diff", "lab"]).expect(0, "planned");
    assert_eq!(
        diff_of(&drifted, "conf/log.properties"),
        "--- conf/log.properties\n+++ conf/log.properties\n@@ -1,3 +1,3 @@\n # mine\n-root = DEBUG\n+root = WARN\n other=2\n"
    );
    applied(&lab);
    assert_eq!(lab.read("conf/log.properties"), "# mine\nroot = WARN\nother=2\n");
}

#[test]
fn held_keys_keep_the_types_of_their_values_and_their_secrets() {
    let lab = configuring(
        "    - path: conf/a.json\n      keys: {port: '{{ server.port }}', text: 'p{{ server.port }}', on: true, \
         pw: '{{ admin.password }}'}\n",
    );
    lab.write("conf/a.json", "{}\n");
    let answer = applied(&lab);
    let expected = format!(
        "{{\n  \"on\": true,\n  \"port\": 9443,\n  \"pw\": \"{SECRET}\",\n  \"text\": \"p9443\"\n}}\n"
    );
    assert_eq!(lab.read("conf/a.json"), expected);
    assert_eq!(mode(&lab, "conf/a.json"), 0o640);
    let diff = diff_of(&answer, "conf/a.json");
    assert!(
        diff.contains("+  \"pw\": <secret>") && !diff.contains(SECRET),
        "{diff}"
    );
    let gone = configuring("    - {path: conf/none.json, keys: {a: 1}}\n");
    let refused = gone.run(&["config", "apply", "lab"]).refused(2, "settings");
    assert!(
        refused.message().contains("there is no such file"),
        "{}",
        refused.message()
    );
}

#[test]
fn what_changed_in_a_template_is_merged_into_an_edited_file() {
    let lab = configuring(
        "    - {path: conf/app.txt, mode: merge, content: \"a: {{ server.port }}\\n\\nb: 2\\n\\nc: 3\\n\"}\n",
    );
    applied(&lab);
    lab.write("conf/app.txt", "a: 9443\n\nb: 2\n\nc: mine\n");
    assert!(
        !lab.run(&["config", "apply", "lab"])
            .expect(0, "current")
            .changed(),
        "an edit is not undone"
    );
    setting(&lab, "values.yaml", &VALUES.replace("9443", "9999"));
    applied(&lab);
    assert_eq!(lab.read("conf/app.txt"), "a: 9999\n\nb: 2\n\nc: mine\n");
    lab.write("conf/app.txt", "a: by hand\n\nb: 2\n\nc: mine\n");
    setting(&lab, "values.yaml", &VALUES.replace("9443", "1"));
    let refused = lab.run(&["config", "apply", "lab"]).refused(3, "conflicts");
    assert!(
        refused.message().contains("conf/app.txt"),
        "{}",
        refused.message()
    );
    assert_eq!(lab.read("conf/app.txt"), "a: by hand\n\nb: 2\n\nc: mine\n");
}

#[test]
fn what_is_wrong_is_said_before_anything_happens() {
    let lab = lab();
    let before = settled(&lab.tree(), &[]);
    let template = |text: &str| fs::write(lab.path("config/templates/server.toml.tera"), text).unwrap();
    let refused = |expected: &str| {
        let answer = lab.run(&["config", "apply", "lab"]).refused(2, "settings");
        assert!(
            answer.message().contains(expected),
            "{expected}: {}",
            answer.message()
        );
        assert!(!answer.report.to_string().contains(SECRET), "{}", answer.report);
    };
    template("a = 1\nb = {{ server.prot }}\n");
    refused(
        "server.toml.tera, line 2: unknown variable `server.prot`: `server` has no `prot`; did you mean `port`?",
    );
    template("a = \n{{ admin.password }}");
    refused("what would be put in conf/server.toml cannot be read: line ");
    template(TEMPLATE);
    setting(&lab, "values.yaml", "server: {port: 1}\nlog: {level: x}\n");
    refused("unknown variable `admin.password`");
    setting(&lab, "values.yaml", &format!("{VALUES}admin2: {{pass: x}}\n"));
    let warned = lab.run(&["config", "diff", "lab"]).expect(0, "planned");
    assert!(
        warned.report["warnings"]
            .to_string()
            .contains("no template needs the value `admin2.pass`")
    );
    let strict = lab
        .run(&["config", "apply", "lab", "--strict"])
        .refused(2, "settings");
    assert!(
        strict.message().contains("values.yaml, line 5"),
        "{}",
        strict.message()
    );
    setting(
        &lab,
        "values.yaml",
        &VALUES.replace("file: secret", "file: nowhere"),
    );
    lab.run(&["config", "apply", "lab"]).refused(1, "io");
    assert_eq!(settled(&lab.tree(), &[]), before);
}

#[test]
fn values_come_from_standard_input_and_the_environment_too() {
    use std::io::Write;
    let lab = lab();
    setting(
        &lab,
        "values.yaml",
        &VALUES.replace("file: secret", "env: ADMIN_PASSWORD"),
    );
    lab.run(&["config", "apply", "lab"]).refused(2, "settings");
    lab.run_with(&["config", "apply", "lab"], &[("ADMIN_PASSWORD", SECRET)])
        .expect(0, "configured");
    let mut command = lab.command(&["config", "apply", "lab", "--values", "-"]);
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let text =
        "{\"admin\": {\"password\": {\"secret\": {\"value\": \"from-stdin\"}}}, \"server\": {\"port\": 7}}";
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!String::from_utf8(output.stdout).unwrap().contains("from-stdin"));
    assert!(lab.read("conf/server.toml").contains("port = 7\n"));
    assert!(lab.read("conf/server.toml").contains("password = \"from-stdin\""));
    setting(
        &lab,
        "values.yaml",
        "admin: {password: {secret: {value: in-a-file}}}\n",
    );
    let refused = lab.run(&["config", "apply", "lab"]).refused(2, "settings");
    assert!(
        refused.message().contains("may be read by everyone"),
        "{}",
        refused.message()
    );
}

#[test]
fn an_own_command_judges_what_would_be_put_in_place() {
    let lab = configuring(
        "    - path: conf/server.toml\n      validate: [sh, -c, 'grep -q port \"$1\" && cat >&2 && test $2 = 9443', -, \
         '{{ file }}', '{{ server.port }}']\n",
    );
    applied(&lab);
    setting(&lab, "values.yaml", &VALUES.replace("9443", "1"));
    let before = settled(&lab.tree(), &[]);
    let refused = lab.run(&["config", "apply", "lab"]).refused(2, "settings");
    assert!(
        refused
            .message()
            .contains("`sh` refuses what would be put in conf/server.toml"),
        "{}",
        refused.message()
    );
    assert!(!refused.report.to_string().contains(SECRET), "{}", refused.report);
    assert_eq!(settled(&lab.tree(), &[]), before);
}

#[test]
fn updates_merge_into_configured_files_and_plans_are_held_to() {
    let lab = lab();
    let mut new = old();
    new.insert("VERSION".into(), file("1.1.0\n"));
    new.insert("conf/app.yaml".into(), file("a: 1\nb: 3\n"));
    lab.offer("1.1.0", &new);
    let stale = ["config", "apply", "lab", "--plan", "0123456789abcdef"];
    lab.run(&stale).refused(6, "stale");
    applied(&lab);
    lab.run(&["update", "lab"]).expect(0, "updated");
    assert!(lab.read("conf/server.toml").contains("level = \"1.0.0\""));
    let answer = applied(&lab);
    assert_eq!(
        answer.report["status"], "configured",
        "the level is part of the file"
    );
    assert!(lab.read("conf/server.toml").contains("level = \"1.1.0\""));
    lab.run(&["rollback", "lab", "--config"]).expect(0, "rolled-back");
    assert!(lab.read("conf/server.toml").contains("level = \"1.0.0\""));
    assert_eq!(lab.read("VERSION"), "1.1.0\n");
}

#[test]
fn an_instance_that_says_nothing_is_left_alone() {
    let lab = lab();
    lab.instance("");
    let refused = lab.run(&["config", "apply", "lab"]).refused(2, "settings");
    assert!(
        refused.message().contains("no section `config`"),
        "{}",
        refused.message()
    );
    lab.instance("config: {files: [{path: data/db, content: x}]}\n");
    lab.run(&["config", "apply", "lab"]).refused(2, "settings");
}

/// A level whose configuration files are these, and whose defaults are far away.
fn defaults(version: &str, app: &str, far: &str, log: &str) -> Pack {
    let mut pack = old();
    pack.insert("VERSION".into(), file(format!("{version}\n")));
    pack.insert("conf/app.properties".into(), file(app));
    pack.insert("lib/default.json".into(), file(far));
    pack.insert("conf/log.properties".into(), file(log));
    pack
}

#[test]
fn a_template_that_overrides_changed_defaults_is_called_stale() {
    let files = |pool: u8| {
        format!(
            "    - path: conf/app.properties\n      content: \"port={{{{ server.port }}}}\\npool={pool}\\npassword=x\\n\"\n      \
             defaults: [lib/default.json]\n    - {{path: conf/log.properties, keys: {{root: DEBUG}}}}\n"
        )
    };
    let lab = configuring(&files(5));
    let first = defaults(
        "1.0.0",
        "port=1\n",
        "{\"password\": \"a\", \"far\": 1, \"pool\": 1}",
        "root=INFO\n",
    );
    lab.offer("1.0.0", &first);
    common::write_pack(&lab.home(), &first);
    lab.offer(
        "1.0.1",
        &defaults(
            "1.0.1",
            "port=1\n",
            "{\"password\": \"a\", \"far\": 2, \"pool\": 9}",
            "root=INFO\n",
        ),
    );
    lab.offer(
        "1.1.0",
        &defaults(
            "1.1.0",
            "port=2\n",
            "{\"password\": \"b\", \"far\": 2}",
            "root=WARN\n",
        ),
    );
    let packs = lab.path("packs");
    let from = ["--from", packs.to_str().unwrap()];
    lab.run(&["adopt", "lab", "--pristine", packs.to_str().unwrap()])
        .expect(0, "adopted");
    applied(&lab);
    let check = lab
        .run(&[&["check", "lab"], &from[..]].concat())
        .expect(0, "update-available");
    let expected = serde_json::json!([
        {"path": "conf/app.properties", "from": "1.0.0", "to": "1.1.0", "keys": [
            {"key": "password", "from": "<secret>", "to": "<secret>", "yours": "<secret>"},
            {"key": "pool", "from": "1", "yours": "5"},
            {"key": "port", "from": "1", "to": "2", "yours": "9443"},
        ]},
        {"path": "conf/log.properties", "from": "1.0.0", "to": "1.1.0", "keys": [
            {"key": "root", "from": "INFO", "to": "WARN", "yours": "DEBUG"},
        ]},
    ]);
    assert_eq!(check.report["stale"], expected);
    let warning = "conf/app.properties: your template overrides 3 keys whose vendor defaults changed between 1.0.0 and 1.1.0";
    assert!(
        check.report["warnings"].to_string().contains(warning),
        "{}",
        check.report["warnings"]
    );
    // Until somebody works on the template, also after the update.
    let update = ["update", "lab", "--level", "1.0.1"];
    let update = lab.run(&[&update, &from[..]].concat()).expect(0, "updated");
    let expected = serde_json::json!([{"path": "conf/app.properties", "from": "1.0.0", "to": "1.0.1", "keys": [
        {"key": "pool", "from": "1", "to": "9", "yours": "5"},
    ]}]);
    assert_eq!(update.report["stale"], expected);
    let again = lab.run(&["config", "apply", "lab"]).expect(0, "current");
    assert_eq!(again.report["stale"], expected);
    assert_eq!(lab.run(&["check", "lab"]).report["stale"], expected);
    lab.instance(&format!(
        "config:\n  values: [values.yaml]\n  files:\n{}",
        files(6)
    ));
    applied(&lab);
    assert_eq!(lab.run(&["check", "lab"]).report.get("stale"), None);
}
