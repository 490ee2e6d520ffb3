//! What is said of evidence that is missing, and of what is signed.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pitstop::api::trust::{SignedReport, TrustReport};

use crate::studio::{Studio, Takes};

/// The example of RFC 8410, so that its name is the same in each run.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
const TRUST: &str =
    "version: 1\nroles:\n  approval: {keys: [alice.pem]}\n  evidence:\n    staging: {keys: [alice.pem]}\n";

/// A policy, in the way of an update, and around it.
pub fn proofs() -> Takes {
    let studio = Studio::started();
    let config = studio.lab.path("config");
    fs::create_dir_all(config.join("trust")).unwrap();
    fs::create_dir_all(config.join("evidence.d")).unwrap();
    fs::write(config.join("trust/alice.pem"), PUBLIC).unwrap();
    fs::write(config.join("trust/trust.yaml"), TRUST).unwrap();
    fs::write(
        config.join("policy.yaml"),
        "default:\n  evidence: [{environment: staging, hosts: 2, soak: 24h}]\n",
    )
    .unwrap();
    let key = studio.lab.path("alice.key");
    fs::write(&key, KEY).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let key = key.to_str().unwrap();

    studio.take_typed::<TrustReport>("trust-show", &["trust", "show"], 0);
    studio.take("check-evidence", &["check", "lab"], (0, "update-available"));
    studio.take("update-evidence", &["update", "lab"], (6, "evidence"));
    let dry = studio.take(
        "update-evidence-dry-run",
        &["update", "lab", "--dry-run"],
        (6, "evidence"),
    );
    let hint = dry["error"]["hint"].as_str().unwrap();
    let tree = hint
        .split_once("trust approve ")
        .unwrap()
        .1
        .split(' ')
        .next()
        .unwrap();
    let out = |name: &str| config.join("evidence.d").join(name).to_str().unwrap().to_owned();
    let (evidence, glass, receipt) = (out("e.json"), out("glass.json"), out("receipt"));
    let verify = [
        "verify",
        "lab",
        "--evidence",
        &evidence,
        "--sign",
        key,
        "--suite",
        "smoke=true",
    ];
    studio.take("verify-evidence", &verify, (0, "verified"));
    let approve = [
        "trust",
        "approve",
        tree,
        "--break-glass",
        "--reason",
        "an attack",
        "--expires",
        "2d",
    ];
    studio.take_typed::<SignedReport>(
        "trust-approve",
        &[&approve[..], &["-o", &glass, "--sign", key]].concat(),
        0,
    );
    studio.take("update-evidence-overridden", &["update", "lab"], (0, "updated"));
    studio.take_typed::<SignedReport>("receipt", &["receipt", "lab", "-o", &receipt, "--sign", key], 0);
    studio.takes()
}
