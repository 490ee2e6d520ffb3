//! Who is believed about what: as `trust.yaml` says it, and as a trust document that is signed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::Digest;
use crate::trust::Predicate;

/// Roles and their keys. The version only rises.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Rises with every change.
    pub version: u64,
    /// From when on nothing is believed any more on its account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Who is believed about what.
    pub roles: Roles,
    /// Keys that are never to be believed again, whoever names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Digest>,
}

impl Predicate for Document {
    const TYPE: &'static str = "https://pitstop.dev/trust/v1";
    const WHAT: &'static str = "a trust document";
}

/// The roles.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Who signs the next trust document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<Role>,
    /// Who signs releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Role>,
    /// Who signs approvals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Role>,
    /// Who signs evidence, by environment. Scans are evidence of the environment `scan`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, Role>,
}

/// So many of these keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// How many of the keys must have signed.
    #[serde(default = "one")]
    pub threshold: usize,
    /// The keys.
    pub keys: Vec<Key>,
}

/// A key, with or without a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// The key itself, or in `trust.yaml` a file with it, which names it.
    Plain(String),
    /// The same with a name.
    Named(NamedKey),
}

/// A key with the name of whom it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedKey {
    /// Whom it belongs to.
    pub name: String,
    /// The key itself, or in `trust.yaml` a file with it.
    pub key: String,
}

fn one() -> usize {
    1
}
