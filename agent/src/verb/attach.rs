//! `attach`: a run that is under way, or how the last one ended.

use crate::api::report::{Action, Report};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::Settings;
use crate::model::Progress;
use crate::store::Store;
use crate::store::told::{LastReport, Line, RunId};
use crate::sys::follow::Reader;

use super::{check, report_on};

/// What `attach` has to show besides a report.
pub trait Watch {
    /// A run is under way.
    fn begins(&mut self, run: &RunId);
    /// It tells something.
    fn sees(&mut self, line: &Line);
    /// No run is under way any more; this is when the last one ended, and which it was.
    fn ended(&mut self, run: &RunId, ended: &str);
}

/// Follows the run that is under way to its end, if there is one. Returns the report that it left, or that the last run left;
/// where that run was killed, what is there now.
pub fn attach(
    name: &str,
    settings: Result<Settings>,
    progress: &dyn Progress,
    watch: &mut dyn Watch,
) -> Report {
    let found = settings.and_then(|settings| Ok((follow(&settings, watch)?, settings)));
    match found {
        Ok((Found::Report(report), _)) => *report,
        Ok((Found::Killed(run), settings)) => killed(name, settings, &run, progress),
        Err(failure) => report_on(Action::Attach, name, Err(failure), progress, |_, _| Ok(())),
    }
}

enum Found {
    Report(Box<Report>),
    Killed(RunId),
}

fn follow(settings: &Settings, watch: &mut dyn Watch) -> Result<Found> {
    let store = Store::new(&settings.state_dir);
    let path = store.told_file();
    let failed = |error| Failure::io("follow the run in", &path, error);
    let mut run = None;
    if let Some(mut told) = Reader::open(&path).map_err(failed)? {
        let live = told.is_live();
        told.follow(|line| {
            let Ok(line) = serde_json::from_slice(line) else {
                return;
            };
            match line {
                Line::Run(id) => {
                    if live {
                        watch.begins(&id);
                    }
                    run = Some(id);
                }
                line if live => watch.sees(&line),
                _ => {}
            }
        })
        .map_err(failed)?;
    }
    match (store.last_report()?, run) {
        (Some(LastReport { run, ended, report }), told) if told.as_ref().is_none_or(|told| *told == run) => {
            watch.ended(&run, &ended);
            Ok(Found::Report(Box::new(report)))
        }
        (_, Some(run)) => Ok(Found::Killed(run)),
        (_, None) => Err(nothing(&settings.name)),
    }
}

fn nothing(name: &str) -> Failure {
    let message = format!("no run of {name} is under way, and none has ended here");
    Failure::new(ErrorKind::Usage, message).hint(format!("`pitstop check {name}` says where things stand"))
}

fn killed(name: &str, settings: Settings, run: &RunId, progress: &dyn Progress) -> Report {
    let mut report = check::check(name, Ok(settings), &check::Options::default(), progress);
    report.action = Action::Attach;
    let open = report
        .before
        .as_ref()
        .and_then(|before| before.interrupted.as_ref());
    let left = match (open, &report.error) {
        (Some(open), _) => format!(
            "transaction {} was interrupted: {}",
            open.transaction, open.remedy
        ),
        (None, Some(error)) => error.message.clone(),
        (None, None) => format!("it left nothing half done: {}", report.message),
    };
    let message = format!(
        "`pitstop {}`, which began at {}, was killed before it could report; {left}",
        run.action.name(),
        run.began
    );
    let hint = format!("`pitstop {} {name}` again goes on from here", run.action.name());
    report.fail(&Failure::new(ErrorKind::Interrupted, message).hint(hint));
    report
}
