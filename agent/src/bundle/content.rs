//! Content of a bundle: stored bytes are loaded blob by blob, each is checked against its digest, and only then decoded.

use std::io::{self, Read};

use super::archive::{Archive, Name};
use super::index::{Coding, Extra, Index, Piece, Stream};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::Digest;

/// What decompression may hold in memory, as a power of two.
const WINDOW_LOG: u32 = 25;

/// A bundle whose index was checked.
#[derive(Debug)]
pub struct Bundle {
    /// The archive.
    pub archive: Archive,
    /// Its index.
    pub index: Index,
}

impl Bundle {
    /// The stored bytes of a stream, each blob checked before any of its bytes comes out.
    pub fn stored<'a>(&'a self, stream: &'a Stream) -> Stored<'a> {
        Stored {
            bundle: self,
            blobs: stream.blobs.iter(),
            loaded: io::Cursor::default(),
        }
    }

    fn blob(&self, number: usize) -> Result<Vec<u8>> {
        let known = self.index.blobs.get(number);
        let blob = known.ok_or_else(|| self.archive.damaged("it refers to content that it does not hold"))?;
        self.archive.proven(&Name::Blob(blob.sha256), blob.sha256)
    }

    /// What comes out of a stream that is no delta.
    ///
    /// # Errors
    /// `source`: it is none.
    pub fn unpacked(&self, stream: usize) -> Result<Box<dyn Read + '_>> {
        let stream = self.stream(stream)?;
        let stored = self.stored(stream);
        let plain: Box<dyn Read + '_> = match stream.coding {
            Coding::Stored => Box::new(stored),
            Coding::Zstd => {
                let decoder = zstd::Decoder::with_buffer(io::BufReader::with_capacity(64 << 10, stored));
                let mut decoder = decoder.map_err(|error| self.unreadable(error))?;
                decoder
                    .window_log_max(WINDOW_LOG)
                    .map_err(|error| self.unreadable(error))?;
                Box::new(decoder.single_frame())
            }
            Coding::Delta => return Err(self.archive.damaged("a delta stands where plain content belongs")),
        };
        Ok(Box::new(plain.take(stream.unpacked)))
    }

    /// A part of a stream, from its beginning.
    ///
    /// # Errors
    /// `digest` if a blob is not what was signed; `source` if it cannot be decoded.
    pub fn part(&self, piece: &Piece) -> Result<io::Take<Box<dyn Read + '_>>> {
        let mut plain = self.unpacked(piece.stream)?;
        let skipped = io::copy(&mut (&mut plain).take(piece.at), &mut io::sink());
        skipped.map_err(|error| self.unreadable(error))?;
        Ok(plain.take(piece.size))
    }

    /// A part of a stream, in memory.
    ///
    /// # Errors
    /// `limits` above `limit` bytes; `digest` if a blob is not what was signed; `source` if it cannot be decoded.
    pub fn piece(&self, piece: &Piece, limit: u64) -> Result<Vec<u8>> {
        if piece.size > limit {
            let message = format!(
                "refused {}: it holds {} bytes where {limit} are the most",
                self.archive.path().display(),
                piece.size
            );
            return Err(Failure::new(ErrorKind::Limits, message).at(self.archive.path()));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(piece.size).unwrap_or(0));
        let read = self.part(piece)?.read_to_end(&mut bytes);
        read.map_err(|error| self.unreadable(error))?;
        match bytes.len() as u64 == piece.size {
            true => Ok(bytes),
            false => Err(self.archive.damaged("a content is shorter than its index says")),
        }
    }

    /// A stream by its number.
    ///
    /// # Errors
    /// `source`: there is none.
    pub fn stream(&self, number: usize) -> Result<&Stream> {
        let found = self.index.streams.get(number);
        found.ok_or_else(|| self.archive.damaged("it refers to content that it does not hold"))
    }

    /// The failure that travelled through a reader, or that it cannot be decoded.
    pub fn unreadable(&self, error: io::Error) -> Failure {
        if error.raw_os_error().is_some() {
            return Failure::io("read the bundle", self.archive.path(), error);
        }
        match error.downcast::<Failure>() {
            Ok(failure) => failure,
            Err(error) => self
                .archive
                .damaged("its content cannot be decoded")
                .because(error),
        }
    }
}

impl Extra {
    /// Its content.
    ///
    /// # Errors
    /// `digest`: it is not what was signed. And as [`Bundle::piece`].
    pub fn read(&self, bundle: &Bundle, limit: u64) -> Result<Vec<u8>> {
        let bytes = bundle.piece(&self.piece, limit)?;
        if Digest::of(&bytes) == self.sha256 {
            return Ok(bytes);
        }
        let path = bundle.archive.path();
        let message = format!(
            "refused {}: `{}` in it is not what was signed",
            path.display(),
            self.name
        );
        Err(Failure::new(ErrorKind::Digest, message).at(path))
    }
}

/// See [`Bundle::stored`].
pub struct Stored<'a> {
    bundle: &'a Bundle,
    blobs: std::slice::Iter<'a, usize>,
    loaded: io::Cursor<Vec<u8>>,
}

impl Read for Stored<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.loaded.read(into)?;
            if n > 0 || into.is_empty() {
                return Ok(n);
            }
            let Some(number) = self.blobs.next() else {
                return Ok(0);
            };
            let proven = self.bundle.blob(*number);
            self.loaded = io::Cursor::new(proven.map_err(io::Error::other)?);
        }
    }
}
