//! What a host runs, small enough to be carried out by hand.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Digest, RelPath, Release};
use crate::trust::Predicate;

/// About the pristine trees of the releases that are installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The host.
    pub host: String,
    /// The environment that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The agent's version.
    pub agent: String,
    /// Its instances.
    pub instances: Vec<Installed>,
    /// Instances of which it could not be told, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub untold: BTreeMap<String, String>,
}

impl Predicate for Receipt {
    const TYPE: &'static str = "https://pitstop.dev/receipt/v1";
    const WHAT: &'static str = "a receipt";
}

/// What one instance runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The instance.
    pub name: String,
    /// The release; its tree is the vendor's without any hotfix.
    #[serde(flatten)]
    pub release: Release,
    /// Whether it passed its verification.
    pub verified: bool,
    /// Whether the server runs; absent if it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,
    /// The vendor's files that are not as in that tree, also because of hotfixes, with what stands there; `null` is nothing, or no file. A bundle
    /// that leads on from here has to bring these whole.
    #[serde(default)]
    pub deviations: BTreeMap<RelPath, Option<Digest>>,
    /// How many vendor and configuration files deviate in all.
    pub drift: u64,
    /// The hotfixes that are on, the oldest first.
    #[serde(default)]
    pub hotfixes: Vec<String>,
    /// The last transaction that did not go well, if the newest did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<LastFailure>,
}

/// What did not go well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailure {
    /// When it ended, as RFC 3339.
    pub at: String,
    /// Where it was to lead.
    pub to: Release,
    /// Why.
    pub reason: String,
}
