//! A bundle as a source, or a chain of them: each content comes from the home where it is there already, else from the
//! last bundle that can make it, as a whole or from another content by a delta.

mod make;
mod pipe;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::content::Content as Checked;
use super::listing::{Collector, Item, Kind, names_in};
use super::{HEAD_BYTES, Sink, Source, check_read_limit, refusal};
use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::GROUP_BYTES;
use crate::bundle::content::Bundle;
use crate::bundle::index::Piece;
use crate::config::Limits;
use crate::model::{Digest, Entry, Progress, RelPath, TreeManifest};
use crate::product::TreeView;
use crate::store::texts::may_be_text;
use crate::sys::hashing::on_all_cores;

use make::{Kitchen, Way};

/// Manifests are text; half a million paths of 200 bytes are 160 MB of it.
const MANIFEST_BYTES: u64 = 256 << 20;

/// Contents that a host has, by their digests. They are not trusted: whoever writes what is made of them checks its digest.
pub trait Held: Sync {
    /// Opens one.
    ///
    /// # Errors
    /// Of the system.
    fn open(&self, digest: &Digest) -> io::Result<Option<File>>;
}

/// For where there is no pack: nothing.
pub struct Nothing;

impl Held for Nothing {
    fn open(&self, _: &Digest) -> io::Result<Option<File>> {
        Ok(None)
    }
}

/// See the module.
pub struct BundleSource {
    path: PathBuf,
    chain: Vec<Bundle>,
    held: Box<dyn Held>,
    manifest: TreeManifest,
    is_signed: bool,
    scratch: PathBuf,
}

impl BundleSource {
    /// A chain of verified bundles, the one that leads to the target last. `scratch` is a private folder for what has to
    /// be put together in between.
    ///
    /// # Errors
    /// `unsafe-source`, `limits`: the target tree breaks a rule that every source has to keep. `digest`, `source`: its
    /// manifest is not what was signed, or cannot be read.
    pub fn new(
        chain: Vec<Bundle>,
        tree: Digest,
        held: Box<dyn Held>,
        is_signed: bool,
        limits: &Limits,
        scratch: &Path,
    ) -> Result<Self> {
        let last = chain
            .last()
            .ok_or_else(|| Failure::new(ErrorKind::Internal, "a chain of no bundles"))?;
        let manifest = manifest_at(last, &last.index.manifest, tree)?;
        check_tree(last.archive.path(), &manifest, limits)?;
        Ok(Self {
            path: last.archive.path().to_owned(),
            chain,
            held,
            manifest,
            is_signed,
            scratch: scratch.to_owned(),
        })
    }

    fn kitchen(&self) -> Kitchen<'_> {
        Kitchen::new(&self.chain, self.held.as_ref(), &self.scratch)
    }

    fn file(&self, path: &RelPath) -> Result<(Digest, u64)> {
        match self.manifest.entries.get(path) {
            Some(Entry::File { size, sha256, .. }) => Ok((*sha256, *size)),
            _ => Err(refusal::no_such_file(&self.path, path.as_str())),
        }
    }

    fn bytes(&self, path: &RelPath, limit: u64) -> Result<Vec<u8>> {
        let (digest, size) = self.file(path)?;
        let kitchen = self.kitchen();
        let way = kitchen.way(&digest).ok_or_else(|| self.missing(&[path]))?;
        kitchen.with(&way, size, &mut |content| {
            Checked::new(content, &self.path, path.as_str(), size)?.head(limit)
        })
    }

    /// The bundle builds on what this host does not have.
    fn missing(&self, paths: &[&RelPath]) -> Failure {
        const SHOWN: usize = 10;
        let shown: Vec<&str> = paths.iter().take(SHOWN).map(|path| path.as_str()).collect();
        let more = match paths.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!(
            "{} cannot make {}{more}: it builds on the vendor's files of an earlier level, which this host has changed or lacks",
            self.path.display(),
            shown.join(", ")
        );
        Failure::new(ErrorKind::MissingBase, message).at(&self.path).hint(
            "make a bundle with `pitstop bundle create --for RECEIPT` from a receipt of this host, with --whole for these paths, or \
             with --full",
        )
    }
}

