//! What an organisation's scanner found: in-toto's vulnerability predicate.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::severity::Severity;
use crate::trust::Predicate;

/// <https://in-toto.io/attestation/vulns/v0.1>, about the pristine tree of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Who scanned, and what it found.
    pub scanner: Scanner,
    /// When.
    pub metadata: Metadata,
}

impl Predicate for Scan {
    const TYPE: &'static str = "https://in-toto.io/attestation/vulns/v0.1";
    const WHAT: &'static str = "a vulnerability scan";
}

/// A scanner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanner {
    /// Which it is.
    #[serde(default)]
    pub uri: String,
    /// What it found.
    #[serde(default)]
    pub result: Option<Vec<Finding>>,
}

/// A vulnerability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its name, such as `CVE-2021-44228`.
    pub id: String,
    /// How severe it is, by whatever methods.
    #[serde(default)]
    pub severity: Vec<Rating>,
}

/// How severe something is by one method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// The method, such as `nvd` or `cvss_score`.
    #[serde(default)]
    pub method: String,
    /// A word, or a number up to 10.
    pub score: Value,
}

/// When it was scanned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// When the scan ended.
    pub scan_finished_on: Timestamp,
}

impl Finding {
    /// The highest that any method says. What cannot be understood, and what nobody rated, may be the worst.
    pub fn severity(&self) -> Severity {
        let ratings = self.severity.iter().map(|rating| match &rating.score {
            Value::Number(score) => score.as_f64().and_then(Severity::of_score),
            Value::String(text) => Severity::of_word(text.trim())
                .or_else(|| text.trim().parse().ok().and_then(Severity::of_score)),
            _ => None,
        });
        // A vector beside a score, as scanners like to give, is no rating of its own.
        ratings.flatten().max().unwrap_or(Severity::Critical)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_that_is_understood_counts_and_nothing_understood_is_the_worst() {
        let table = [
            (r#"[{"method":"nvd","score":"Medium"}]"#, Severity::Medium),
            (r#"[{"method":"cvss","score":9.8}]"#, Severity::Critical),
            (
                r#"[{"method":"cvss","score":"7.0"},{"method":"redhat","score":"moderate"}]"#,
                Severity::High,
            ),
            (
                r#"[{"method":"v","score":"CVSS:3.1/AV:N/AC:L"},{"method":"cvss","score":"3.9"}]"#,
                Severity::Low,
            ),
            (
                r#"[{"method":"v","score":"CVSS:3.1/AV:N/AC:L"}]"#,
                Severity::Critical,
            ),
            (r#"[{"score":11}]"#, Severity::Critical),
            (r#"[{"score":-1}]"#, Severity::Critical),
            (r#"[{"score":0}]"#, Severity::None),
            ("[]", Severity::Critical),
        ];
        for (severity, expected) in table {
            let text = format!(r#"{{"id":"CVE-1","severity":{severity}}}"#);
            let finding: Finding = serde_json::from_str(&text).unwrap();
            assert_eq!(finding.severity(), expected, "{severity}");
        }
    }
}
