//! Bad input: each kind gets a clear error, its own exit code and kind, says where, and changes nothing.

#[allow(dead_code, reason = "this binary needs a part of it")]
#[path = "../../src/source/tests/build.rs"]
mod build;

use std::fs;

use crate::common::scenario::lab;
use crate::common::{Answer, Lab, file, pack, write_pack};
use build::{Part, deflated, folder, gzip, link, member, stored, tar, tar_file, zip};
use tar::EntryType;

const ENCRYPTED: u16 = 1;

fn version() -> Part {
    stored("pack/VERSION", b"1.1.0\n")
}

/// A zip that would be a pack, were it not for one entry.
fn zip_with(parts: &[Part]) -> Vec<u8> {
    let mut all = vec![version()];
    all.extend_from_slice(parts);
    zip(&all)
}

fn tar_with(members: &[Vec<u8>]) -> Vec<u8> {
    let mut all = vec![tar_file("pack/VERSION", b"1.1.0\n")];
    all.extend_from_slice(members);
    gzip(&tar(&all))
}

/// Fails as told, with a hint, and leaves everything as it was.
#[track_caller]
fn refused(lab: &Lab, args: &[&str], (code, kind): (i32, &str), says: &[&str]) -> Answer {
    let (before, left) = (lab.tree(), lab.leftovers());
    let remembered = || fs::read(lab.path("state/instances/lab/state.json")).ok();
    let state = remembered();
    let answer = lab.run(args).refused(code, kind);
    let message = answer.message().to_owned();
    for text in says {
        assert!(
            message.contains(text),
            "{args:?} does not say `{text}`: {message}"
        );
    }
    let error = &answer.report["error"];
    // What is wrong in a settings file says by itself what to do.
    assert!(
        error["hint"].is_string() || kind == "settings",
        "no hint: {error:#}"
    );
    assert_eq!(answer.report["ok"], false);
    assert_eq!(answer.report["changed"], false, "{message}");
    assert_eq!(lab.tree(), before, "{message}");
    assert_eq!(lab.leftovers(), left, "{message}");
    assert_eq!(remembered(), state, "{message}");
    answer
}

/// A name, an archive, the exit code and kind that it leads to, and what is said.
type Bad<'a> = (&'a str, Vec<u8>, (i32, &'a str), &'a str);

const UNSAFE: (i32, &str) = (1, "unsafe-source");
const DAMAGED: (i32, &str) = (1, "source");
const LIMITS: (i32, &str) = (6, "limits");
const NO_PACK: (i32, &str) = (1, "not-a-pack");

/// Entries that could write elsewhere, or twice to one path.
fn unsafe_archives() -> Vec<Bad<'static>> {
    let entry = |name: &str| zip_with(&[stored(name, b"x")]);
    let in_tar = |name: &str| tar_with(&[tar_file(name, b"x")]);
    let linked = |target: &str| zip_with(&[folder("pack/lib/"), link("pack/lib/l", target)]);
    let tar_link = |target: &str| tar_with(&[member(EntryType::Symlink, "pack/l", 0o777, target, b"")]);
    let through = [
        link("pack/l", "lib"),
        folder("pack/lib/"),
        stored("pack/l/x", b"x"),
    ];
    vec![
        ("climbs", entry("pack/../../evil"), UNSAFE, "../../evil"),
        ("climbs-tar", in_tar("pack/../../evil"), UNSAFE, "../../evil"),
        ("absolute", entry("/etc/passwd"), UNSAFE, "/etc/passwd"),
        ("absolute-tar", in_tar("/etc/passwd"), UNSAFE, "/etc/passwd"),
        ("link-out", linked("../../../etc"), UNSAFE, "`lib/l`"),
        ("link-absolute", linked("/etc/shadow"), UNSAFE, "`lib/l`"),
        ("link-out-tar", tar_link("../../etc"), UNSAFE, "`l`"),
        ("through-link", zip_with(&through), UNSAFE, "below a link"),
        ("twice", zip_with(&[version()]), UNSAFE, "there twice"),
        ("case", entry("pack/version"), UNSAFE, "upper and lower case"),
        ("ours", entry("pack/.pitstop/tx"), UNSAFE, ".pitstop"),
    ]
}

