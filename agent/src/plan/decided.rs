//! One decided path, and the change that it means.

use crate::api::plan::{Content, FileOp, KeyConflict, Owner};
use crate::model::{Class, Digest, Entry, RelPath};

use super::decide::{Decision, decide_mode};
use super::files::Change;

/// One decided path.
#[derive(Debug, Clone)]
pub(super) struct Decided {
    pub class: Class,
    pub decision: Decision,
    pub base: Option<Entry>,
    pub current: Option<Entry>,
    pub new: Option<Entry>,
    pub content: Content,
    /// The owner that a restored directory had; `None`: as what stands there, or as its parent.
    pub owner: Option<Owner>,
    pub keep_old: bool,
    /// What both sides changed within the text, if it is in conflict.
    pub keys: Vec<KeyConflict>,
}

impl Decided {
    pub(super) fn take_content(&mut self, sha256: Digest, size: u64) {
        let mode = match (&self.new, &self.current) {
            (Some(new), current) => decide_mode(self.base.as_ref(), current.as_ref(), new),
            (None, current) => current.as_ref().and_then(Entry::mode),
        };
        self.new = Some(Entry::File { size, sha256, mode });
        self.content = Content::Merged;
    }

    /// The change that the decision means; `None` if the path stays.
    pub(super) fn change(&self, path: &RelPath) -> Option<Change> {
        let (why, new) = match self.decision {
            Decision::TakeNew(why) => (why, self.new.as_ref()),
            Decision::Remove(why) => (why, None),
            Decision::Keep | Decision::Merge | Decision::Conflict(_) => return None,
        };
        let op = match (new, &self.current) {
            (Some(Entry::Dir { .. }), _) => FileOp::MakeDir,
            (Some(_), _) => FileOp::Put,
            (None, Some(Entry::Dir { .. })) => FileOp::RemoveDir,
            (None, _) => FileOp::Remove,
        };
        let mode = new.and_then(|new| decide_mode(self.base.as_ref(), self.current.as_ref(), new));
        let new = new.cloned().map(|new| match self.content {
            Content::Snapshot { .. } => new,
            _ => new.with_mode(mode),
        });
        Some(Change {
            op,
            path: path.clone(),
            class: self.class,
            why,
            old: self.current.clone(),
            content: (op == FileOp::Put).then(|| self.content.clone()),
            new,
            owner: self.owner,
            keep_old: self.keep_old,
        })
    }
}
