//! Work inside one directory tree that can never leave it: paths are resolved without symlinks, one on the way is an
//! error (`ENOTDIR`), so that whoever may write into a home cannot lead a privileged agent out of it.

mod attributes;
mod change;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::{FileStat, Mode, SFlag};

use super::fault::{Effect, effect};
use super::fs::StatKey;
use crate::model::RelPath;

/// A directory tree, held open.
#[derive(Debug)]
pub struct Root {
    dir: OwnedFd,
    path: PathBuf,
}

/// What stands at a path, a final symlink not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// The kind.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Owning user.
    pub uid: u32,
    /// Owning group.
    pub gid: u32,
    /// What identifies the content.
    pub key: StatKey,
}

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A device, pipe or socket.
    Other,
}

impl Stat {
    fn of(raw: &FileStat) -> Self {
        let kind = match SFlag::from_bits_truncate(raw.st_mode & SFlag::S_IFMT.bits()) {
            SFlag::S_IFREG => Kind::File,
            SFlag::S_IFDIR => Kind::Dir,
            SFlag::S_IFLNK => Kind::Symlink,
            _ => Kind::Other,
        };
        let ns = |seconds: i64, nanos: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos);
        let key = StatKey {
            size: raw.st_size.unsigned_abs(),
            ino: raw.st_ino,
            dev: raw.st_dev,
            mtime_ns: ns(raw.st_mtime, raw.st_mtime_nsec),
            ctime_ns: ns(raw.st_ctime, raw.st_ctime_nsec),
        };
        Self {
            kind,
            mode: raw.st_mode & 0o7777,
            uid: raw.st_uid,
            gid: raw.st_gid,
            key,
        }
    }
}

const DIR_FLAGS: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

impl Root {
    /// Opens a directory. The path itself may contain symlinks; what is below it may not.
    ///
    /// # Errors
    /// Of the system.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let dir = nix::fcntl::open(path, flags, Mode::empty())?;
        Ok(Self {
            dir,
            path: path.to_owned(),
        })
    }

    /// A second handle on the same tree.
    ///
    /// # Errors
    /// Of the system.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            dir: self.dir.try_clone()?,
            path: self.path.clone(),
        })
    }

    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open directory.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Opens a directory of the tree; `None` is the tree's own.
    ///
    /// # Errors
    /// Of the system, `ENOTDIR` for a symlink on the way.
    pub fn open_dir(&self, path: Option<&RelPath>) -> io::Result<OwnedFd> {
        let Some(path) = path else {
            return self.dir.try_clone();
        };
        let how = OpenHow::new()
            .flags(DIR_FLAGS)
            .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
        match nix::fcntl::openat2(&self.dir, path.as_str(), how) {
            // Before Linux 5.6, and where a container forbids it.
            Err(Errno::ENOSYS | Errno::EPERM) => self.descend(path),
            // To the walk by hand, a symlink is no directory.
            Err(Errno::ELOOP) => Err(Errno::ENOTDIR.into()),
            opened => Ok(opened?),
        }
    }

    /// What one call of [`Root::open_dir`] does, component by component.
    fn descend(&self, path: &RelPath) -> io::Result<OwnedFd> {
        let mut dir = self.dir.try_clone()?;
        for component in path.as_str().split('/') {
            dir = nix::fcntl::openat(&dir, component, DIR_FLAGS, Mode::empty())?;
        }
        Ok(dir)
    }

    fn parent_of(&self, path: &RelPath) -> io::Result<OwnedFd> {
        self.open_dir(path.parent().as_ref())
    }

    /// What stands at a path; `None` if nothing does, because its parent does not exist or is no directory. A symlink
    /// on the way is no directory.
    ///
    /// # Errors
    /// Of the system.
    pub fn stat(&self, path: &RelPath) -> io::Result<Option<Stat>> {
        let found = self.parent_of(path).and_then(|parent| {
            Ok(nix::sys::stat::fstatat(
                &parent,
                path.file_name(),
                AtFlags::AT_SYMLINK_NOFOLLOW,
            )?)
        });
        match found {
            Ok(raw) => Ok(Some(Stat::of(&raw))),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What the tree's own directory is.
    ///
    /// # Errors
    /// Of the system.
    pub fn stat_self(&self) -> io::Result<Stat> {
        Ok(Stat::of(&nix::sys::stat::fstat(&self.dir)?))
    }

    /// The names in a directory, sorted; names that are not UTF-8 are shown with replacement characters.
    ///
    /// # Errors
    /// Of the system.
    pub fn names_in(&self, path: Option<&RelPath>) -> io::Result<Vec<String>> {
        let mut dir = nix::dir::Dir::from_fd(self.open_dir(path)?)?;
        let mut names = Vec::new();
        for entry in dir.iter() {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// Of the system, `ELOOP` for a symlink.
    pub fn open_file(&self, path: &RelPath) -> io::Result<File> {
        effect(Effect::Read, "read", path, || {
            let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
            let file = nix::fcntl::openat(self.parent_of(path)?, path.file_name(), flags, Mode::empty())?;
            Ok(File::from(file))
        })
    }

    /// The whole content of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// Of the system; `FileTooLarge` beyond the limit.
    pub fn read(&self, path: &RelPath, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_file(path)?
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    /// At most the first `limit` bytes of a file.
    ///
    /// # Errors
    /// Of the system.
    pub fn read_head(&self, path: &RelPath, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_file(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The target of a symlink.
    ///
    /// # Errors
    /// Of the system; `InvalidData` if the target is not UTF-8.
    pub fn read_link(&self, path: &RelPath) -> io::Result<String> {
        let target = nix::fcntl::readlinkat(self.parent_of(path)?, path.file_name())?;
        target
            .into_string()
            .map_err(|_| io::ErrorKind::InvalidData.into())
    }

    /// Free bytes for this user and whether the file system is mounted read-only.
    ///
    /// # Errors
    /// Of the system.
    pub fn space(&self, path: Option<&RelPath>) -> io::Result<Space> {
        let found = nix::sys::statvfs::fstatvfs(&self.open_dir(path)?)?;
        Ok(Space {
            free_bytes: found.blocks_available().saturating_mul(found.fragment_size()),
            read_only: found.flags().contains(nix::sys::statvfs::FsFlags::ST_RDONLY),
        })
    }

    /// Whether this user may add and remove names in a directory.
    ///
    /// # Errors
    /// Of the system.
    pub fn may_write_dir(&self, path: Option<&RelPath>) -> io::Result<bool> {
        let dir = self.open_dir(path)?;
        let access = nix::unistd::AccessFlags::W_OK | nix::unistd::AccessFlags::X_OK;
        match nix::unistd::faccessat(&dir, ".", access, AtFlags::AT_EACCESS) {
            Ok(()) => Ok(true),
            Err(Errno::EACCES | Errno::EPERM) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a file or directory is marked as immutable, which stops even root. A link cannot be.
    ///
    /// # Errors
    /// Of the system.
    pub fn is_immutable(&self, path: &RelPath) -> io::Result<bool> {
        let write = nix::unistd::AccessFlags::W_OK;
        // Without AT_SYMLINK_NOFOLLOW the mark would be that of a link's target.
        let flags = AtFlags::AT_EACCESS | AtFlags::AT_SYMLINK_NOFOLLOW;
        match nix::unistd::faccessat(&self.parent_of(path)?, path.file_name(), write, flags) {
            Err(Errno::EPERM) => Ok(true),
            _ => Ok(false),
        }
    }
}

/// A file system's room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that this user may still write.
    pub free_bytes: u64,
    /// Whether nothing can be written at all.
    pub read_only: bool,
}
