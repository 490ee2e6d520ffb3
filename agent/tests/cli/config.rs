//! `config apply` and `config diff`, as a person or a tool calls them.

use std::fs;

use crate::common::configured::*;
use crate::common::{Answer, difference, file, settled};
use serde_json::Value;

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
fn the_plan_is_the_same_where_the_pack_is_taken_over_first() {
    let lab = unadopted();
    // What a file and its template have in common is only told by the vendor's file.
    lab.write("conf/log.properties", "# our levels\nroot=INFO\n\nmore=1\n");
    let merged = CONFIG.replace(
        "{path: conf/log.properties,",
        "{path: conf/log.properties, mode: merge,",
    );
    let template = "# levels\\nroot=INFO\\n";
    let merged = merged.replace("# levels\\nroot={{ log.level }}\\n", template);
    lab.instance(&format!("source: {}\n{merged}", lab.path("packs").display()));
    let shown = lab
        .run(&["config", "apply", "lab", "--dry-run"])
        .expect(0, "planned");
    let before = &shown.report["before"];
    assert_eq!(
        (&before["adopted"], &before["pristine_known"]),
        (&false.into(), &false.into())
    );
    assert!(!lab.path("state/instances/lab/state.json").exists());
    let id = shown.report["plan"]["id"].as_str().unwrap();
    let done = lab
        .run(&["config", "apply", "lab", "--plan", id])
        .expect(0, "configured");
    assert_eq!(done.report["plan"], shown.report["plan"]);
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
fn no_secret_stands_on_a_validators_command_line() {
    let lab = configuring(
        "    - {path: conf/server.toml, validate: [sh, -c, 'exit 0', '{{ admin.password | upper }}']}\n",
    );
    let before = settled(&lab.tree(), &[]);
    let refused = lab.run(&["config", "apply", "lab"]).refused(2, "settings");
    assert!(
        refused
            .message()
            .contains("conf/server.toml.validate[3] depends on a secret"),
        "{}",
        refused.message()
    );
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
