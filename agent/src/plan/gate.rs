//! Whether a release, or a hotfix, may be staged: what the policy demands against what is proven. Pure.

mod environments;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::config::Admission;
use crate::config::admission::{ApprovalRule, ScanRule};
use crate::model::{Level, LevelOrder};
use crate::plan::present::Present;
use crate::trust::predicate::{Approval, ApprovalKind, Evidence, Scan};

/// What is proven of a release: signed by those who are believed about it, and about exactly its tree.
#[derive(Debug, Default)]
pub struct Proof {
    /// Whether whoever is believed about releases signed it.
    pub signed: bool,
    /// Test results.
    pub evidence: Vec<Evidence>,
    /// Vulnerability scans.
    pub scans: Vec<Scan>,
    /// Approvals.
    pub approvals: Vec<Approved>,
}

/// An approval and those who gave it.
#[derive(Debug)]
pub struct Approved {
    /// The approval.
    pub approval: Approval,
    /// Who signed it, of those who may approve.
    pub by: BTreeSet<String>,
    /// Whether these are so many as the role demands.
    pub by_enough: bool,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// What is missing, in words; empty if the release may be staged.
    pub missing: Vec<Missing>,
    /// How far it got in each environment that the policy names.
    pub environments: Vec<Progress>,
    /// Who gave the approval that overrides what is missing, and for which reason.
    pub override_by: Option<Override>,
}

/// Something that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What it is about.
    pub what: Demand,
    /// The whole of it, in words.
    pub text: String,
}

/// What a policy can demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// A level that is not on hold.
    NotHeld,
    /// A signature.
    Signature,
    /// Evidence, a scan or an approval.
    Evidence,
}

/// How far a release got in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The environment.
    pub environment: String,
    /// The hosts on which it is well, by when it began to be.
    pub hosts: Vec<String>,
    /// How many are demanded.
    pub needed: usize,
    /// The hosts on which it is not well now.
    pub failing: Vec<String>,
    /// When it has been well for long enough on so many hosts; absent while there are too few.
    pub soaked: Option<Timestamp>,
    /// The same for those hosts that there are.
    pub soaking: Option<Timestamp>,
}

/// An approval that overrides what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Who gave it.
    pub by: Vec<String>,
    /// Why.
    pub reason: String,
    /// Until when it is good.
    pub expires: Timestamp,
}

/// What a policy demands of a hotfix. It leaves the level as it is, and no environment tests it as a release: evidence and held
/// levels do not concern it. Where anybody is trusted with releases, they must have signed it, as they must a bundle.
pub fn rule_for_hotfixes(rule: &Admission, is_anybody_trusted: bool) -> Admission {
    Admission {
        refuse_unsigned: rule.refuse_unsigned || is_anybody_trusted,
        evidence: Vec::new(),
        hold: Vec::new(),
        ..rule.clone()
    }
}

/// Holds what leads to a level against a policy.
pub fn judge(
    rule: &Admission,
    (level, order): (&Level, LevelOrder),
    instance: &str,
    proof: &Proof,
    present: &Present,
) -> Judgement {
    let now = present.now();
    let mut found = Judgement::default();
    let mut missing = |what: Demand, text: String| found.missing.push(Missing { what, text });
    let mut held = rule.hold.iter();
    if held.any(|held| order.compare(held, level).is_eq()) {
        missing(Demand::NotHeld, format!("level {level} is on hold"));
    }
    if rule.refuse_unsigned && !proof.signed {
        missing(
            Demand::Signature,
            "needs a source that is signed by a key of the role release".to_owned(),
        );
    }
    let mut after = Timestamp::MIN;
    for environment in &rule.evidence {
        let progress = environments::progress(environment, proof, after, rule.max_age, now);
        let there = present.of_environment(environments::said_last(environment, proof));
        if let Some(text) = environments::lacking(environment, &progress, there) {
            missing(Demand::Evidence, text);
        }
        after = progress.soaked.unwrap_or(after);
        found.environments.push(progress);
    }
    for text in rule
        .scan
        .iter()
        .filter_map(|scan| scanned(scan, &proof.scans, now))
    {
        missing(Demand::Evidence, text);
    }
    let valid = |one: &&Approved| {
        let approval = &one.approval;
        let instances = &approval.instances;
        now < approval.expires && (instances.is_empty() || instances.iter().any(|name| name == instance))
    };
    let valid: Vec<&Approved> = proof.approvals.iter().filter(valid).collect();
    if let Some(text) = rule
        .approvals
        .as_ref()
        .and_then(|demand| approved(demand, rule, &valid, now))
    {
        missing(Demand::Evidence, text);
    }
    if !found.missing.is_empty() {
        found.override_by = valid.iter().find_map(|one| broken_glass(one));
    }
    found
}

