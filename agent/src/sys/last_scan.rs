//! What the last scan of a tree saw, kept to tell whether anything changed since. While nothing did, what was found
//! then holds, and nothing has to be listed, compared or read again: one look at each known name is enough.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nix::fcntl::AtFlags;
use nix::libc;
use nix::sys::stat::{FileStat, fstat, fstatat};
use nix::sys::statfs;

use super::digest_cache::is_settled;
use super::fs::{self, StatKey};
use super::root::{Root, Stat};
use super::walk::{Found, FoundKind, stat_key};
use crate::api::{Failure, Result};
use crate::model::{Digest, RelPath};

/// The file that keeps the last scan of one tree.
///
/// A name cannot come to or leave a directory without a change of the directory's own times, so that the names of a
/// directory whose times are as they were are known. This holds for local file systems; on others nothing is kept, and
/// neither is it where something changed too recently to be told by its times, or where a mount lies in between.
#[derive(Debug)]
pub struct LastScan {
    path: PathBuf,
    /// What the finding depends on besides the tree.
    premise: Digest,
}

/// What a scan saw, not yet with what was found by it.
#[derive(Debug)]
pub struct Trace(Vec<u8>);

const MAGIC: &[u8] = b"pitstop scan 2\n";
const CHECKSUM: usize = 4;
const MAX_FILE: u64 = 512 << 20;

impl LastScan {
    /// The file at a path. What was found under another premise does not count.
    pub fn new(path: PathBuf, premise: Digest) -> Self {
        Self { path, premise }
    }

    /// What the last scan found, if the tree is as it was then. A file that is missing, damaged or of another format
    /// is no scan.
    pub fn finding(&self, root: &Root) -> Option<Vec<u8>> {
        let bytes = fs::read(&self.path, MAX_FILE).ok()?;
        let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
        let rest = body.strip_prefix(MAGIC)?.strip_prefix(&self.premise.0)?;
        if self::checksum(body) != checksum {
            return None;
        }
        let mut rest = Reader(rest);
        let finding = rest.chunk()?;
        let folders: Vec<&[u8]> = std::iter::from_fn(|| rest.chunk()).collect();
        (rest.0.is_empty() && all_as_they_were(root, &folders)).then(|| finding.to_vec())
    }

    /// Keeps what a scan saw and what was found by it, readable for its owner only. Makes the folder.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, trace: &Trace, finding: &[u8]) -> Result<()> {
        let mut bytes = [MAGIC, &self.premise.0].concat();
        put_chunk(&mut bytes, finding);
        bytes.extend_from_slice(&trace.0);
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        let folder = self.path.parent().map_or(Ok(()), fs::make_private_dirs);
        folder
            .and_then(|()| fs::write_whole(&self.path, &bytes))
            .map_err(|error| Failure::io("write the cache", &self.path, error))
    }
}

impl Trace {
    /// What a walk saw, as far as `counts` says that it matters; `own` is the root as it was before the walk, which
    /// began at `now_ns`. `None` if a later change might not be told from it.
    pub fn of<T>(
        root: &Root,
        own: &Stat,
        found: &[Found<T>],
        counts: impl Fn(&Found<T>) -> bool,
        now_ns: i64,
    ) -> Option<Self> {
        if !names_are_told_by_times(root) || !is_settled(&own.key, now_ns) {
            return None;
        }
        let mut folders = BTreeMap::from([("", Folder::new(own.key, own.mode, own.uid, own.gid))]);
        for found in found.iter().filter(|found| counts(found)) {
            if found.key.dev != own.key.dev || !is_settled(&found.key, now_ns) {
                return None;
            }
            let path = found.path.as_str();
            if found.kind == FoundKind::Dir {
                folders.insert(path, Folder::new(found.key, found.mode, found.uid, found.gid));
            }
        }
        for found in found.iter().filter(|found| counts(found)) {
            let kind = match found.kind {
                FoundKind::File => libc::S_IFREG,
                FoundKind::Symlink(_) => libc::S_IFLNK,
                FoundKind::Dir | FoundKind::Other => continue,
            };
            let (dir, name) = found
                .path
                .as_str()
                .rsplit_once('/')
                .unwrap_or(("", found.path.as_str()));
            let seen = mark(&found.key, kind | found.mode, found.uid, found.gid);
            folders.get_mut(dir)?.put(name, &seen);
        }
        let mut bytes = Vec::new();
        for (path, folder) in folders {
            put_chunk(&mut bytes, &folder.encode(path));
        }
        Some(Self(bytes))
    }
}

