//! The delta of one file against another. Zip archives, which jars and wars are, are compared entry by entry: what is
//! the same is copied, what changed is inflated, compared with the old entry and deflated again, bit for bit.
//!
//! The format is in `DELTA.md`. Nothing here opens a file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

use thiserror::Error;

mod anchors;
mod apply;
mod blocks;
mod class;
mod columns;
mod deflate;
mod encode;
mod limits;
mod origin;
mod place;
mod plan;
mod predict;
mod similar;
mod sketch;
mod sources;
#[cfg(test)]
mod tests;
mod tree;
mod zip;

pub use sketch::Sketch;

/// What a delta begins with; the last byte is the version of the format.
const MAGIC: [u8; 5] = *b"pitd\x02";

/// Random access to a file's bytes.
pub trait Base: Sync {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `into` with the bytes from `at` on.
    ///
    /// # Errors
    /// The bytes cannot be read, or there are not as many.
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()>;
}

impl Base for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(at).ok();
        let found = start.and_then(|start| self.get(start..start.checked_add(into.len())?));
        into.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl<T: Base + ?Sized> Base for &T {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        (**self).read_at(at, into)
    }
}

/// An open file and its size, which is taken once.
#[derive(Debug)]
pub struct FileBase<'a> {
    file: &'a File,
    len: u64,
}

impl<'a> FileBase<'a> {
    /// The file as it is now.
    ///
    /// # Errors
    /// Its size cannot be read.
    pub fn new(file: &'a File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }
}

impl Base for FileBase<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, at)
    }
}

/// Why a target could not be rebuilt.
#[derive(Debug, Error)]
pub enum DeltaError {
    /// The delta says what no encoder writes, or it belongs to another base.
    #[error("the delta is damaged: {0}")]
    Malformed(&'static str),
    /// The base cannot be read.
    #[error("the file that the delta builds on cannot be read")]
    Base(#[source] io::Error),
    /// The delta itself cannot be read.
    #[error("the delta cannot be read")]
    Delta(#[source] io::Error),
    /// The target cannot be written.
    #[error("the rebuilt file cannot be written")]
    Output(#[source] io::Error),
    /// The delta makes more or less than was announced.
    #[error("the delta makes a file of another size")]
    Size,
}

/// The delta of `target` against `base`, proven by applying it; `None` if it saves nothing, so that the whole file is to
/// be stored. The same two files give the same bytes. Against an empty base, an archive becomes what is in it, which
/// compresses far better than the archive, but takes the time of deflating it to apply.
///
/// # Errors
/// One of the files cannot be read.
pub fn encode(base: &dyn Base, target: &dyn Base) -> io::Result<Option<Vec<u8>>> {
    encode::encode(base, target)
}

/// Rebuilds the target of `size` bytes into `out`. The delta may be hostile: it can make wrong bytes, which the caller
/// finds by their digest, but neither more of them nor use more memory than the limits of the format allow.
///
/// # Errors
/// [`DeltaError`]; what was written by then is of no use.
pub fn apply(
    base: &dyn Base,
    delta: &mut dyn Read,
    size: u64,
    out: &mut dyn Write,
) -> Result<(), DeltaError> {
    apply::apply(base, delta, size, out)
}
