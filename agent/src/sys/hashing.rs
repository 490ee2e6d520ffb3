//! SHA-256 of many files over all cores.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::Mode;

use super::fault::{Effect, effect};
use super::fs;
use crate::api::{Failure, Result};
use crate::model::digest::Hasher;
use crate::model::{Digest, Progress, RelPath};

/// A file to hash.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Where, below the root.
    pub path: &'a RelPath,
    /// Its size in bytes, which only decides the order.
    pub size: u64,
}

/// One buffer per thread: larger ones leave the caches of the CPU and bring nothing.
const BUFFER: usize = 256 << 10;

/// The digests of files below a root, in the order of `files`. No symlink is followed.
///
/// # Errors
/// The first file that cannot be read, by its path.
pub fn hash_files(root: &Path, files: &[Wanted<'_>], progress: &dyn Progress) -> Result<Vec<Digest>> {
    let tree = ReadTree::open(root).map_err(|error| Failure::io("read the directory", root, error))?;
    let sizes: Vec<u64> = files.iter().map(|file| file.size).collect();
    progress.begin("hashing", sizes.iter().sum());
    let digests = digest_all(&sizes, |at, buffer| {
        let path = files[at].path;
        effect(Effect::Read, "hash", path, || {
            hash(&mut tree.file(path)?, buffer, progress)
        })
        .map_err(|error| Failure::io("read", path.under(root), error))
    });
    progress.end();
    digests
}

/// Does a job for every item on all cores. The items are begun in their order.
///
/// # Errors
/// Of the first job that fails; no further ones start.
pub fn on_all_cores<T, E, F>(items: &[T], job: F) -> std::result::Result<(), E>
where
    T: Sync,
    E: Send,
    F: Fn(&T) -> std::result::Result<(), E> + Sync,
{
    crew(items.len(), |next| {
        while let Some(item) = items.get(next()) {
            job(item)?;
        }
        Ok(())
    })
    .map(drop)
}

/// Does a job for every item on all cores. Returns what comes of them in the items' order.
///
/// # Errors
/// Of the first job that fails; no further ones start.
pub fn map_on_all_cores<T, R, E, F>(items: &[T], job: F) -> std::result::Result<Vec<R>, E>
where
    T: Sync,
    R: Send,
    E: Send,
    F: Fn(&T) -> std::result::Result<R, E> + Sync,
{
    let done = crew(items.len(), |next| {
        let mut done = Vec::new();
        loop {
            let at = next();
            match items.get(at) {
                Some(item) => done.push((at, job(item)?)),
                None => return Ok(done),
            }
        }
    })?;
    let mut done: Vec<(usize, R)> = done.into_iter().flatten().collect();
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// Lets one worker per core take numbers from 0 until all `count` are taken or one worker fails.
fn crew<T, E, F>(count: usize, worker: F) -> std::result::Result<Vec<T>, E>
where
    T: Send,
    E: Send,
    F: Fn(&dyn Fn() -> usize) -> std::result::Result<T, E> + Sync,
{
    let taken = AtomicUsize::new(0);
    let next = || taken.fetch_add(1, Ordering::Relaxed);
    let work = || {
        worker(&next).inspect_err(|_| {
            taken.store(count, Ordering::Relaxed);
        })
    };
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores.min(count)).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

/// Computes one digest per size on all cores; `job` gets the index and a buffer. The jobs with the largest sizes
/// start first: one that came last would keep one core busy while the others idle.
///
/// # Errors
/// Of the first job that fails; no further ones start.
pub fn digest_all<E, F>(sizes: &[u64], job: F) -> std::result::Result<Vec<Digest>, E>
where
    E: Send,
    F: Fn(usize, &mut [u8]) -> std::result::Result<Digest, E> + Sync,
{
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(sizes[at]));
    let done = crew(order.len(), |next| {
        let mut buffer = vec![0; BUFFER];
        let mut done = Vec::new();
        while let Some(&at) = order.get(next()) {
            done.push((at, job(at, &mut buffer)?));
        }
        Ok(done)
    })?;
    let mut digests = vec![Digest([0; 32]); sizes.len()];
    for (at, digest) in done.into_iter().flatten() {
        digests[at] = digest;
    }
    Ok(digests)
}

/// The digest of everything that is left to read.
///
/// # Errors
/// Of the reader.
pub fn hash(content: &mut dyn Read, buffer: &mut [u8], progress: &dyn Progress) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    loop {
        match content.read(buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                progress.advance(n as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The digest of a whole file.
///
/// # Errors
/// Of the system.
pub fn hash_file(path: &Path, progress: &dyn Progress) -> io::Result<Digest> {
    hash(&mut fs::open(path)?, &mut vec![0; BUFFER], progress)
}

/// Hashes what passes.
pub struct Hashed<T> {
    inner: T,
    hasher: Hasher,
}

impl<T> Hashed<T> {
    /// Nothing has passed yet.
    pub fn new(inner: T) -> Self {
        Self {
            inner,
            hasher: Hasher::default(),
        }
    }

    /// The digest of all that has passed.
    pub fn finish(self) -> Digest {
        self.hasher.finish()
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A directory whose files are opened by paths below it.
#[derive(Debug)]
pub struct ReadTree(OwnedFd);

impl ReadTree {
    /// Opens the directory, a symlink followed.
    ///
    /// # Errors
    /// Of the system.
    pub fn open(root: &Path) -> io::Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self(openat(AT_FDCWD, root, flags, Mode::empty())?))
    }

    /// Opens a regular file below the directory, no symlink followed.
    ///
    /// # Errors
    /// Of the system, or it is not a regular file.
    pub fn file(&self, path: &RelPath) -> io::Result<File> {
        // Without O_NONBLOCK a pipe in the file's place would block for ever; on files it means nothing.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let how = OpenHow::new()
            .flags(flags)
            .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
        let fd = match openat2(&self.0, path.as_str(), how) {
            // Before Linux 5.6, and where a container forbids it; then only the last component is guarded.
            Err(Errno::ENOSYS | Errno::EPERM) => openat(&self.0, path.as_str(), flags, Mode::empty())?,
            opened => opened?,
        };
        let file = File::from(fd);
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "tests build their trees with plain calls"
    )]

    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::api::ErrorKind;

    #[derive(Default)]
    struct Count(AtomicU64);

    impl Progress for Count {
        fn begin(&self, _: &str, _: u64) {}
        fn advance(&self, bytes: u64) {
            self.0.fetch_add(bytes, Ordering::Relaxed);
        }
        fn end(&self) {}
    }

    fn wanted(paths: &[RelPath]) -> Vec<Wanted<'_>> {
        paths
            .iter()
            .enumerate()
            .map(|(n, path)| Wanted {
                path,
                size: n as u64 % 5,
            })
            .collect()
    }

    #[test]
    fn digests_come_in_the_order_of_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let sizes = [0, 1, 63, 64, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER + 7];
        let content = |n: usize| vec![u8::try_from(n % 251).unwrap(); sizes[n % sizes.len()]];
        let paths: Vec<RelPath> = (0..40).map(|n| RelPath::new(&format!("f{n}")).unwrap()).collect();
        for (n, path) in paths.iter().enumerate() {
            std::fs::write(path.under(dir.path()), content(n)).unwrap();
        }
        let progress = Count::default();
        let digests = hash_files(dir.path(), &wanted(&paths), &progress).unwrap();
        let expected: Vec<_> = (0..40).map(|n| Digest::of(&content(n))).collect();
        assert_eq!(digests, expected);
        let total: usize = (0..40).map(|n| content(n).len()).sum();
        assert_eq!(progress.0.into_inner(), total as u64);
        assert!(hash_files(dir.path(), &[], &Count::default()).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_a_plain_file_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("good"), "x").unwrap();
        std::os::unix::fs::symlink("good", dir.path().join("link")).unwrap();
        nix::unistd::mkfifo(&dir.path().join("pipe"), Mode::S_IRUSR).unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        std::fs::write(dir.path().join("sub/file"), "x").unwrap();
        std::os::unix::fs::symlink("sub", dir.path().join("way")).unwrap();
        for bad in ["link", "pipe", "missing", "way/file"] {
            let paths = [RelPath::new("good").unwrap(), RelPath::new(bad).unwrap()];
            let failure = hash_files(dir.path(), &wanted(&paths), &Count::default()).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Io);
            assert_eq!(failure.path.unwrap(), dir.path().join(bad));
        }
    }
}
