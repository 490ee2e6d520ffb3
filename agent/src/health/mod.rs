//! Probes and their policy: how it is told that a server is well, and what follows from the answers.

mod answer;
mod excerpt;
pub(crate) mod http;
mod log;
pub mod parse;
pub mod policy;
mod probe;
pub mod suite;
#[cfg(test)]
pub(crate) mod tests;
mod trial;

pub use answer::Answer;
pub use excerpt::excerpt;
pub use log::{LogMarks, mark_logs};
pub use policy::{Verdict, judge, with_baseline};
pub use probe::{Prober, Up};
pub use trial::{Trials, Waiting, run_all, run_while};

use crate::api::report::{ProbeView, RunState};
use crate::observe::process::Observed;

/// The check that the server's process lives, as a probe that must pass.
pub fn process_view(observed: &Observed) -> ProbeView {
    let mains = observed.mains().map(|found| {
        let view = &found.view;
        format!("{} ({}): {}", view.pid, view.program, view.evidence)
    });
    let mains: Vec<String> = mains.collect();
    let detail = match observed.state {
        RunState::Running => format!("process {}", mains.join("; ")),
        RunState::Stopped => "no process of the server lives".to_owned(),
        RunState::Unknown => "it cannot be told whether the server lives".to_owned(),
    };
    ProbeView {
        name: "process".to_owned(),
        kind: "process".to_owned(),
        required: true,
        ok: observed.state == RunState::Running,
        detail,
        attempts: 1,
        ms: 0,
        baseline_ok: None,
    }
}
