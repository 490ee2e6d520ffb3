//! The history: one line per transaction, only ever appended.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::api::report::Action;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::Release;
use crate::sys::fs;

/// One transaction, as it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub transaction: String,
    /// The verb.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// The release before.
    pub from: Release,
    /// The release that it led to.
    pub to: Release,
    /// When it began, as RFC 3339.
    pub began: String,
    /// When it ended, as RFC 3339.
    pub ended: String,
    /// Why, where it did not go well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The agent's version.
    pub agent: String,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Verified.
    Done,
    /// In place, but a check failed and nothing was taken back.
    Unhealthy,
    /// In place; a rollback followed.
    TakenBack,
    /// Taken back before it was in place.
    Undone,
}

impl super::Store {
    fn history_file(&self) -> std::path::PathBuf {
        self.dir.join("history.jsonl")
    }

    /// Appends a record, unless the transaction has one already.
    ///
    /// # Errors
    /// Reading or writing failed.
    pub fn record(&self, record: &Record) -> Result<()> {
        let path = self.history_file();
        if self
            .history()?
            .iter()
            .any(|old| old.transaction == record.transaction)
        {
            return Ok(());
        }
        let mut line = serde_json::to_vec(record).map_err(|error| {
            Failure::new(ErrorKind::Internal, "cannot write down the history").because(error)
        })?;
        line.push(b'\n');
        append(&path, &line).map_err(|error| Failure::io("append to the history", &path, error))
    }

    /// Every record, the oldest first. A line that a kill cut short is left out.
    ///
    /// # Errors
    /// Reading failed.
    pub fn history(&self) -> Result<Vec<Record>> {
        let path = self.history_file();
        let text =
            fs::read_text_if_exists(&path).map_err(|error| Failure::io("read the history", &path, error))?;
        Ok(text
            .unwrap_or_default()
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }
}

fn append(path: &Path, line: &[u8]) -> std::io::Result<()> {
    let cut_short =
        fs::read_text_if_exists(path)?.is_some_and(|text| !text.is_empty() && !text.ends_with('\n'));
    let mut file = fs::open_append(path)?;
    if cut_short {
        fs::append_durably(&mut file, path, b"\n")?;
    }
    fs::append_durably(&mut file, path, line)
}
