//! What `pitstop pack build` prints.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::model::{Digest, Level};

/// The value of [`PackReport::schema`].
pub const PACK_SCHEMA: &str = "pitstop/pack/v1";

/// A pristine pack that was built, or was there already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PackReport {
    /// `pitstop/pack/v1`.
    pub schema: String,
    /// Always `true`: a failure is told as an error.
    pub ok: bool,
    /// Whether it was built now.
    pub changed: bool,
    /// The outcome in one sentence.
    pub message: String,
    /// The product's name.
    pub product: String,
    /// The level.
    pub level: Level,
    /// The archive.
    pub archive: PathBuf,
    /// The digest of the archive's bytes.
    pub sha256: Digest,
    /// The tree manifest beside it.
    pub manifest: PathBuf,
    /// The digest that names the tree.
    pub tree: Digest,
    /// Files in it.
    pub files: u64,
    /// Their size in bytes, unpacked.
    pub bytes: u64,
    /// What a person should know about it as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The agent's version.
    pub agent: String,
}