/// The manifest of a tree, which must be the one that its digest names.
fn manifest_at(bundle: &Bundle, piece: &Piece, tree: Digest) -> Result<TreeManifest> {
    let wrong = |what: &str| {
        bundle
            .archive
            .damaged(&format!("the manifest of {}: {what}", tree.short()))
    };
    let bytes = bundle.piece(piece, MANIFEST_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not text"))?;
    let manifest = TreeManifest::parse(&text).map_err(|error| wrong(&error.to_string()))?;
    // Also when it is written again: no two texts may stand for one tree.
    match manifest.digest() == tree && Digest::of(text.as_bytes()) == tree {
        true => Ok(manifest),
        false => Err(Failure::new(
            ErrorKind::Digest,
            format!(
                "refused {}: its manifest is of another tree",
                bundle.archive.path().display()
            ),
        )
        .at(bundle.archive.path())
        .hint("it was made wrongly: ask who made it for another one")),
    }
}

/// Every rule that archives have to keep about names, links and limits holds for a manifest too.
///
/// # Errors
/// `unsafe-source` or `limits`.
pub fn check_tree(path: &Path, manifest: &TreeManifest, limits: &Limits) -> Result<()> {
    let mut collector = Collector::new(path, limits);
    for (at, entry) in &manifest.entries {
        let kind = match entry {
            Entry::File { size, .. } => Kind::File { size: *size, at: 0 },
            Entry::Dir { .. } => Kind::Dir,
            Entry::Symlink { target } => Kind::Symlink(target.clone()),
        };
        if entry
            .mode()
            .is_some_and(|mode| super::listing::mode_bits(mode) != mode)
        {
            return Err(refusal::unsafe_entry(
                path,
                at.as_str(),
                "has mode bits that no pack needs",
            ));
        }
        let item = Item {
            kind,
            mode: entry.mode(),
        };
        collector.add(at.as_str().as_bytes(), item, None)?;
    }
    collector.finish_at_root().map(drop)
}

/// A pristine tree, and texts of it by path.
pub type Start = (TreeManifest, BTreeMap<RelPath, Vec<u8>>);

/// The pristine tree at a level where a bundle starts, and the texts of it that the bundle holds.
///
/// # Errors
/// As those of a manifest; or a text is not what its digest says.
pub fn start(bundle: &Bundle, tree: Digest, scratch: &Path) -> Result<Option<Start>> {
    let Some(from) = bundle.index.from.iter().find(|from| from.tree == tree) else {
        return Ok(None);
    };
    let manifest = manifest_at(bundle, &from.manifest, tree)?;
    let chain = std::slice::from_ref(bundle);
    let kitchen = Kitchen::new(chain, &Nothing, scratch);
    let mut texts = BTreeMap::new();
    for (path, entry) in &manifest.entries {
        let Entry::File { size, sha256, .. } = entry else {
            continue;
        };
        let way = may_be_text(path, *size).then(|| kitchen.way(sha256)).flatten();
        if let Some(way @ Way::Whole(..)) = way {
            let bytes = kitchen.with(&way, *size, &mut |content| {
                Checked::new(content, bundle.archive.path(), path.as_str(), *size)?
                    .head(size.saturating_add(1))
            })?;
            if Digest::of(&bytes) == *sha256 {
                texts.insert(path.clone(), bytes);
            }
        }
    }
    Ok(Some((manifest, texts)))
}

impl TreeView for BundleSource {
    fn names_in(&self, dir: &str) -> Result<Vec<String>> {
        Ok(names_in(&self.manifest.entries, dir))
    }

    fn head_of(&self, path: &RelPath) -> Result<Option<Vec<u8>>> {
        match self.file(path) {
            Ok(_) => self.bytes(path, HEAD_BYTES).map(Some),
            Err(_) => Ok(None),
        }
    }
}

impl Source for BundleSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn is_signed(&self) -> bool {
        self.is_signed
    }

    fn manifest(&mut self, _: &dyn Progress) -> Result<TreeManifest> {
        Ok(self.manifest.clone())
    }

    fn read(&mut self, path: &RelPath, limit: u64) -> Result<Vec<u8>> {
        let (_, size) = self.file(path)?;
        check_read_limit(&self.path, path, size, limit)?;
        self.bytes(path, size.saturating_add(1))
    }

    fn extract(&mut self, wanted: &BTreeSet<RelPath>, sink: &Sink<'_>) -> Result<()> {
        let kitchen = self.kitchen();
        let mut streams: BTreeMap<(usize, usize), Vec<Part<'_>>> = BTreeMap::new();
        let mut batches = Vec::new();
        let mut missing = Vec::new();
        for path in wanted {
            let (digest, size) = self.file(path)?;
            match kitchen.way(&digest) {
                None => missing.push(path),
                // What is larger is a stream of its own, which comes out once for each path with this content.
                Some(Way::Whole(bundle, piece)) if piece.size <= GROUP_BYTES => {
                    let parts = streams.entry((bundle, piece.stream)).or_default();
                    parts.push(Part { piece, path, size });
                }
                Some(way) => batches.push(Batch::Single { path, size, way }),
            }
        }
        if !missing.is_empty() {
            return Err(self.missing(&missing));
        }
        batches.extend(streams.into_iter().map(|((bundle, stream), mut parts)| {
            // With the size, or what is empty could come before and behind what begins at the same place.
            parts.sort_by_key(|part| (part.piece.at, part.piece.size));
            Batch::Parts {
                bundle,
                stream,
                parts,
            }
        }));
        batches.sort_by_key(|batch| std::cmp::Reverse(batch.bytes()));
        on_all_cores(&batches, |batch| match batch {
            Batch::Single { path, size, way } => {
                kitchen.with(way, *size, &mut |content| self.pass(path, *size, content, sink))
            }
            Batch::Parts {
                bundle,
                stream,
                parts,
            } => self.pass_parts(kitchen.bundle(*bundle)?, *stream, parts, sink),
        })
    }
}

