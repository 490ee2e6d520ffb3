//! What a release must bring before it is staged: evidence that another host signed, scans, approvals, and the way around.

use std::fs;
use std::path::Path;

use crate::common::bundles::create;
use crate::common::gated::{TRUST, demanding, evidence, missing, scan, staging, warned};
use crate::common::trusted::{policy, say, ship, shipped, statement, unsigned};
use crate::common::{Answer, Lab};
use serde_json::{Value, json};

#[test]
fn a_release_waits_for_evidence_from_another_environment() {
    let (lab, tree) = demanding("default:\n  evidence: [{environment: staging, suites: [smoke]}]\n");
    let before = lab.tree();
    let refused = lab.run(&["update", "lab", "--stage-only"]).refused(6, "evidence");
    let expected = "needs evidence from staging: 0 of 1 host with smoke";
    assert_eq!(missing(&refused), [expected]);
    assert!(refused.message().contains(expected), "{}", refused.message());
    assert!(refused.report["error"]["hint"].as_str().unwrap().contains(&tree));
    lab.run(&["update", "lab", "--dry-run"]).refused(6, "evidence");
    let check = lab.run(&["check", "lab"]).expect(0, "update-available");
    assert_eq!(check.report["blockers"][0]["kind"], "evidence");
    assert_eq!(missing(&check), [expected]);
    assert_eq!(lab.tree(), before);

    let staging = staging(&lab);
    // Without the suite, failed, and signed by somebody else: none of it counts.
    evidence(&staging, &lab, "s", &[]).expect(0, "verified");
    assert_eq!(
        missing(&lab.run(&["update", "lab"]).refused(6, "evidence")),
        [expected]
    );
    evidence(&staging, &lab, "s", &["--suite", "smoke=exit 1"]).refused(5, "unhealthy");
    let failed = lab.run(&["update", "lab"]).refused(6, "evidence");
    assert!(
        missing(&failed)[0].contains("not well on"),
        "{:?}",
        missing(&failed)
    );
    evidence(&staging, &lab, "r", &["--suite", "smoke=true"]).expect(0, "verified");
    let refused = lab.run(&["update", "lab"]).refused(6, "evidence");
    assert!(
        warned(&refused, "not by who has the role evidence.staging"),
        "{}",
        refused.report["warnings"]
    );

    evidence(&staging, &lab, "s", &["--suite", "smoke=true"]).expect(0, "verified");
    let check = lab.run(&["check", "lab"]).expect(0, "update-available");
    assert_eq!(check.report["blockers"], json!([]));
    assert_eq!(check.report["evidence"][0]["hosts"].as_array().unwrap().len(), 1);
    let updated = lab.run(&["update", "lab"]).expect(0, "updated");
    assert!(missing(&updated).is_empty());
    // Going back needs nothing; nor does doing nothing.
    lab.run(&["update", "lab"]).expect(0, "current");
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
}

#[test]
fn evidence_of_another_release_or_with_a_byte_changed_does_not_count() {
    let (lab, _) = demanding("default:\n  evidence: [{environment: staging}]\n");
    // This host's own release is another one.
    ship(
        &lab,
        &["verify", "lab", "--environment", "staging"],
        "s",
        "own.json",
    )
    .expect(0, "verified");
    lab.run(&["update", "lab"]).refused(6, "evidence");
    let staging = staging(&lab);
    evidence(&staging, &lab, "s", &[]).expect(0, "verified");
    let file = shipped(&lab, "e.json");
    let good = fs::read_to_string(&file).unwrap();
    let other = good.replace("\"payload\":\"ey", "\"payload\":\"eY");
    assert_ne!(good, other);
    fs::write(&file, other).unwrap();
    let refused = lab.run(&["update", "lab"]).refused(6, "evidence");
    assert!(
        warned(&refused, "is not signed by who must"),
        "{}",
        refused.report["warnings"]
    );
    fs::write(&file, good).unwrap();
    // What cannot be read beside it is said, and hides nothing.
    fs::create_dir(shipped(&lab, "folder.json")).unwrap();
    fs::write(shipped(&lab, "large.json"), vec![b' '; 5 << 20]).unwrap();
    fs::write(shipped(&lab, "README"), "no envelope").unwrap();
    let updated = lab.run(&["update", "lab"]).expect(0, "updated");
    for name in ["folder.json does not count", "large.json does not count"] {
        assert!(warned(&updated, name), "{name}: {}", updated.report["warnings"]);
    }
    assert!(!warned(&updated, "README"));
}

