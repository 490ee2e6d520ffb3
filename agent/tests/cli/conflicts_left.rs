//! What an update leaves for a person, and for the next update.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::common::conflicts::*;
use crate::common::levels::{self, CONF};
use crate::common::{Answer, Lab, file, pack};
use pitstop::model::Digest;
use serde_json::Value;

const SCRIPT: &str = "bin/run.sh";

/// Where the result for a path is to be put.
fn place(lab: &Lab, path: &str) -> PathBuf {
    lab.home().join(format!(".pitstop/conflicts/{path}.final"))
}

fn paths(answer: &Answer) -> Vec<&str> {
    let conflicts = answer.report["conflicts"].as_array().unwrap();
    conflicts
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect()
}

#[test]
fn what_is_answered_stays_answered_until_the_update_went_through() {
    let lab = in_conflict();
    edit(&lab, "lab", SCRIPT, &[("exec run", "exec nice run")]);
    assert_eq!(paths(&waiting(&lab, "lab")), [SCRIPT, APP]);
    let written = "#!/bin/sh\nexec nice run --version 1.1.0\n";
    fs::write(place(&lab, SCRIPT), written).unwrap();
    let goes_on = || lab.run(&["update", "lab", "--continue"]).refused(3, "conflicts");
    assert_eq!(paths(&goes_on()), [APP]);
    lab.run(&resolve("lab", "server.port", ["--take", "ours"]))
        .expect(0, "conflicts");
    lab.run(&resolve("lab", "log", ["--value", "error"]))
        .expect(0, "resolved");
    // One more comes while the others wait, and somebody runs the update as ever.
    fs::write(lab.home().join("lib/core.jar"), "\0patched").unwrap();
    assert_eq!(paths(&goes_on()), ["lib/core.jar"]);
    waiting(&lab, "lab");
    let list = lab.run(&["conflicts", "list", "lab"]).expect(0, "conflicts");
    assert!(list.message().starts_with("1 of 4"), "{}", list.message());
    assert_eq!(paths(&list), [SCRIPT, APP, "lib/core.jar"]);
    assert_eq!(list.report["conflicts"][0]["answer"]["take"], "final");
    let waits = &lab.run(&["check", "lab"]).report["waiting"];
    assert_eq!((&waits["conflicts"], &waits["open"]), (&3.into(), &1.into()));
    lab.run(&["conflicts", "resolve", "lab", "--all", "--take", "theirs"])
        .expect(0, "resolved");
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert_eq!(read(&lab, "lab", SCRIPT), written);
    assert_eq!(read(&lab, "lab", "lib/core.jar"), "\0core 1.1.0");
    let text = read(&lab, "lab", APP);
    assert!(
        text.contains("port: 9443") && text.contains("log: error"),
        "{text}"
    );
    assert!(!lab.home().join(".pitstop/conflicts").exists());
}

