//! The tar archive around a bundle. It is written in one form only, and whatever differs from it is refused: a link, a
//! device, a path, an owner or a time has no place in a bundle.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tar::{EntryType, Header};

use crate::api::{ErrorKind, Failure, Result};
use crate::model::Digest;
use crate::sys::fs;

const BLOCK: u64 = 512;
/// An archive ends with two empty blocks.
const END: u64 = 2 * BLOCK;
/// Entries at most: each costs memory before anything is verified.
const MAX_ENTRIES: usize = 1_000_000;
/// The signed release document, at most.
pub const RELEASE_BYTES: u64 = 1 << 20;
/// The packed index, at most.
pub const INDEX_BYTES: u64 = 64 << 20;
/// One attachment, at most.
pub const ATTACHMENT_BYTES: u64 = 16 << 20;
/// All attachments together, at most: nobody vouches for them until they are read.
pub const ATTACHMENTS_BYTES: u64 = 64 << 20;

/// What an entry of a bundle is. Entries come in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// The release document in its signed envelope.
    Release,
    /// The index.
    Index,
    /// Stored bytes, by their digest.
    Blob(Digest),
    /// A signed statement that was added later, by the digest of its envelope.
    Attachment(Digest),
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "release.json" => Some(Self::Release),
            "index.zst" => Some(Self::Index),
            text => {
                if let Some(digest) = text.strip_prefix("content/") {
                    return digest.parse().ok().map(Self::Blob);
                }
                let digest = text.strip_prefix("attached/")?.strip_suffix(".json")?;
                digest.parse().ok().map(Self::Attachment)
            }
        }
    }

    /// The largest size that an entry may have.
    fn limit(&self) -> u64 {
        match self {
            Self::Release => RELEASE_BYTES,
            Self::Index => INDEX_BYTES,
            Self::Blob(_) => super::BLOB_BYTES as u64,
            Self::Attachment(_) => ATTACHMENT_BYTES,
        }
    }

    /// Blobs come in the index's order, everything else sorted.
    fn rank(&self) -> u8 {
        match self {
            Self::Release => 0,
            Self::Index => 1,
            Self::Blob(_) => 2,
            Self::Attachment(_) => 3,
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Release => f.write_str("release.json"),
            Self::Index => f.write_str("index.zst"),
            Self::Blob(digest) => write!(f, "content/{digest}"),
            Self::Attachment(digest) => write!(f, "attached/{digest}.json"),
        }
    }
}

/// Where an entry's bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    at: u64,
    size: u64,
}

/// An archive whose entries are known and whose bytes are not.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: File,
    size: u64,
    places: BTreeMap<Name, Place>,
    order: Vec<Name>,
    attached: u64,
}

/// How much of a bundle holds the release document for certain.
pub const HEAD_BYTES: u64 = BLOCK + RELEASE_BYTES;

/// The release document in what a bundle begins with; nobody has vouched for it.
pub fn release_in(head: &[u8]) -> Option<&[u8]> {
    let (block, rest) = head.split_first_chunk::<{ BLOCK as usize }>()?;
    let size = Header::from_byte_slice(block).entry_size().ok()?;
    let is_release = size <= RELEASE_BYTES && header(&Name::Release, size).as_bytes() == block;
    rest.get(..usize::try_from(size).ok().filter(|_| is_release)?)
}

/// Refuses more attached bytes than a bundle may have.
///
/// # Errors
/// `limits`.
pub fn refuse_much(bundle: &Path, attached: u64) -> Result<()> {
    if attached <= ATTACHMENTS_BYTES {
        return Ok(());
    }
    let message = format!(
        "refused {}: what is attached has {attached} bytes or more, and {ATTACHMENTS_BYTES} are the most",
        bundle.display()
    );
    Err(Failure::new(ErrorKind::Limits, message)
        .at(bundle)
        .hint("attach only what the policies ask for, to the bundle as it was made"))
}

/// Whether a file that begins so is a bundle.
pub fn is_bundle(head: &[u8]) -> bool {
    head.starts_with(b"release.json\0")
}

