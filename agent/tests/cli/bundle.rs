//! Bundles as those see them who make them, carry them and update from them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::bundles::{Studio, create, keygen};
use crate::common::levels::{CONF, installed, lab, level, unadopted};
use crate::common::trusted::policy;
use crate::common::{Lab, Pack, file};
use serde_json::{Value, json};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A laboratory whose packs also hold a large file that each level changes a little.
fn heavy() -> Lab {
    let lab = Lab::new(&heavy_level("1.0.0", "4"));
    for (version, threads) in [("1.0.0", "4"), ("1.1.0", "8"), ("1.2.0", "16")] {
        lab.offer(version, &heavy_level(version, threads));
    }
    lab.run(&["adopt", "lab", "--pristine", text(&lab.path("packs"))])
        .expect(0, "adopted");
    lab
}

fn heavy_level(version: &str, threads: &str) -> Pack {
    let mut pack = level(version, threads);
    let mut noise = noise(200_000);
    noise[100_000..100_000 + version.len()].copy_from_slice(version.as_bytes());
    pack.insert("lib/heavy.jar".to_owned(), file(noise));
    pack
}

/// Bytes that do not pack.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn bundle(lab: &Lab, from: &[&str], to: &str, more: &[&str]) -> (PathBuf, Value) {
    let name = format!("{}-{to}.pitstop", from.join("+"));
    let folder = lab.path("bundles");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    let report = create(lab, from, to, &path, more);
    (path, report)
}

#[test]
fn the_same_packs_make_the_same_bytes_in_whatever_order_they_are_named() {
    let lab = heavy();
    let key = keygen(&lab, "release.pem");
    let (first, _) = bundle(&lab, &["1.0.0", "1.1.0"], "1.2.0", &["--sign", text(&key)]);
    let (second, _) = bundle(&lab, &["1.1.0", "1.0.0"], "1.2.0", &["--sign", text(&key)]);
    assert!(fs::read(first).unwrap() == fs::read(second).unwrap());
}

#[test]
fn a_large_file_that_changed_a_little_travels_as_a_little() {
    let lab = heavy();
    let (path, report) = bundle(&lab, &["1.0.0"], "1.1.0", &[]);
    assert_eq!(report["contents"]["deltas"], 1, "{report:#}");
    let (_, full) = bundle(&lab, &[], "1.1.0", &[]);
    assert!(report["bytes"].as_u64().unwrap() * 10 < full["bytes"].as_u64().unwrap());
    let answer = lab
        .run(&["update", "lab", "--from", text(&path)])
        .expect(0, "updated");
    assert_eq!(installed(&answer.report), "1.1.0");
    assert!(
        fs::read(lab.home().join("lib/heavy.jar")).unwrap()
            == fs::read(lab.path("packs/1.1.0/lib/heavy.jar")).unwrap()
    );
    lab.run(&["verify", "lab", "--deep"]).expect(0, "verified");
}

#[test]
fn a_host_that_knows_no_pristine_files_learns_from_the_bundle_what_was_customised() {
    let lab = unadopted();
    lab.instance("");
    let (path, _) = bundle(&lab, &["1.0.0"], "1.1.0", &[]);
    lab.write("conf/server.conf", &CONF.replace("port = 1", "port = 9999"));
    let dry = lab
        .run(&["update", "lab", "--from", text(&path), "--dry-run"])
        .expect(0, "planned");
    let real = lab
        .run(&["update", "lab", "--from", text(&path)])
        .expect(0, "updated");
    assert_eq!(dry.report["plan"]["files"], real.report["plan"]["files"]);
    assert_eq!(
        lab.read("conf/server.conf"),
        CONF.replace("port = 1", "port = 9999").replace("= 4", "= 8")
    );
}

