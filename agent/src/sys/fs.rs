//! Files by absolute path: settings, state, sources. Work inside a home goes through [`super::root::Root`], which never
//! follows a symlink.
#![expect(
    clippy::disallowed_methods,
    reason = "the owner of file access by absolute path"
)]

mod new_file;
mod temporary;

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc;

use super::fault::{Effect, effect, sync};
use temporary::{Temporary, fresh_beside};

pub use new_file::{NewFile, write_atomic, write_page, write_public};

/// Opens a file for reading.
///
/// # Errors
/// Of the system.
pub fn open(path: &Path) -> io::Result<File> {
    effect(Effect::Read, "open", &path.display(), || File::open(path))
}

/// The whole content of a file of at most `limit` bytes.
///
/// # Errors
/// Of the system; `FileTooLarge` beyond the limit.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let size = file.metadata()?.len().min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(1));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// The content of a UTF-8 file of at most 16 MiB; `None` if it does not exist.
///
/// # Errors
/// Of the system, or the content is not UTF-8.
pub fn read_text_if_exists(path: &Path) -> io::Result<Option<String>> {
    read_text_up_to(path, 16 << 20)
}

/// The content of a UTF-8 file of at most `limit` bytes; `None` if it does not exist.
///
/// # Errors
/// Of the system, or the content is not UTF-8.
pub fn read_text_up_to(path: &Path, limit: u64) -> io::Result<Option<String>> {
    let bytes = read_if_exists(path, limit)?;
    let text = bytes.map(|bytes| String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into()));
    text.transpose()
}

/// The content of a file of at most `limit` bytes; `None` if it does not exist.
///
/// # Errors
/// Of the system.
pub fn read_if_exists(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    match read(path, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What stands at a path, a final symlink followed.
///
/// # Errors
/// Of the system.
pub fn metadata(path: &Path) -> io::Result<Metadata> {
    fs::metadata(path)
}

/// What stands at a path, a final symlink not followed.
///
/// # Errors
/// Of the system.
pub fn symlink_metadata(path: &Path) -> io::Result<Metadata> {
    fs::symlink_metadata(path)
}

/// The path without symlinks.
///
/// # Errors
/// Of the system.
pub fn canonicalize(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

/// The target of a symlink.
///
/// # Errors
/// Of the system.
pub fn read_link(path: &Path) -> io::Result<PathBuf> {
    fs::read_link(path)
}

/// The entries of a directory, sorted by name.
///
/// # Errors
/// Of the system.
pub fn list_dir(path: &Path) -> io::Result<Vec<fs::DirEntry>> {
    let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}

/// Makes a directory and its parents, readable for the owner only. What exists stays as it is.
///
/// # Errors
/// Of the system.
pub fn make_private_dirs(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    effect(Effect::Write, "mkdir", &path.display(), || {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
    })?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes a directory and its parents with the usual permissions.
///
/// # Errors
/// Of the system.
pub fn make_dirs(path: &Path) -> io::Result<()> {
    effect(Effect::Write, "mkdir", &path.display(), || {
        fs::create_dir_all(path)
    })
}

/// Creates or truncates a file that only its owner may read.
///
/// # Errors
/// Of the system.
pub fn create_private(path: &Path) -> io::Result<File> {
    effect(Effect::Write, "create", &path.display(), || {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
    })
}

/// Writes a file as a whole: a kill leaves no part under that name, what stood there or the new content. Not durable
/// until [`sync_file_system`]: after a power cut the file may be damaged.
///
/// # Errors
/// Of the system.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = Temporary::beside(path, 0o600)?;
    effect(Effect::Write, "write", &path.display(), || {
        new.file.write_all(bytes)
    })?;
    new.take_place(path)
}

/// Replaces what stands at a path, a symlink followed: a kill leaves the old content or the new one. Not durable until
/// [`sync_file_system`]. The file keeps its permissions; a new one gets those of `like`. What is no file, such as a
/// terminal, is written to.
///
/// # Errors
/// Of the system.
pub fn replace(path: &Path, bytes: &[u8], like: &Path) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let there = fs::metadata(&path).ok();
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        return effect(Effect::Write, "write", &path.display(), || {
            OpenOptions::new().write(true).open(&path)?.write_all(bytes)
        });
    }
    let permissions = there.map_or_else(|| fs::metadata(like), Ok)?.permissions();
    let mut new = Temporary::beside(&path, 0o600)?;
    effect(Effect::Write, "write", &path.display(), || {
        new.file.write_all(bytes)?;
        new.file.set_permissions(permissions)
    })?;
    new.take_place(&path)
}

/// Makes everything written to the file system of a path survive a power cut.
///
/// # Errors
/// Of the system.
pub fn sync_file_system(path: &Path) -> io::Result<()> {
    sync("syncfs", &path.display(), || {
        Ok(nix::unistd::syncfs(&File::open(path)?)?)
    })
}

/// Up to so many bytes from the beginning of a file.
///
/// # Errors
/// Of the system.
pub fn read_head(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    open(path)?.take(limit).read_to_end(&mut head)?;
    Ok(head)
}

/// Makes what was written to a file survive a power cut.
///
/// # Errors
/// Of the system.
pub fn sync_file(path: &Path) -> io::Result<()> {
    sync("fsync", &path.display(), || File::open(path)?.sync_all())
}

/// Opens a file to append records to, readable for its owner only.
///
/// # Errors
/// Of the system.
pub fn open_append(path: &Path) -> io::Result<File> {
    effect(Effect::Write, "open-append", &path.display(), || {
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
    })
}

/// Appends bytes and waits until they survive a power cut.
///
/// # Errors
/// Of the system. A part of the bytes may have been written.
pub fn append_durably(file: &mut File, path: &Path, bytes: &[u8]) -> io::Result<()> {
    effect(Effect::Write, "append", &path.display(), || file.write_all(bytes))?;
    sync("fsync", &path.display(), || file.sync_data())
}

/// A file in a folder that has no name and is gone when it is closed, whatever happens.
///
/// # Errors
/// Of the system.
pub fn nameless(dir: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    effect(Effect::Write, "create in", &dir.display(), || {
        match options.custom_flags(libc::O_TMPFILE).open(dir) {
            // Network file systems and old overlays cannot.
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::EOPNOTSUPP | libc::EISDIR | libc::ENOENT)
                ) =>
            {
                let path = fresh_beside(&dir.join("nameless"))?;
                let file = options.custom_flags(0).create_new(true).open(&path)?;
                fs::remove_file(&path)?;
                Ok(file)
            }
            opened => opened,
        }
    })
}

