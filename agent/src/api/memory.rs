//! What `conflicts export`, `import` and `forget` print.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The value of [`MemoryReport::schema`].
pub const MEMORY_SCHEMA: &str = "pitstop/memory/v1";

/// What was done to the memory of decisions about conflicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryReport {
    /// `pitstop/memory/v1`.
    pub schema: String,
    /// What was asked for.
    pub action: MemoryAction,
    /// Whether it was done.
    pub ok: bool,
    /// Whether anything was changed.
    pub changed: bool,
    /// The outcome in one sentence.
    pub message: String,
    /// The file that was written or read; absent for standard output and input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Decisions that were exported.
    pub exported: u64,
    /// Decisions about conflicts that nothing was remembered about.
    pub new: u64,
    /// Decisions that were remembered already.
    pub known: u64,
    /// Decisions that took the place of a contrary one.
    pub replaced: u64,
    /// Decisions that were forgotten.
    pub forgotten: u64,
    /// Decisions that were left out because they are about what looks secret.
    pub left_out: u64,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// The agent's version.
    pub agent: String,
}

/// What is done to the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MemoryAction {
    /// Written into one document.
    Export,
    /// Taken from a document.
    Import,
    /// Dropped.
    Forget,
}

impl MemoryReport {
    /// A report of nothing done yet.
    pub fn new(action: MemoryAction) -> Self {
        Self {
            schema: MEMORY_SCHEMA.to_owned(),
            action,
            ok: true,
            changed: false,
            message: String::new(),
            file: None,
            exported: 0,
            new: 0,
            known: 0,
            replaced: 0,
            forgotten: 0,
            left_out: 0,
            warnings: Vec::new(),
            agent: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