#[test]
fn bundles_in_a_folder_lead_on_from_each_other_and_the_shortest_way_is_taken() {
    let lab = heavy();
    bundle(&lab, &["1.0.0"], "1.1.0", &[]);
    bundle(&lab, &["1.1.0"], "1.2.0", &[]);
    lab.instance(&format!("source: {}\n", lab.path("bundles").display()));
    let check = lab.run(&["check", "lab"]).expect(0, "update-available");
    let offers: Vec<&str> = check.report["offers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|offer| offer["level"].as_str().unwrap())
        .collect();
    assert_eq!(offers, ["1.2.0", "1.1.0"]);
    let begun = lab.save();
    let answer = lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(installed(&answer.report), "1.2.0");
    lab.run(&["verify", "lab", "--deep"]).expect(0, "verified");

    lab.restore(&begun);
    let (direct, _) = bundle(&lab, &["1.0.0"], "1.2.0", &[]);
    let check = lab.run(&["check", "lab"]);
    assert_eq!(check.report["offers"][0]["path"], text(&direct));
}

#[test]
fn a_changed_vendor_file_needs_the_whole_of_it_and_the_refusal_names_it() {
    let lab = heavy();
    lab.write("lib/heavy.jar", "mine");
    lab.instance("policy: {binary: take-new}\n");
    let (path, _) = bundle(&lab, &["1.0.0"], "1.1.0", &[]);
    let before = lab.tree();
    let refused = lab
        .run(&["update", "lab", "--from", text(&path)])
        .refused(1, "missing-base");
    assert!(
        refused.message().contains("lib/heavy.jar"),
        "{}",
        refused.message()
    );
    assert!(
        !refused.message().contains("lib/core.jar"),
        "{}",
        refused.message()
    );
    assert_eq!(lab.tree(), before);

    let (path, _) = bundle(&lab, &["1.0.0"], "1.1.0", &["--whole", "lib/heavy*"]);
    lab.run(&["update", "lab", "--from", text(&path)])
        .expect(0, "updated");
    lab.run(&["verify", "lab"]).expect(0, "verified");
}

#[test]
fn a_receipt_of_a_host_makes_the_bundle_that_it_needs() {
    let lab = heavy();
    lab.write("lib/heavy.jar", "mine");
    lab.instance("policy: {binary: take-new}\n");
    let key = keygen(&lab, "host.pem");
    let receipt = lab.path("receipt.json");
    let given = lab.run(&["receipt", "lab", "--out", text(&receipt), "--sign", text(&key)]);
    assert_eq!(given.code, Some(0), "{}", given.report);

    let out = lab.path("for-host.pitstop");
    let (packs, to) = (lab.path("packs"), lab.path("packs/1.2.0"));
    let args = [
        "bundle",
        "create",
        "--for",
        text(&receipt),
        "--packs",
        text(&packs),
        "--to",
        text(&to),
        "-o",
        text(&out),
    ];
    let made = lab.run(&args);
    assert_eq!(made.code, Some(0), "{:#}", made.report);
    assert_eq!(
        made.report["from"].as_array().unwrap().len(),
        1,
        "only where the host stands"
    );
    assert_eq!(made.report["from"][0]["level"], "1.0.0");
    lab.run(&["update", "lab", "--from", text(&out)])
        .expect(0, "updated");

    let empty = lab.path("empty");
    fs::create_dir(&empty).unwrap();
    let args = [
        "bundle",
        "create",
        "--for",
        text(&receipt),
        "--packs",
        text(&empty),
        "--to",
        text(&to),
        "-o",
        text(&out),
    ];
    lab.run(&args).refused(1, "level-unavailable");
    let (old, to) = (lab.path("packs/1.0.0"), lab.path("packs/1.0.0"));
    let args = [
        "bundle",
        "create",
        "--for",
        text(&receipt),
        "--packs",
        text(&old),
        "--to",
        text(&to),
        "-o",
        text(&out),
    ];
    lab.run(&args).refused(2, "usage");
}

#[test]
fn parts_are_put_together_again_and_a_damaged_one_is_named() {
    let lab = heavy();
    let (path, _) = bundle(&lab, &[], "1.1.0", &[]);
    let cut = lab.run(&["bundle", "split", text(&path), "--size", "50K"]);
    let parts: Vec<PathBuf> = cut.report["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part.as_str().unwrap().into())
        .collect();
    assert!(parts.len() > 4, "{parts:?}");
    let list = parts.last().unwrap();
    let out = lab.path("joined.pitstop");
    let joined = lab.run(&["bundle", "join", text(list), "-o", text(&out)]);
    assert_eq!(joined.code, Some(0), "{}", joined.report);
    assert!(fs::read(&out).unwrap() == fs::read(&path).unwrap());

    let all = fs::read_to_string(list).unwrap();
    let (cut, _) = all.trim_end().rsplit_once('\n').unwrap();
    fs::write(list, format!("{cut}\n")).unwrap();
    lab.run(&["bundle", "join", text(list), "-o", text(&out)])
        .refused(1, "source");
    assert!(
        fs::read(&out).unwrap() == fs::read(&path).unwrap(),
        "the good one is gone"
    );
    fs::write(list, all).unwrap();

    fs::remove_file(&out).unwrap();
    let mut bytes = fs::read(&parts[1]).unwrap();
    bytes[7] ^= 1;
    fs::write(&parts[1], bytes).unwrap();
    let refused = lab
        .run(&["bundle", "join", text(list), "-o", text(&out)])
        .refused(1, "digest");
    let error = refused.report["error"]["message"].as_str().unwrap();
    assert!(error.contains(text(&parts[1])), "{error}");
    assert!(!out.exists());
    let climbing = format!("pitstop-parts 1\n1\n{} 1 ../VERSION\n", "0".repeat(64));
    fs::write(list, climbing).unwrap();
    lab.run(&["bundle", "join", text(list), "-o", text(&out)])
        .refused(1, "source");
}

#[test]
fn signatures_and_statements_are_added_once_and_leave_the_content_as_it_is() {
    let studio = Studio::new();
    let (lab, path) = (&studio.lab, text(&studio.bundle));
    let contents = |studio: &Studio| -> Vec<(String, Vec<u8>)> {
        let entries = studio.bent().entries.into_iter();
        let content = entries.filter(|entry| entry.name.starts_with("content/") || entry.name == "index.zst");
        content.map(|entry| (entry.name, entry.bytes)).collect()
    };
    let before = contents(&studio);
    let second = keygen(lab, "second.pem");
    let signed = lab.run(&["bundle", "sign", path, "--sign", text(&second)]);
    assert!(signed.changed());
    assert_eq!(signed.report["signed_by"].as_array().unwrap().len(), 2);
    assert!(
        !lab.run(&["bundle", "sign", path, "--sign", text(&second)])
            .changed()
    );

    let receipt = lab.path("receipt.json");
    lab.run(&["receipt", "lab", "--out", text(&receipt), "--sign", text(&second)]);
    let attached = lab.run(&["bundle", "attach", path, text(&receipt)]);
    assert!(attached.changed(), "{}", attached.report);
    assert_eq!(
        attached.report["attached"][0]["predicate_type"],
        "https://pitstop.dev/receipt/v1"
    );
    assert!(!lab.run(&["bundle", "attach", path, text(&receipt)]).changed());
    let other = studio.put("other.json", b"{}");
    lab.run(&["bundle", "attach", path, text(&other)])
        .refused(6, "signature");
    assert!(contents(&studio) == before);
    let verified = lab.run(&["bundle", "verify", path]);
    assert_eq!(
        (verified.code, &verified.report["trusted"]),
        (Some(0), &json!(true))
    );
}

#[test]
fn a_host_that_trusts_nobody_verifies_nothing() {
    let lab = lab();
    let (path, _) = bundle(&lab, &["1.0.0"], "1.1.0", &[]);
    lab.run(&["bundle", "verify", text(&path)])
        .refused(6, "signature");
    let looked = lab.run(&["bundle", "inspect", text(&path)]);
    assert_eq!((looked.code, &looked.report["trusted"]), (Some(0), &json!(false)));
    let answer = lab
        .run(&["update", "lab", "--from", text(&path)])
        .expect(0, "updated");
    let warnings = answer.report["warnings"].to_string();
    assert!(warnings.contains("is not signed"), "{warnings}");
}

#[test]
fn what_nobody_signed_goes_only_where_the_policy_allows_it() {
    let studio = Studio::new();
    let lab = &studio.lab;
    let (unsigned, _) = bundle(lab, &["1.0.0"], "1.1.0", &[]);
    policy(lab, "default: {unsigned: refuse}\n");
    lab.run(&["update", "lab", "--from", text(&unsigned)])
        .refused(6, "signature");
    let pack = lab.path("packs/1.1.0");
    lab.run(&["update", "lab", "--from", text(&pack)])
        .refused(6, "signature");
    let answer = lab
        .run(&["update", "lab", "--from", text(&studio.bundle)])
        .expect(0, "updated");
    assert_eq!(answer.report["signed_by"].as_array().unwrap().len(), 1);
}

/// Packs hold the same library in several places, and empty files.
#[test]
fn what_stands_at_several_paths_arrives_at_all_of_them() {
    let lab = lab();
    let pack = lab.path("packs/1.1.0/lib");
    let large: Vec<u8> = (0..5u32 << 18)
        .flat_map(|number| number.wrapping_mul(0x9e37_79b9).to_le_bytes())
        .collect();
    fs::create_dir_all(pack.join("copy")).unwrap();
    for (name, content) in [
        ("a.jar", &large[..]),
        ("copy/a.jar", &large),
        ("a.empty", b""),
        ("middle.txt", b"text"),
        ("zz.empty", b""),
    ] {
        fs::write(pack.join(name), content).unwrap();
    }
    let (whole, _) = bundle(&lab, &[], "1.1.0", &[]);
    lab.run(&["update", "lab", "--from", text(&whole)])
        .expect(0, "updated");
    lab.run(&["verify", "lab"]).expect(0, "verified");
    assert_eq!(fs::read(lab.home().join("lib/copy/a.jar")).unwrap(), large);
}

/// What merges start from decides what of the operator's counts as a change.
#[test]
fn where_nothing_unsigned_goes_the_originals_are_not_learned_from_a_pack() {
    let studio = Studio::new();
    let lab = &studio.lab;
    let shelf = lab.path("shelf");
    fs::create_dir(&shelf).unwrap();
    fs::copy(&studio.bundle, shelf.join("to-1.1.0.pitstop")).unwrap();
    let pack = shelf.join("lab-1.0.0");
    assert!(
        std::process::Command::new("cp")
            .args(["-a", text(&lab.path("packs/1.0.0")), text(&pack)])
            .status()
            .unwrap()
            .success()
    );
    let own = CONF.replace("port = 1", "port = 9999");
    fs::write(pack.join("conf/server.conf"), &own).unwrap();
    lab.write("conf/server.conf", &own);
    fs::remove_dir_all(lab.path("state")).unwrap();
    policy(lab, "default: {unsigned: refuse}\n");
    lab.run(&["update", "lab", "--from", text(&shelf)])
        .expect(0, "updated");
    assert_eq!(lab.read("conf/server.conf"), own.replace("= 4", "= 8"));
}

#[test]
fn after_it_has_expired_a_bundle_is_refused() {
    let studio = Studio::new();
    let lab = &studio.lab;
    let key = text(&studio.key);
    let made = |expires: &str| bundle(lab, &["1.0.0"], "1.1.0", &["--sign", key, "--expires", expires]).0;
    let late = made("2020-01-01T00:00:00Z");
    let refused = lab
        .run(&["update", "lab", "--from", text(&late)])
        .refused(6, "policy");
    assert!(
        refused.message().contains("2020-01-01T00:00:00Z"),
        "{}",
        refused.message()
    );
    let out = lab.path("out");
    let uses = |path: &Path| {
        let verify = lab.run(&["bundle", "verify", text(path)]);
        (
            verify,
            lab.run(&["bundle", "extract", text(path), "--out", text(&out)]),
        )
    };
    let (verify, extract) = uses(&late);
    verify.refused(6, "policy");
    extract.refused(6, "policy");
    assert!(!out.exists());
    let early = made("2999-01-01T00:00:00Z");
    let (verify, extract) = uses(&early);
    assert_eq!((verify.code, extract.code), (Some(0), Some(0)));
    lab.run(&["update", "lab", "--from", text(&early)])
        .expect(0, "updated");
}

#[test]
fn what_travels_with_an_update_is_taken_out_and_told() {
    let studio = Studio::new();
    let lab = &studio.lab;
    let steps = studio.put("steps.txt", b"tell the users\n");
    let agent = studio.put("pitstop-agent", b"#!/bin/sh\n");
    let more = [
        "--sign",
        text(&studio.key),
        "--manual-steps",
        text(&steps),
        "--with-agent",
        text(&agent),
    ];
    let (path, report) = bundle(lab, &["1.0.0"], "1.1.0", &more);
    assert_eq!(report["extras"].as_array().unwrap().len(), 2);
    let out = lab.path("out");
    let extracted = lab.run(&["bundle", "extract", text(&path), "--out", text(&out)]);
    assert_eq!(extracted.code, Some(0), "{}", extracted.report);
    assert_eq!(fs::read(out.join("steps.txt")).unwrap(), b"tell the users\n");
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(out.join("pitstop-agent"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, 0o111);
    let answer = lab
        .run(&["update", "lab", "--from", text(&path)])
        .expect(0, "updated");
    assert!(answer.report["warnings"].to_string().contains("tell the users"));
}

#[test]
fn decisions_travel_with_a_signed_update() {
    let studio = Studio::new();
    let lab = &studio.lab;
    // Both sides change the same line.
    lab.write("conf/server.conf", &CONF.replace("threads = 4", "threads = 5"));
    let begun = lab.save();
    let path = text(&studio.bundle);
    lab.run(&["update", "lab", "--from", path]).expect(3, "conflicts");
    lab.run(&[
        "conflicts",
        "resolve",
        "lab",
        "conf/server.conf",
        "--take",
        "ours",
    ])
    .expect(0, "resolved");
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    let decisions = lab.path("decisions.json");
    let exported = lab.run(&["conflicts", "export", "--out", text(&decisions)]);
    assert_eq!(exported.code, Some(0), "{}", exported.report);

    let trusting_nobody = self::lab();
    trusting_nobody.instance("");
    trusting_nobody.write("conf/server.conf", &CONF.replace("threads = 4", "threads = 5"));
    let more = ["--resolutions", text(&decisions)];
    let (unsigned, _) = bundle(&trusting_nobody, &["1.0.0"], "1.1.0", &more);
    trusting_nobody
        .run(&["update", "lab", "--from", text(&unsigned)])
        .expect(3, "conflicts");

    lab.restore(&begun);
    let _ = fs::remove_dir_all(lab.path("state/resolutions"));
    let more = ["--resolutions", text(&decisions), "--sign", text(&studio.key)];
    let (signed, _) = bundle(lab, &["1.0.0"], "1.1.0", &more);
    lab.run(&["update", "lab", "--from", text(&signed)])
        .expect(0, "updated");
    assert!(lab.read("conf/server.conf").contains("threads = 5"));
}

#[test]
fn a_profile_that_only_others_extend_is_in_nobodys_way() {
    let lab = lab();
    let base = lab.path("products/wso2");
    fs::create_dir_all(&base).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/products/wso2/product.yaml");
    fs::copy(shipped, base.join("product.yaml")).unwrap();
    bundle(&lab, &["1.0.0"], "1.1.0", &[]);
}

#[test]
fn packs_that_do_not_fit_make_no_bundle() {
    let lab = lab();
    let out = lab.path("x.pitstop");
    let pack = |level: &str| text(&lab.path("packs").join(level)).to_owned();
    let make =
        |from: &str, to: &str| lab.run(&["bundle", "create", "--from", from, "--to", to, "-o", text(&out)]);
    make(&pack("1.1.0"), &pack("1.0.0")).refused(6, "downgrade");
    make(&pack("1.1.0"), &pack("1.1.0")).refused(6, "downgrade");
    let other = lab.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("x"), "x").unwrap();
    make(text(&other), &pack("1.1.0")).refused(1, "not-a-pack");
    assert!(!out.exists());

    // What travels with it has to be found again by its name.
    let notes = lab.path("Release notes.txt");
    fs::write(&notes, "read me").unwrap();
    let make = |more: &[&str]| {
        let (from, to) = (pack("1.0.0"), pack("1.1.0"));
        let args = ["bundle", "create", "--from", &from, "--to", &to, "-o", text(&out)];
        lab.run(&[&args, more].concat())
    };
    make(&["--manual-steps", text(&notes)]).refused(2, "usage");
    let (one, another) = (lab.path("fix.zip"), lab.path("other/fix.zip"));
    fs::write(&one, "1").unwrap();
    fs::write(&another, "2").unwrap();
    make(&["--hotfix", text(&one), "--hotfix", text(&another)]).refused(2, "usage");
    assert!(!out.exists());

    // Nor would a host take what differs in case only.
    fs::write(lab.path("packs/1.1.0/lib/Twice"), "1").unwrap();
    fs::write(lab.path("packs/1.1.0/lib/twice"), "2").unwrap();
    make(&[]).refused(1, "unsafe-source");
    assert!(!out.exists());
    let nowhere = lab
        .command(&["bundle", "create", "--to", &pack("1.1.0"), "-o", text(&out)])
        .output();
    assert_eq!(
        nowhere.unwrap().status.code(),
        Some(2),
        "where it starts has to be said"
    );
}
