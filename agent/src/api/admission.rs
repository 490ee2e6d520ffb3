//! What a release brings that the policy demands, and what it does not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a release got in one environment that the policy names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceView {
    /// The environment.
    pub environment: String,
    /// The hosts on which it is well, by when it began to be.
    pub hosts: Vec<String>,
    /// How many hosts the policy demands.
    pub needed: u64,
    /// The hosts on which it is not well now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<String>,
    /// When it has been well for as long as the policy demands, as RFC 3339; absent while the hosts are too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soaked: Option<String>,
}

/// An approval that overrides what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverrideView {
    /// Who gave it.
    pub by: Vec<String>,
    /// Why.
    pub reason: String,
    /// Until when it is good, as RFC 3339.
    pub expires: String,
}
