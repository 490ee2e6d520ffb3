//! What a program writes, read while it runs. There is no thread that could come too late for it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, ExitStatus};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::killpg;
use nix::unistd::{Pid, read};

use super::Signal;
use crate::sys::clock::Deadline;

/// From SIGTERM to SIGKILL for a command that ran out of time.
pub const GRACE: Duration = Duration::from_secs(2);
/// How long a program that has ended is heard on: what it left in the background may write, and hold the pipe open for ever.
const DRAIN: Duration = Duration::from_millis(250);
/// How long the end of a program that says nothing may go unnoticed.
const TICK: Duration = Duration::from_millis(20);
/// No pipe holds more than this.
const PIPE_BYTES: usize = 1 << 20;

/// Which of a program's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

/// Gets what a program writes, chunk by chunk, as it comes.
pub(super) type Hears<'a> = &'a mut dyn FnMut(Stream, &[u8]);

/// Those pipes of a program that are still open.
#[derive(Debug)]
pub(super) struct Pipes(Vec<(Stream, OwnedFd)>);

/// Hears a program that leads its own process group to its end. Once `gives_up` says so, the whole group gets SIGTERM, and
/// SIGKILL two seconds later. Returns how it ended, and whether that was why.
pub(super) fn follow(
    child: &mut Child,
    gives_up: &dyn Fn() -> bool,
    hears: Hears<'_>,
) -> io::Result<(ExitStatus, bool)> {
    let mut pipes = Pipes::of(child);
    let mut ended = pipes.until_end(child, gives_up, hears)?;
    let given_up = ended.is_none();
    if given_up {
        let group = Pid::from_raw(child.id().cast_signed());
        // No such group means that all of it ended just now.
        let _ = killpg(group, Signal::SIGTERM);
        let deadline = Deadline::after(GRACE);
        ended = pipes.until_end(child, &|| deadline.passed(), hears)?;
        let _ = killpg(group, Signal::SIGKILL);
    }
    let status = ended.map_or_else(|| child.wait(), Ok)?;
    pipes.rest(&Deadline::after(DRAIN), hears)?;
    Ok((status, given_up))
}

impl Pipes {
    /// Takes over a program's pipes.
    pub(super) fn of(child: &mut Child) -> Self {
        let out = child.stdout.take().map(|pipe| (Stream::Out, pipe.into()));
        let err = child.stderr.take().map(|pipe| (Stream::Err, pipe.into()));
        Self(out.into_iter().chain(err).collect())
    }

    fn until_end(
        &mut self,
        child: &mut Child,
        gives_up: &dyn Fn() -> bool,
        hears: Hears<'_>,
    ) -> io::Result<Option<ExitStatus>> {
        // A program that closes its pipes ends mostly at once, and with no pipe left only this says how soon it is seen.
        let mut step = Duration::from_millis(1);
        loop {
            let status = child.try_wait()?;
            if status.is_some() || gives_up() {
                return Ok(status);
            }
            self.hear(step, hears)?;
            step = (step * 2).min(TICK);
        }
    }

    /// After the end: all that was written before it, however late this process gets to read it, and what the background
    /// writes until the deadline.
    pub(super) fn rest(mut self, deadline: &Deadline, hears: Hears<'_>) -> io::Result<()> {
        let mut late = 0;
        while !self.0.is_empty() && late < PIPE_BYTES {
            let over = deadline.passed();
            let count = self.hear(deadline.left(), hears)?;
            if over && count == 0 {
                break;
            }
            late += if over { count } else { 0 };
        }
        Ok(())
    }

    /// Passes on what comes within a time and returns how much that was; without an open pipe it only waits.
    fn hear(&mut self, limit: Duration, hears: Hears<'_>) -> io::Result<usize> {
        let mut ready = self.ready(limit)?.into_iter();
        let (mut buffer, mut count) = ([0; 16 << 10], 0);
        self.0.retain(|(stream, pipe)| {
            if !ready.next().unwrap_or(false) {
                return true;
            }
            match read(pipe, &mut buffer) {
                Ok(0) | Err(_) => false,
                Ok(length) => {
                    hears(*stream, &buffer[..length]);
                    count += length;
                    true
                }
            }
        });
        Ok(count)
    }

    /// Which pipes can be read without waiting, or have ended.
    fn ready(&self, limit: Duration) -> io::Result<Vec<bool>> {
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        let pipes = self.0.iter().map(|(_, pipe)| pipe.as_fd());
        let mut fds: Vec<_> = pipes.map(|pipe| PollFd::new(pipe, PollFlags::POLLIN)).collect();
        loop {
            match poll(&mut fds, limit) {
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(fds.iter().map(|fd| fd.any().unwrap_or(true)).collect()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Spec;
    use super::*;
    use std::process::Stdio;

    /// What is heard of a script that has ended before anybody listened.
    fn heard_late(script: &str) -> (usize, String) {
        let mut command = Spec::new(["/bin/sh", "-c", script])
            .command(("LC_ALL", "C"))
            .unwrap();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.wait().unwrap();
        let (mut out, mut err) = (0, String::new());
        let late = Deadline::after(Duration::ZERO);
        let mut hears = |stream, chunk: &[u8]| match stream {
            Stream::Out => out += chunk.len(),
            Stream::Err => err += &String::from_utf8_lossy(chunk),
        };
        Pipes::of(&mut child).rest(&late, &mut hears).unwrap();
        (out, err)
    }

    #[test]
    fn what_was_written_before_the_end_is_heard_however_late_this_process_gets_to_run() {
        assert_eq!(heard_late("echo out; echo err >&2"), (4, "err\n".to_owned()));
        let (out, pid) = heard_late("sleep 60 & head -c 60000 /dev/zero; echo $! >&2");
        assert_eq!(out, 60000, "a background process holds the pipe open");
        nix::sys::signal::kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
    }

    #[test]
    fn a_background_process_that_writes_for_ever_is_not_heard_for_ever() {
        let (out, pid) = heard_late("echo begins; yes & echo $! >&2");
        assert!((1..PIPE_BYTES + (16 << 10)).contains(&out), "{out}");
        nix::sys::signal::kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
    }
}
