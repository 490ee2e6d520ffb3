//! Another run as a person sees it, while it is under way.

use crate::api::Result;
use crate::config::load;
use crate::model::Progress;
use crate::store::told::{Line, RunId};
use crate::verb::attach::{self, Watch};

use super::args::Args;
use super::progress::Bar;
use super::{print_report, tell};

/// What is told goes to stderr as it comes: steps as lines, work that takes long as on the run's own terminal.
struct Shown {
    bar: Bar,
}

pub(super) fn attach(args: &Args, name: &str) -> Result<u8> {
    let settings = load::load(&args.dirs(), name);
    let mut shown = Shown { bar: Bar::new() };
    let report = attach::attach(name, settings, &Bar::new(), &mut shown);
    print_report(args, &report)?;
    Ok(report.exit())
}

impl Watch for Shown {
    fn begins(&mut self, run: &RunId) {
        tell(&format!(
            "`pitstop {}` is under way, process {}, since {}\n",
            run.action.name(),
            run.pid,
            run.began
        ));
    }

    fn sees(&mut self, line: &Line) {
        match line {
            Line::Run(_) => {}
            Line::Begin { label, total } => self.bar.begin(label, *total),
            Line::Done(bytes) => self.bar.advance(*bytes),
            Line::End => self.bar.end(),
            Line::Step(step) => {
                let mark = if step.ok { "ok    " } else { "failed" };
                self.say(&format!("{mark} {}: {} ({} ms)", step.step, step.detail, step.ms));
            }
            Line::Warning(warning) => self.say(&format!("note   {warning}")),
        }
    }

    fn ended(&mut self, run: &RunId, ended: &str) {
        tell(&format!("`pitstop {}` ended at {ended}\n", run.action.name()));
    }
}

impl Shown {
    fn say(&self, line: &str) {
        let clean = line.replace(|c: char| c.is_control(), "?");
        self.bar.aside(|| tell(&format!("{clean}\n")));
    }
}
