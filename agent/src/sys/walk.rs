//! A fast scan of a directory tree, for a pack's home and for directory sources. Directories are opened relative to
//! their parents and read by several threads; no path is resolved twice and symlinks are never followed.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::libc;
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};

use super::fs::StatKey;
use crate::api::{Failure, Result};
use crate::model::RelPath;

mod guide;

pub use guide::{Everything, Guide, Visit};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link, with its text.
    Symlink(String),
    /// A device, a pipe or a socket.
    Other,
}

/// A path that a walk found.
#[derive(Debug, Clone)]
pub struct Found<T> {
    /// Where.
    pub path: RelPath,
    /// What.
    pub kind: FoundKind,
    /// Permission bits (`0o7777`).
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Number of hard links.
    pub nlink: u64,
    /// What identifies its content; its device tells a mount.
    pub key: StatKey,
    /// What the guide said.
    pub tag: T,
}

/// The result of a walk.
#[derive(Debug)]
pub struct Walked<T> {
    /// Everything that was found, sorted by path.
    pub found: Vec<Found<T>>,
    /// Paths whose name or link text is not UTF-8, as readable as they can be, sorted. They are not entered.
    pub not_utf8: Vec<String>,
    /// The device of the root. A directory on another one is a mount.
    pub root_dev: u64,
}

impl<T> Walked<T> {
    /// The directories on which another file system is mounted, as far as their device numbers tell.
    pub fn mounts(&self) -> impl Iterator<Item = &Found<T>> {
        self.found
            .iter()
            .filter(|found| found.kind == FoundKind::Dir && found.key.dev != self.root_dev)
    }
}

/// Walks the tree below `root`, which may itself be a symlink. What vanishes while the walk runs is left out.
///
/// # Errors
/// The root or a directory that the guide enters cannot be read.
pub fn walk<G: Guide>(root: &Path, guide: &G) -> Result<Walked<G::Tag>> {
    let failed = |errno: Errno| Failure::io("read the directory", root, errno.into());
    let fd = openat(
        nix::fcntl::AT_FDCWD,
        root,
        DIR_FLAGS.difference(OFlag::O_NOFOLLOW),
        Mode::empty(),
    )
    .map_err(failed)?;
    let root_dev = fstat(&fd).map_err(failed)?.st_dev;
    let crew = Crew {
        root,
        guide,
        queue: Mutex::new(Queue {
            jobs: vec![Job {
                parent: Arc::new(fd),
                name: c".".to_owned(),
                path: String::new(),
                at: guide.root(),
            }],
            working: 0,
            stop: false,
        }),
        wake: Condvar::new(),
    };
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 4));
    let mut all = Harvest::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| crew.work())).collect();
        for worker in workers {
            match worker.join() {
                Ok(result) => all.merge(result?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok::<_, Failure>(())
    })?;
    // Each worker's part is sorted already, so that this merges runs.
    all.found.sort_by(|a, b| a.path.cmp(&b.path));
    all.not_utf8.sort();
    Ok(Walked {
        found: all.found,
        not_utf8: all.not_utf8,
        root_dev,
    })
}

const DIR_FLAGS: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

/// A directory to read. It keeps its parent open: last in, first out bounds the open ones by the tree's depth.
struct Job<At> {
    parent: Arc<OwnedFd>,
    name: CString,
    path: String,
    at: At,
}

struct Queue<At> {
    jobs: Vec<Job<At>>,
    working: usize,
    stop: bool,
}

struct Harvest<T> {
    found: Vec<Found<T>>,
    not_utf8: Vec<String>,
}

impl<T> Default for Harvest<T> {
    fn default() -> Self {
        Self {
            found: Vec::new(),
            not_utf8: Vec::new(),
        }
    }
}

impl<T> Harvest<T> {
    fn merge(&mut self, mut other: Self) {
        self.found.append(&mut other.found);
        self.not_utf8.append(&mut other.not_utf8);
    }
}

struct Crew<'a, G: Guide> {
    root: &'a Path,
    guide: &'a G,
    queue: Mutex<Queue<G::At>>,
    wake: Condvar,
}

