//! What a release must bring before it is staged: `policy.yaml`, by product.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::Deserialize;

use super::nearest::{did_you_mean, quoted};
use super::yaml;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::Level;
use crate::model::severity::Severity;

/// The section that all products start from.
const DEFAULT: &str = "default";

/// What a release must bring. Nothing said: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admission {
    /// Whether a source that nobody signed is refused.
    pub refuse_unsigned: bool,
    /// Evidence, by environment, in the order in which a release passes through them.
    pub evidence: Vec<Environment>,
    /// What a vulnerability scan must say.
    pub scan: Option<ScanRule>,
    /// Who must have approved.
    pub approvals: Option<ApprovalRule>,
    /// How old evidence and approvals may be.
    pub max_age: Option<SignedDuration>,
    /// Levels that nobody may go to.
    pub hold: Vec<Level>,
}

/// What must have gone well in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// On how many hosts.
    pub hosts: usize,
    /// For how long.
    pub soak: SignedDuration,
    /// Suites that must have passed, besides the checks.
    pub suites: Vec<String>,
}

/// What a vulnerability scan must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanRule {
    /// Whether there must be one.
    pub required: bool,
    /// The most severe finding that is accepted.
    pub max_severity: Severity,
    /// How old it may be.
    pub max_age: Option<SignedDuration>,
}

/// Who must have approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRule {
    /// How many of them.
    pub threshold: usize,
    /// Who may; everybody with the role without names.
    pub names: Vec<String>,
}

