//! How a content is made, through a chain of bundles.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use super::Held;
use super::pipe::piped;
use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::content::Bundle;
use crate::bundle::delta::{self, DeltaError, FileBase};
use crate::bundle::index::{Content, Piece};
use crate::model::{Digest, NoProgress};
use crate::sys::fs;
use crate::sys::hashing::hash;

/// Deltas upon deltas, at most: bundles of ten years, one a fortnight.
const DEPTH: usize = 260;

/// How a content is made.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// It is held.
    Held(Digest),
    /// It is a part of a stream of the bundle with this number.
    Whole(usize, Piece),
    /// It is made by a delta of the bundle with this number from another content.
    Delta {
        bundle: usize,
        stream: usize,
        base: Digest,
        from: Box<Way>,
    },
}

/// What makes contents.
pub(super) struct Kitchen<'a> {
    chain: &'a [Bundle],
    contents: Vec<BTreeMap<Digest, &'a Content>>,
    held: &'a dyn Held,
    scratch: &'a Path,
}

impl<'a> Kitchen<'a> {
    pub(super) fn new(chain: &'a [Bundle], held: &'a dyn Held, scratch: &'a Path) -> Self {
        Self {
            chain,
            contents: chain.iter().map(|bundle| bundle.index.by_digest()).collect(),
            held,
            scratch,
        }
    }

    pub(super) fn bundle(&self, number: usize) -> Result<&'a Bundle> {
        self.chain
            .get(number)
            .ok_or_else(|| Failure::new(ErrorKind::Internal, "a bundle that is not in the chain"))
    }

    /// The cheapest way to a content, if there is one.
    pub(super) fn way(&self, digest: &Digest) -> Option<Way> {
        self.way_within(digest, DEPTH, &mut BTreeSet::new())
    }

    /// What was tried before and is asked for again leads nowhere, or in a circle.
    fn way_within(&self, digest: &Digest, depth: usize, tried: &mut BTreeSet<Digest>) -> Option<Way> {
        if self.held.open(digest).ok().flatten().is_some() {
            return Some(Way::Held(*digest));
        }
        let depth = depth.checked_sub(1).filter(|_| tried.insert(*digest))?;
        let known = || self.contents.iter().enumerate().rev();
        for (bundle, contents) in known() {
            let Some(content) = contents.get(digest) else {
                continue;
            };
            for delta in &content.deltas {
                if let Some(from) = self.way_within(&delta.base, depth, tried) {
                    return Some(Way::Delta {
                        bundle,
                        stream: delta.stream,
                        base: delta.base,
                        from: Box::new(from),
                    });
                }
            }
        }
        known().find_map(|(bundle, contents)| {
            let whole = contents.get(digest)?.whole?;
            Some(Way::Whole(bundle, whole))
        })
    }

    /// Lets somebody read a content of `size` bytes.
    pub(super) fn with<T: Send>(
        &self,
        way: &Way,
        size: u64,
        read: &mut (dyn FnMut(&mut dyn Read) -> Result<T> + Send),
    ) -> Result<T> {
        match way {
            Way::Held(digest) => read(&mut self.open(digest)?),
            Way::Whole(bundle, piece) => read(&mut self.bundle(*bundle)?.part(piece)?),
            Way::Delta {
                bundle,
                stream,
                from,
                base,
            } => {
                let bundle = self.bundle(*bundle)?;
                let base = self.base(from, base)?;
                let base =
                    FileBase::new(&base).map_err(|error| self.undone(bundle, DeltaError::Base(error)))?;
                let make = |out: &mut dyn Write| {
                    let mut delta = bundle.stored(bundle.stream(*stream)?);
                    delta::apply(&base, &mut delta, size, out).map_err(|error| self.undone(bundle, error))
                };
                piped(make, read)
            }
        }
    }

    fn open(&self, digest: &Digest) -> Result<File> {
        let opened = self.held.open(digest);
        let opened = opened.map_err(|error| {
            Failure::new(
                ErrorKind::Io,
                format!("cannot open the file with the content {}", digest.short()),
            )
            .because(error)
        })?;
        opened.ok_or_else(|| {
            let message = format!("the file with the content {} has gone meanwhile", digest.short());
            Failure::new(ErrorKind::Stale, message).hint("let nothing else write to the pack, and run again")
        })
    }

    /// A content as a base: as a file, proven to be it. What another content is made of must be right, or a hostile file in
    /// the home could lead a delta astray.
    fn base(&self, way: &Way, digest: &Digest) -> Result<File> {
        let mut file = match way {
            Way::Held(digest) => self.open(digest)?,
            way => self.put_together(way)?,
        };
        let failed = |error| Failure::io("read what a delta builds on in", self.scratch, error);
        let found = hash(&mut file, &mut vec![0; 256 << 10], &NoProgress).map_err(failed)?;
        if found != *digest {
            let message = format!("the content {} changed after it was looked at", digest.short());
            return Err(Failure::new(ErrorKind::Stale, message)
                .hint("let nothing else write to the pack, and run again"));
        }
        Ok(file)
    }

    fn put_together(&self, way: &Way) -> Result<File> {
        let failed = |error| Failure::io("put a file together in", self.scratch, error);
        fs::make_private_dirs(self.scratch).map_err(failed)?;
        let mut file = fs::nameless(self.scratch).map_err(failed)?;
        let size = match way {
            Way::Whole(_, piece) => piece.size,
            Way::Delta { bundle, stream, .. } => self.bundle(*bundle)?.stream(*stream)?.unpacked,
            Way::Held(_) => 0,
        };
        self.with(way, size, &mut |content| {
            io::copy(content, &mut file).map_err(failed).map(drop)
        })?;
        file.rewind().map_err(failed)?;
        Ok(file)
    }

    fn undone(&self, bundle: &Bundle, error: DeltaError) -> Failure {
        match error {
            DeltaError::Delta(error) => bundle.unreadable(error),
            DeltaError::Base(error) => Failure::io("read what a delta builds on in", self.scratch, error),
            error => bundle.archive.damaged("a delta cannot be applied").because(error),
        }
    }
}
