//! Everything that changes the tree. Each change is an effect that the crash tests can stop at.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags};
use nix::libc;
use nix::sys::stat::{FchmodatFlags, Mode, UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, LinkatFlags, Uid, UnlinkatFlags};

use super::{Kind, Root, Stat};
use crate::model::RelPath;
use crate::sys::fault::{Effect, effect, sync};

/// Lets a copy share the blocks of a file; `false` where the file system cannot.
fn shares_blocks(source: &File, copy: &File) -> bool {
    // SAFETY: both descriptors are open; the request takes a descriptor as its argument and no memory.
    unsafe { libc::ioctl(copy.as_raw_fd(), libc::FICLONE as _, source.as_raw_fd()) == 0 }
}

impl Root {
    /// Creates a file that did not exist, readable for its owner only.
    ///
    /// # Errors
    /// Of the system.
    pub fn create(&self, path: &RelPath) -> io::Result<File> {
        effect(Effect::Write, "create", path, || {
            let flags =
                OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let mode = Mode::from_bits_truncate(0o600);
            Ok(File::from(nix::fcntl::openat(
                self.parent_of(path)?,
                path.file_name(),
                flags,
                mode,
            )?))
        })
    }

    /// Makes an independent copy of a file's content under a name that does not exist yet, with these permission bits.
    /// Where the file system can, both share their blocks until one of them is written to; tells whether they do.
    ///
    /// # Errors
    /// Of the system.
    pub fn copy_file(&self, from: &RelPath, to: &RelPath, mode: u32) -> io::Result<bool> {
        let mut source = self.open_file(from)?;
        let mut copy = self.create(to)?;
        effect(Effect::Write, "copy", to, || {
            let shared = shares_blocks(&source, &copy);
            if !shared {
                // By copy_file_range(2), where the system knows it.
                io::copy(&mut source, &mut copy)?;
            }
            nix::sys::stat::fchmod(&copy, Mode::from_bits_truncate(mode))?;
            Ok(shared)
        })
    }

    /// Creates a symlink.
    ///
    /// # Errors
    /// Of the system.
    pub fn symlink(&self, target: &str, path: &RelPath) -> io::Result<()> {
        effect(Effect::Write, "symlink", path, || {
            Ok(nix::unistd::symlinkat(
                target,
                self.parent_of(path)?,
                path.file_name(),
            )?)
        })
    }

    /// Makes a second name for a file. Symlinks are linked themselves.
    ///
    /// # Errors
    /// Of the system.
    pub fn link(&self, from: &RelPath, to: &RelPath) -> io::Result<()> {
        effect(Effect::Write, "link", &format_args!("{from} -> {to}"), || {
            let (from_dir, to_dir) = (self.parent_of(from)?, self.parent_of(to)?);
            let none = LinkatFlags::empty();
            Ok(nix::unistd::linkat(
                &from_dir,
                from.file_name(),
                &to_dir,
                to.file_name(),
                none,
            )?)
        })
    }

    /// Makes one directory.
    ///
    /// # Errors
    /// Of the system.
    pub fn make_dir(&self, path: &RelPath, mode: u32) -> io::Result<()> {
        effect(Effect::Write, "mkdir", path, || {
            let parent = self.parent_of(path)?;
            nix::sys::stat::mkdirat(&parent, path.file_name(), Mode::from_bits_truncate(0o700))?;
            // mkdir's mode is cut by the umask and loses special bits.
            self.set_mode_at(&parent, path, mode)
        })
    }

    /// Makes a directory and what is missing above it, readable for its owner only.
    ///
    /// # Errors
    /// Of the system.
    pub fn make_private_dirs(&self, path: &RelPath) -> io::Result<()> {
        self.make_all_private_dirs([path])
    }