fn is_fresh(at: Timestamp, max_age: Option<SignedDuration>, now: Timestamp) -> bool {
    max_age.is_none_or(|limit| now.duration_since(at) <= limit)
}

/// What is wrong with the newest scan of each scanner.
fn scanned(rule: &ScanRule, scans: &[Scan], now: Timestamp) -> Option<String> {
    let mut newest: BTreeMap<&str, &Scan> = BTreeMap::new();
    for scan in scans
        .iter()
        .filter(|scan| is_fresh(scan.metadata.scan_finished_on, rule.max_age, now))
    {
        let kept = newest.entry(&scan.scanner.uri).or_insert(scan);
        if kept.metadata.scan_finished_on < scan.metadata.scan_finished_on {
            *kept = scan;
        }
    }
    let limit = rule.max_severity;
    if newest.is_empty() {
        let age = rule
            .max_age
            .map_or_else(String::new, |age| format!(", not older than {}", in_words(age)));
        return rule.required.then(|| {
            format!(
                "needs a vulnerability scan without findings above {}{age}",
                limit.name()
            )
        });
    }
    let findings = newest
        .values()
        .flat_map(|scan| scan.scanner.result.iter().flatten());
    let above: BTreeMap<&str, _> = findings
        .filter(|finding| finding.severity() > limit)
        .map(|finding| (finding.id.as_str(), finding.severity()))
        .collect();
    let shown = above
        .iter()
        .take(3)
        .map(|(id, severity)| format!("{id} ({})", severity.name()));
    let shown = shown.collect::<Vec<_>>().join(", ");
    let more = match above.len().saturating_sub(3) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!above.is_empty()).then(|| {
        format!(
            "the vulnerability scan has findings above {}: {shown}{more}",
            limit.name()
        )
    })
}

fn approved(demand: &ApprovalRule, rule: &Admission, valid: &[&Approved], now: Timestamp) -> Option<String> {
    let counts = |name: &&String| demand.names.is_empty() || demand.names.contains(name);
    let given = valid
        .iter()
        .filter(|one| one.approval.kind == ApprovalKind::Approval);
    let given = given.filter(|one| is_fresh(one.approval.at, rule.max_age, now));
    let by: BTreeSet<&String> = given.flat_map(|one| &one.by).filter(counts).collect();
    let open = demand
        .names
        .iter()
        .filter(|name| !by.contains(name))
        .map(String::as_str);
    let open: Vec<&str> = open.collect();
    let of = match open.as_slice() {
        [] => String::new(),
        open => format!(" (may still come from {})", open.join(", ")),
    };
    (by.len() < demand.threshold).then(|| format!("needs approval: {} of {}{of}", by.len(), demand.threshold))
}

fn broken_glass(one: &Approved) -> Option<Override> {
    let approval = &one.approval;
    (approval.kind == ApprovalKind::BreakGlass && one.by_enough).then(|| Override {
        by: one.by.iter().cloned().collect(),
        reason: approval.reason.clone(),
        expires: approval.expires,
    })
}

/// A time, rounded up to what matters of it.
fn in_words(time: SignedDuration) -> String {
    let minutes = (time.as_secs().max(0) + 59) / 60;
    match minutes {
        ..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", (minutes + 59) / 60),
        _ => format!("{} d", (minutes + 1439) / 1440),
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "gate_evidence_tests.rs"]
mod evidence_tests;
