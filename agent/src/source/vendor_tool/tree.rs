//! The tree that the tool made, as a source. The copy is removed with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::directory::Directory;
use super::super::{Sink, Source};
use super::Order;
use super::candidate::Candidate;
use crate::api::{Failure, Result};
use crate::model::{Progress, RelPath, TreeManifest};
use crate::product::TreeView;
use crate::sys::root::Root;

/// See the module.
pub(super) struct CandidateTree {
    /// What is read goes first, then what it lies in.
    directory: Directory,
    /// Where the rest is, if only a part was taken out of the home.
    home: Option<Root>,
    manifest: TreeManifest,
    path: PathBuf,
    _candidate: Candidate,
}

impl CandidateTree {
    /// `manifest` is what the tree is said to be: what the tool was not given is only in there.
    pub(super) fn new(candidate: Candidate, manifest: TreeManifest, order: &Order<'_>) -> Result<Self> {
        let home = order.in_place.map(|_| order.root.try_clone()).transpose();
        let home = home.map_err(|error| Failure::io("open the home", order.root.path(), error))?;
        Ok(Self {
            directory: Directory::open(candidate.pinned(), order.cache_dir)?,
            home,
            manifest,
            path: candidate.path(),
            _candidate: candidate,
        })
    }
}

impl TreeView for CandidateTree {
    fn names_in(&self, dir: &str) -> Result<Vec<String>> {
        self.directory.names_in(dir)
    }

    fn head_of(&self, path: &RelPath) -> Result<Option<Vec<u8>>> {
        self.directory.head_of(path)
    }
}

impl Source for CandidateTree {
    fn path(&self) -> &Path {
        &self.path
    }

    fn manifest(&mut self, _: &dyn Progress) -> Result<TreeManifest> {
        Ok(self.manifest.clone())
    }

    fn read(&mut self, path: &RelPath, limit: u64) -> Result<Vec<u8>> {
        match &self.home {
            Some(home) if self.directory.head_of(path)?.is_none() => home
                .read(path, limit)
                .map_err(|error| Failure::io("read", path.under(home.path()), error)),
            _ => self.directory.read(path, limit),
        }
    }

    fn extract(&mut self, wanted: &BTreeSet<RelPath>, sink: &Sink<'_>) -> Result<()> {
        self.directory.extract(wanted, sink)
    }
}
