//! Signals that can only reach the process that was meant.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
pub use nix::sys::signal::Signal;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, sigaction};

use crate::sys::procfs::Stat;

/// What a terminal sends to every process that it is the terminal of.
const OF_TERMINALS: [Signal; 3] = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP];

/// What this process did with them before it ignored them.
#[derive(Clone, Copy)]
pub(super) struct Ignored([(Signal, SigAction); 3]);

impl Ignored {
    pub(super) fn begin() -> io::Result<Self> {
        let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
        let mut before = OF_TERMINALS.map(|signal| (signal, ignore));
        for (signal, action) in &mut before {
            // SAFETY: to ignore a signal runs no code.
            *action = unsafe { sigaction(*signal, &ignore) }?;
        }
        Ok(Self(before))
    }

    /// Does with them what was done before; in this process, or in the one that it forked.
    pub(super) fn end(self) {
        for (signal, action) in &self.0 {
            // SAFETY: the action was in force before. It fails for what is no signal only.
            let _ = unsafe { sigaction(*signal, action) };
        }
    }
}

/// One process, and no later one that got the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId {
    /// Process id.
    pub pid: u32,
    /// Start time in clock ticks since boot.
    pub started_ticks: u64,
}

impl ProcessId {
    /// The living process that has this pid now.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = Stat::of(pid).ok().filter(Stat::lives)?;
        Some(Self {
            pid,
            started_ticks: stat.started_ticks,
        })
    }

    /// Whether it still lives.
    pub fn lives(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Sends it a signal; `false` if it is gone already.
    ///
    /// The handle is opened before the start time is compared, so that the pid cannot get a new owner in between.
    /// Kernels before 5.3 have no such handles; there the gap is as small as it can be made.
    ///
    /// # Errors
    /// Of the system; `PermissionDenied` for processes of other users.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        let handle = match pidfd_open(self.pid) {
            Ok(handle) => Some(handle),
            Err(Errno::ENOSYS) => None,
            Err(Errno::ESRCH) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if !self.lives() {
            return Ok(false);
        }
        let sent = match handle {
            Some(handle) => pidfd_send_signal(&handle, signal),
            None => nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid.cast_signed()), signal),
        };
        match sent {
            Ok(()) => Ok(true),
            Err(Errno::ESRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn pidfd_open(pid: u32) -> nix::Result<OwnedFd> {
    // SAFETY: takes two integers; the descriptor it returns is new, close-on-exec and owned by nobody else.
    unsafe {
        let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid, 0))?;
        Ok(OwnedFd::from_raw_fd(i32::try_from(fd).map_err(|_| Errno::EBADF)?))
    }
}

fn pidfd_send_signal(handle: &OwnedFd, signal: Signal) -> nix::Result<()> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is open, and a null `siginfo_t` is allowed.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            handle.as_raw_fd(),
            signal as i32,
            no_info,
            0,
        )
    };
    Errno::result(sent).map(drop)
}
