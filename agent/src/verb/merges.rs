//! Carrying out the merges that a draft asks for.

use std::collections::BTreeMap;

use crate::health::parse;
use crate::merge::settle::Undecided;
use crate::merge::{self, Opened, Options};
use crate::model::{Digest, RelPath};
use crate::plan::MergeOutcome;

use super::key_conflicts::{self, Secrets};

/// What came of the merges, and the texts of those that came out clean.
#[derive(Debug, Default)]
pub(super) struct Merges {
    pub outcomes: BTreeMap<RelPath, MergeOutcome>,
    pub merged: BTreeMap<RelPath, Vec<u8>>,
    /// Those whose conflicts can be decided one by one.
    pub open: BTreeMap<RelPath, Undecided>,
    /// Words in keys whose values are secrets, besides those that always are.
    secrets: Vec<String>,
}

impl Merges {
    /// For a product with these words in keys whose values are secrets.
    pub(super) fn new(secrets: &[String]) -> Self {
        Self {
            secrets: secrets.to_vec(),
            ..Self::default()
        }
    }

    /// Merges one path's base, current and new content, and keeps the result if it is clean.
    pub(super) fn merge(&mut self, path: &RelPath, [base, current, new]: [&[u8]; 3]) -> MergeOutcome {
        let readable = |bytes: &[u8]| parse::parse_error(path.file_name(), bytes).is_none();
        match merge::open(path.file_name(), Options::default(), [base, current, new]).0 {
            // What merges by lines can still be a file that the server cannot read: in conflict as a whole, with nothing in it
            // that could be decided alone.
            Opened::Clean(bytes) if readable(current) && readable(new) && !readable(&bytes) => {
                MergeOutcome::Conflicts(Vec::new())
            }
            Opened::Clean(bytes) => {
                let outcome = MergeOutcome::Merged(Digest::of(&bytes), bytes.len() as u64);
                self.merged.insert(path.clone(), bytes);
                outcome
            }
            Opened::Undecided(open) => {
                let sides = open.sides();
                let secrets = Secrets::new(sides.each_ref().map(String::as_str), &self.secrets);
                let told = key_conflicts::tell(open.conflicts(), &secrets);
                self.open.insert(path.clone(), *open);
                MergeOutcome::Conflicts(told)
            }
            Opened::NotText => MergeOutcome::NotText,
        }
    }
}