impl Archive {
    /// Opens one and reads the names and sizes of its entries.
    ///
    /// # Errors
    /// `source`: it cannot be read or is cut short. `unsafe-source`: it has an entry that no bundle has, or one twice.
    /// `limits`: an entry, or what is attached, is larger than it may be.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |error| Failure::io("read the bundle", path, error);
        let file = fs::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut archive = Self {
            path: path.to_owned(),
            file,
            size,
            places: BTreeMap::new(),
            order: Vec::new(),
            attached: 0,
        };
        archive.read_headers()?;
        Ok(archive)
    }

    fn read_headers(&mut self) -> Result<()> {
        let mut at = 0;
        let mut header = [0; BLOCK as usize];
        loop {
            self.exact(at, &mut header)?;
            if header == [0; BLOCK as usize] {
                return self.check_end(at);
            }
            let (name, size) = self.entry(&header)?;
            at += BLOCK;
            self.add(name, Place { at, size })?;
            at += size.next_multiple_of(BLOCK);
        }
    }

    fn entry(&self, block: &[u8; BLOCK as usize]) -> Result<(Name, u64)> {
        let text = block[..100].split(|byte| *byte == 0).next().unwrap_or_default();
        let shown = String::from_utf8_lossy(text);
        let name = Name::parse(&shown).ok_or_else(|| self.refuse(&shown, "is not one that a bundle has"))?;
        let size = Header::from_byte_slice(block)
            .entry_size()
            .map_err(|_| self.refuse(&shown, "has a size that cannot be read"))?;
        // Sizes that one header can tell are far above what any entry may have.
        if size > name.limit() {
            let message = format!(
                "refused {}: the entry `{name}` has {size} bytes, more than the {} that it may have",
                self.path.display(),
                name.limit()
            );
            return Err(Failure::new(ErrorKind::Limits, message)
                .at(&self.path)
                .hint("get the bundle again from who made it"));
        }
        if header(&name, size).as_bytes() != block {
            return Err(self.refuse(
                &shown,
                "is not written as a bundle's entries are: no plain file, or with an owner",
            ));
        }
        Ok((name, size))
    }

    fn add(&mut self, name: Name, place: Place) -> Result<()> {
        let shown = name.to_string();
        let last = self.order.last().map_or(0, Name::rank);
        if self.order.is_empty() != (name == Name::Release) || name.rank() < last {
            return Err(self.refuse(&shown, "is not in its place"));
        }
        if let Name::Attachment(_) = name {
            self.attached += place.size;
            refuse_much(&self.path, self.attached)?;
        }
        if self.order.len() >= MAX_ENTRIES {
            return Err(self.refuse(&shown, "is one too many"));
        }
        if self.places.insert(name.clone(), place).is_some() {
            return Err(self.refuse(&shown, "is there twice"));
        }
        self.order.push(name);
        Ok(())
    }

    fn check_end(&self, at: u64) -> Result<()> {
        let mut rest = [0; BLOCK as usize];
        self.exact(at + BLOCK, &mut rest)?;
        if rest != [0; BLOCK as usize] || at + END != self.size {
            return Err(self.refuse("(the end)", "is not followed by the end of the file"));
        }
        for name in [Name::Release, Name::Index] {
            if !self.places.contains_key(&name) {
                return Err(self.damaged(&format!("it has no `{name}`")));
            }
        }
        Ok(())
    }

    fn exact(&self, at: u64, into: &mut [u8]) -> Result<()> {
        self.file
            .read_exact_at(into, at)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => self.damaged("it is cut short"),
                _ => Failure::io("read the bundle", &self.path, error),
            })
    }

    fn refuse(&self, entry: &str, why: &str) -> Failure {
        let message = format!(
            "refused {}: the entry `{}` {why}",
            self.path.display(),
            entry.escape_debug()
        );
        Failure::new(ErrorKind::UnsafeSource, message)
            .at(&self.path)
            .hint("get the bundle again from who made it; do not unpack this one by other means")
    }

    /// The bundle is cut short or not what it says.
    pub fn damaged(&self, what: &str) -> Failure {
        let message = format!("cannot read the bundle {}: {what}", self.path.display());
        Failure::new(ErrorKind::Source, message)
            .at(&self.path)
            .hint("copy it again and compare the copies with `sha256sum`")
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The digests of its attachments.
    pub fn attachments(&self) -> impl Iterator<Item = Digest> + '_ {
        self.order.iter().filter_map(|name| match name {
            Name::Attachment(digest) => Some(*digest),
            _ => None,
        })
    }

    /// The bytes of an entry, as they are: nobody has vouched for them.
    ///
    /// # Errors
    /// `source`: there is no such entry, or it cannot be read.
    pub fn bytes(&self, name: &Name) -> Result<Vec<u8>> {
        let place = self
            .places
            .get(name)
            .ok_or_else(|| self.damaged(&format!("it has no `{name}`")))?;
        let mut bytes = vec![0; usize::try_from(place.size).unwrap_or(usize::MAX)];
        self.exact(place.at, &mut bytes)?;
        Ok(bytes)
    }

    /// The bytes of an entry that have a digest.
    ///
    /// # Errors
    /// `digest` if they do not; and as [`Archive::bytes`].
    pub fn proven(&self, name: &Name, digest: Digest) -> Result<Vec<u8>> {
        let bytes = self.bytes(name)?;
        if Digest::of(&bytes) == digest {
            return Ok(bytes);
        }
        let message = format!(
            "refused {}: the content of `{name}` is not what was signed",
            self.path.display()
        );
        Err(Failure::new(ErrorKind::Digest, message)
            .at(&self.path)
            .hint("it was damaged or changed on its way: copy it again from where it was verified"))
    }

    /// Whether it has an entry.
    pub fn has(&self, name: &Name) -> bool {
        self.places.contains_key(name)
    }

    /// Writes it again with other signatures or attachments; everything else stays as it is, byte for byte.
    ///
    /// # Errors
    /// Reading or writing failed.
    pub fn write_again(
        &self,
        release: &[u8],
        attachments: &BTreeMap<Digest, Vec<u8>>,
        out: &mut Writer<impl Write>,
    ) -> Result<()> {
        out.add(&Name::Release, release)?;
        for name in &self.order {
            match name {
                Name::Release | Name::Attachment(_) => {}
                name => out.add(name, &self.bytes(name)?)?,
            }
        }
        for (digest, bytes) in attachments {
            out.add(&Name::Attachment(*digest), bytes)?;
        }
        Ok(())
    }
}

