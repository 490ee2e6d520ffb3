//! What `pitstop bundle …` prints.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Digest, Level};

/// The value of [`BundleReport::schema`].
pub const BUNDLE_SCHEMA: &str = "pitstop/bundle/v1";

/// A bundle that was made, changed or looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BundleReport {
    /// `pitstop/bundle/v1`.
    pub schema: String,
    /// Always `true`: a failure is told as an error.
    pub ok: bool,
    /// Whether the bundle was written now.
    pub changed: bool,
    /// The outcome in one sentence.
    pub message: String,
    /// Where it lies.
    pub bundle: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// The digest of its bytes.
    pub sha256: Digest,
    /// The product's name.
    pub product: String,
    /// Where it leads.
    pub to: BundleTree,
    /// Where it starts; from anywhere if this is empty.
    pub from: Vec<BundleTree>,
    /// When it was made, as RFC 3339, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
    /// After this it is not to be used, as RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The ids of the keys that signed the release: those that were checked if it is trusted, else those that it names.
    pub signed_by: Vec<String>,
    /// Whether enough of those whom this host trusts with releases signed it; only `verify` finds out.
    pub trusted: bool,
    /// How the contents travel.
    pub contents: BundleContents,
    /// What was attached after it was made.
    pub attached: Vec<AttachedView>,
    /// What travels with the update.
    pub extras: Vec<ExtraView>,
    /// The parts that it was split into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PathBuf>,
    /// The agent's version.
    pub agent: String,
}

/// A tree at a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BundleTree {
    /// The level.
    pub level: Level,
    /// The digest that names the tree.
    pub tree: Digest,
}

/// How the contents of a bundle travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BundleContents {
    /// Contents that it can make.
    pub contents: u64,
    /// Of these, as a whole.
    pub whole: u64,
    /// Of these, from other contents.
    pub deltas: u64,
    /// Their size in bytes, unpacked.
    pub unpacked: u64,
    /// Bytes that they take in the bundle.
    pub stored: u64,
}

/// A signed statement that was attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttachedView {
    /// The digest of its envelope.
    pub sha256: Digest,
    /// What it says, by the type of its predicate.
    pub predicate_type: String,
    /// The ids of the keys that it names; unproven where this host has no trust.
    pub key_ids: Vec<String>,
}

/// Something that travels with an update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExtraView {
    /// `resolutions`, `hotfix`, `manual-steps` or `agent`.
    pub kind: String,
    /// Its file name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Digest,
}

/// The value of [`BundlesReport::schema`].
pub const BUNDLES_SCHEMA: &str = "pitstop/bundles/v1";

/// The bundles of a folder, listed for those who fetch them over the web.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BundlesReport {
    /// `pitstop/bundles/v1`.
    pub schema: String,
    /// Always `true`: a failure is told as an error.
    pub ok: bool,
    /// Whether the list is another one now.
    pub changed: bool,
    /// The outcome in one sentence.
    pub message: String,
    /// The list.
    pub list: PathBuf,
    /// What is in it, by name.
    pub bundles: Vec<ListedView>,
    /// The agent's version.
    pub agent: String,
}

/// A bundle that is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedView {
    /// Where it lies.
    pub bundle: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// The digest of its bytes.
    pub sha256: Digest,
    /// The product's name.
    pub product: String,
    /// The level that it leads to.
    pub level: Level,
}
