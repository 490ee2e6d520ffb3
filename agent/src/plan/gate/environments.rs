//! How well a release is in the environments that a policy names, by what was tested there.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Progress, Proof, in_words, is_fresh};
use crate::config::admission::Environment;
use crate::trust::predicate::Evidence;
use crate::trust::predicate::evidence::{Outcome, Tested};

/// A test result, and where it was tested.
type Told<'a> = (&'a Evidence, &'a Tested);

/// How a release is on an instance. A host is as its worst instance: well since the last of them began to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Health {
    /// Without a failure since then.
    Well(Timestamp),
    /// Nothing that counts was said.
    Untold,
    /// The last word is a failure.
    Failing,
}

/// When anything was said in an environment last.
pub(super) fn said_last(rule: &Environment, proof: &Proof) -> Option<Timestamp> {
    let tested = proof.evidence.iter().filter_map(|one| one.pitstop.as_ref());
    let there = tested.filter(|tested| tested.environment == rule.name);
    there.map(|tested| tested.at).max()
}

/// What is proven of a release in one environment. Only what was tested `after` the environment before it had soaked counts.
pub(super) fn progress(
    rule: &Environment,
    proof: &Proof,
    after: Timestamp,
    max_age: Option<SignedDuration>,
    now: Timestamp,
) -> Progress {
    let mut hosts: BTreeMap<&str, Vec<Told<'_>>> = BTreeMap::new();
    for one in &proof.evidence {
        let Some(tested) = &one.pitstop else { continue };
        if tested.environment == rule.name {
            hosts.entry(&tested.host).or_default().push((one, tested));
        }
    }
    let (mut well, mut failing) = (Vec::new(), Vec::new());
    for (host, mut told) in hosts {
        told.sort_by_key(|(_, tested)| tested.at);
        match health_of_host(rule, &told, after, |at| is_fresh(at, max_age, now)) {
            Health::Well(since) => well.push((since, host.to_owned())),
            Health::Untold => {}
            Health::Failing => failing.push(host.to_owned()),
        }
    }
    well.sort();
    let soaked = |since: Timestamp| since.checked_add(rule.soak).ok();
    let reached = well.get(rule.hosts - 1).map(|(since, _)| *since);
    Progress {
        environment: rule.name.clone(),
        soaked: reached.and_then(soaked),
        soaking: reached.or(well.last().map(|(since, _)| *since)).and_then(soaked),
        hosts: well.into_iter().map(|(_, host)| host).collect(),
        needed: rule.hosts,
        failing,
    }
}

/// How a host is by what was told of its instances, the oldest first. One that it does not have any more says nothing, but
/// where it failed, the host is well only since it is gone.
fn health_of_host(
    rule: &Environment,
    told: &[Told<'_>],
    after: Timestamp,
    is_fresh: impl Fn(Timestamp) -> bool,
) -> Health {
    let mut instances: BTreeMap<&str, Vec<Told<'_>>> = BTreeMap::new();
    for one in told {
        instances.entry(&one.1.instance).or_default().push(*one);
    }
    let health = |(name, of_it): (&str, Vec<Told<'_>>)| {
        let health = health(rule, &of_it, after, &is_fresh);
        match (gone_since(name, told), health) {
            (None, health) => Some(health),
            (Some(since), Health::Failing) => Some(Health::Well(since)),
            (Some(_), _) => None,
        }
    };
    instances
        .into_iter()
        .filter_map(health)
        .max()
        .unwrap_or(Health::Untold)
}

/// Since when a host says that it has other instances and not this one; the statements are the oldest first.
fn gone_since(name: &str, told: &[Told<'_>]) -> Option<Timestamp> {
    let of_it = told.iter().filter(|(_, tested)| tested.instance == name);
    let last = of_it.map(|(_, tested)| tested.at).max()?;
    let is_without = |there: &[String]| !there.is_empty() && !there.iter().any(|one| one == name);
    let mut later = told.iter().filter(|(_, tested)| tested.at > last);
    later
        .find(|(_, tested)| is_without(&tested.instances))
        .map(|(_, tested)| tested.at)
}

/// How an instance is by what was told of it, the oldest first. A failure counts whenever it was.
fn health(
    rule: &Environment,
    told: &[Told<'_>],
    after: Timestamp,
    is_fresh: impl Fn(Timestamp) -> bool,
) -> Health {
    let (mut health, mut last) = (Health::Untold, Timestamp::MIN);
    for (evidence, tested) in told {
        let passed = |name: &String| tested.suites.iter().any(|suite| suite.name == *name && suite.ok);
        if has_failed(rule, evidence, tested) {
            health = Health::Failing;
        } else if rule.suites.iter().all(passed) {
            last = tested.at;
            health = match health {
                Health::Well(since) => Health::Well(since),
                _ if tested.at < after => Health::Untold,
                _ => Health::Well(tested.at),
            };
        }
    }
    match health {
        Health::Well(_) if !is_fresh(last) => Health::Untold,
        health => health,
    }
}

/// Whether it went wrong, or a suite that is demanded did, even if the host itself could do without.
fn has_failed(rule: &Environment, evidence: &Evidence, tested: &Tested) -> bool {
    let demanded = tested
        .suites
        .iter()
        .filter(|suite| rule.suites.contains(&suite.name));
    evidence.result == Outcome::Failed || demanded.into_iter().any(|suite| !suite.ok)
}

/// What an environment has not proven yet, in words.
pub(super) fn lacking(rule: &Environment, progress: &Progress, now: Timestamp) -> Option<String> {
    let soaked = progress.soaked.is_some_and(|soaked| soaked <= now);
    if soaked {
        return None;
    }
    let mut text = format!(
        "needs evidence from {}: {} of {} {}",
        rule.name,
        progress.hosts.len(),
        rule.hosts,
        if rule.hosts == 1 { "host" } else { "hosts" }
    );
    if !rule.suites.is_empty() {
        text += &format!(" with {}", rule.suites.join(", "));
    }
    match progress.soaking.filter(|soaking| *soaking > now) {
        Some(soaking) => text += &format!(", soak ends in {}", in_words(soaking.duration_since(now))),
        None if rule.soak > SignedDuration::ZERO => text += &format!(", for {}", in_words(rule.soak)),
        None => {}
    }
    if !progress.failing.is_empty() {
        text += &format!(", not well on {}", progress.failing.join(", "));
    }
    Some(text)
}
