//! Files that one process writes line by line while others follow it. The writer holds a lock on the file for as long as
//! it lives, so that its end is seen however it comes; it is not the lock that work is done under, so nobody is in the
//! way by following.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::fs;

/// How often a file that is followed is looked at.
const TICK: Duration = Duration::from_millis(200);

/// The writer's end.
#[derive(Debug)]
pub struct Writer(Flock<File>);

impl Writer {
    /// Puts a new file in the place of an earlier one; it is locked before anybody sees it.
    ///
    /// # Errors
    /// Of the system.
    pub fn create(path: &Path) -> io::Result<Self> {
        let new = path.with_extension("new");
        let file = Flock::lock(fs::create_private(&new)?, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, error)| io::Error::from(error))?;
        fs::rotate(&new, path)?;
        Ok(Self(file))
    }

    /// Adds a line. That it is not written is nobody's loss but the follower's.
    pub fn line(&mut self, line: &[u8]) {
        let _ = self.0.write_all(&[line, b"\n"].concat());
    }
}

/// A follower's end.
#[derive(Debug)]
pub struct Reader {
    file: File,
    /// What was read of a line that is not whole yet.
    rest: Vec<u8>,
    ended: Option<mpsc::Receiver<()>>,
}

impl Reader {
    /// Opens a file, if there is one.
    ///
    /// # Errors
    /// Of the system.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match fs::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let ended = match Flock::lock(file.try_clone()?, FlockArg::LockSharedNonblock) {
            Ok(_) => None,
            Err((file, Errno::EWOULDBLOCK)) => Some(end_of(file)),
            Err((_, error)) => return Err(error.into()),
        };
        Ok(Some(Self {
            file,
            rest: Vec::new(),
            ended,
        }))
    }

    /// Whether its writer lived when the file was opened.
    pub fn is_live(&self) -> bool {
        self.ended.is_some()
    }

    /// What is there, line by line, without waiting.
    ///
    /// # Errors
    /// Of the system.
    pub fn lines(&mut self) -> io::Result<Vec<Vec<u8>>> {
        self.file.read_to_end(&mut self.rest)?;
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n');
        let lines: Vec<u8> = self.rest.drain(..whole.map_or(0, |at| at + 1)).collect();
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.map(<[u8]>::to_vec).collect())
    }

    /// Passes on each line as it comes, until the writer's end.
    ///
    /// # Errors
    /// Of the system.
    pub fn follow(&mut self, mut see: impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            let over = match &self.ended {
                None => true,
                Some(ended) => ended.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout),
            };
            self.lines()?.iter().for_each(|line| see(line));
            if over {
                return Ok(());
            }
        }
    }
}

/// Tells when the lock of the writer is free.
fn end_of(file: File) -> mpsc::Receiver<()> {
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let mut file = file;
        loop {
            match Flock::lock(file, FlockArg::LockShared) {
                Err((same, Errno::EINTR)) => file = same,
                // Its end, or the follower's own, which nobody listens to any more.
                _ => return sender.send(()).unwrap_or_default(),
            }
        }
    });
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_the_end_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("told");
        assert!(Reader::open(&path).unwrap().is_none());
        let mut writer = Writer::create(&path).unwrap();
        writer.line(b"first");
        let mut reader = Reader::open(&path).unwrap().unwrap();
        assert!(reader.is_live());
        assert_eq!(reader.lines().unwrap(), [b"first".to_vec()]);
        writer.0.write_all(b"se").unwrap();
        assert_eq!(reader.lines().unwrap(), Vec::<Vec<u8>>::new());
        let follower = std::thread::spawn(move || {
            let mut seen = Vec::new();
            reader.follow(|line| seen.push(line.to_vec())).unwrap();
            seen
        });
        writer.line(b"cond");
        drop(writer);
        assert_eq!(follower.join().unwrap(), [b"second".to_vec()]);
        let mut late = Reader::open(&path).unwrap().unwrap();
        assert!(!late.is_live());
        assert_eq!(late.lines().unwrap().len(), 2);
    }
}
