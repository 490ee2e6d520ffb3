//! Hotfixes: a vendor's fix of single files for exactly one level, on top of it until it is reverted or an update ends it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Digest, Level, RelPath};

/// A hotfix that is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HotfixView {
    /// The name of its file.
    pub name: String,
    /// Its place among the hotfixes of the level, from 1.
    pub number: u32,
    /// The level that it is for.
    pub level: Level,
    /// When it was applied, as RFC 3339.
    pub applied: String,
    /// The transaction that it came with.
    pub transaction: String,
    /// The vendor's files that it changed.
    pub paths: Vec<RelPath>,
}

/// What a plan does with a hotfix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HotfixStep {
    /// What is done.
    pub op: HotfixOp,
    /// The name of its file.
    pub name: String,
    /// Its place among the hotfixes of the level, from 1.
    pub number: u32,
    /// The digest of its file.
    pub sha256: Digest,
    /// The vendor's files that it changes.
    pub paths: Vec<RelPath>,
}

/// What happens to a hotfix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HotfixOp {
    /// It is applied.
    Apply,
    /// It ends: it is reverted, or the update that it was for is left.
    End,
    /// It comes back with the level that it was for.
    Return,
}
