//! Being asked to stop: by a signal, or by the end of the connection that a run was started over. Work that has not
//! touched the server gives up and leaves nothing; other work goes on to its end, since half is worse.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::api::{ErrorKind, Failure, Result};

/// A signal came.
static SIGNALLED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// Whoever started the run is not there any more, which ends it.
static ALONE: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// How much work is under way that goes on to its end.
static BEYOND: AtomicUsize = AtomicUsize::new(0);

/// What the end of the connection means for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDisconnect {
    /// Nothing.
    Continue,
    /// As a signal: it ends at the next safe point.
    Stop,
}

/// From here on SIGINT and SIGTERM ask to stop, and a second one ends at once; a hang-up does what is said. What this
/// process starts gets its signals as usual.
///
/// # Errors
/// Of the system.
pub fn listen(on_disconnect: OnDisconnect) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&SIGNALLED))?;
        flag::register(signal, Arc::clone(&SIGNALLED))?;
    }
    match on_disconnect {
        OnDisconnect::Continue => {
            flag::register(SIGHUP, Arc::default())?;
        }
        OnDisconnect::Stop => {
            flag::register(SIGHUP, Arc::clone(&ALONE))?;
            std::thread::spawn(watch_readers);
        }
    }
    Ok(())
}

/// Without a terminal nobody sends a signal: the reader of the output is gone, that is all.
fn watch_readers() {
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let nobody_reads = |fd: BorrowedFd<'_>| {
        let mut fds = [PollFd::new(fd, PollFlags::empty())];
        let gone = PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL;
        loop {
            match poll(&mut fds, PollTimeout::NONE) {
                Err(nix::errno::Errno::EINTR) => {}
                Err(_) => return false,
                Ok(_) if fds[0].revents().is_some_and(|found| found.intersects(gone)) => return true,
                Ok(_) => {}
            }
        }
    };
    std::thread::scope(|scope| {
        for fd in [stdout.as_fd(), stderr.as_fd()] {
            scope.spawn(move || {
                if nobody_reads(fd) {
                    ALONE.store(true, Ordering::SeqCst);
                }
            });
        }
    });
}

/// Whether somebody asks for a stop, and it would leave nothing half done.
pub fn is_asked() -> bool {
    BEYOND.load(Ordering::SeqCst) == 0 && (SIGNALLED.load(Ordering::SeqCst) || ALONE.load(Ordering::SeqCst))
}

/// A safe point.
///
/// # Errors
/// `cancelled` if somebody asks for a stop.
pub fn go_on() -> Result<()> {
    if !is_asked() {
        return Ok(());
    }
    let why = match SIGNALLED.load(Ordering::SeqCst) {
        true => "a signal asked the run to stop",
        false => "the connection that the run was started over is gone",
    };
    let message = format!("{why}: it had not touched the server, and nothing has changed");
    Err(Failure::new(ErrorKind::Cancelled, message).hint("run again when it may go on"))
}

/// Work that goes on to its end as long as this lives.
#[derive(Debug)]
pub struct Beyond(());

impl Beyond {
    /// It begins.
    pub fn begin() -> Self {
        BEYOND.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Beyond {
    fn drop(&mut self) {
        BEYOND.fetch_sub(1, Ordering::SeqCst);
    }
}
