//! What a person sees on a real terminal.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Child;

use crate::common::Lab;
use crate::common::scenario::lab;

/// A run on a terminal of its own, which `script` makes.
struct Terminal {
    child: Child,
    seen: String,
}

impl Terminal {
    fn run(lab: &Lab, args: &str) -> Self {
        let line = format!("{} {args}", env!("CARGO_BIN_EXE_pitstop"));
        let child = lab.spawn_on_terminal(&["--return"], &line);
        Self {
            child,
            seen: String::new(),
        }
    }

    /// Reads until a text has been shown; panics if the run ends before.
    fn until(&mut self, text: &str) {
        let stdout = self.child.stdout.as_mut().unwrap();
        let mut piece = [0; 4096];
        while !self.seen.contains(text) {
            let read = stdout.read(&mut piece).unwrap();
            assert!(read > 0, "`{text}` was never shown: {:?}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
    }

    /// Everything that was shown, and the exit code.
    fn end(mut self) -> (String, Option<i32>) {
        let mut rest = Vec::new();
        self.child.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
        self.seen.push_str(&String::from_utf8_lossy(&rest));
        (self.seen, self.child.wait().unwrap().code())
    }
}

/// A hook that goes on until a file is there.
fn wait_for(lab: &Lab, flag: &Path) {
    let profile = lab.path("products/lab/product.yaml");
    let text = fs::read_to_string(&profile).unwrap();
    let wait = format!("while ! test -e {}; do sleep 0.05; done", flag.display());
    fs::write(
        &profile,
        format!("{text}hooks: [{{when: after-commit, command: [/bin/sh, -c, '{wait}']}}]\n"),
    )
    .unwrap();
}

#[test]
fn what_takes_over_a_second_is_shown_and_taken_away_again() {
    let lab = lab();
    let flag = lab.path("go-on");
    wait_for(&lab, &flag);
    let mut terminal = Terminal::run(&lab, "update lab");
    terminal.until("hook");
    fs::write(&flag, "").unwrap();
    let (seen, code) = terminal.end();
    assert_eq!(code, Some(0), "{seen:?}");
    // The line is erased, and the last word is the report's.
    let last = seen.rsplit_once("hook").unwrap().1;
    assert!(
        last.contains("\u{1b}[2K") || last.contains("\u{1b}[J"),
        "{seen:?}"
    );
    assert!(last.contains("lab 1.0.0 -> 1.1.0"), "{seen:?}");
}

#[test]
fn what_is_quick_shows_nothing_but_the_report() {
    let lab = lab();
    let (seen, code) = Terminal::run(&lab, "--output json check lab").end();
    assert_eq!(code, Some(0), "{seen:?}");
    assert!(
        serde_json::from_str::<serde_json::Value>(&seen).is_ok(),
        "{seen:?}"
    );
}

/// The report on a pipe, the progress on the terminal: one does not get into the other.
#[test]
fn progress_goes_to_stderr() {
    let lab = lab();
    let flag = lab.path("go-on");
    wait_for(&lab, &flag);
    let report = lab.path("report");
    let mut terminal = Terminal::run(&lab, &format!("update lab >{}", report.display()));
    terminal.until("hook");
    fs::write(&flag, "").unwrap();
    assert_eq!(terminal.end().1, Some(0));
    let text = fs::read_to_string(report).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["status"],
        "updated"
    );
}
