//! Programs that are watched while they run.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{ExitStatus, Stdio};

use nix::sys::stat::{Mode, umask};

use super::{Signal, Spec, pipes};
use crate::sys::clock::Deadline;
use crate::sys::interrupt;

/// How a watched program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It was ended because its time was over.
    TimedOut,
}

impl End {
    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signal(signal.unwrap_or(0)),
        }
    }
}

/// Runs a program to its end in a session of its own, so that it has no terminal to ask anybody on, with umask 022 and nothing
/// on its standard input. `hears` gets what it writes to either stream, chunk by chunk, as it comes. At the deadline, or
/// once this run is asked to stop, the program's whole group gets SIGTERM, and SIGKILL two seconds later. It does not
/// outlive this process.
///
/// # Errors
/// As [`super::run`]; [`Spec::stdin`] is refused with `InvalidInput`.
pub fn run_watched(spec: &Spec, deadline: &Deadline, hears: &mut dyn FnMut(&[u8])) -> io::Result<End> {
    if spec.stdin.is_some() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut command = spec.command(("LC_ALL", "C"))?;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let alone = || {
        nix::unistd::setsid()?;
        umask(Mode::from_bits_truncate(0o022));
        // After the switch to another user, which would take the wish back.
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        Ok(())
    };
    // SAFETY: three plain system calls between fork and exec.
    unsafe { command.pre_exec(alone) };
    let mut child = command.spawn()?;
    let gives_up = || deadline.passed() || interrupt::is_asked();
    let (status, given_up) = pipes::follow(&mut child, &gives_up, &mut |_, chunk| hears(chunk))?;
    Ok(if given_up { End::TimedOut } else { End::of(status) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn heard(script: &str, limit: Duration) -> (End, String) {
        let mut text = Vec::new();
        let spec = Spec::new(["/bin/sh", "-c", script]);
        let end = run_watched(&spec, &Deadline::after(limit), &mut |chunk| {
            text.extend_from_slice(chunk)
        });
        (end.unwrap(), String::from_utf8_lossy(&text).into_owned())
    }

    #[test]
    fn both_streams_are_heard_to_the_end_whatever_is_in_them() {
        let minute = Duration::from_secs(60);
        let table = [
            ("echo out; exit 3", End::Code(3), 4),
            ("printf 'a\\rb' >&2", End::Code(0), 3),
            ("kill -9 $$", End::Signal(9), 0),
            ("head -c 3000000 /dev/zero", End::Code(0), 3_000_000),
            // A background process holds the pipe; it is not waited for.
            ("sleep 60 & echo over", End::Code(0), 5),
        ];
        for (script, expected, length) in table {
            let (end, text) = heard(script, minute);
            assert_eq!((end, text.len()), (expected, length), "{script}");
        }
    }

    #[test]
    fn it_has_no_terminal_no_input_and_no_more_time_than_it_got() {
        // Without the shell's own complaint, which comes in pieces by the other stream.
        let asks = "cat; (cat </dev/tty) 2>/dev/null || echo none";
        let (end, text) = heard(asks, Duration::from_secs(60));
        assert_eq!((end, text.as_str()), (End::Code(0), "none\n"));
        let stubborn = "trap '' TERM; echo waits; sleep 60 & wait; sleep 60";
        let (end, text) = heard(stubborn, Duration::from_secs(2));
        assert_eq!((end, text.as_str()), (End::TimedOut, "waits\n"));
    }
}