/// Bombs, and what cannot be read.
fn unreadable_archives() -> Vec<Bad<'static>> {
    let whole = zip_with(&[deflated("pack/lib/core.jar", &[7; 500])]);
    let zeros = vec![0; 4 << 20];
    let bomb = zip_with(&[deflated("pack/z", &zeros)]);
    let many: Vec<Part> = (0..60).map(|n| stored(&format!("pack/{n}"), b"")).collect();
    let encrypted = stored("pack/lib/core.jar", b"x").with(|part| part.flags |= ENCRYPTED);
    let no_pack = zip(&[stored("README", b"x")]);
    vec![
        ("bomb", bomb, LIMITS, "zip bomb"),
        (
            "bomb-tar",
            tar_with(&[tar_file("pack/z", &zeros)]),
            LIMITS,
            "zip bomb",
        ),
        ("many", zip_with(&many), LIMITS, "50 entries"),
        ("cut", whole[..whole.len() - 30].to_vec(), DAMAGED, "cannot read"),
        ("cut-tar", tar_with(&[])[..60].to_vec(), DAMAGED, "cannot read"),
        ("empty", Vec::new(), DAMAGED, "empty"),
        ("encrypted", zip_with(&[encrypted]), DAMAGED, "encrypted"),
        ("other", b"just some text".to_vec(), NO_PACK, "unknown format"),
        ("no-pack", no_pack, NO_PACK, "README"),
    ]
}

#[test]
fn hostile_archives() {
    let lab = lab();
    limit(&lab);
    for (name, bytes, expected, says) in unsafe_archives().into_iter().chain(unreadable_archives()) {
        let path = lab.path(name);
        fs::write(&path, bytes).unwrap();
        let at = path.to_str().unwrap();
        for args in [
            &["update", "lab", "--from", at][..],
            &["update", "lab", "--dry-run", "--from", at],
        ] {
            let answer = refused(&lab, args, expected, &[at, says]);
            assert_eq!(answer.report["error"]["path"], at);
        }
    }
    assert!(!lab.path("evil").exists() && !lab.dir.path().parent().unwrap().join("evil").exists());
}