/// Removes a file; it is no error if there is none.
///
/// # Errors
/// Of the system.
pub fn remove_if_exists(path: &Path) -> io::Result<()> {
    match effect(Effect::Write, "unlink", &path.display(), || fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Gives a file another name, whatever stands there; it is no error if there is none.
///
/// # Errors
/// Of the system.
pub fn rotate(from: &Path, to: &Path) -> io::Result<()> {
    match effect(Effect::Write, "rename", &from.display(), || fs::rename(from, to)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a directory if nothing is in it; it is no error if there is none.
///
/// # Errors
/// Of the system.
pub fn remove_dir_if_empty(path: &Path) -> io::Result<()> {
    match effect(Effect::Write, "rmdir", &path.display(), || fs::remove_dir(path)) {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// Makes the names in a directory survive a power cut.
///
/// # Errors
/// Of the system.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    sync("fsync-dir", &path.display(), || File::open(path)?.sync_all())
}

/// Lets the system begin to write to the disk what a file got, without waiting for it, so that the sync that is to come
/// has less left to do. It promises nothing, and its failure means nothing.
pub fn begin_write_back(file: &File) {
    // SAFETY: the call takes a descriptor that is open and three numbers.
    unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
}

/// What identifies a file's content without reading it: any change to the file changes one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StatKey {
    /// Size in bytes.
    pub size: u64,
    /// Inode number.
    pub ino: u64,
    /// Device number.
    pub dev: u64,
    /// Last change of the content, nanoseconds since the epoch.
    pub mtime_ns: i64,
    /// Last change of the inode, nanoseconds since the epoch.
    pub ctime_ns: i64,
}

impl StatKey {
    /// The key of a file.
    pub fn of(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, nanos: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos);
        Self {
            size: metadata.size(),
            ino: metadata.ino(),
            dev: metadata.dev(),
            mtime_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}