#[test]
fn a_scan_must_be_there_and_without_grave_findings() {
    let (lab, tree) = demanding("default:\n  scan: {max_severity: medium}\n");
    lab.run(&["update", "lab"]).refused(6, "evidence");
    say(&lab, "scanner", "scan.json", &scan(&tree, "high"));
    let refused = lab.run(&["update", "lab"]).refused(6, "evidence");
    assert_eq!(
        missing(&refused),
        ["the vulnerability scan has findings above medium: CVE-2026-1 (high)"]
    );
    // Who signs test results of staging is not the scanner.
    say(&lab, "s", "scan.json", &scan(&tree, "low"));
    lab.run(&["update", "lab"]).refused(6, "evidence");
    let mut many = scan(&tree, "low");
    let notes = "x".repeat(5 << 20);
    many["predicate"]["scanner"]["result"][0]["annotations"] = json!([{ "notes": notes }]);
    say(&lab, "scanner", "scan.json", &many);
    lab.run(&["update", "lab"]).expect(0, "updated");
}

/// As many statements as are looked at.
fn fill(lab: &Lab, statement: &Value) {
    let envelope = unsigned(statement);
    for number in 0..1000 {
        fs::write(shipped(lab, &format!("{number}.json")), &envelope).unwrap();
    }
}

#[test]
fn statements_that_are_too_many_hide_neither_newer_ones_nor_those_that_are_attached() {
    let (lab, tree) = demanding("default:\n  evidence: [{environment: staging}]\n");
    evidence(&staging(&lab), &lab, "s", &[]).expect(0, "verified");
    let (good, kept) = (shipped(&lab, "e.json"), lab.path("e.json"));
    fs::copy(&good, &kept).unwrap();
    let blockers = || lab.run(&["check", "lab"]).report["blockers"].clone();
    // What is about another release takes no place.
    fill(&lab, &scan(&"0".repeat(64), "low"));
    assert_eq!(blockers(), json!([]));
    fill(&lab, &scan(&tree, "low"));
    let refused = lab.run(&["update", "lab"]).refused(6, "evidence");
    assert!(warned(&refused, "1 of the statements in "), "{}", refused.stderr);

    let (bundle, key) = (lab.path("b.pitstop"), lab.path("r.key"));
    create(
        &lab,
        &["1.0.0"],
        "1.1.0",
        &bundle,
        &["--sign", key.to_str().unwrap()],
    );
    let (bundle, envelope) = (bundle.to_str().unwrap(), kept.to_str().unwrap());
    let dry = ["update", "lab", "--dry-run", "--from", bundle];
    lab.run(&dry).refused(6, "evidence");
    assert_eq!(lab.run(&["bundle", "attach", bundle, envelope]).code, Some(0));
    lab.run(&dry).expect(0, "planned");

    fs::remove_file(&good).unwrap();
    fs::copy(&kept, &good).unwrap();
    assert_eq!(blockers(), json!([]));
}

fn approve(lab: &Lab, tree: &str, key: &str, name: &str, more: &[&str]) -> Answer {
    let args = [
        &[
            "trust",
            "approve",
            tree,
            "--reason",
            "a reason",
            "--expires",
            "1h",
        ],
        more,
    ]
    .concat();
    ship(lab, &args, key, name)
}

