//! What `pitstop trust` prints.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Digest;

/// The value of [`KeyReport::schema`].
pub const KEY_SCHEMA: &str = "pitstop/key/v1";

/// A pair of keys that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyReport {
    /// `pitstop/key/v1`.
    pub schema: String,
    /// Always `true`: a failure is told as an error.
    pub ok: bool,
    /// Always `true`: what exists is not replaced.
    pub changed: bool,
    /// The outcome in one sentence.
    pub message: String,
    /// The key's name: the SHA-256 of its SPKI in DER form.
    pub id: Digest,
    /// The private key.
    pub file: PathBuf,
    /// The public key.
    pub public: PathBuf,
    /// The agent's version.
    pub agent: String,
}
