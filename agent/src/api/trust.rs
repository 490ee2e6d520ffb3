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

/// The value of [`TrustReport::schema`].
pub const TRUST_SCHEMA: &str = "pitstop/trust/v1";
/// The value of [`SignedReport::schema`].
pub const SIGNED_SCHEMA: &str = "pitstop/signed/v1";

/// Whom this host believes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrustReport {
    /// `pitstop/trust/v1`.
    pub schema: String,
    /// Always `true`: a failure is told as an error.
    pub ok: bool,
    /// Whether it is new.
    pub changed: bool,
    /// The outcome in one sentence.
    pub message: String,
    /// The version; 0 where nobody is believed.
    pub version: u64,
    /// From when on nothing is believed any more, as RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The present as far as this host knows, as RFC 3339: its clock, or what was verified later.
    pub now: String,
    /// Who is believed about what.
    pub roles: Vec<RoleView>,
    /// Keys that are never believed again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Digest>,
    /// The agent's version.
    pub agent: String,
}

/// So many of these keys are believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleView {
    /// `trust`, `release`, `approval`, or `evidence.` and an environment.
    pub role: String,
    /// How many of them must have signed.
    pub threshold: u64,
    /// The keys.
    pub keys: Vec<KeyView>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyView {
    /// Its name: the SHA-256 of its SPKI in DER form.
    pub id: Digest,
    /// Whom it belongs to, where that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// Something that was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedReport {
    /// `pitstop/signed/v1`.
    pub schema: String,
    /// Always `true`: a failure is told as an error.
    pub ok: bool,
    /// Always `true`.
    pub changed: bool,
    /// The outcome in one sentence.
    pub message: String,
    /// The file with the envelope.
    pub file: PathBuf,
    /// The key that signed.
    pub signed_by: Digest,
    /// The agent's version.
    pub agent: String,
}
