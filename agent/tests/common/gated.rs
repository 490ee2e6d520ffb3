//! A host that demands something of a release, and another one where the release runs already.

use std::fs;

use serde_json::{Value, json};

use super::scenario::lab;
use super::trusted::{believe, policy, ship, shipped};
use super::{Answer, Lab};

pub const TRUST: &str = "version: 1\nroles:\n  release: {keys: [r.pem]}\n  approval: {threshold: 2, keys: [alice.pem, bob.pem]}\n  \
                     evidence:\n    staging: {keys: [s.pem]}\n    scan: {keys: [scanner.pem]}\n";
pub const KEYS: &[&str] = &["r", "alice", "bob", "s", "scanner"];

/// One of which there can be evidence: it has a probe.
fn asked() -> Lab {
    let lab = lab();
    let packs = lab.path("packs");
    lab.instance(&format!(
        "source: {}\nprobes: [{{name: there, command: [/bin/true]}}]\n",
        packs.display()
    ));
    lab
}

/// A host that demands something, and the tree of the release that it could go to.
pub fn demanding(text: &str) -> (Lab, String) {
    let lab = asked();
    believe(&lab, KEYS, TRUST);
    let tree = lab
        .run(&["update", "lab", "--dry-run"])
        .expect(0, "planned")
        .report["plan"]["to"]["tree"]
        .clone();
    policy(&lab, text);
    (lab, tree.as_str().unwrap().to_owned())
}

/// Another host where the release runs already.
pub fn staging(trusting: &Lab) -> Lab {
    let lab = asked();
    for name in ["s", "r"] {
        for end in ["key", "key.pub"] {
            let file = format!("{name}.{end}");
            fs::copy(trusting.path(&file), lab.path(&file)).unwrap();
        }
    }
    lab.run(&["update", "lab"]).expect(0, "updated");
    lab
}

pub fn evidence(from: &Lab, to: &Lab, key: &str, more: &[&str]) -> Answer {
    let told = ship(
        from,
        &[&["verify", "lab", "--environment", "staging"], more].concat(),
        key,
        "e.json",
    );
    fs::copy(shipped(from, "e.json"), shipped(to, "e.json")).unwrap();
    told
}

pub fn missing(answer: &Answer) -> Vec<&str> {
    let missing = answer.report["missing"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    missing.iter().map(|one| one.as_str().unwrap()).collect()
}

pub fn warned(answer: &Answer, text: &str) -> bool {
    answer.report["warnings"].to_string().contains(text)
}

pub fn scan(tree: &str, severity: &str) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "lab", "digest": {"sha256": tree}}],
        "predicateType": "https://in-toto.io/attestation/vulns/v0.1",
        "predicate": {
            "scanner": {"uri": "https://scanner.example.com", "version": "1", "db": {},
                "result": [{"id": "CVE-2026-1", "severity": [{"method": "nvd", "score": severity}]}]},
            "metadata": {"scanStartedOn": "2026-11-01T00:00:00Z", "scanFinishedOn": "2026-11-01T01:00:00Z"}
        }
    })
}
