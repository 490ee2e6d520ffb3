//! Contents of a pack, put where they can be read in any order: in one file without a name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::delta::Base;
use crate::model::{Digest, Progress, RelPath, Work};
use crate::source::Source;
use crate::sys::fs;
use crate::sys::hashing::Hashed;

use super::make::News;

/// See the module.
pub(super) struct Scratch {
    file: File,
    folder: PathBuf,
    places: BTreeMap<Digest, (u64, u64)>,
}

impl Scratch {
    /// Takes contents out of a source, and proves that they are what its manifest says.
    pub(super) fn fill(
        folder: &Path,
        source: &mut dyn Source,
        wanted: &News,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let failed = |error| Failure::io("unpack into a file in", folder, error);
        let mut places = BTreeMap::new();
        let mut end = 0;
        let mut by_path = BTreeMap::new();
        for (digest, (path, size)) in wanted {
            places.insert(*digest, (end, *size));
            by_path.insert(path, (*digest, end));
            end += size;
        }
        let file = fs::nameless(folder).map_err(failed)?;
        let _work = Work::begin(progress, "unpacking", end);
        let sink = |path: &RelPath, reader: &mut dyn Read| {
            let (digest, start) = by_path
                .get(path)
                .ok_or_else(|| Failure::new(ErrorKind::Internal, format!("{path} was not asked for")))?;
            let mut out = Hashed::new(At {
                file: &file,
                at: *start,
            });
            let copied = io::copy(reader, &mut out).map_err(failed)?;
            progress.advance(copied);
            match out.finish() == *digest {
                true => Ok(()),
                false => Err(
                    Failure::new(ErrorKind::Source, format!("{path} changed while it was read"))
                        .hint("let nothing write to the pack, and run again"),
                ),
            }
        };
        let paths: BTreeSet<RelPath> = by_path.keys().map(|path| (*path).clone()).collect();
        source.extract(&paths, &sink)?;
        Ok(Self {
            folder: folder.to_owned(),
            places,
            file,
        })
    }

    /// A content, for reading at any place.
    pub(super) fn base(&self, digest: &Digest) -> Result<Part<'_>> {
        match self.places.get(digest) {
            Some((at, size)) => Ok(Part {
                file: &self.file,
                at: *at,
                size: *size,
            }),
            None => Err(Failure::new(
                ErrorKind::Internal,
                format!("{digest} was not unpacked"),
            )),
        }
    }

    /// A content in memory.
    pub(super) fn bytes(&self, digest: &Digest) -> Result<Vec<u8>> {
        let part = self.base(digest)?;
        let mut bytes = vec![0; usize::try_from(part.size).unwrap_or(usize::MAX)];
        let read = part.read_at(0, &mut bytes);
        read.map_err(|error| Failure::io("read a file in", &self.folder, error))?;
        Ok(bytes)
    }
}

struct At<'a> {
    file: &'a File,
    at: u64,
}

impl io::Write for At<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One content of several in a file.
pub(super) struct Part<'a> {
    file: &'a File,
    at: u64,
    size: u64,
}

impl Base for Part<'_> {
    fn len(&self) -> u64 {
        self.size
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let end = at.checked_add(into.len() as u64).filter(|end| *end <= self.size);
        end.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.file.read_exact_at(into, self.at + at)
    }
}