#[test]
fn what_was_only_to_be_staged_is_gone_on_with_so() {
    let lab = in_conflict();
    let refused = lab
        .run(&["update", "lab", "--stage-only"])
        .refused(3, "conflicts");
    let hint = refused.report["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("--continue --stage-only"), "{hint}");
    let waits = &lab.run(&["check", "lab"]).report["waiting"];
    assert_eq!(waits["command"], "pitstop update lab --continue --stage-only");
}

#[test]
fn what_was_written_by_hand_is_used_or_kept() {
    let lab = in_conflict();
    waiting(&lab, "lab");
    let start = lab.save();
    let write = |text: &str| fs::write(place(&lab, APP), text).unwrap();
    let mode = |mode| fs::set_permissions(lab.home().join(APP), fs::Permissions::from_mode(mode)).unwrap();
    // It is about contents.
    write("a: 1\n");
    mode(0o600);
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert_eq!(read(&lab, "lab", APP), "a: 1\n");
    lab.restore(&start);
    let kept = |answer: &Answer, name: &str, text: &str| {
        let at = lab.home().join(".pitstop/conflicts/conf").join(name);
        assert_eq!(fs::read_to_string(&at).unwrap(), text);
        let warnings = answer.report["warnings"].to_string();
        assert!(warnings.contains(at.to_str().unwrap()), "{warnings}");
    };
    write("a: 1\n");
    edit(&lab, "lab", APP, &[("9443", "9444")]);
    kept(&waiting(&lab, "lab"), "app.yaml.final.old", "a: 1\n");
    assert!(!place(&lab, APP).exists());
    write("a: 2\n");
    lab.offer("1.2.0", &level("1.2.0", 9191, "error"));
    kept(&waiting(&lab, "lab"), "app.yaml.final.2.old", "a: 2\n");
    // Nothing needs it any more.
    write("a: 3\n");
    fs::copy(lab.path("packs/1.0.0").join(APP), lab.home().join(APP)).unwrap();
    let done = lab.run(&["update", "lab"]).expect(0, "updated");
    kept(&done, "app.yaml.final.3.old", "a: 3\n");
    let ours =
        |path: &String| path.starts_with("conflicts/") && path.contains('.') && !path.ends_with(".old");
    assert!(!lab.leftovers().iter().any(ours), "{:?}", lab.leftovers());
    assert_eq!(lab.run(&["check", "lab"]).report["waiting"], Value::Null);
}

#[test]
fn a_side_of_an_earlier_update_is_not_shown_as_one_of_the_next() {
    let lab = in_conflict();
    edit(&lab, "lab", SCRIPT, &[("exec run", "exec nice run")]);
    let new = |path: &str| lab.home().join(format!(".pitstop/conflicts/{path}.new"));
    waiting(&lab, "lab");
    assert!(new(APP).exists() && new(SCRIPT).exists());
    let mut next = level("1.2.0", 9191, "error");
    next.remove(APP);
    lab.offer("1.2.0", &next);
    edit(&lab, "lab", SCRIPT, &[("exec nice run", "exec run")]);
    let answer = waiting(&lab, "lab");
    assert_eq!(paths(&answer), [APP]);
    let show = lab.run(&["conflicts", "show", "lab"]).expect(0, "conflicts");
    for report in [&answer.report, &show.report] {
        assert_eq!(report["conflicts"][0]["kind"], "deleted");
        assert_eq!(report["conflicts"][0]["new_file"], Value::Null);
    }
    assert!(!new(APP).exists() && !new(SCRIPT).exists());
}

#[test]
fn a_merge_that_nothing_could_read_is_decided_as_a_whole() {
    let level = |version: &str, text: &str| pack(&[("VERSION", file(version)), (APP, file(text))]);
    let rest = "y: 1\nz: 1\n";
    let base = format!("defaults: &d\n  port: 1\nx: 1\n{rest}");
    // A key that is there twice: it is merged line by line.
    let ours = format!("defaults: &d\n  port: 1\nx: 1\nx: 1\n{rest}mine: *d\n");
    let theirs = format!("defaults:\n  port: 1\nx: 1\n{rest}");
    let lab = Lab::new(&level("1.0.0", &base));
    lab.offer("1.0.0", &level("1.0.0", &base));
    lab.offer("1.1.0", &level("1.1.0", &theirs));
    let packs = lab.path("packs");
    lab.instance(&format!("source: {}\n", packs.display()));
    lab.run(&["adopt", "lab", "--pristine", packs.to_str().unwrap()])
        .expect(0, "adopted");
    lab.write(APP, &ours);
    let message = waiting(&lab, "lab").report["conflicts"][0]["message"].clone();
    assert!(message.as_str().unwrap().contains("cannot be read"), "{message}");
    lab.run(&["conflicts", "list", "lab"]).expect(0, "conflicts");
    let whole = lab.path("whole.yaml");
    fs::write(&whole, "a: 1\n").unwrap();
    let table = [
        (["--all", "--take", "ours"], ours.as_str()),
        ([APP, "--take", "theirs"], &theirs),
        ([APP, "--final", whole.to_str().unwrap()], "a: 1\n"),
    ];
    let start = lab.save();
    for (how, expected) in table {
        lab.restore(&start);
        lab.run(&[&["conflicts", "resolve", "lab"], &how[..]].concat())
            .expect(0, "resolved");
        lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
        assert_eq!(lab.read(APP), expected, "{how:?}");
    }
}

#[test]
fn what_an_update_leaves_as_it_is_the_next_one_can_merge() {
    let new = CONF.replace("= 4", "= 8");
    let table = [
        (new.clone(), "there already"),
        (
            new.replace("memory = 2", "memory = 3"),
            "the operator's by decision",
        ),
    ];
    for (text, what) in table {
        let lab = levels::unadopted();
        lab.run(&["adopt", "lab"]).expect(0, "adopted");
        lab.instance("policy: {keep_snapshots: 1}\n");
        let update = |level: &str, more: &[&str]| {
            let from = lab.path(&format!("packs/{level}"));
            lab.run(&[&["update", "lab", "--from", from.to_str().unwrap()], more].concat())
        };
        lab.write("conf/server.conf", &text);
        if text != new {
            update("1.1.0", &[]).refused(3, "conflicts");
            lab.run(&["conflicts", "resolve", "lab", "--all", "--take", "ours"])
                .expect(0, "resolved");
        }
        update("1.1.0", if text == new { &[] } else { &["--continue"] }).expect(0, "updated");
        let name = Digest::of(new.as_bytes()).to_string();
        let kept = lab.path(&format!("state/instances/lab/texts/{}/{name}.zst", &name[..2]));
        assert!(kept.exists(), "{what}");
        lab.write("conf/server.conf", &text.replace("port = 1", "port = 9"));
        update("1.2.0", &[]).expect(0, "updated");
        let expected = text.replace("port = 1", "port = 9").replace("= 8", "= 16");
        assert_eq!(lab.read("conf/server.conf"), expected, "{what}");
        lab.offer("1.3.0", &levels::level("1.3.0", "32"));
        update("1.3.0", &[]).expect(0, "updated");
        assert!(!kept.exists(), "{what}: nothing can need it any more");
    }
}