fn limit(lab: &Lab) {
    let settings = lab.path("config/pitstop.yaml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(settings, text + "limits: {entries: 50, ratio: 100}\n").unwrap();
}

/// One bad archive in a folder of packs hides none of the others; asked for by name, it is told why it is not there.
#[test]
fn bad_archives_in_a_folder_are_told_and_passed_over() {
    let lab = lab();
    let whole = zip_with(&[deflated("pack/lib/core.jar", &[7; 500])]);
    let encrypted = stored("pack/VERSION", b"9.0.0\n").with(|part| part.flags |= ENCRYPTED);
    let bad = [
        ("0-cut.zip", whole[..whole.len() - 30].to_vec()),
        ("1-encrypted.zip", zip(&[encrypted])),
        ("5-empty.tar.gz", Vec::new()),
        ("8-cut.tar.gz", tar_with(&[])[..60].to_vec()),
        ("9-evil.zip", zip_with(&[stored("../evil", b"x")])),
    ];
    for (name, bytes) in &bad {
        fs::write(lab.path("packs").join(name), bytes).unwrap();
    }
    fs::write(lab.path("packs/SHA256SUMS"), "0000  1.1.0.zip\n").unwrap();
    std::os::unix::fs::symlink("nowhere", lab.path("packs/2-dangling")).unwrap();
    let check = lab.run(&["check", "lab"]).expect(0, "update-available");
    let offers = check.report["offers"].as_array().unwrap();
    let levels: Vec<&str> = offers
        .iter()
        .map(|offer| offer["level"].as_str().unwrap())
        .collect();
    assert_eq!(levels, ["1.1.0", "1.0.0"]);
    let warnings = check.report["warnings"].to_string();
    for (name, _) in &bad {
        assert!(warnings.contains(name), "{name}: {warnings}");
    }
    assert!(!warnings.contains("SHA256SUMS"), "{warnings}");
    let answer = refused(
        &lab,
        &["update", "lab", "--level", "9.0.0"],
        (1, "level-unavailable"),
        &["9.0.0"],
    );
    let told = answer.report["warnings"].to_string();
    assert!(told.contains("1-encrypted.zip"), "{told}");
    lab.run(&["update", "lab"]).expect(0, "updated");
}

/// The best offer turns out to be damaged only when it is read: that must be said, not silently be passed over.
#[test]
fn a_damaged_best_offer_is_refused_and_the_next_one_can_be_asked_for() {
    let lab = lab();
    let mut bytes = zip(&[
        stored("pack/VERSION", b"1.2.0\n"),
        stored("pack/lib/core.jar", &[7; 500]),
    ]);
    let inside = bytes.windows(8).position(|w| w == [7; 8]).unwrap();
    bytes[inside] = 8;
    let path = lab.path("packs/pack-1.2.0.zip");
    fs::write(&path, bytes).unwrap();
    refused(
        &lab,
        &["update", "lab"],
        (1, "source"),
        &[path.to_str().unwrap(), "lib/core.jar"],
    );
    lab.run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
}

#[test]
fn settings_that_cannot_be_used() {
    let lab = lab();
    let home = lab.home();
    let home = home.display();
    let table: Vec<(String, &[&str])> = vec![
        (
            format!("name: lab\nproduct: lab\nhome: {home}\nsource: [unclosed\n"),
            &["line "],
        ),
        (format!("name: lab\n\tproduct: lab\nhome: {home}\n"), &["line 2"]),
        (
            format!("name: lab\nproduct: lab\nhome: {home}\nsorce: /x\n"),
            &["sorce", "source"],
        ),
        (
            format!("name: lab\nproduct: lab\nhome: {home}\nservice: {{unti: x}}\n"),
            &["unti", "unit"],
        ),
        (
            format!("name: lab\nproduct: lab\nhome: {home}\npolicy: {{binary: kep}}\n"),
            &["kep", "keep"],
        ),
        (
            format!("name: lab\nproduct: laab\nhome: {home}\n"),
            &["laab", "lab"],
        ),
        (
            "name: lab\nproduct: lab\nhome: relative/path\n".to_owned(),
            &["relative/path", "absolute"],
        ),
        ("name: lab\nproduct: lab\n".to_owned(), &["home"]),
        (
            format!("name: lab\nproduct: lab\nhome: {home}\nprobes: [{{name: x}}]\n"),
            &["x"],
        ),
        (String::from("\u{0}"), &[]),
    ];
    let instance = lab.path("config/instances.d/lab.yaml");
    for (text, says) in table {
        fs::write(&instance, &text).unwrap();
        let mut all = vec![instance.to_str().unwrap()];
        all.extend_from_slice(says);
        refused(&lab, &["update", "lab"], (2, "settings"), &all);
    }
    fs::write(&instance, [0xff, 0xfe, 0x00]).unwrap();
    refused(
        &lab,
        &["update", "lab"],
        (2, "settings"),
        &[instance.to_str().unwrap()],
    );
    lab.instance("");
    refused(&lab, &["update", "labb"], (2, "unknown-instance"), &["labb"]);
    refused(&lab, &["update", "lab"], (2, "usage"), &["source"]);
}

#[test]
fn homes_and_packs_that_are_something_else() {
    let lab = lab();
    let flink = lab.path("flink");
    write_pack(
        &flink,
        &pack(&[
            ("bin/jobmanager.sh", file("#!/bin/sh\n")),
            ("lib/flink-dist-1.20.0.jar", file("x")),
            ("conf/config.yaml", file("a: 1\n")),
        ]),
    );
    let empty = lab.path("empty");
    fs::create_dir(&empty).unwrap();
    let [flink, empty] = [flink, empty].map(|path| path.to_str().unwrap().to_owned());
    refused(
        &lab,
        &["update", "lab", "--from", &flink],
        (1, "wrong-product"),
        &[&flink, "flink"],
    );
    refused(
        &lab,
        &["update", "lab", "--from", &empty],
        (1, "not-a-pack"),
        &[&empty, "nothing"],
    );
    refused(
        &lab,
        &["adopt", "lab", "--pristine", &flink],
        (1, "wrong-product"),
        &[&flink],
    );
    refused(
        &lab,
        &["update", "lab", "--level", "0.1"],
        (6, "downgrade"),
        &["0.1", "1.0.0"],
    );
    refused(
        &lab,
        &["update", "lab", "--plan", "no-such-plan"],
        (6, "stale"),
        &["no-such-plan"],
    );
    assert!(
        !lab.run(&["update", "lab", "--level", "1.0.0"])
            .expect(0, "current")
            .changed()
    );
    let table = [
        (flink.as_str(), (1, "wrong-product")),
        (empty.as_str(), (1, "not-a-pack")),
        ("/proc/version", (1, "home-missing")),
        ("/nonexistent/home", (1, "home-missing")),
    ];
    for (home, expected) in table {
        fs::write(
            lab.path("config/instances.d/other.yaml"),
            format!("name: other\nproduct: lab\nhome: {home}\n"),
        )
        .unwrap();
        for verb in ["adopt", "check"] {
            refused(&lab, &[verb, "other"], expected, &[home]);
        }
    }
}

/// `needed = factor × staged + extra`, and what is free.
#[test]
fn too_little_space_is_told_as_a_sum() {
    let lab = lab();
    let profile = lab.path("products/lab/product.yaml");
    let text = fs::read_to_string(&profile).unwrap();
    let rule = "{factor: 3.0, extra_bytes: 1125899906842624}";
    fs::write(&profile, text.replace("{factor: 1.0, extra_bytes: 0}", rule)).unwrap();
    let home = lab.home();
    let says = [
        home.to_str().unwrap(),
        "1073741825 MiB needed = 3 × 1 MiB staged + 1073741824 MiB",
        "MiB free",
    ];
    refused(&lab, &["update", "lab"], (6, "space"), &says);
    refused(&lab, &["update", "lab", "--dry-run"], (6, "space"), &says);
}
