//! Carrying out the merges that a draft asks for.

use std::collections::BTreeMap;

use crate::health::parse;
use crate::merge::text::{self, Merged};
use crate::model::{Digest, RelPath};
use crate::plan::MergeOutcome;

/// What came of the merges, and the texts of those that came out clean.
#[derive(Debug, Default)]
pub(super) struct Merges {
    pub outcomes: BTreeMap<RelPath, MergeOutcome>,
    pub merged: BTreeMap<RelPath, Vec<u8>>,
}

impl Merges {
    /// Merges one path's base, current and new content, and keeps the result if it is clean.
    pub(super) fn merge(&mut self, path: &RelPath, [base, current, new]: [&[u8]; 3]) -> MergeOutcome {
        let readable = |bytes: &[u8]| parse::parse_error(path.file_name(), bytes).is_none();
        match text::merge(base, current, new) {
            // Lines that merge can still make a file that the server cannot read.
            Merged::Clean(bytes) if readable(current) && readable(new) && !readable(&bytes) => {
                MergeOutcome::Conflicts(1)
            }
            Merged::Clean(bytes) => {
                let outcome = MergeOutcome::Merged(Digest::of(&bytes), bytes.len() as u64);
                self.merged.insert(path.clone(), bytes);
                outcome
            }
            Merged::Conflicts(count) => MergeOutcome::Conflicts(count),
            Merged::NotText => MergeOutcome::NotText,
        }
    }
}
