//! A person's word that a release may go somewhere, or that it must.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::trust::Predicate;

/// About the pristine tree of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// What it is good for.
    pub kind: ApprovalKind,
    /// Why.
    pub reason: String,
    /// When it was given.
    pub at: Timestamp,
    /// Until when it is good.
    pub expires: Timestamp,
    /// The instances that it is for; all of them without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<String>,
}

impl Predicate for Approval {
    const TYPE: &'static str = "https://pitstop.dev/approval/v1";
    const WHAT: &'static str = "an approval";
}

/// What an approval is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalKind {
    /// One of those that the policy demands.
    Approval,
    /// It overrides what the policy demands.
    BreakGlass,
}
