//! A pack in a tar archive, plain or compressed. It can only be read from front to back, so the first opening reads it
//! once as a whole, checks and hashes everything, and remembers the result.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use super::cache::{Cache, Stamp};
use super::listing::{Collector, Item, Kind, names_in, plain_name};
use super::{HEAD_BYTES, Sink, Source, check_read_limit, refusal};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::Limits;
use crate::model::{Entry, NoProgress, Progress, RelPath, TreeManifest, Work};
use crate::product::TreeView;
use stream::{Member, for_each};

mod meter;
mod stream;

pub(super) use stream::{Packing, TAR_BLOCK, is_tar_header};

/// A tar archive that was read once.
pub(super) struct TarSource {
    stamp: Stamp,
    packing: Packing,
    limits: Limits,
    manifest: TreeManifest,
    top: Option<String>,
    cache: Cache,
    /// What detection asked for: every head costs a pass over the archive.
    heads: RefCell<BTreeMap<RelPath, Vec<u8>>>,
}

/// Heads above this size are not worth a place in memory and in the cache.
const SMALL_HEAD: usize = 64 << 10;

impl TarSource {
    pub(super) fn open(
        stamp: Stamp,
        packing: Packing,
        limits: &Limits,
        cache: Cache,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let remembered = cache.manifest().filter(|(known, _)| within(limits, known));
        let (manifest, top) = match remembered {
            Some(remembered) => remembered,
            None => {
                let (manifest, top) = scan(&stamp, packing, limits, progress)?;
                cache.save_manifest(&manifest, top.as_deref());
                (manifest, top)
            }
        };
        Ok(Self {
            stamp,
            packing,
            limits: *limits,
            manifest,
            top,
            cache,
            heads: RefCell::default(),
        })
    }

    fn size_of(&self, path: &RelPath) -> Option<u64> {
        match self.manifest.entries.get(path)? {
            Entry::File { size, .. } => Some(*size),
            _ => None,
        }
    }

    /// Passes the members that are wanted to `visit` until there are no more of them.
    fn pass_over(
        &self,
        wanted: &BTreeSet<RelPath>,
        visit: &mut dyn FnMut(&RelPath, Member<'_, '_, '_>) -> Result<()>,
    ) -> Result<()> {
        self.stamp.check()?;
        let mut left = wanted.len();
        for_each(
            &self.stamp,
            self.packing,
            &self.limits,
            &NoProgress,
            &mut |member| {
                if let Some(path) = self.below_top(&member.name).filter(|path| wanted.contains(path)) {
                    visit(&path, member)?;
                    left -= 1;
                }
                Ok(match left {
                    0 => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                })
            },
        )?;
        self.stamp.check()?;
        match left {
            0 => Ok(()),
            _ => Err(refusal::changed(self.stamp.path())),
        }
    }

    fn below_top(&self, name: &[u8]) -> Option<RelPath> {
        let path = plain_name(name).ok()??;
        match &self.top {
            None => Some(path),
            Some(top) => {
                let below = path.as_str().strip_prefix(top.as_str())?.strip_prefix('/')?;
                RelPath::new(below).ok()
            }
        }
    }

    fn bytes_of(&self, path: &RelPath, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.pass_over(&BTreeSet::from([path.clone()]), &mut |_, member| {
            bytes = member.content.head(limit)?;
            Ok(())
        })?;
        Ok(bytes)
    }

    fn check_wanted(&self, path: &RelPath) -> Result<u64> {
        self.size_of(path)
            .ok_or_else(|| refusal::no_such_file(self.stamp.path(), path.as_str()))
    }
}

/// Whether an archive that was read under other limits keeps these.
fn within(limits: &Limits, manifest: &TreeManifest) -> bool {
    manifest.entries.len() as u64 <= limits.entries
        && manifest.total_bytes() <= limits.total_bytes
        && manifest
            .entries
            .values()
            .all(|entry| entry.size() <= limits.file_bytes)
}

fn scan(
    stamp: &Stamp,
    packing: Packing,
    limits: &Limits,
    progress: &dyn Progress,
) -> Result<(TreeManifest, Option<String>)> {
    let mut collector = Collector::new(stamp.path(), limits);
    let mut digests = Vec::new();
    let mut buffer = vec![0; 256 << 10];
    let _work = Work::begin(progress, "reading the pack", stamp.size());
    for_each(stamp, packing, limits, progress, &mut |member| {
        let is_file = matches!(member.kind, Kind::File { .. });
        let kind = match member.kind {
            Kind::File { size, .. } => Kind::File {
                size,
                at: digests.len(),
            },
            kind => kind,
        };
        let item = Item {
            kind,
            mode: member.mode,
        };
        collector.add(&member.name, item, None)?;
        if is_file {
            digests.push(member.content.digest(&mut buffer, &NoProgress)?);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    stamp.check()?;
    let listing = collector.finish()?;
    let manifest = listing
        .manifest(|at| digests.get(at).copied())
        .ok_or_else(|| Failure::new(ErrorKind::Internal, "a file of the pack was not hashed"))?;
    Ok((manifest, listing.top))
}

impl TreeView for TarSource {
    fn names_in(&self, dir: &str) -> Result<Vec<String>> {
        Ok(names_in(&self.manifest.entries, dir))
    }

    fn head_of(&self, path: &RelPath) -> Result<Option<Vec<u8>>> {
        if self.size_of(path).is_none() {
            return Ok(None);
        }
        if let Some(known) = self.heads.borrow().get(path) {
            return Ok(Some(known.clone()));
        }
        let head = match self.cache.head(path) {
            Some(head) => head,
            None => {
                let head = self.bytes_of(path, HEAD_BYTES)?;
                if head.len() <= SMALL_HEAD {
                    self.cache.save_head(path, &head);
                }
                head
            }
        };
        if head.len() <= SMALL_HEAD {
            self.heads.borrow_mut().insert(path.clone(), head.clone());
        }
        Ok(Some(head))
    }
}

impl Source for TarSource {
    fn path(&self) -> &Path {
        self.stamp.path()
    }

    fn manifest(&mut self, _: &dyn Progress) -> Result<TreeManifest> {
        self.stamp.check()?;
        Ok(self.manifest.clone())
    }

    fn read(&mut self, path: &RelPath, limit: u64) -> Result<Vec<u8>> {
        let size = self.check_wanted(path)?;
        check_read_limit(self.stamp.path(), path, size, limit)?;
        self.bytes_of(path, size.saturating_add(1))
    }

    fn extract(&mut self, wanted: &BTreeSet<RelPath>, sink: &Sink<'_>) -> Result<()> {
        for path in wanted {
            self.check_wanted(path)?;
        }
        self.pass_over(wanted, &mut |path, member| member.content.pass_to(path, sink))
    }
}