#[test]
fn named_people_approve_and_two_of_them_break_the_glass() {
    let (lab, tree) = demanding(
        "default:\n  unsigned: refuse\n  evidence: [{environment: staging}]\n  approvals: {threshold: 2, names: [alice, bob]}\n",
    );
    approve(&lab, &tree, "alice", "alice.json", &[]);
    let refused = lab.run(&["update", "lab"]).refused(6, "evidence");
    assert_eq!(
        missing(&refused)[2],
        "needs approval: 1 of 2 (may still come from bob)"
    );
    approve(&lab, &tree, "bob", "bob.json", &["--instance", "lab"]);
    assert_eq!(
        missing(&lab.run(&["update", "lab"]).refused(6, "evidence")).len(),
        2
    );
    // Only the signature of the source is missing now: that has its own kind.
    policy(&lab, "default: {unsigned: refuse, approvals: {threshold: 2}}\n");
    lab.run(&["update", "lab"]).refused(6, "signature");
    policy(&lab, "default: {hold: [1.1.0]}\n");
    lab.run(&["update", "lab"]).refused(6, "policy");

    approve(&lab, &tree, "alice", "glass.json", &["--break-glass"]);
    lab.run(&["update", "lab"]).refused(6, "policy");
    let (glass, bob) = (shipped(&lab, "glass.json"), lab.path("bob.key"));
    let signed = lab.run(&[
        "trust",
        "sign",
        glass.to_str().unwrap(),
        "--sign",
        bob.to_str().unwrap(),
    ]);
    assert_eq!(signed.code, Some(0));
    let check = lab.run(&["check", "lab"]).expect(0, "update-available");
    assert_eq!(check.report["blockers"], json!([]));
    let updated = lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(updated.report["overridden_by"]["reason"], "a reason");
    assert_eq!(updated.report["overridden_by"]["by"], json!(["alice", "bob"]));
    assert!(warned(
        &updated,
        "level 1.1.0 is on hold; overridden by alice, bob until"
    ));
    let history = fs::read_to_string(lab.path("state/instances/lab/history.jsonl")).unwrap();
    let last: Value = serde_json::from_str(history.lines().last().unwrap()).unwrap();
    assert_eq!(last["overridden"], json!(["evidence"]));
}

#[test]
fn an_approval_needs_a_reason_and_time_to_come() {
    let (lab, tree) = demanding("default: {}\n");
    let out = lab.path("a.json");
    let key = lab.path("alice.key");
    let run = |reason: &str, expires: &str| {
        let (out, key) = (out.to_str().unwrap(), key.to_str().unwrap());
        let args = [
            "trust",
            "approve",
            &tree,
            "--reason",
            reason,
            "--expires",
            expires,
            "-o",
            out,
            "--sign",
            key,
        ];
        lab.run(&args)
    };
    run(" ", "1h").refused(2, "usage");
    run("x", "2001-01-01T00:00:00Z").refused(2, "usage");
    run("x", "soon").refused(2, "settings");
    assert!(!out.exists());
    assert_eq!(run("x", "2200-01-01T00:00:00Z").code, Some(0));
    assert_eq!(statement(&out)["predicate"]["kind"], "approval");
}

#[test]
fn trust_that_is_broken_or_over_lets_nothing_pass_that_needs_it() {
    let (lab, _) = demanding("default: {evidence: [{environment: staging}]}\n");
    let break_with = |text: &str| {
        fs::write(lab.path("config/trust/trust.yaml"), text).unwrap();
        lab.run(&["update", "lab"])
    };
    break_with("version: one\n").refused(6, "trust");
    let over = format!("{TRUST}expires: 2001-01-01T00:00:00Z\n");
    break_with(&over).refused(6, "trust");
    // Where nothing is demanded nothing is asked.
    policy(&lab, "# nothing\n");
    lab.run(&["update", "lab", "--dry-run"]).expect(0, "planned");
    assert!(Path::new(&lab.path("config/policy.yaml")).exists());
    policy(&lab, "lub: {unsigned: refuse}\n");
    let refused = lab.run(&["check", "lab"]).refused(2, "settings");
    assert!(
        refused.message().contains("did you mean `lab`?"),
        "{}",
        refused.message()
    );
}
