//! Bundles and whom a host believes: who signed them, and until when they are good.

use std::fs;
use std::path::Path;

use crate::common::bundles::{Studio, bundle, keygen, text};
use crate::common::levels::{CONF, lab};
use crate::common::trusted::policy;
use serde_json::json;

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
