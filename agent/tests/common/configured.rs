//! A laboratory whose instance says how it is configured.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{Answer, Lab, Pack, file, pack, settled};

pub const SECRET: &str = "hunter2-precious";

pub fn old() -> Pack {
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

pub const CONFIG: &str = "
config:
  values: [values.yaml]
  templates: ../templates
  files:
    - path: conf/server.toml
    - {path: conf/log.properties, content: \"# levels\\nroot={{ log.level }}\\n\", restart: false}
    - {path: conf/new/deep.json, content: \"{\\\"name\\\": {{ instance.name | json }}}\\n\"}
";

pub const TEMPLATE: &str = "[server]
port = {{ server.port | toml }}
level = {{ instance.level | toml }}

[admin]
password = {{ admin.password | toml }}
";

pub const VALUES: &str = "
server: {port: 9443}
log: {level: WARN}
admin: {password: {secret: {file: secret}}}
";

/// An adopted pack whose instance says how it is configured.
pub fn lab() -> Lab {
    let lab = unadopted();
    lab.run(&["adopt", "lab", "--pristine", lab.path("packs").to_str().unwrap()])
        .expect(0, "adopted");
    lab
}

/// The same, not adopted.
pub fn unadopted() -> Lab {
    let lab = Lab::new(&old());
    lab.offer("1.0.0", &old());
    setting(&lab, "values.yaml", VALUES);
    secret(&lab, SECRET);
    fs::create_dir_all(lab.path("config/templates")).unwrap();
    fs::write(lab.path("config/templates/server.toml.tera"), TEMPLATE).unwrap();
    lab.instance(&format!("source: {}\n{CONFIG}", lab.path("packs").display()));
    lab
}

/// Writes a file beside the instance's.
pub fn setting(lab: &Lab, name: &str, text: &str) {
    fs::write(lab.path("config/instances.d").join(name), text).unwrap();
}

pub fn secret(lab: &Lab, text: &str) {
    setting(lab, "secret", &format!("{text}\n"));
    fs::set_permissions(
        lab.path("config/instances.d/secret"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
}

pub fn mode(lab: &Lab, path: &str) -> u32 {
    fs::metadata(lab.home().join(path)).unwrap().permissions().mode() & 0o7777
}

pub fn diff_of(answer: &Answer, path: &str) -> String {
    let diffs = answer.report["diffs"].as_array().cloned().unwrap_or_default();
    let found = diffs.iter().find(|one| one["path"] == path);
    found.map_or_else(String::new, |one| one["diff"].as_str().unwrap().to_owned())
}

/// Applies, and a second time; tells whether the first changed anything and that the second did not.
#[track_caller]
pub fn applied(lab: &Lab) -> Answer {
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
pub fn configuring(files: &str) -> Lab {
    let lab = lab();
    configure(&lab, files);
    lab
}

/// Says anew which files a laboratory configures.
pub fn configure(lab: &Lab, files: &str) {
    lab.instance(&format!(
        "config:\n  values: [values.yaml]\n  templates: ../templates\n  files:\n{files}"
    ));
}
