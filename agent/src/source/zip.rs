//! A pack in a zip archive. The central directory is read and checked when it is opened; content is read where it
//! lies, so that one file costs no more than itself.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, FileReader, ZipArchive, ZipArchiveEntryWayfinder};

use super::cache::{Cache, Stamp};
use super::content::Content;
use super::listing::{Listing, names_in};
use super::{HEAD_BYTES, Sink, Source, refusal};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::Limits;
use crate::model::{Progress, RelPath, TreeManifest};
use crate::product::TreeView;
use crate::sys::hashing::{digest_all, on_all_cores};

mod index;
mod local;

/// Where an entry's content lies, and what the central directory says about it.
struct Slot {
    finder: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    name: Box<[u8]>,
    crc: u32,
    /// Where its local header begins.
    start: u64,
    /// The entry that follows begins here.
    until: u64,
}

/// An open zip archive.
pub(super) struct ZipSource {
    stamp: Stamp,
    archive: ZipArchive<FileReader>,
    slots: Vec<Slot>,
    listing: Listing,
    cache: Cache,
}

impl ZipSource {
    pub(super) fn open(file: File, stamp: Stamp, limits: &Limits, cache: Cache) -> Result<Self> {
        let (archive, slots, listing) = index::read(file, &stamp, limits)?;
        Ok(Self {
            stamp,
            archive,
            slots,
            listing,
            cache,
        })
    }

    fn content<'a>(&'a self, at: usize, entry: &'a str) -> Result<Content<'a, Box<dyn Read + 'a>>> {
        open_slot(&self.archive, &self.slots[at], self.stamp.path(), entry)
    }

    fn hash(&self, progress: &dyn Progress) -> Result<TreeManifest> {
        let files: Vec<_> = self
            .listing
            .items
            .keys()
            .filter_map(|path| self.listing.file(path).map(|(at, size)| (path, at, size)))
            .collect();
        let sizes: Vec<u64> = files.iter().map(|(.., size)| *size).collect();
        progress.begin("reading the pack", sizes.iter().sum());
        let digests = digest_all(&sizes, |n, buffer| {
            let (path, at, _) = files[n];
            self.content(at, path.as_str())?.digest(buffer, progress)
        });
        progress.end();
        let digests = digests?;
        let mut by_slot = vec![None; self.slots.len()];
        for ((_, at, _), digest) in files.iter().zip(digests) {
            by_slot[*at] = Some(digest);
        }
        self.listing
            .manifest(|at| by_slot[at])
            .ok_or_else(|| Failure::new(ErrorKind::Internal, "a file of the pack was not hashed"))
    }
}

/// Opens the content of an entry after its local header was held against the central directory.
fn open_slot<'a>(
    archive: &'a ZipArchive<FileReader>,
    slot: &Slot,
    source: &'a Path,
    entry: &'a str,
) -> Result<Content<'a, Box<dyn Read + 'a>>> {
    let found = local::check(archive, slot, source, entry)?;
    let packed = BufReader::with_capacity(64 << 10, found.reader());
    let inner: Box<dyn Read + 'a> = if slot.method == CompressionMethod::STORE {
        Box::new(packed)
    } else {
        Box::new(DeflateDecoder::new(packed))
    };
    let claim = found.reader().claim_verifier();
    Ok(Content::new(inner, source, entry, claim.uncompressed_size)?.with_crc(claim.crc))
}

impl TreeView for ZipSource {
    fn names_in(&self, dir: &str) -> Result<Vec<String>> {
        Ok(names_in(&self.listing.items, dir))
    }

    fn head_of(&self, path: &RelPath) -> Result<Option<Vec<u8>>> {
        match self.listing.file(path) {
            Some((at, _)) => self.content(at, path.as_str())?.head(HEAD_BYTES).map(Some),
            None => Ok(None),
        }
    }
}

impl Source for ZipSource {
    fn path(&self) -> &Path {
        self.stamp.path()
    }

    fn manifest(&mut self, progress: &dyn Progress) -> Result<TreeManifest> {
        if let Some((manifest, _)) = self.cache.manifest() {
            return Ok(manifest);
        }
        let manifest = self.hash(progress)?;
        self.stamp.check()?;
        self.cache.save_manifest(&manifest, self.listing.top.as_deref());
        Ok(manifest)
    }

    fn read(&mut self, path: &RelPath, limit: u64) -> Result<Vec<u8>> {
        self.stamp.check()?;
        let (at, size) = self
            .listing
            .file(path)
            .ok_or_else(|| refusal::no_such_file(self.stamp.path(), path.as_str()))?;
        super::check_read_limit(self.stamp.path(), path, size, limit)?;
        // One byte more than there is makes the reader see the end and check the sum.
        self.content(at, path.as_str())?.head(size.saturating_add(1))
    }

    fn extract(&mut self, wanted: &BTreeSet<RelPath>, sink: &Sink<'_>) -> Result<()> {
        self.stamp.check()?;
        let mut files = Vec::with_capacity(wanted.len());
        for path in wanted {
            let (at, _) = self
                .listing
                .file(path)
                .ok_or_else(|| refusal::no_such_file(self.stamp.path(), path.as_str()))?;
            files.push((self.slots[at].start, at, path));
        }
        files.sort_unstable();
        on_all_cores(&files, |&(_, at, path)| {
            self.content(at, path.as_str())?.pass_to(path, sink)
        })?;
        self.stamp.check()
    }
}
