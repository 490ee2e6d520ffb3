//! What `pitstop merge` prints.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::ExitCode;
use super::plan::KeyConflict;

/// The value of [`MergeReport::schema`].
pub const MERGE_SCHEMA: &str = "pitstop/merge/v1";

/// What came of merging three files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MergeReport {
    /// `pitstop/merge/v1`.
    pub schema: String,
    /// Whether there was no conflict.
    pub ok: bool,
    /// The outcome in one word.
    pub status: MergeStatus,
    /// The outcome in one sentence.
    pub message: String,
    /// The format that the files were read as; `text` if by lines.
    pub format: String,
    /// Where the result is.
    pub out: PathBuf,
    /// What needs a person, in the order of the file; a hundred at most.
    pub conflicts: Vec<KeyConflict>,
    /// The agent's version.
    pub agent: String,
}

/// Outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MergeStatus {
    /// Both sides' changes, together.
    Merged,
    /// The result has conflict markers.
    Conflicts,
}

impl MergeReport {
    /// A report by this agent; `count` conflicts, of which these are told.
    pub fn new(
        status: MergeStatus,
        format: &str,
        out: PathBuf,
        count: usize,
        conflicts: Vec<KeyConflict>,
    ) -> Self {
        let message = match (status, count) {
            (MergeStatus::Merged, _) => "merged".to_owned(),
            (MergeStatus::Conflicts, 1) => "1 conflict needs a person".to_owned(),
            (MergeStatus::Conflicts, count) => format!("{count} conflicts need a person"),
        };
        Self {
            schema: MERGE_SCHEMA.to_owned(),
            ok: status == MergeStatus::Merged,
            status,
            message,
            format: format.to_owned(),
            out,
            conflicts,
            agent: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The exit code.
    pub fn exit(&self) -> u8 {
        match self.status {
            MergeStatus::Merged => ExitCode::Ok as u8,
            MergeStatus::Conflicts => ExitCode::Conflicts as u8,
        }
    }
}
