//! Which content is where. The index is read only after its digest was checked against the signed release, and checked
//! for sense nevertheless: who signs can err.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde::{Deserialize, Serialize};

use super::BLOB_BYTES;
use crate::model::Digest;

/// The index, unpacked, at most.
const MAX_BYTES: u64 = 512 << 20;
const LEVEL: i32 = 19;

/// The index of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Index {
    /// Stored bytes, in the archive's order.
    pub blobs: Vec<Blob>,
    /// What blobs are put together to.
    pub streams: Vec<Stream>,
    /// The manifest of the target tree, as `TreeManifest::encode` writes it.
    pub manifest: Piece,
    /// The manifests of the trees where it starts.
    pub from: Vec<From>,
    /// How to make each content that no tree where it starts has, and each text that merging may need.
    pub contents: Vec<Content>,
    /// What travels with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extras: Vec<Extra>,
}

/// Stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Blob {
    /// Their digest.
    pub sha256: Digest,
    /// Their number.
    pub size: u64,
}

/// Blobs one after the other, which together are coded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stream {
    /// How.
    pub coding: Coding,
    /// Their numbers.
    pub blobs: Vec<usize>,
    /// Bytes that come out of it.
    pub unpacked: u64,
}

/// How a stream is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coding {
    /// Not at all.
    Stored,
    /// As one Zstandard frame.
    Zstd,
    /// As a delta against another content, see `DELTA.md`.
    Delta,
}

/// A part of what comes out of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Piece {
    /// The stream's number.
    pub stream: usize,
    /// Where the part begins.
    pub at: u64,
    /// How long it is.
    pub size: u64,
}

/// A tree where the bundle starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct From {
    /// The digest that names it; the release says its level.
    pub tree: Digest,
    /// Its manifest.
    pub manifest: Piece,
}

/// How a content can be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Content {
    /// Its digest.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// From the bundle alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Piece>,
    /// From other contents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deltas: Vec<Delta>,
}

/// A content made from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delta {
    /// The digest of the other one.
    pub base: Digest,
    /// The stream with the delta.
    pub stream: usize,
}

/// What travels with an update has so many bytes at most.
pub const EXTRA_BYTES: u64 = 1 << 30;

/// Something that travels with an update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Extra {
    /// What it is.
    pub kind: ExtraKind,
    /// A plain file name.
    pub name: String,
    /// Its digest.
    pub sha256: Digest,
    /// Where it is.
    pub piece: Piece,
}

/// What can travel with an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExtraKind {
    /// What people decided about conflicts, as `conflicts export` writes it.
    Resolutions,
    /// A hotfix, as `hotfix apply` takes it.
    Hotfix,
    /// What is left to a person, as text.
    ManualSteps,
    /// The agent itself, for hosts with an older one.
    Agent,
}

impl Index {
    /// The packed form.
    ///
    /// # Errors
    /// Packing fails only without memory.
    pub fn encode(&self) -> std::io::Result<Vec<u8>> {
        zstd::encode_all(serde_json::to_vec(self)?.as_slice(), LEVEL)
    }

    /// Reads the packed form.
    ///
    /// # Errors
    /// Why it makes no sense.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let mut text = Vec::new();
        let mut decoder = zstd::Decoder::new(bytes).map_err(|error| error.to_string())?;
        decoder.window_log_max(27).map_err(|error| error.to_string())?;
        let read = decoder.take(MAX_BYTES + 1).read_to_end(&mut text);
        read.map_err(|error| format!("the index cannot be unpacked: {error}"))?;
        if text.len() as u64 > MAX_BYTES {
            return Err("the index is larger than it may be".to_owned());
        }
        let index: Self = serde_json::from_slice(&text).map_err(|error| format!("the index: {error}"))?;
        index.check()?;
        Ok(index)
    }

    fn check(&self) -> Result<(), String> {
        let mut blobs = BTreeSet::new();
        for blob in &self.blobs {
            if blob.size > BLOB_BYTES as u64 || !blobs.insert(blob.sha256) {
                return Err(format!("the blob {} is too large or named twice", blob.sha256));
            }
        }
        for (at, stream) in self.streams.iter().enumerate() {
            if stream.blobs.is_empty() || stream.blobs.iter().any(|blob| *blob >= self.blobs.len()) {
                return Err(format!("stream {at} has blobs that are not there"));
            }
        }
        let pieces = [&self.manifest]
            .into_iter()
            .chain(self.from.iter().map(|from| &from.manifest));
        pieces
            .chain(self.contents.iter().filter_map(|content| content.whole.as_ref()))
            .chain(self.extras.iter().map(|extra| &extra.piece))
            .try_for_each(|piece| self.check_piece(piece))?;
        let mut known = BTreeSet::new();
        for content in &self.contents {
            self.check_content(content)?;
            if !known.insert(content.sha256) {
                return Err(format!("the content {} is described twice", content.sha256));
            }
        }
        match self.extras.iter().find(|extra| !is_extra_name(&extra.name)) {
            Some(extra) => Err(format!("`{}` is no plain file name", extra.name.escape_debug())),
            None => Ok(()),
        }
    }

    fn check_piece(&self, piece: &Piece) -> Result<(), String> {
        let stream = self
            .streams
            .get(piece.stream)
            .filter(|stream| stream.coding != Coding::Delta);
        let end = piece.at.checked_add(piece.size);
        match (stream, end) {
            (Some(stream), Some(end)) if end <= stream.unpacked => Ok(()),
            _ => Err(format!("a part of stream {} is not there", piece.stream)),
        }
    }

    fn check_content(&self, content: &Content) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("the content {} {why}", content.sha256));
        if content.whole.is_none() && content.deltas.is_empty() {
            return wrong("cannot be made of anything");
        }
        if content.whole.is_some_and(|piece| piece.size != content.size) {
            return wrong("has two sizes");
        }
        for delta in &content.deltas {
            match self.streams.get(delta.stream) {
                Some(stream) if stream.coding == Coding::Delta && stream.unpacked == content.size => {}
                _ => return wrong("has a delta that is none"),
            }
            if delta.base == content.sha256 {
                return wrong("is made of itself");
            }
        }
        Ok(())
    }

    /// How each content can be made, by its digest.
    pub fn by_digest(&self) -> BTreeMap<Digest, &Content> {
        self.contents
            .iter()
            .map(|content| (content.sha256, content))
            .collect()
    }

    /// The stored bytes of a stream.
    pub fn stored(&self, stream: &Stream) -> u64 {
        let blobs = stream.blobs.iter().filter_map(|blob| self.blobs.get(*blob));
        blobs.map(|blob| blob.size).sum()
    }
}

/// Whether something that travels with a bundle can have this name.
pub fn is_extra_name(name: &str) -> bool {
    super::is_plain_name(name, 100)
}
