//! Exclusive locks that a kill releases.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

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