/// What is made in one go.
enum Batch<'a> {
    /// A content that is made by itself.
    Single { path: &'a RelPath, size: u64, way: Way },
    /// Small parts of one stream, which is decoded only once; in the stream's order.
    Parts {
        bundle: usize,
        stream: usize,
        parts: Vec<Part<'a>>,
    },
}

/// A path whose content is a part of a stream, and the size that it must have.
struct Part<'a> {
    piece: Piece,
    path: &'a RelPath,
    size: u64,
}

impl Batch<'_> {
    fn bytes(&self) -> u64 {
        match self {
            Self::Single { size, .. } => *size,
            Self::Parts { parts, .. } => parts.iter().map(|part| part.size).sum(),
        }
    }
}

impl BundleSource {
    fn pass(&self, path: &RelPath, size: u64, content: &mut dyn Read, sink: &Sink<'_>) -> Result<()> {
        Checked::new(content, &self.path, path.as_str(), size)?.pass_to(path, sink)
    }

    fn pass_parts(&self, bundle: &Bundle, stream: usize, parts: &[Part<'_>], sink: &Sink<'_>) -> Result<()> {
        let mut stream = bundle.unpacked(stream)?;
        let mut at = 0;
        let mut last: Option<(Piece, Vec<u8>)> = None;
        for Part { piece, path, size } in parts {
            // Two paths may have one content, which comes out of the stream once.
            if let Some((_, bytes)) = last.as_ref().filter(|(same, _)| same == piece) {
                self.pass(path, *size, &mut bytes.as_slice(), sink)?;
                continue;
            }
            let gap = piece
                .at
                .checked_sub(at)
                .ok_or_else(|| bundle.archive.damaged("its contents overlap"))?;
            let skipped = io::copy(&mut (&mut stream).take(gap), &mut io::sink());
            skipped.map_err(|error| bundle.unreadable(error))?;
            at = piece.at + piece.size;
            let mut bytes = Vec::new();
            let read = (&mut stream).take(piece.size).read_to_end(&mut bytes);
            read.map_err(|error| bundle.unreadable(error))?;
            self.pass(path, *size, &mut bytes.as_slice(), sink)?;
            last = Some((*piece, bytes));
        }
        Ok(())
    }
}
