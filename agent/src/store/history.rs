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

    /// Every record, the oldest first. A line that a kill cut short is left out.
    ///
    /// # Errors
    /// Reading failed.
    pub fn history(&self) -> Result<Vec<TransactionView>> {
        let path = self.history_file();
        let text = fs::read_text_up_to(&path, LIMIT)
            .map_err(|error| Failure::io("read the history", &path, error))?;
        Ok(text
            .unwrap_or_default()
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }
}

fn append(path: &Path, line: &[u8]) -> std::io::Result<()> {
    let cut_short =
        fs::read_text_up_to(path, LIMIT)?.is_some_and(|text| !text.is_empty() && !text.ends_with('\n'));
    let mut file = fs::open_append(path)?;
    if cut_short {
        fs::append_durably(&mut file, path, b"\n")?;
    }
    fs::append_durably(&mut file, path, line)
}