impl Admission {
    /// Whether anything is demanded.
    pub fn demands_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fragment {
    unsigned: Option<Unsigned>,
    evidence: Option<Vec<EnvironmentFragment>>,
    scan: Option<ScanFragment>,
    approvals: Option<ApprovalFragment>,
    max_age: Option<String>,
    hold: Option<Vec<Level>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unsigned {
    Allow,
    Refuse,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvironmentFragment {
    environment: String,
    hosts: Option<usize>,
    soak: Option<String>,
    #[serde(default)]
    suites: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScanFragment {
    required: Option<bool>,
    max_severity: Option<Severity>,
    max_age: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovalFragment {
    threshold: Option<usize>,
    #[serde(default)]
    names: Vec<String>,
}

/// What a policy file demands of the releases of one product. `known` are the names of all products.
///
/// # Errors
/// `settings`: the file is not valid. A section of a product that nobody knows is not: it would demand nothing of anybody.
pub fn parse(text: &str, file: &Path, product: &str, known: &[String]) -> Result<Admission> {
    let sections: BTreeMap<String, Option<Fragment>> = yaml::parse(text, file)?;
    let in_file = |mut failure: Failure| {
        failure.message = format!("{}: {}", file.display(), failure.message);
        failure.at(file)
    };
    let is_known = |name: &&String| *name == DEFAULT || known.contains(name);
    if let Some(unknown) = sections.keys().find(|name| !is_known(name)) {
        let names = || std::iter::once(DEFAULT).chain(known.iter().map(String::as_str));
        let message = format!(
            "no product is named `{unknown}`{}",
            did_you_mean(unknown, names())
        );
        return Err(in_file(
            Failure::new(ErrorKind::Settings, message).hint(format!("known here: {}", quoted(names()))),
        ));
    }
    // Every section, so that a mistake is found on the first host and not on the first of that product.
    let rules = sections.iter().map(|(name, said)| {
        let rule = said.as_ref().map(|said| settle(&[said], name)).transpose();
        rule.map_err(in_file)
    });
    rules.collect::<Result<Vec<_>>>()?;
    let said = [product, DEFAULT]
        .into_iter()
        .filter_map(|name| sections.get(name)?.as_ref());
    settle(&said.collect::<Vec<_>>(), product).map_err(in_file)
}

/// Key by key; the first section that says something wins.
fn settle(said: &[&Fragment], section: &str) -> Result<Admission> {
    let first = |max_age: Option<&String>, field: &str| {
        max_age
            .map(|text| duration(text, &format!("{section}.{field}")))
            .transpose()
    };
    let evidence = said
        .iter()
        .find_map(|one| one.evidence.as_deref())
        .unwrap_or_default();
    let scan = said.iter().find_map(|one| one.scan.as_ref());
    let approvals = said.iter().find_map(|one| one.approvals.as_ref());
    Ok(Admission {
        refuse_unsigned: said.iter().find_map(|one| one.unsigned) == Some(Unsigned::Refuse),
        evidence: evidence
            .iter()
            .enumerate()
            .map(|(at, one)| environment(one, &format!("{section}.evidence[{at}]")))
            .collect::<Result<_>>()?,
        scan: scan
            .map(|scan| {
                Ok(ScanRule {
                    required: scan.required.unwrap_or(true),
                    max_severity: scan.max_severity.unwrap_or(Severity::Critical),
                    max_age: first(scan.max_age.as_ref(), "scan.max_age")?,
                })
            })
            .transpose()?,
        approvals: approvals.map(|rule| approval(rule, section)).transpose()?,
        max_age: first(said.iter().find_map(|one| one.max_age.as_ref()), "max_age")?,
        hold: said.iter().find_map(|one| one.hold.clone()).unwrap_or_default(),
    })
}

fn bad<T>(field: &str, why: impl std::fmt::Display) -> Result<T> {
    Err(Failure::new(ErrorKind::Settings, format!("{field}: {why}")))
}

fn environment(said: &EnvironmentFragment, field: &str) -> Result<Environment> {
    let hosts = said.hosts.unwrap_or(1);
    if hosts == 0 {
        return bad(&format!("{field}.hosts"), "evidence comes from at least one host");
    }
    Ok(Environment {
        name: said.environment.clone(),
        hosts,
        soak: match &said.soak {
            Some(text) => duration(text, &format!("{field}.soak"))?,
            None => SignedDuration::ZERO,
        },
        suites: said.suites.clone(),
    })
}

fn approval(said: &ApprovalFragment, section: &str) -> Result<ApprovalRule> {
    let threshold = said.threshold.unwrap_or(1);
    let most = if said.names.is_empty() {
        usize::MAX
    } else {
        said.names.len()
    };
    match (1..=most).contains(&threshold) {
        true => Ok(ApprovalRule {
            threshold,
            names: said.names.clone(),
        }),
        false => bad(
            &format!("{section}.approvals.threshold"),
            format!("{threshold} of {} can never have approved", said.names.len()),
        ),
    }
}

/// A time such as `24h`, `7d` or `2w`; a day has 24 hours.
///
/// # Errors
/// `settings`: it is none; `field` is where it stands.
pub fn duration(text: &str, field: &str) -> Result<SignedDuration> {
    let span: Option<Span> = text.parse().ok();
    let span = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    match span {
        Some(duration) if !duration.is_negative() => Ok(duration),
        _ => bad(
            field,
            format!("`{text}` is not a time such as 30m, 24h, 7d or 2w"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, product: &str) -> Result<Admission> {
        let known = ["flink".to_owned(), "wso2is".to_owned()];
        parse(text, Path::new("/etc/pitstop/policy.yaml"), product, &known)
    }

    #[test]
    fn a_product_starts_from_the_default_and_says_what_is_different() {
        let text = "default:\n  unsigned: refuse\n  max_age: 30d\n  evidence:\n  - {environment: dev}\n  - {environment: staging, \
                    hosts: 2, soak: 24h, suites: [smoke]}\nwso2is:\n  evidence: []\n  scan: {max_severity: high, max_age: 1w}\n  \
                    approvals: {threshold: 2, names: [alice, bob, carol]}\n  hold: [7.1.0.40]\n";
        let flink = parsed(text, "flink").unwrap();
        assert!(flink.refuse_unsigned && !flink.demands_nothing());
        assert_eq!(flink.max_age, Some(SignedDuration::from_hours(720)));
        let staging = Environment {
            name: "staging".to_owned(),
            hosts: 2,
            soak: SignedDuration::from_hours(24),
            suites: vec!["smoke".to_owned()],
        };
        assert_eq!(flink.evidence[1], staging);
        assert_eq!(
            (flink.evidence[0].hosts, flink.evidence[0].soak),
            (1, SignedDuration::ZERO)
        );
        let is = parsed(text, "wso2is").unwrap();
        assert!(is.refuse_unsigned && is.evidence.is_empty());
        let scan = is.scan.unwrap();
        assert_eq!((scan.required, scan.max_severity), (true, Severity::High));
        assert_eq!(scan.max_age, Some(SignedDuration::from_hours(168)));
        assert_eq!(is.approvals.unwrap().threshold, 2);
        assert_eq!(is.hold, [Level::new("7.1.0.40")]);
        assert!(parsed("default:\n", "flink").unwrap().demands_nothing());
    }

    #[test]
    fn a_policy_that_demands_what_nobody_meant_is_refused_on_every_host() {
        let table = [
            (
                "defualt: {unsigned: refuse}\n",
                "no product is named `defualt`; did you mean `default`?",
            ),
            ("default: {unsigned: no}\n", "unsigned"),
            ("default: {unsinged: refuse}\n", "did you mean `unsigned`?"),
            (
                "wso2is: {max_age: soon}\n",
                "wso2is.max_age: `soon` is not a time",
            ),
            ("default: {max_age: -1d}\n", "is not a time"),
            ("default: {max_age: 1mo}\n", "is not a time"),
            (
                "default: {evidence: [{environment: dev, hosts: 0}]}\n",
                "default.evidence[0].hosts",
            ),
            ("default: {evidence: [{environment: dev, soak: 1}]}\n", "soak"),
            (
                "default: {approvals: {threshold: 2, names: [alice]}}\n",
                "2 of 1 can never",
            ),
            (
                "default: {approvals: {threshold: 0}}\n",
                "default.approvals.threshold",
            ),
            ("default: {scan: {max_severity: awful}}\n", "awful"),
        ];
        for (text, why) in table {
            let failure = parsed(text, "flink").unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Settings);
            assert!(
                failure.message.starts_with("/etc/pitstop/policy.yaml"),
                "{failure}"
            );
            assert!(failure.message.contains(why), "{why}: {failure}");
        }
    }
}
