//! Programs that are found again by a variable of their environment, which they hand down to what they start.

use std::io;
use std::time::Duration;

use super::signal::{ProcessId, Signal};
use crate::sys::clock::{Deadline, pause};
use crate::sys::procfs;

/// How long a killed process may take to be gone, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(20);

/// Ends every process whose environment has this `NAME=value`, and waits until they are gone.
///
/// # Errors
/// Of the system; `TimedOut` if one does not go.
pub fn end_marked(mark: &str) -> io::Result<()> {
    let patience = Deadline::after(PATIENCE);
    loop {
        let left = marked(mark)?;
        if left.is_empty() {
            return Ok(());
        }
        if patience.passed() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        for process in left {
            process.signal(Signal::SIGKILL)?;
        }
        pause(STEP, &patience);
    }
}

fn marked(mark: &str) -> io::Result<Vec<ProcessId>> {
    let has_mark = |process: &ProcessId| {
        // Those of other users are none of ours.
        let environment = procfs::of_process(process.pid, "environ").unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|one| one == mark.as_bytes())
    };
    let living = procfs::pids()?.into_iter().filter_map(ProcessId::of);
    Ok(living.filter(has_mark).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_with_the_mark_end_and_what_they_started_and_no_others() {
        let mark = format!("PITSTOP_TEST={}", std::process::id());
        let start = |variable: &str| {
            let script = "sleep 600 & wait";
            super::super::Command::new("/usr/bin/env")
                .args([variable, "/bin/sh", "-c", script])
                .spawn()
                .unwrap()
        };
        let (mut ours, mut other) = (start(&mark), start(&format!("{mark}0")));
        let begun = Deadline::after(PATIENCE);
        while marked(&mark).unwrap().len() < 2 && !begun.passed() {
            pause(STEP, &begun);
        }
        end_marked(&mark).unwrap();
        assert!(marked(&mark).unwrap().is_empty());
        assert!(!ours.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none());
        end_marked(&format!("{mark}0")).unwrap();
        other.wait().unwrap();
    }
}
