//! One file's content on its way out of an archive: its size and check sum are enforced on what is really read, not on
//! what is declared.

use std::io::{self, Read};
use std::path::Path;

use super::{Sink, refusal};
use crate::api::{Failure, Result};
use crate::model::{Digest, Progress, RelPath};
use crate::sys::fault::{Effect, effect};
use crate::sys::hashing;

/// Reads exactly the declared size and, where there is one, checks the CRC-32.
pub(super) struct Content<'a, R> {
    inner: R,
    source: &'a Path,
    entry: &'a str,
    left: u64,
    crc: Option<Crc>,
    /// What went wrong here, kept because whoever reads may pass on only the fact.
    failure: Option<Failure>,
}

struct Crc {
    so_far: rawzip::Crc32,
    expected: u32,
}

impl<'a, R: Read> Content<'a, R> {
    /// # Errors
    /// Only injected ones: this is where reading the entry begins.
    pub(super) fn new(inner: R, source: &'a Path, entry: &'a str, size: u64) -> Result<Self> {
        effect(Effect::Read, "unpack", &entry, || Ok(()))
            .map_err(|error| refusal::reading(source, Some(entry), error))?;
        Ok(Self {
            inner,
            source,
            entry,
            left: size,
            crc: None,
            failure: None,
        })
    }

    pub(super) fn with_crc(mut self, expected: u32) -> Self {
        self.crc = Some(Crc {
            so_far: rawzip::Crc32::new(),
            expected,
        });
        self
    }

    /// The digest of the whole content.
    pub(super) fn digest(mut self, buffer: &mut [u8], progress: &dyn Progress) -> Result<Digest> {
        let digest = hashing::hash(&mut self, buffer, progress);
        self.settle(digest)
    }

    /// At most the first `limit` bytes. The check sum is checked only if the content ends before.
    pub(super) fn head(mut self, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let done = (&mut self).take(limit).read_to_end(&mut bytes);
        self.settle(done)?;
        Ok(bytes)
    }

    /// Passes the content to a sink and makes sure that it was read and checked to its end.
    pub(super) fn pass_to(mut self, path: &RelPath, sink: &Sink<'_>) -> Result<()> {
        let passed = sink(path, &mut self);
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        passed?;
        self.drain()
    }

    /// Reads to the end.
    pub(super) fn drain(&mut self) -> Result<()> {
        let done = io::copy(self, &mut io::sink());
        self.settle(done).map(drop)
    }

    fn settle<T>(&mut self, done: io::Result<T>) -> Result<T> {
        done.map_err(|error| {
            self.failure
                .take()
                .unwrap_or_else(|| refusal::reading(self.source, Some(self.entry), error))
        })
    }

    fn read_checked(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let damaged = |why| io::Error::new(io::ErrorKind::InvalidData, why);
        let n = self.inner.read(buffer)?;
        if n as u64 > self.left {
            return Err(damaged("it is longer than declared"));
        }
        self.left -= n as u64;
        if let Some(crc) = &mut self.crc {
            crc.so_far.update(&buffer[..n]);
        }
        if n == 0 {
            if self.left > 0 {
                return Err(damaged("it is shorter than declared"));
            }
            if self
                .crc
                .as_ref()
                .is_some_and(|crc| crc.so_far.checksum() != crc.expected)
            {
                return Err(damaged("its check sum is wrong"));
            }
        }
        Ok(n)
    }
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        match self.read_checked(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let kind = error.kind();
                let failure = refusal::reading(self.source, Some(self.entry), error);
                let told = io::Error::new(kind, failure.full_message());
                self.failure = Some(failure);
                Err(told)
            }
            read => read,
        }
    }
}
