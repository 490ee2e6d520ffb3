//! Packs that are named by product and level, and where this machine knows them from.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::bundles::{create, keygen, text};
use crate::common::levels::{lab, level};
use crate::common::trusted::statement;
use crate::common::{Answer, Lab, file};

fn make(lab: &Lab, from: &str, to: &str, more: &[&str]) -> Answer {
    let out = lab.path("named.pitstop");
    lab.run(
        &[
            &["bundle", "create", "--from", from, "--to", to, "-o", text(&out)],
            more,
        ]
        .concat(),
    )
}

#[track_caller]
fn made(answer: &Answer) -> String {
    assert_eq!(answer.code, Some(0), "{:#}\n{}", answer.report, answer.stderr);
    let level = |tree: &serde_json::Value| tree["level"].as_str().unwrap().to_owned();
    format!(
        "{} {}",
        level(&answer.report["from"][0]),
        level(&answer.report["to"])
    )
}

fn why(answer: &Answer) -> &str {
    answer.report["error"]["message"].as_str().unwrap()
}

/// Packs a level that is on offer into an archive.
fn archive(lab: &Lab, level: &str, to: &Path) {
    let packed = Command::new("tar")
        .arg("-C")
        .arg(lab.path("packs"))
        .args(["-czf", text(to), level])
        .status();
    assert!(packed.unwrap().success());
}

#[test]
fn the_source_of_an_instance_is_where_a_name_is_looked_up() {
    let lab = lab();
    assert_eq!(made(&make(&lab, "lab-1.0.0", "lab-1.1.0", &[])), "1.0.0 1.1.0");
    let by_paths = lab.path("by-paths.pitstop");
    create(&lab, &["1.0.0"], "1.1.0", &by_paths, &[]);
    assert!(fs::read(by_paths).unwrap() == fs::read(lab.path("named.pitstop")).unwrap());
    // A source may also be one pack.
    lab.instance(&format!("source: {}\n", lab.path("packs/1.2.0").display()));
    let from = lab.path("packs/1.0.0");
    assert_eq!(made(&make(&lab, text(&from), "lab-1.2.0", &[])), "1.0.0 1.2.0");
    // What stands at a path wins over what has the name.
    let other = lab.path("lab-1.0.0");
    assert!(
        Command::new("cp")
            .arg("-a")
            .args([&lab.path("packs/1.2.0"), &other])
            .status()
            .unwrap()
            .success()
    );
    let out = lab.path("won.pitstop");
    let won = lab
        .command(&[
            "bundle",
            "create",
            "--full",
            "--to",
            "lab-1.0.0",
            "-o",
            text(&out),
        ])
        .current_dir(lab.dir.path())
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&won.stdout).unwrap();
    assert_eq!(report["to"]["level"], "1.2.0", "{report:#}");
}

#[test]
fn a_folder_that_is_named_comes_first_and_names_tell_what_need_not_be_unpacked() {
    let lab = lab();
    lab.instance("");
    let shelf = lab.path("shelf");
    fs::create_dir(&shelf).unwrap();
    let packs = ["--packs", text(&shelf)];
    archive(&lab, "1.0.0", &shelf.join("lab-1.0.0.tar.gz"));
    archive(&lab, "1.1.0", &shelf.join("whatever.tgz"));
    archive(&lab, "1.2.0", &shelf.join("lab-1.3.0.tar.gz"));
    fs::write(shelf.join("lab-1.4.0.zip"), b"PK\x03\x04 damaged").unwrap();
    fs::write(shelf.join("README"), "notes").unwrap();
    assert_eq!(made(&make(&lab, "lab-1.0.0", "lab-1.1.0", &packs)), "1.0.0 1.1.0");

    let refused = make(&lab, "lab-1.0.0", "lab-1.2.0", &packs).refused(1, "level-unavailable");
    let message = why(&refused);
    let expected = format!(
        "no pristine pack lab-1.2.0 is known to this machine: looked in {}",
        shelf.display()
    );
    assert!(message.contains(&expected), "{message}");
    assert!(
        message.contains(&format!("lab-1.1.0 ({})", shelf.join("whatever.tgz").display())),
        "{message}"
    );
    let (_, unopened) = message.split_once("their names tell other packs: ").unwrap();
    let not_opened =
        ["lab-1.0.0.tar.gz", "lab-1.3.0.tar.gz"].map(|name| shelf.join(name).display().to_string());
    assert_eq!(unopened, not_opened.join(", "));
    assert!(
        refused.report["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("--packs")
    );
    // What calls itself so and is damaged is told.
    let damaged = make(&lab, "lab-1.0.0", "lab-1.4.0", &packs).refused(1, "source");
    assert!(why(&damaged).contains("lab-1.4.0.zip"), "{}", why(&damaged));

    let nowhere = make(&lab, "lab-1.0.0", "lab-1.1.0", &[]).refused(1, "level-unavailable");
    assert!(
        why(&nowhere).contains("--packs names no folder"),
        "{}",
        why(&nowhere)
    );
    make(&lab, "lab-1.0.0", "lab-1.1.0", &["--packs", "/nowhere"]).refused(1, "io");
    // No name of a product that is known: a path where nothing is.
    make(&lab, "lub-1.0.0", "lab-1.1.0", &packs).refused(1, "source");
}

#[test]
fn hosts_at_one_level_with_two_trees_get_a_start_each_or_are_told() {
    let ours = lab();
    let mut pack = level("1.0.0", "4");
    pack.insert("lib/extra.jar".to_owned(), file("only there"));
    let theirs = Lab::new(&pack);
    let other = theirs.offer("1.0.0", &pack);
    theirs
        .run(&["adopt", "lab", "--pristine", text(&other)])
        .expect(0, "adopted");
    let key = keygen(&ours, "host.pem");
    let receipt = |of: &Lab| {
        let out = of.path("receipt.json");
        let given = of.run(&["receipt", "lab", "-o", text(&out), "--sign", text(&key)]);
        assert_eq!(given.code, Some(0), "{}", given.report);
        out
    };
    let (a, b) = (receipt(&ours), receipt(&theirs));
    let host = statement(&a)["predicate"]["host"].as_str().unwrap().to_owned();
    for (first, second) in [(&a, &b), (&b, &a)] {
        let both = ["--for", text(first), "--for", text(second)];
        let from = ours.path("packs/1.0.0");
        let refused = make(&ours, text(&from), "lab-1.1.0", &both).refused(1, "source");
        let expected = format!("no pack of level 1.0.0 here is the one that host {host} has");
        assert_eq!(why(&refused), expected);
        let starts = [&both[..], &["--from", text(&other)]].concat();
        let made = make(&ours, text(&from), "lab-1.1.0", &starts);
        assert_eq!(
            made.report["from"].as_array().map(Vec::len),
            Some(2),
            "{:#}",
            made.report
        );
    }
}
