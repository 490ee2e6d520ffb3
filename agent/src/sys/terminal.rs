//! The terminal that a person sits at.

use std::io::{self, BufRead};
use std::os::fd::AsFd;

use nix::libc;
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

/// How many characters a line has; `None` if standard output is no terminal, or does not know.
pub fn width() -> Option<usize> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the call fills the one structure that it is given, and fails for what is no terminal.
    let asked = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (asked == 0 && size.ws_col > 0).then(|| usize::from(size.ws_col))
}

/// A line that a person types, without its end; `None` at the end of the input.
///
/// # Errors
/// Of the system; `InvalidData` if it is not UTF-8.
pub fn line() -> io::Result<Option<String>> {
    let mut line = String::new();
    let count = io::stdin().lock().read_line(&mut line)?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok((count > 0).then(|| line.to_owned()))
}

/// As [`line`], without showing what is typed. `ask` prompts for it: only once nothing is shown any more, or a quick
/// person's first letters would be.
///
/// # Errors
/// As [`line`], or standard input is no terminal.
pub fn hidden_line(ask: impl FnOnce() -> io::Result<()>) -> io::Result<Option<String>> {
    let stdin = io::stdin();
    let shown = tcgetattr(stdin.as_fd())?;
    let mut hidden = shown.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(stdin.as_fd(), SetArg::TCSADRAIN, &hidden)?;
    let typed = ask().and_then(|()| line());
    tcsetattr(stdin.as_fd(), SetArg::TCSADRAIN, &shown)?;
    typed
}
