//! Programs that are watched while they run.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use nix::sys::signal::killpg;
use nix::unistd::Pid;

use super::{DRAIN, GRACE, Signal, Spec, wait_until};
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

/// How often the time is looked at while the program says nothing.
const TICK: Duration = Duration::from_millis(100);
/// Chunks of output on their way. A program that writes faster than it is listened to has to wait.
const CHUNKS: usize = 64;

/// Runs a program to its end in a session of its own, so that it has no terminal to ask anybody on, with nothing on its
/// standard input. `hears` gets what it writes to either stream, chunk by chunk, as it comes. At the deadline, or
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
        // After the switch to another user, which would take the wish back.
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        Ok(())
    };
    // SAFETY: two plain system calls between fork and exec.
    unsafe { command.pre_exec(alone) };
    let mut child = command.spawn()?;
    let (sender, chunks) = mpsc::sync_channel(CHUNKS);
    pass_on(child.stdout.take(), sender.clone());
    pass_on(child.stderr.take(), sender);
    listen(&mut child, deadline, &chunks, hears)
}

/// Ends when the program has ended and its output was heard; what it left in the background may hold its pipes open.
fn listen(
    child: &mut Child,
    deadline: &Deadline,
    chunks: &mpsc::Receiver<Vec<u8>>,
    hears: &mut dyn FnMut(&[u8]),
) -> io::Result<End> {
    let mut drained = None;
    loop {
        match chunks.recv_timeout(TICK.min(deadline.left())) {
            Ok(chunk) => hears(&chunk),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let ended = wait_until(child, deadline)?;
                return ended.map_or_else(|| end(child), |status| Ok(End::of(status)));
            }
        }
        match (child.try_wait()?, &drained) {
            (Some(status), Some(by)) if Deadline::passed(by) => return Ok(End::of(status)),
            (Some(_), Some(_)) => {}
            (Some(_), None) => drained = Some(Deadline::after(DRAIN)),
            (None, _) if deadline.passed() || interrupt::is_asked() => return end(child),
            (None, _) => {}
        }
    }
}

fn end(child: &mut Child) -> io::Result<End> {
    let group = Pid::from_raw(child.id().cast_signed());
    // No such group means that all of it ended just now.
    let _ = killpg(group, Signal::SIGTERM);
    wait_until(child, &Deadline::after(GRACE))?;
    let _ = killpg(group, Signal::SIGKILL);
    child.wait()?;
    Ok(End::TimedOut)
}

fn pass_on(stream: Option<impl Read + Send + 'static>, sender: mpsc::SyncSender<Vec<u8>>) {
    let Some(mut stream) = stream else { return };
    std::thread::spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        loop {
            match stream.read(&mut buffer) {
                Ok(count) if count > 0 => {
                    if sender.send(buffer[..count].to_vec()).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return,
            }
        }
    });
}

#[cfg(test)]
mod tests {
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