    /// The same for many directories: what is above several of them is looked at once.
    ///
    /// # Errors
    /// Of the system.
    pub fn make_all_private_dirs<'p>(&self, paths: impl IntoIterator<Item = &'p RelPath>) -> io::Result<()> {
        let with_those_above = |path: &RelPath| path.ancestors().chain([path.clone()]).collect::<Vec<_>>();
        let all: BTreeSet<RelPath> = paths.into_iter().flat_map(with_those_above).collect();
        // A directory sorts before what is in it.
        for dir in all {
            if self.stat(&dir)?.is_none() {
                self.make_dir(&dir, 0o700)?;
            }
        }
        Ok(())
    }

    /// Moves a name; the target must not exist.
    ///
    /// # Errors
    /// Of the system, `AlreadyExists` if the target exists.
    pub fn rename(&self, from: &RelPath, to: &RelPath) -> io::Result<()> {
        effect(Effect::Write, "rename", &format_args!("{from} -> {to}"), || {
            let (from_dir, to_dir) = (self.parent_of(from)?, self.parent_of(to)?);
            let (old, new) = (from.file_name(), to.file_name());
            match nix::fcntl::renameat2(&from_dir, old, &to_dir, new, RenameFlags::RENAME_NOREPLACE) {
                // Some network file systems do not know the flag.
                Err(Errno::EINVAL | Errno::ENOSYS) if self.stat(to)?.is_none() => {
                    Ok(nix::fcntl::renameat(&from_dir, old, &to_dir, new)?)
                }
                other => Ok(other?),
            }
        })
    }

    /// Moves a file onto a name that another one has: at no moment does nothing stand there.
    ///
    /// # Errors
    /// Of the system.
    pub fn rename_over(&self, from: &RelPath, to: &RelPath) -> io::Result<()> {
        effect(Effect::Write, "replace", &format_args!("{from} -> {to}"), || {
            let (from_dir, to_dir) = (self.parent_of(from)?, self.parent_of(to)?);
            Ok(nix::fcntl::renameat(
                &from_dir,
                from.file_name(),
                &to_dir,
                to.file_name(),
            )?)
        })
    }

    /// Replaces a file as a whole: a kill or a power cut leaves the old content or the new one. Readable for its owner only.
    ///
    /// # Errors
    /// Of the system.
    pub fn replace_file(&self, path: &RelPath, bytes: &[u8]) -> io::Result<()> {
        let temporary = path.with_suffix(".pitstop-new");
        self.remove_tree(&temporary)?;
        self.create(&temporary)?.write_all(bytes)?;
        self.sync_file(&temporary)?;
        self.rename_over(&temporary, path)?;
        self.sync_dir(path.parent().as_ref())
    }

    /// Removes a file or link.
    ///
    /// # Errors
    /// Of the system.
    pub fn unlink(&self, path: &RelPath) -> io::Result<()> {
        effect(Effect::Write, "unlink", path, || {
            Ok(nix::unistd::unlinkat(
                self.parent_of(path)?,
                path.file_name(),
                UnlinkatFlags::NoRemoveDir,
            )?)
        })
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// Of the system.
    pub fn remove_dir(&self, path: &RelPath) -> io::Result<()> {
        effect(Effect::Write, "rmdir", path, || {
            Ok(nix::unistd::unlinkat(
                self.parent_of(path)?,
                path.file_name(),
                UnlinkatFlags::RemoveDir,
            )?)
        })
    }

    /// Removes whatever stands at a path, with everything below it. It is no error if nothing does.
    ///
    /// # Errors
    /// Of the system.
    pub fn remove_tree(&self, path: &RelPath) -> io::Result<()> {
        match self.stat(path)? {
            None => Ok(()),
            Some(Stat { kind: Kind::Dir, .. }) => {
                for name in self.names_in(Some(path))? {
                    let below = path
                        .join(&name)
                        .map_err(|_| io::Error::from(io::ErrorKind::InvalidFilename))?;
                    self.remove_tree(&below)?;
                }
                self.remove_dir(path)
            }
            Some(_) => self.unlink(path),
        }
    }

    /// Sets permission bits of a file or directory.
    ///
    /// # Errors
    /// Of the system.
    pub fn set_mode(&self, path: &RelPath, mode: u32) -> io::Result<()> {
        effect(Effect::Write, "chmod", path, || {
            self.set_mode_at(&self.parent_of(path)?, path, mode)
        })
    }

    fn set_mode_at(&self, parent: &OwnedFd, path: &RelPath, mode: u32) -> io::Result<()> {
        // Opened without following, so that a link put there meanwhile cannot redirect the change.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let bits = Mode::from_bits_truncate(mode);
        match nix::fcntl::openat(parent, path.file_name(), flags, Mode::empty()) {
            Ok(file) => Ok(nix::sys::stat::fchmod(&file, bits)?),
            Err(Errno::EACCES) => {
                // The owner of an unreadable file may still change its mode.
                Ok(nix::sys::stat::fchmodat(
                    parent,
                    path.file_name(),
                    bits,
                    FchmodatFlags::NoFollowSymlink,
                )?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sets owner and group; a symlink's own.
    ///
    /// # Errors
    /// Of the system.
    pub fn set_owner(&self, path: &RelPath, uid: u32, gid: u32) -> io::Result<()> {
        effect(Effect::Write, "chown", path, || {
            let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            let parent = self.parent_of(path)?;
            Ok(nix::unistd::fchownat(
                &parent,
                path.file_name(),
                uid,
                gid,
                AtFlags::AT_SYMLINK_NOFOLLOW,
            )?)
        })
    }

    /// Sets when a file was last changed, in nanoseconds since the epoch.
    ///
    /// # Errors
    /// Of the system.
    pub fn set_modified(&self, path: &RelPath, at_ns: i64) -> io::Result<()> {
        effect(Effect::Write, "set-time", path, || {
            let at = TimeSpec::new(at_ns.div_euclid(1_000_000_000), at_ns.rem_euclid(1_000_000_000));
            let parent = self.parent_of(path)?;
            Ok(utimensat(
                &parent,
                path.file_name(),
                &at,
                &at,
                UtimensatFlags::NoFollowSymlink,
            )?)
        })
    }

    /// Makes a file's content survive a power cut.
    ///
    /// # Errors
    /// Of the system.
    pub fn sync_file(&self, path: &RelPath) -> io::Result<()> {
        sync("fsync", path, || {
            let flags = OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let file = match nix::fcntl::openat(self.parent_of(path)?, path.file_name(), flags, Mode::empty())
            {
                // The mode that it was given may not let its owner write.
                Err(Errno::EACCES) => {
                    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                    nix::fcntl::openat(self.parent_of(path)?, path.file_name(), flags, Mode::empty())?
                }
                other => other?,
            };
            File::from(file).sync_all()
        })
    }

    /// Makes everything written to the file system of a directory survive a power cut; `None` is the tree's own.
    ///
    /// # Errors
    /// Of the system; kernels before 5.8 do not report what could not be written.
    pub fn sync_file_system(&self, path: Option<&RelPath>) -> io::Result<()> {
        let shown = path.map_or(".", RelPath::as_str);
        sync("syncfs", &shown, || {
            Ok(nix::unistd::syncfs(&self.open_dir(path)?)?)
        })
    }

    /// Makes whatever stands at a path, file or directory, survive a power cut.
    ///
    /// # Errors
    /// Of the system.
    pub fn sync_path(&self, path: &RelPath) -> io::Result<()> {
        match self.stat(path)? {
            Some(Stat { kind: Kind::Dir, .. }) => self.sync_dir(Some(path)),
            Some(Stat { kind: Kind::File, .. }) => self.sync_file(path),
            _ => Ok(()),
        }
    }

    /// Makes the names in a directory survive a power cut; `None` is the tree's own directory.
    ///
    /// # Errors
    /// Of the system.
    pub fn sync_dir(&self, path: Option<&RelPath>) -> io::Result<()> {
        let shown = path.map_or(".", RelPath::as_str);
        sync("fsync-dir", &shown, || {
            File::from(self.open_dir(path)?).sync_all()
        })
    }
}
