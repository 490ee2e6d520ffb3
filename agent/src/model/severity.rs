//! How severe a vulnerability is.

use serde::{Deserialize, Serialize};

/// How severe a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are those of CVSS")]
pub enum Severity {
    None,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// What a word says, as different vendors put it.
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "none" | "negligible" | "info" | "informational" => Self::None,
            "low" | "minor" => Self::Low,
            "medium" | "moderate" => Self::Medium,
            "high" | "important" | "major" => Self::High,
            "critical" => Self::Critical,
            _ => return None,
        })
    }

    /// What a score says: the bands of CVSS 3 and 4.
    pub fn of_score(score: f64) -> Option<Self> {
        Some(match score {
            0.0 => Self::None,
            0.0..4.0 => Self::Low,
            4.0..7.0 => Self::Medium,
            7.0..9.0 => Self::High,
            9.0..=10.0 => Self::Critical,
            _ => return None,
        })
    }
}
