//! Programs that outlive this process.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};

use nix::sys::stat::{Mode, umask};

use super::{ProcessId, Spec};
use crate::sys::{fs, procfs};

/// A program that runs on its own.
#[derive(Debug)]
pub struct Detached {
    child: Child,
    started_ticks: u64,
}

impl Detached {
    /// The process.
    pub fn id(&self) -> ProcessId {
        ProcessId {
            pid: self.child.id(),
            started_ticks: self.started_ticks,
        }
    }

    /// Its end, if it has ended. Does not wait.
    ///
    /// # Errors
    /// Of the system.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

/// Starts a program in a session of its own, without a terminal, with umask 022 and `LANG=C.UTF-8`, nothing on its
/// standard input and its output at the end of `log_file`, which only its owner may read. It lives on when this
/// process ends and holds none of its descriptors.
///
/// # Errors
/// As [`super::run`]; also if the log file cannot be opened. [`Spec::stdin`] is refused with `InvalidInput`.
pub fn spawn_detached(spec: &Spec, log_file: &Path) -> io::Result<Detached> {
    if spec.stdin.is_some() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let log = fs::open_append(log_file)?;
    let mut command = spec.command(("LANG", "C.UTF-8"))?;
    command.stdin(Stdio::null());
    command.stdout(log.try_clone()?).stderr(log);
    let leave = || {
        nix::unistd::setsid()?;
        umask(Mode::from_bits_truncate(0o022));
        Ok(())
    };
    // SAFETY: two plain system calls between fork and exec.
    unsafe { command.pre_exec(leave) };
    let child = command.spawn()?;
    // A child that was not waited for keeps its entry in `/proc`, even if it has ended already.
    let started_ticks = procfs::Stat::of(child.id())?.started_ticks;
    Ok(Detached { child, started_ticks })
}
