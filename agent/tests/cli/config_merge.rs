//! How `config apply` meets what is there: named keys, merges, and defaults that the vendor changed.

use crate::common::configured::*;
use crate::common::{Pack, file};

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
fn a_conflict_shows_no_secret_that_a_template_put_there_before() {
    let file =
        |a: &str| format!("    - {{path: conf/app.txt, mode: merge, content: \"a: {a}\\nb: 2\\n\"}}\n");
    let lab = configuring(&file("{{ admin.password }}"));
    applied(&lab);
    lab.write("conf/app.txt", &format!("a: {SECRET} and mine\nb: 2\n"));
    configure(&lab, &file("plain"));
    let refused = lab.run(&["config", "apply", "lab"]).refused(3, "conflicts");
    let conflicts = refused.report["plan"]["conflicts"].to_string();
    assert!(conflicts.contains("<secret>"), "{conflicts}");
    assert!(
        !refused.report.to_string().contains(SECRET),
        "{:#}",
        refused.report
    );
}

#[test]
fn keys_of_the_owner_survive_a_change_from_held_keys_to_a_merge() {
    let source = |lab: &crate::common::Lab| lab.path("packs").display().to_string();
    let files = |lab: &crate::common::Lab, file: &str| {
        lab.instance(&format!(
            "source: {}\nconfig:\n  values: [values.yaml]\n  files:\n    - {{path: conf/app.yaml, {file}}}\n",
            source(lab)
        ));
    };
    let lab = lab();
    files(&lab, "keys: {a: 2}");
    lab.write("conf/app.yaml", "a: 1\nb: 2\nmine: 3\n");
    applied(&lab);
    assert_eq!(lab.read("conf/app.yaml"), "a: 2\nb: 2\nmine: 3\n");
    files(&lab, "mode: merge, content: \"a: 2\\nb: 7\\n\"");
    applied(&lab);
    assert_eq!(lab.read("conf/app.yaml"), "a: 2\nb: 7\nmine: 3\n");
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
    crate::common::write_pack(&lab.home(), &first);
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
