//! The history: one line per transaction, only ever appended.

use std::path::Path;

use super::LIMIT;
use crate::api::history::TransactionView;
use crate::api::{ErrorKind, Failure, Result};
use crate::sys::fs;

impl super::Store {
    fn history_file(&self) -> std::path::PathBuf {
        self.dir.join("history.jsonl")
    }

    /// Appends a record, unless the transaction has one already.
    ///
    /// # Errors
    /// Reading or writing failed.
    pub fn record(&self, record: &TransactionView) -> Result<()> {
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

    /// Every record, the oldest first. A line that a kill cut short, or that is damaged, is left out: it must not keep a
    /// change, or the way back, from being settled.
    ///
    /// # Errors
    /// Reading failed.
    pub fn history(&self) -> Result<Vec<TransactionView>> {
        let path = self.history_file();
        let bytes = fs::read_if_exists(&path, LIMIT)
            .map_err(|error| Failure::io("read the history", &path, error))?
            .unwrap_or_default();
        let lines = bytes.split(|byte| *byte == b'\n');
        Ok(lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect())
    }
}

fn append(path: &Path, line: &[u8]) -> std::io::Result<()> {
    let cut_short =
        fs::read_if_exists(path, LIMIT)?.is_some_and(|bytes| bytes.last().is_some_and(|last| *last != b'\n'));
    let mut file = fs::open_append(path)?;
    if cut_short {
        fs::append_durably(&mut file, path, b"\n")?;
    }
    fs::append_durably(&mut file, path, line)
}