impl<G: Guide> Crew<'_, G> {
    fn work(&self) -> Result<Harvest<G::Tag>> {
        let mut harvest = Harvest::default();
        while let Some(job) = self.next() {
            let mut shift = Shift {
                crew: self,
                children: Vec::new(),
            };
            if let Err(errno) = self.read_dir(&job, &mut harvest, &mut shift.children) {
                self.lock().stop = true;
                let path = self.root.join(&job.path);
                return Err(Failure::io("read the directory", path, errno.into()));
            }
        }
        harvest.found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(harvest)
    }

    fn lock(&self) -> MutexGuard<'_, Queue<G::At>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Job<G::At>> {
        let mut queue = self.lock();
        loop {
            if queue.stop {
                return None;
            }
            if let Some(job) = queue.jobs.pop() {
                queue.working += 1;
                return Some(job);
            }
            if queue.working == 0 {
                return None;
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn read_dir(
        &self,
        job: &Job<G::At>,
        harvest: &mut Harvest<G::Tag>,
        children: &mut Vec<Job<G::At>>,
    ) -> nix::Result<()> {
        let fd = match openat(&job.parent, job.name.as_c_str(), DIR_FLAGS, Mode::empty()) {
            Err(Errno::ENOENT) => return Ok(()),
            opened => Arc::new(opened?),
        };
        let mut dir = Dir::from_fd(fd.try_clone().map_err(|_| Errno::last())?)?;
        let mut path = job.path.clone();
        if !path.is_empty() {
            path.push('/');
        }
        let prefix = path.len();
        for entry in dir.iter() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            path.truncate(prefix);
            path.push_str(&name.to_string_lossy());
            let Ok(text) = name.to_str() else {
                harvest.not_utf8.push(path.clone());
                continue;
            };
            let seen = Seen {
                dir: &fd,
                name,
                path: &path,
            };
            let Some((found, enter)) = self.look(&seen, text, entry.file_type(), &job.at, harvest)? else {
                continue;
            };
            if let (Some(at), FoundKind::Dir) = (enter, &found.kind) {
                children.push(Job {
                    parent: Arc::clone(&fd),
                    name: name.to_owned(),
                    path: path.clone(),
                    at,
                });
            }
            harvest.found.push(found);
        }
        Ok(())
    }

    /// Asks the guide and then the system about one name, and the system first only if the directory does not say
    /// what kind the name is.
    fn look(
        &self,
        seen: &Seen<'_>,
        name: &str,
        kind: Option<Type>,
        at: &G::At,
        harvest: &mut Harvest<G::Tag>,
    ) -> nix::Result<Option<Sight<G>>> {
        let (is_dir, early) = match kind {
            Some(kind) => (kind == Type::Directory, None),
            None => match seen.stat()? {
                Some(stat) => (is(&stat, libc::S_IFDIR), Some(stat)),
                None => return Ok(None),
            },
        };
        let (tag, enter) = if is_dir {
            match self.guide.dir(at, name) {
                Visit::Skip => return Ok(None),
                Visit::Report(tag) => (tag, None),
                Visit::Enter(below, tag) => (tag, Some(below)),
            }
        } else {
            match self.guide.leaf(at, name) {
                Some(tag) => (tag, None),
                None => return Ok(None),
            }
        };
        let stat = match early {
            Some(stat) => Some(stat),
            None => seen.stat()?,
        };
        let Some(stat) = stat else { return Ok(None) };
        let found = match seen.found(&stat, tag) {
            Err(Errno::ENOENT) => return Ok(None),
            found => found?,
        };
        if found.is_none() {
            harvest.not_utf8.push(seen.path.to_owned());
        }
        Ok(found.map(|found| (found, enter)))
    }
}

/// What was found at a name, and the position below it if it is to be entered.
type Sight<G> = (Found<<G as Guide>::Tag>, Option<<G as Guide>::At>);

/// A worker's stay in one directory. Its end is announced even if the guide panics: the others wait for it.
struct Shift<'a, 'b, G: Guide> {
    crew: &'a Crew<'b, G>,
    children: Vec<Job<G::At>>,
}

impl<G: Guide> Drop for Shift<'_, '_, G> {
    fn drop(&mut self) {
        let mut queue = self.crew.lock();
        queue.jobs.append(&mut self.children);
        queue.working -= 1;
        drop(queue);
        self.crew.wake.notify_all();
    }
}

struct Seen<'a> {
    dir: &'a OwnedFd,
    name: &'a CStr,
    path: &'a str,
}

impl Seen<'_> {
    fn stat(&self) -> nix::Result<Option<FileStat>> {
        match fstatat(self.dir.as_fd(), self.name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// `None` if the path cannot be told in UTF-8.
    fn found<T>(&self, stat: &FileStat, tag: T) -> nix::Result<Option<Found<T>>> {
        let kind = match stat.st_mode & libc::S_IFMT {
            libc::S_IFREG => FoundKind::File,
            libc::S_IFDIR => FoundKind::Dir,
            libc::S_IFLNK => match readlinkat(self.dir.as_fd(), self.name)?.into_string() {
                Ok(target) => FoundKind::Symlink(target),
                Err(_) => return Ok(None),
            },
            _ => FoundKind::Other,
        };
        let Ok(path) = RelPath::new(self.path) else {
            return Ok(None);
        };
        Ok(Some(Found {
            path,
            kind,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            nlink: stat.st_nlink,
            key: stat_key(stat),
            tag,
        }))
    }
}

fn is(stat: &FileStat, kind: libc::mode_t) -> bool {
    stat.st_mode & libc::S_IFMT == kind
}

/// The key of a file that was asked for with a descriptor.
pub fn stat_key(stat: &FileStat) -> StatKey {
    let ns = |seconds: i64, nanos: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos);
    StatKey {
        size: u64::try_from(stat.st_size).unwrap_or(0),
        ino: stat.st_ino,
        dev: stat.st_dev,
        mtime_ns: ns(stat.st_mtime, stat.st_mtime_nsec),
        ctime_ns: ns(stat.st_ctime, stat.st_ctime_nsec),
    }
}

#[cfg(test)]
#[path = "walk/tests.rs"]
mod tests;
