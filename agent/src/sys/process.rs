//! Runs programs: the only place that starts a process.
#![expect(clippy::disallowed_methods, reason = "the owner of process creation")]

mod detach;
mod marked;
mod pipes;
mod signal;
#[cfg(test)]
mod tests;
mod user;
mod watched;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::libc;

pub use detach::{Detached, spawn_detached};
pub use marked::end_marked;
pub use pipes::GRACE;
pub use signal::{ProcessId, Signal};
pub use user::User;
pub use watched::{End, run_watched};

use super::clock::Deadline;
use super::interrupt;
use pipes::Stream;
use signal::Ignored;

/// How many bytes of each output stream are kept: the last ones.
pub const TAIL_BYTES: usize = 8 << 10;
/// The search path of a clean environment.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A program to run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spec {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// What it finds in its environment.
    pub env: Environment,
    /// Who runs it; the user of this process without it.
    pub user: Option<User>,
    /// Where it runs; `/` without it, so that it keeps no file system busy.
    pub cwd: Option<PathBuf>,
    /// What it reads from its standard input; nothing without it.
    pub stdin: Option<Vec<u8>>,
}

/// Where a program's environment comes from; the variables given are added or replace others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Environment {
    /// What a login would set (`HOME`, `USER`, `LOGNAME`, `SHELL`, `PATH`, `LANG`) and nothing of this process's
    /// own, where a stray `CARBON_HOME` or `JAVA_OPTS` would turn a server into another one.
    Clean(BTreeMap<String, String>),
    /// That of this process.
    Inherited(BTreeMap<String, String>),
}

impl Default for Environment {
    fn default() -> Self {
        Self::Clean(BTreeMap::new())
    }
}

/// How a program ended and the last of what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its end.
    pub status: ExitStatus,
    /// The last of standard output: [`TAIL_BYTES`], or as many as were asked for.
    pub stdout: Vec<u8>,
    /// How many bytes it wrote there in all.
    pub stdout_bytes: u64,
    /// The last [`TAIL_BYTES`] of it as text; what is not UTF-8 is replaced.
    pub stdout_tail: String,
    /// The last [`TAIL_BYTES`] of standard error; what is not UTF-8 is replaced.
    pub stderr_tail: String,
    /// Whether it was ended because its time was over.
    pub timed_out: bool,
}

impl Output {
    /// Whether it ended by itself with exit code 0.
    pub fn success(&self) -> bool {
        self.status.success() && !self.timed_out
    }

    /// Whether it wrote more to standard output than was kept of it.
    pub fn stdout_is_cut(&self) -> bool {
        self.stdout_bytes > self.stdout.len() as u64
    }

    /// Its end in words, such as `exit code 3`.
    pub fn ending(&self) -> String {
        if self.timed_out {
            "no end within its time".to_owned()
        } else {
            ending(self.status)
        }
    }
}

/// The end of a process in words, such as `exit code 3` or `signal 9`.
pub fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".to_owned(),
    }
}

