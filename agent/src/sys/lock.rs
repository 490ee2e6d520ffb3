//! Exclusive locks that a kill releases.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::api::{ErrorKind, Failure, Result};

use super::clock::{Deadline, now_rfc3339, pause};
use super::fs;

/// A lock that is held as long as this value lives.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

/// What came of trying to lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Held(Lock),
    /// Somebody else holds it; the text is what they wrote into the file.
    Busy(String),
}

impl Attempt {
    /// The lock; `in_use` says who uses what, by the text of whoever holds it.
    ///
    /// # Errors
    /// `locked`, about the lock at `path`.
    pub fn held(self, path: &Path, in_use: impl FnOnce(&str) -> String) -> Result<Lock> {
        match self {
            Self::Held(lock) => Ok(lock),
            Self::Busy(by) => Err(Failure::new(ErrorKind::Locked, in_use(&by))
                .at(path)
                .hint("wait until that run has ended and run again")),
        }
    }
}

/// Tries to lock a file, made if it does not exist, and writes `who` into it.
///
/// # Errors
/// Of the system.
pub fn try_lock(path: &Path, who: &str) -> io::Result<Attempt> {
    let file = fs::open_append(path)?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut file) => {
            file.set_len(0)?;
            file.write_all(who.as_bytes())?;
            Ok(Attempt::Held(Lock { _file: file }))
        }
        Err((_, Errno::EWOULDBLOCK)) => Ok(Attempt::Busy(
            String::from_utf8_lossy(&fs::read(path, 4096)?).into_owned(),
        )),
        Err((_, error)) => Err(error.into()),
    }
}

/// The same, waiting so long for whoever holds it.
///
/// # Errors
/// Of the system.
pub fn lock_within(path: &Path, patience: Duration) -> io::Result<Attempt> {
    let who = format!("pid {}, since {}", std::process::id(), now_rfc3339());
    let deadline = Deadline::after(patience);
    loop {
        match try_lock(path, &who)? {
            Attempt::Busy(_) if !deadline.passed() => pause(Duration::from_millis(20), &deadline),
            done => return Ok(done),
        }
    }
}

/// Locks a file that is replaced as a whole by whoever changes it, and waits for all who do so under this lock: what is
/// read then is there until this one replaces it.
///
/// # Errors
/// Of the system.
pub fn lock_to_replace(path: &Path) -> io::Result<Lock> {
    loop {
        let file = Flock::lock(fs::open(path)?, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
        let (held, there) = (file.metadata()?, fs::metadata(path)?);
        if (held.dev(), held.ino()) == (there.dev(), there.ino()) {
            return Ok(Lock { _file: file });
        }
    }
}

/// Tries to lock an open directory, so that two runs with different state folders cannot work on one home.
///
/// # Errors
/// Of the system.
pub fn try_lock_dir(dir: impl AsFd) -> io::Result<Option<Lock>> {
    let file = File::from(dir.as_fd().try_clone_to_owned()?);
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(file) => Ok(Some(Lock { _file: file })),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_replaces_a_file_under_its_lock_loses_nothing_of_what_others_add() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write_atomic(&path, b"").unwrap();
        let start = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (path, start) = (&path, &start);
                scope.spawn(move || {
                    start.wait();
                    let _alone = lock_to_replace(path).unwrap();
                    let mut bytes = fs::read(path, 8).unwrap();
                    bytes.push(number);
                    fs::write_atomic(path, &bytes).unwrap();
                });
            }
        });
        assert_eq!(fs::read(&path, 8).unwrap().len(), 8);
    }
}