/// A directory and what matters in it.
struct Folder {
    own: Mark,
    names: Vec<u8>,
}

impl Folder {
    fn new(key: StatKey, mode: u32, uid: u32, gid: u32) -> Self {
        Self {
            own: mark(&key, libc::S_IFDIR | mode, uid, gid),
            names: Vec::new(),
        }
    }

    fn put(&mut self, name: &str, seen: &Mark) {
        self.names.extend_from_slice(seen);
        put_chunk(&mut self.names, &[name.as_bytes(), b"\0"].concat());
    }

    fn encode(&self, path: &str) -> Vec<u8> {
        let mut bytes = self.own.to_vec();
        put_chunk(&mut bytes, path.as_bytes());
        bytes.extend_from_slice(&self.names);
        bytes
    }
}

/// Everything that a look at a name tells and that a change would change.
type Mark = [u8; MARK];
const MARK: usize = 5 * 8 + 3 * 4;

fn mark(key: &StatKey, mode: u32, uid: u32, gid: u32) -> Mark {
    let mut mark = [0; MARK];
    let long = [
        key.size,
        key.ino,
        key.dev,
        key.mtime_ns.cast_unsigned(),
        key.ctime_ns.cast_unsigned(),
    ];
    let (first, last) = mark.split_at_mut(5 * 8);
    for (bytes, number) in first.chunks_exact_mut(8).zip(long) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    for (bytes, number) in last.chunks_exact_mut(4).zip([mode, uid, gid]) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    mark
}

fn mark_of(stat: &FileStat) -> Mark {
    mark(&stat_key(stat), stat.st_mode, stat.st_uid, stat.st_gid)
}

/// Looks at every folder, on two threads: it is the system that takes the time.
fn all_as_they_were(root: &Root, folders: &[&[u8]]) -> bool {
    let (next, same) = (AtomicUsize::new(0), AtomicBool::new(true));
    let work = || {
        while let (Some(folder), true) = (
            folders.get(next.fetch_add(1, Ordering::Relaxed)),
            same.load(Ordering::Relaxed),
        ) {
            if folder_as_it_was(root, folder).is_none() {
                same.store(false, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    same.into_inner()
}

/// `None` if anything differs.
fn folder_as_it_was(root: &Root, folder: &[u8]) -> Option<()> {
    let mut rest = Reader(folder);
    let own = rest.take(MARK)?;
    let path = std::str::from_utf8(rest.chunk()?).ok()?;
    let path = (!path.is_empty()).then(|| RelPath::new(path)).transpose().ok()?;
    let dir = root.open_dir(path.as_ref()).ok()?;
    if mark_of(&fstat(&dir).ok()?) != *own {
        return None;
    }
    while !rest.0.is_empty() {
        let seen = rest.take(MARK)?;
        let name = CStr::from_bytes_with_nul(rest.chunk()?).ok()?;
        let stat = fstatat(dir.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
        if mark_of(&stat) != *seen {
            return None;
        }
    }
    Some(())
}

/// Network and stacked file systems keep the times of directories as they see fit.
fn names_are_told_by_times(root: &Root) -> bool {
    let local = [
        statfs::EXT4_SUPER_MAGIC,
        statfs::XFS_SUPER_MAGIC,
        statfs::BTRFS_SUPER_MAGIC,
        statfs::TMPFS_MAGIC,
    ];
    statfs::fstatfs(root.fd()).is_ok_and(|found| local.contains(&found.filesystem_type()))
}

/// CRC-32: the file is private to its owner, so that damage is all that has to be noticed, and a check of a whole tree
/// is so short that a digest of it would show.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

/// A length and as many bytes.
fn put_chunk(bytes: &mut Vec<u8>, chunk: &[u8]) {
    // A chunk of 4 GiB would be read as a shorter one, and what follows it as damaged.
    let length = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(chunk);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn chunk(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(self.take(4)?.try_into().ok()?);
        self.take(usize::try_from(length).ok()?)
    }
}
