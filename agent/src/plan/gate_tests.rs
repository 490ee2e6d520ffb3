//! The policy by tables. Times are hours after an arbitrary beginning.

use std::path::Path;

use super::*;
use crate::config::admission;
use crate::model::Level;

pub(super) fn hour(hours: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000 + hours)
}

pub(super) fn rule(text: &str) -> Admission {
    let text = format!("default: {{{text}}}\n");
    admission::parse(&text, Path::new("policy.yaml"), "flink", &["flink".to_owned()]).unwrap()
}

pub(super) fn level() -> Level {
    Level::new("1.20.1")
}

pub(super) fn judged(policy: &str, proof: &Proof) -> Vec<String> {
    let found = judge(
        &rule(policy),
        (&level(), LevelOrder::default()),
        "f-1",
        proof,
        &Present::new(hour(100), hour(100)),
    );
    found.missing.into_iter().map(|missing| missing.text).collect()
}

fn scan(by: &str, at: i64, findings: &[(&str, &str)]) -> Scan {
    let result: Vec<String> = findings
        .iter()
        .map(|(id, score)| format!(r#"{{"id":"{id}","severity":[{{"method":"nvd","score":"{score}"}}]}}"#))
        .collect();
    let text = format!(
        r#"{{"scanner":{{"uri":"{by}","result":[{}]}},"metadata":{{"scanFinishedOn":"{}"}}}}"#,
        result.join(","),
        hour(at)
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn scans_in_words() {
    const HIGH: &str = "scan: {max_severity: high, max_age: 48h}";
    let table = [
        (
            HIGH,
            vec![],
            "needs a vulnerability scan without findings above high, not older than 2 d",
        ),
        ("scan: {required: false, max_severity: high}", vec![], ""),
        (HIGH, vec![scan("a", 90, &[("CVE-1", "high")])], ""),
        (HIGH, vec![scan("a", 90, &[])], ""),
        (
            HIGH,
            vec![scan("a", 10, &[])],
            "needs a vulnerability scan without findings above high, not older than 2 d",
        ),
        (
            HIGH,
            vec![scan("a", 90, &[("CVE-1", "critical")])],
            "the vulnerability scan has findings above high: CVE-1 (critical)",
        ),
        // The newest of each scanner.
        (
            HIGH,
            vec![scan("a", 90, &[("CVE-1", "critical")]), scan("a", 91, &[])],
            "",
        ),
        (
            HIGH,
            vec![scan("a", 91, &[]), scan("a", 90, &[("CVE-1", "critical")])],
            "",
        ),
        (
            HIGH,
            vec![scan("b", 90, &[("CVE-1", "critical")]), scan("a", 91, &[])],
            "the vulnerability scan has findings above high: CVE-1 (critical)",
        ),
        (
            "scan: {max_severity: low}",
            vec![scan(
                "a",
                1,
                &[
                    ("C-1", "9.9"),
                    ("C-2", "5"),
                    ("C-3", "7"),
                    ("C-4", "?"),
                    ("C-5", "1"),
                ],
            )],
            "the vulnerability scan has findings above low: C-1 (critical), C-2 (medium), C-3 (high) and 1 more",
        ),
    ];
    for (policy, scans, expected) in table {
        let proof = Proof {
            scans,
            ..Proof::default()
        };
        assert_eq!(judged(policy, &proof).join("; "), expected, "{policy}");
    }
}

fn approval(kind: ApprovalKind, by: &str, expires: i64, instances: &str) -> Approved {
    Approved {
        approval: Approval {
            kind,
            reason: "because".to_owned(),
            at: hour(50),
            expires: hour(expires),
            instances: instances.split_whitespace().map(str::to_owned).collect(),
        },
        by: by.split_whitespace().map(str::to_owned).collect(),
        by_enough: by.split_whitespace().count() > 1,
    }
}

#[test]
fn approvals_in_words() {
    use ApprovalKind::{Approval, BreakGlass};
    const NAMED: &str = "approvals: {threshold: 2, names: [alice, bob, carol]}";
    let table = [
        ("approvals: {}", vec![], "needs approval: 0 of 1"),
        ("approvals: {}", vec![approval(Approval, "zoe", 101, "")], ""),
        (
            NAMED,
            vec![approval(Approval, "alice zoe", 101, "")],
            "needs approval: 1 of 2 (may still come from bob, carol)",
        ),
        (
            NAMED,
            vec![
                approval(Approval, "alice", 101, ""),
                approval(Approval, "bob", 101, ""),
            ],
            "",
        ),
        // The same twice, for another instance, expired, of another kind, too old.
        (
            NAMED,
            vec![
                approval(Approval, "alice", 101, ""),
                approval(Approval, "alice", 102, ""),
            ],
            "needs approval: 1 of 2 (may still come from bob, carol)",
        ),
        (
            "approvals: {}",
            vec![approval(Approval, "alice", 101, "f-2")],
            "needs approval: 0 of 1",
        ),
        (
            "approvals: {}",
            vec![approval(Approval, "alice", 101, "f-2 f-1")],
            "",
        ),
        (
            "approvals: {}",
            vec![approval(Approval, "alice", 100, "")],
            "needs approval: 0 of 1",
        ),
        (
            "approvals: {}",
            vec![approval(BreakGlass, "alice", 101, "")],
            "needs approval: 0 of 1",
        ),
        (
            "max_age: 24h, approvals: {}",
            vec![approval(Approval, "alice", 101, "")],
            "needs approval: 0 of 1",
        ),
    ];
    for (policy, approvals, expected) in table {
        let proof = Proof {
            approvals,
            ..Proof::default()
        };
        assert_eq!(judged(policy, &proof).join("; "), expected, "{policy}");
    }
}

#[test]
fn breaking_the_glass_takes_so_many_as_the_role_demands() {
    let judged = |approvals| {
        let proof = Proof {
            approvals,
            ..Proof::default()
        };
        let policy = rule("unsigned: refuse, hold: [1.20.1], evidence: [{environment: dev}]");
        judge(
            &policy,
            (&level(), LevelOrder::default()),
            "f-1",
            &proof,
            &Present::new(hour(100), hour(100)),
        )
    };
    let found = judged(vec![approval(ApprovalKind::BreakGlass, "alice bob", 101, "")]);
    let demands: Vec<Demand> = found.missing.iter().map(|missing| missing.what).collect();
    assert_eq!(demands, [Demand::NotHeld, Demand::Signature, Demand::Evidence]);
    let by = found.override_by.unwrap();
    assert_eq!(
        (by.by.len(), by.reason.as_str(), by.expires),
        (2, "because", hour(101))
    );
    let refused = [
        approval(ApprovalKind::BreakGlass, "alice", 101, ""),
        approval(ApprovalKind::BreakGlass, "alice bob", 100, ""),
        approval(ApprovalKind::BreakGlass, "alice bob", 101, "f-2"),
        approval(ApprovalKind::Approval, "alice bob", 101, ""),
    ];
    for one in refused {
        assert_eq!(judged(vec![one]).override_by, None);
    }
    // Where nothing is missing nothing is overridden.
    let proof = Proof {
        signed: true,
        approvals: vec![approval(ApprovalKind::BreakGlass, "alice bob", 101, "")],
        ..Proof::default()
    };
    assert_eq!(
        judge(
            &rule("unsigned: refuse"),
            (&level(), LevelOrder::default()),
            "f-1",
            &proof,
            &Present::new(hour(100), hour(100))
        ),
        Judgement::default()
    );
}

#[test]
fn a_hotfix_is_held_to_signatures_scans_and_approvals() {
    let policy = rule(
        "hold: [1.20.1], evidence: [{environment: dev}], scan: {max_severity: low}, approvals: {threshold: 1}, max_age: 1d",
    );
    for (is_anybody_trusted, unsigned) in [(false, "allow"), (true, "refuse")] {
        let expected = rule(&format!(
            "unsigned: {unsigned}, scan: {{max_severity: low}}, approvals: {{threshold: 1}}, max_age: 1d"
        ));
        assert_eq!(rule_for_hotfixes(&policy, is_anybody_trusted), expected);
    }
    assert!(rule_for_hotfixes(&rule("unsigned: refuse"), false).refuse_unsigned);
    assert!(rule_for_hotfixes(&rule("evidence: [{environment: dev}]"), false).demands_nothing());
}

#[test]
fn a_level_on_hold_is_one_however_it_is_written() {
    let table = [
        ("7.1.0.40", "7.1.0.040", true),
        ("7.1.0.040", "7.1.0.40", true),
        ("7.1.0", "7.1.0.0", true),
        ("7.1.0.40", "7.1.0.4", false),
        ("7.1.0.40", "7.1.0.41", false),
    ];
    for (held, level, expected) in table {
        let policy = rule(&format!("hold: ['{held}']"));
        let to = (&Level::new(level), LevelOrder::default());
        let found = judge(
            &policy,
            to,
            "f-1",
            &Proof::default(),
            &Present::new(hour(100), hour(100)),
        );
        assert_eq!(!found.missing.is_empty(), expected, "{held} {level}");
    }
}
