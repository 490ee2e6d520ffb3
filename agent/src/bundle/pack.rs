//! Makes the content of a bundle: packs contents into streams, cuts streams into blobs, and keeps account of both. The same
//! contents in the same order give the same bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::archive::{Name, Writer};
use super::index::{Blob, Coding, Index, Piece, Stream};
use super::{BLOB_BYTES, GROUP_BYTES};
use crate::api::{Failure, Result};
use crate::model::Digest;
use crate::sys::fs;

/// Where a second is worth a hundredth.
const BEST: i32 = 19;
/// Where the best would take minutes.
const QUICK: i32 = 6;
/// Up to this size contents are packed as well as can be.
const SMALL: usize = 16 << 20;
/// Below this share of its size, in hundredths, packing pays.
const WORTH: usize = 98;

/// Bytes that are packed, and how.
#[derive(Debug, Clone)]
pub struct Packed {
    coding: Coding,
    bytes: Vec<u8>,
    unpacked: u64,
}

impl Packed {
    /// Packs bytes, unless that does not make them smaller.
    ///
    /// # Errors
    /// Without memory only.
    pub fn plain(bytes: Vec<u8>) -> io::Result<Self> {
        let unpacked = bytes.len() as u64;
        let level = if bytes.len() <= SMALL { BEST } else { QUICK };
        let packed = zstd::bulk::compress(&bytes, level)?;
        let (coding, bytes) = match packed.len() * 100 < bytes.len() * WORTH {
            true => (Coding::Zstd, packed),
            false => (Coding::Stored, bytes),
        };
        Ok(Self {
            coding,
            bytes,
            unpacked,
        })
    }

    /// A delta that makes `unpacked` bytes.
    pub fn delta(bytes: Vec<u8>, unpacked: u64) -> Self {
        Self {
            coding: Coding::Delta,
            bytes,
            unpacked,
        }
    }

    /// Bytes that it adds to a bundle.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing to pack.
    pub fn is_empty(&self) -> bool {
        self.unpacked == 0
    }
}

/// Gathers the streams of a bundle. What they hold waits in a file without a name until the archive is written.
pub struct Packer {
    spool: File,
    shown: std::path::PathBuf,
    places: BTreeMap<Digest, (usize, u64)>,
    end: u64,
    blobs: Vec<Blob>,
    streams: Vec<Stream>,
}

impl Packer {
    /// Begins; `dir` gets the spool.
    ///
    /// # Errors
    /// Of the system.
    pub fn new(dir: &Path) -> Result<Self> {
        let spool = fs::nameless(dir).map_err(|error| Failure::io("make a file in", dir, error))?;
        Ok(Self {
            spool,
            shown: dir.to_owned(),
            places: BTreeMap::new(),
            end: 0,
            blobs: Vec::new(),
            streams: Vec::new(),
        })
    }

    /// Adds a stream. Returns its number.
    ///
    /// # Errors
    /// Writing the spool failed.
    pub fn add(&mut self, packed: &Packed) -> Result<usize> {
        let mut blobs = Vec::new();
        // Of nothing too there is one blob: a stream without any is an error to readers.
        let empty: &[u8] = &[];
        let chunks = packed
            .bytes
            .chunks(BLOB_BYTES)
            .chain(packed.bytes.is_empty().then_some(empty));
        for chunk in chunks {
            blobs.push(self.blob(chunk)?);
        }
        self.streams.push(Stream {
            coding: packed.coding,
            blobs,
            unpacked: packed.unpacked,
        });
        Ok(self.streams.len() - 1)
    }

    fn blob(&mut self, bytes: &[u8]) -> Result<usize> {
        let sha256 = Digest::of(bytes);
        if let Some((known, _)) = self.places.get(&sha256) {
            return Ok(*known);
        }
        let written = self.spool.write_all(bytes);
        written.map_err(|error| Failure::io("write a file in", &self.shown, error))?;
        self.places.insert(sha256, (self.blobs.len(), self.end));
        self.end += bytes.len() as u64;
        self.blobs.push(Blob {
            sha256,
            size: bytes.len() as u64,
        });
        Ok(self.blobs.len() - 1)
    }

    /// The account of everything that was added, to be completed by the caller.
    pub fn account(&self) -> (Vec<Blob>, Vec<Stream>) {
        (self.blobs.clone(), self.streams.clone())
    }

    /// Writes index and content.
    ///
    /// # Errors
    /// Reading the spool or writing failed.
    pub fn write(mut self, index: &[u8], out: &mut Writer<impl Write>) -> Result<()> {
        out.add(&Name::Index, index)?;
        let failed = |error| Failure::io("read a file in", &self.shown, error);
        self.spool.seek(SeekFrom::Start(0)).map_err(failed)?;
        for blob in &self.blobs {
            let mut bytes = vec![0; usize::try_from(blob.size).unwrap_or(usize::MAX)];
            self.spool.read_exact(&mut bytes).map_err(failed)?;
            out.add(&Name::Blob(blob.sha256), &bytes)?;
        }
        Ok(())
    }
}

/// Small contents that are packed together.
#[derive(Debug, Default)]
pub struct Groups {
    full: Vec<Group>,
    open: Group,
}

/// One stream's worth of small contents.
#[derive(Debug, Default)]
pub struct Group {
    /// They, one after the other.
    pub bytes: Vec<u8>,
    /// Which, where and how long.
    pub members: Vec<(Digest, u64, u64)>,
}

impl Group {
    /// Where its members are once it is a stream.
    pub fn pieces(&self, stream: usize) -> impl Iterator<Item = (Digest, Piece)> + '_ {
        let piece = move |(digest, at, size): &(Digest, u64, u64)| {
            let piece = Piece {
                stream,
                at: *at,
                size: *size,
            };
            (*digest, piece)
        };
        self.members.iter().map(piece)
    }
}

impl Groups {
    /// Adds a content; the caller adds each only once, alike ones after each other.
    pub fn add(&mut self, digest: Digest, bytes: &[u8]) {
        let size = bytes.len() as u64;
        if !self.open.members.is_empty() && self.open.bytes.len() as u64 + size > GROUP_BYTES {
            self.full.push(std::mem::take(&mut self.open));
        }
        self.open
            .members
            .push((digest, self.open.bytes.len() as u64, size));
        self.open.bytes.extend_from_slice(bytes);
    }

    /// All groups.
    pub fn finish(mut self) -> Vec<Group> {
        if !self.open.members.is_empty() {
            self.full.push(self.open);
        }
        self.full
    }
}

impl Index {
    /// An index of what a packer holds, with only the target's manifest.
    pub fn of(packer: &Packer, manifest: Piece) -> Self {
        let (blobs, streams) = packer.account();
        Self {
            blobs,
            streams,
            manifest,
            from: Vec::new(),
            contents: Vec::new(),
            extras: Vec::new(),
        }
    }
}