/// The one form in which an entry's header is written.
fn header(name: &Name, size: u64) -> Header {
    let mut header = Header::new_ustar();
    // All names are shorter than the field.
    let _ = header.set_path(name.to_string());
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    header
}

/// Writes the archive of a bundle, entry by entry.
pub struct Writer<W> {
    out: W,
    shown: PathBuf,
}

impl<W: Write> Writer<W> {
    /// Begins; `shown` names `out` in errors.
    pub fn new(out: W, shown: &Path) -> Self {
        Self {
            out,
            shown: shown.to_owned(),
        }
    }

    /// Adds an entry. The caller keeps the order of [`Name`].
    ///
    /// # Errors
    /// Writing failed.
    pub fn add(&mut self, name: &Name, bytes: &[u8]) -> Result<()> {
        let size = bytes.len() as u64;
        let padding = usize::try_from(size.next_multiple_of(BLOCK) - size).unwrap_or(0);
        let mut write = || {
            self.out.write_all(header(name, size).as_bytes())?;
            self.out.write_all(bytes)?;
            self.out.write_all(&[0; BLOCK as usize][..padding])
        };
        write().map_err(|error| Failure::io("write the bundle", &self.shown, error))
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// Writing failed.
    pub fn finish(mut self) -> Result<W> {
        let written = self.out.write_all(&[0; END as usize]);
        written
            .and_then(|()| self.out.flush())
            .map_err(|error| Failure::io("write the bundle", &self.shown, error))?;
        Ok(self.out)
    }
}