impl Spec {
    /// A program with a clean environment, run by the user of this process.
    pub fn new(argv: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// The program, for messages.
    pub fn program(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    fn command(&self, locale: (&str, &str)) -> io::Result<Command> {
        let (program, arguments) = self.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command.args(arguments);
        command.current_dir(self.cwd.as_deref().unwrap_or("/".as_ref()));
        let user = self.user.clone().map_or_else(User::current, Ok)?;
        match &self.env {
            Environment::Clean(more) => {
                command.env_clear().env("PATH", PATH);
                command.env("HOME", &user.home).env("SHELL", &user.shell);
                command.env("USER", &user.name).env("LOGNAME", &user.name);
                command.env(locale.0, locale.1).envs(more)
            }
            Environment::Inherited(more) => command.env(locale.0, locale.1).envs(more),
        };
        let switch = user::Switch::to(&user)?;
        let in_child = move || {
            close_on_exec();
            switch.as_ref().map_or(Ok(()), user::Switch::apply)
        };
        // SAFETY: between fork and exec the closure makes plain system calls on memory prepared before; it neither
        // allocates nor takes locks.
        unsafe { command.pre_exec(in_child) };
        Ok(command)
    }
}

/// Marks every descriptor above standard error, so that neither a lock of ours nor a pipe of whoever called us lives
/// on in a server: an `ssh` or Ansible session would wait for that pipe as long as the server runs.
fn close_on_exec() {
    const FIRST: u32 = 3;
    // SAFETY: both calls take integers only and change nothing but a flag of this process's own descriptors.
    unsafe {
        let all = libc::syscall(libc::SYS_close_range, FIRST, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
        if all != 0 {
            for fd in FIRST.cast_signed()..4096 {
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
}

/// Runs a program to its end, in its own process group and with `LC_ALL=C`. After `timeout` its whole group gets
/// SIGTERM, and SIGKILL two seconds later. What it leaves in the background lives on, and so does the program itself if
/// this process is killed.
///
/// # Errors
/// If it cannot be started, with the reason of the system: `NotFound`, or `PermissionDenied` also where it would
/// need another user than this process can become. How it ends is no error.
pub fn run(spec: &Spec, timeout: Duration) -> io::Result<Output> {
    let deadline = Deadline::after(timeout);
    kept(
        spec.command(("LC_ALL", "C"))?,
        spec,
        &|| deadline.passed(),
        TAIL_BYTES,
    )
}

/// The same, keeping so many bytes of standard output. The program does not outlive this process, and its time is over, too,
/// once this run is asked to stop.
///
/// # Errors
/// As [`run`].
pub fn run_keeping(spec: &Spec, timeout: Duration, stdout_bytes: usize) -> io::Result<Output> {
    let mut command = spec.command(("LC_ALL", "C"))?;
    // After the switch to another user, which would take the wish back.
    let bound = || Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?);
    // SAFETY: a plain system call between fork and exec.
    unsafe { command.pre_exec(bound) };
    let deadline = Deadline::after(timeout);
    let gives_up = || deadline.passed() || interrupt::is_asked();
    kept(command, spec, &gives_up, stdout_bytes)
}

fn kept(
    mut command: Command,
    spec: &Spec,
    gives_up: &dyn Fn() -> bool,
    stdout_bytes: usize,
) -> io::Result<Output> {
    let input = spec.stdin.as_ref().map_or_else(Stdio::null, |_| Stdio::piped());
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).spawn()?;
    feed(&mut child, spec.stdin.clone());
    let (mut stdout, mut stderr) = (Tail::new(stdout_bytes), Tail::new(TAIL_BYTES));
    let mut keep = |stream, chunk: &[u8]| match stream {
        Stream::Out => stdout.add(chunk),
        Stream::Err => stderr.add(chunk),
    };
    let (status, timed_out) = pipes::follow(&mut child, gives_up, &mut keep)?;
    let stdout_bytes = stdout.heard;
    let (stdout, stderr) = (stdout.take(), stderr.take());
    Ok(Output {
        status,
        stdout_bytes,
        stdout_tail: String::from_utf8_lossy(last(&stdout, TAIL_BYTES)).into_owned(),
        stdout,
        stderr_tail: String::from_utf8_lossy(&stderr).into_owned(),
        timed_out,
    })
}

/// Lets a person edit a file: runs a shell command with the file's path as its last argument, on this process's own
/// terminal and in its own environment, and waits for its end. Meanwhile Ctrl-C, Ctrl-\\ and a hang-up are the editor's alone: the
/// terminal sends them to this process as well.
///
/// # Errors
/// If the shell cannot be started.
pub fn edit(command: &str, file: &Path) -> io::Result<ExitStatus> {
    let mut shell = Command::new("/bin/sh");
    shell
        .arg("-c")
        .arg(format!("{command} \"$1\""))
        .arg("sh")
        .arg(file);
    let ignored = Ignored::begin()?;
    // SAFETY: the closure makes plain system calls only.
    unsafe {
        shell.pre_exec(move || {
            ignored.end();
            close_on_exec();
            Ok(())
        })
    };
    let ended = shell.status();
    ignored.end();
    ended
}

fn feed(child: &mut Child, bytes: Option<Vec<u8>>) {
    if let (Some(mut pipe), Some(bytes)) = (child.stdin.take(), bytes) {
        // A program need not read its input; then the pipe breaks, and that is its own business.
        std::thread::spawn(move || pipe.write_all(&bytes));
    }
}

/// The end of a stream.
struct Tail {
    keep: usize,
    bytes: Vec<u8>,
    /// How many bytes it had in all.
    heard: u64,
}

impl Tail {
    fn new(keep: usize) -> Self {
        Self {
            keep,
            bytes: Vec::new(),
            heard: 0,
        }
    }

    fn add(&mut self, chunk: &[u8]) {
        self.heard += chunk.len() as u64;
        self.bytes.extend_from_slice(chunk);
        if self.bytes.len() > 4 * self.keep {
            let surplus = self.bytes.len() - self.keep;
            self.bytes.drain(..surplus);
        }
    }

    fn take(self) -> Vec<u8> {
        last(&self.bytes, self.keep).to_vec()
    }
}

fn last(bytes: &[u8], count: usize) -> &[u8] {
    &bytes[bytes.len().saturating_sub(count)..]
}
