//! Where an update comes from: a pack zip, a tar archive, a directory, or a folder of them. Each yields a manifest and
//! content, and so does the vendor's update tool; bundles take their place behind the same trait.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::archive::is_bundle;
use crate::config::Limits;
use crate::model::{Progress, RelPath, TreeManifest};
use crate::product::TreeView;
use crate::sys::fs::{self, StatKey};

use cache::{Cache, Stamp};
use directory::Directory;
use tarball::{Packing, TAR_BLOCK, TarSource, is_tar_header};
use zip::ZipSource;

pub mod archive;
pub mod bundle;
mod cache;
mod content;
mod directory;
mod listing;
mod offers;
mod refusal;
pub mod secret;
mod tarball;
pub mod vendor_tool;
pub mod web;
mod zip;

pub use offers::{Offer, Offers, Step, offers};

/// How much of a file detection may see.
const HEAD_BYTES: u64 = 1 << 20;

/// Receives the content of one path; several threads may call it at the same time, each with another path.
pub type Sink<'a> = dyn Fn(&RelPath, &mut dyn Read) -> Result<()> + Sync + 'a;

/// One pristine tree at one level, read from an archive or a directory. Paths are relative to the pack's root: a
/// single top-level folder of an archive is not part of them.
pub trait Source: TreeView {
    /// Where it lies.
    fn path(&self) -> &Path;

    /// Whether the bytes were verified by a signature before they were read.
    fn is_signed(&self) -> bool {
        false
    }

    /// The manifest of the whole tree. The first call may read and hash everything; the result is cached on disk by
    /// the archive's or the files' size, inode and times.
    fn manifest(&mut self, progress: &dyn Progress) -> Result<TreeManifest>;

    /// The content of one file, at most `limit` bytes.
    fn read(&mut self, path: &RelPath, limit: u64) -> Result<Vec<u8>>;

    /// Passes the content of every wanted file to the sink once, in the order that is cheapest to read and on all cores
    /// where the source allows it.
    fn extract(&mut self, wanted: &BTreeSet<RelPath>, sink: &Sink<'_>) -> Result<()>;
}

/// Opens an archive or a directory. What an archive is, its first bytes say, not its name. A tar archive that was not
/// opened before is read as a whole, which `progress` is told of.
///
/// # Errors
/// `source`: it does not exist, is cut short, damaged, encrypted or uses something that is not supported.
/// `unsafe-source`: an entry could write outside the home, or two of them to one path. `limits`: it exceeds one.
/// `not-a-pack`: it is neither an archive nor a directory.
pub fn open(
    path: &Path,
    limits: &Limits,
    cache_dir: &Path,
    progress: &dyn Progress,
) -> Result<Box<dyn Source>> {
    let metadata = metadata(path)?;
    let canonical = fs::canonicalize(path).map_err(|error| Failure::io("read", path, error))?;
    if metadata.is_dir() {
        return Ok(Box::new(Directory::open(canonical, cache_dir)?));
    }
    if !metadata.is_file() {
        return Err(not_an_archive(path, "a device, a pipe or a socket"));
    }
    let failed = |error| Failure::io("read", path, error);
    let file = fs::open(&canonical).map_err(failed)?;
    let stamp = Stamp::new(canonical, StatKey::of(&file.metadata().map_err(failed)?));
    let cache = Cache::new(cache_dir, &stamp);
    match Format::of(path, &file)? {
        Format::Zip => Ok(Box::new(ZipSource::open(file, stamp, limits, cache)?)),
        Format::Tar(packing) => {
            let source = TarSource::open(stamp, packing, limits, cache, progress)?;
            Ok(Box::new(source))
        }
    }
}

/// What it takes to look into what may be a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// Little: it is a directory, an archive with a list of its names, or cannot even be looked at.
    Little,
    /// It is unpacked as a whole, unless that is remembered.
    Whole,
    /// It is no pack.
    Nothing,
}

/// What it would take to [`open`] a path and look into it, by what stands there and how it begins.
pub fn look(path: &Path) -> Look {
    let look = || {
        let metadata = metadata(path)?;
        if !metadata.is_file() {
            return Ok(if metadata.is_dir() {
                Look::Little
            } else {
                Look::Nothing
            });
        }
        let file = fs::open(path).map_err(|error| Failure::io("read", path, error))?;
        Ok(match Format::of(path, &file)? {
            Format::Zip => Look::Little,
            Format::Tar(_) => Look::Whole,
        })
    };
    look().unwrap_or_else(|failure: Failure| match failure.kind {
        ErrorKind::NotAPack => Look::Nothing,
        _ => Look::Little,
    })
}

/// What stands at a source's path.
fn metadata(path: &Path) -> Result<Metadata> {
    fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::new(ErrorKind::Source, format!("{} does not exist", path.display()))
                .at(path)
                .hint("check the path, and whether the share that it lies on is mounted")
        }
        _ => Failure::io("read", path, error),
    })
}

enum Format {
    Zip,
    Tar(Packing),
}

impl Format {
    fn of(path: &Path, file: &File) -> Result<Self> {
        let mut head = Vec::with_capacity(TAR_BLOCK);
        let mut start = file.take(TAR_BLOCK as u64);
        start
            .read_to_end(&mut head)
            .map_err(|error| Failure::io("read", path, error))?;
        let other = match head.as_slice() {
            head if is_bundle(head) => "a bundle",
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => return Ok(Self::Zip),
            [0x1f, 0x8b, ..] => return Ok(Self::Tar(Packing::Gzip)),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => return Ok(Self::Tar(Packing::Zstd)),
            head if is_tar_header(head) => return Ok(Self::Tar(Packing::Plain)),
            [] => return Err(refusal::damaged(path, "it is empty")),
            [b'B', b'Z', b'h', ..] => "a bzip2 file",
            [0xfd, b'7', b'z', b'X', b'Z', ..] => "an xz file",
            [b'7', b'z', 0xbc, 0xaf, ..] => "a 7-Zip archive",
            [b'R', b'a', b'r', b'!', ..] => "a RAR archive",
            _ => "of an unknown format",
        };
        Err(not_an_archive(path, other))
    }
}

fn not_an_archive(path: &Path, what: &str) -> Failure {
    let message = format!(
        "{} is {what}, not a zip, tar, tar.gz or tar.zst archive",
        path.display()
    );
    Failure::new(ErrorKind::NotAPack, message)
        .at(path)
        .hint("pass a pack as such an archive or as a directory")
}

fn check_read_limit(source: &Path, path: &RelPath, size: u64, limit: u64) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    let what = format!("`{path}` has {size} bytes, more than the {limit} that are read at once");
    Err(refusal::over_limit(source, &what))
}

#[cfg(test)]
mod tests;
