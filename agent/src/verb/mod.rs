//! The verbs: one file each, the road top to bottom. Every verb returns a [`Report`] and never fails otherwise.

pub mod adopt;
mod again;
pub mod attach;
pub mod bundle;
pub mod check;
pub mod config;
pub mod conflicts;
mod findings;
mod gate;
pub mod hotfix;
mod key_conflicts;
pub mod merge;
mod merges;
pub mod pack;
pub mod receipt;
pub mod recover;
pub mod report;
mod road;
pub mod rollback;
mod rollout;
mod server;
pub mod service;
mod settle;
mod target;
mod told;
pub mod trust;
pub mod update;
mod vendor_tool;
pub mod verify;
mod view;

use std::path::{Path, PathBuf};

use crate::api::plan::Plan;
use crate::api::report::{Action, Report, Status, StepView};
use crate::api::rollout::Gate;
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::{layout, owner};
use crate::config::Settings;
use crate::merge::text::LIMIT;
use crate::model::{Inventory, Progress, RelPath, Release, Work};
use crate::plan::Common;
use crate::session::{Instance, Session};
use crate::store::told::Line;
use crate::sys::clock::{Stopwatch, now_rfc3339};
use crate::sys::{fs, host, interrupt};
use told::{Alone, Told};

/// A verb under way.
pub struct Run<'a> {
    /// What it has to say so far.
    pub report: Report,
    /// Receives the progress of long work.
    pub progress: &'a dyn Progress,
    /// The same progress, and more, for those who follow the run.
    told: &'a Told<'a>,
    /// Set while nobody else may work on the instance.
    alone: Option<Alone>,
    clock: Stopwatch,
    /// Since when the server is down by this run's doing.
    down: Option<Stopwatch>,
    /// The transaction that this run made live itself, from the stop on.
    made_live: Option<String>,
    /// How much of the time for which the server was down the history has accounted for.
    accounted_ms: u64,
    /// The gates that somebody overrode, where they would have refused.
    overridden: Vec<Gate>,
    /// Whether the host's log tells of it.
    logged: bool,
}

impl<'a> Run<'a> {
    fn new(action: Action, instance: &str, told: &'a Told<'a>) -> Self {
        let report = Report::new(action, instance, &host::name());
        Self {
            report,
            progress: told,
            told,
            alone: None,
            clock: Stopwatch::start(),
            down: None,
            made_live: None,
            accounted_ms: 0,
            overridden: Vec::new(),
            logged: false,
        }
    }

    /// Opens an instance for a run that changes it: others can follow it, and are told how it ended. A dry run does not count.
    fn begin(&mut self, settings: Settings) -> Result<Session> {
        // Of several instances, the one before may have taken its time.
        interrupt::go_on()?;
        if self.report.dry_run {
            return Session::begin(settings, self.report.action);
        }
        self.logged = true;
        told::log_begin(&self.report);
        let session = Session::begin(settings, self.report.action)?;
        self.alone = Some(Alone::begin(&session, self.told, self.report.action));
        for left in owner::foreign(&session)? {
            self.warn(left.told(&session));
        }
        Ok(session)
    }

    /// Does one step and notes how it went. `work` tells whether anything changed and what happened.
    fn step(&mut self, name: &str, work: impl FnOnce(&mut Self) -> Result<(bool, String)>) -> Result<()> {
        let clock = Stopwatch::start();
        tracing::info!("{name}");
        let shown = Work::begin(self.progress, name, 0);
        let result = work(self);
        drop(shown);
        if matches!(name, "integrity" | "verify") {
            self.report.timing.verify_ms += clock.ms();
        }
        let (ok, changed, detail) = match &result {
            Ok((changed, detail)) => (true, *changed, detail.clone()),
            Err(failure) => (false, false, failure.full_message()),
        };
        let step = StepView {
            step: name.to_owned(),
            ok,
            changed,
            detail,
            ms: clock.ms(),
        };
        self.told.say(&Line::Step(step.clone()));
        self.report.steps.push(step);
        result.map(|_| ())
    }

    fn goes_down(&mut self) {
        self.down.get_or_insert_with(Stopwatch::start);
    }

    /// The server answers again, or will not.
    fn comes_up(&mut self) {
        if let Some(down) = self.down.take() {
            self.report.timing.stopped_ms += down.ms();
        }
    }

    /// Milliseconds for which the server was down because of a transaction, accounted for with this call. `None` if this
    /// run did not see its beginning.
    fn account_stopped(&mut self, transaction: &str) -> Option<u64> {
        let in_all = self.report.timing.stopped_ms + self.down.map_or(0, |down| down.ms());
        let stopped = in_all - std::mem::replace(&mut self.accounted_ms, in_all);
        (self.made_live.as_deref() == Some(transaction)).then_some(stopped)
    }

    fn recovered(&mut self) {
        self.report.changed = true;
    }

    fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if !self.report.warnings.contains(&warning) {
            self.told.say(&Line::Warning(warning.clone()));
            self.report.warnings.push(warning);
        }
    }

    fn warn_of_filled(&mut self, directories: &[RelPath]) {
        for path in directories {
            self.warn(format!(
                "the directory {path} stays because something else is in it"
            ));
        }
    }

    /// The outcome of a verb that did what it was asked for.
    fn done(&mut self, status: Status, changed: bool, message: impl Into<String>) {
        self.report.status = status;
        self.report.changed = changed;
        self.report.message = message.into();
    }
}

/// Runs a verb on an instance whose settings could be loaded or not, and makes a report of whatever happens.
pub fn report_on(
    action: Action,
    name: &str,
    settings: Result<Settings>,
    progress: &dyn Progress,
    work: impl FnOnce(&mut Run<'_>, Settings) -> Result<()>,
) -> Report {
    let told = Told::new(progress);
    let mut run = Run::new(action, name, &told);
    run.report.at = Some(now_rfc3339());
    run.report.environment = settings
        .as_ref()
        .ok()
        .and_then(|settings| settings.environment.clone());
    let shown = Work::begin(&told, &format!("{} {name}", action.name()), 0);
    let result = settings.and_then(|settings| work(&mut run, settings));
    drop(shown);
    run.comes_up();
    if let Err(failure) = result {
        run.report.fail(&failure);
    }
    if run.report.after.is_none() {
        run.report.after = run.report.before.clone();
    }
    run.report.timing.total_ms = run.clock.ms();
    let (mut report, logged) = (run.report, run.logged);
    if let Some(alone) = run.alone {
        alone.end(&mut report);
    }
    if logged {
        told::log_end(&report);
    }
    report
}

/// A dry run does not repair: it says that there is something to repair.
fn refuse_interrupted(instance: &Instance) -> Result<()> {
    owner::refuse_unfinished(instance)?;
    let open = under_way(instance)?;
    let owed = instance
        .state
        .pending
        .as_ref()
        .map(|pending| pending.transaction.clone());
    let Some(transaction) = open.or(owed) else {
        return Ok(());
    };
    if let Some(run) = instance.other_run()? {
        return Err(instance.in_use(&run));
    }
    let name = &instance.settings.name;
    let message =
        format!("transaction {transaction} of {name} was interrupted; what it left cannot be planned on");
    Err(Failure::new(ErrorKind::Interrupted, message)
        .hint(format!("`pitstop recover {name}` finishes or undoes it")))
}

/// The transaction whose journal is open, unless it is only staged.
fn under_way(instance: &Instance) -> Result<Option<String>> {
    let open = instance.open_journal()?.filter(|open| !open.is_parked());
    Ok(open.map(|open| open.begin.transaction))
}

/// A run that was given a plan's id does that plan or nothing.
fn demand_plan(wanted: Option<&str>, plan: &Plan) -> Result<()> {
    match wanted {
        Some(wanted) if wanted != plan.id => {
            let message = format!(
                "the plan is now {}, not {wanted}: the host or the source changed since",
                plan.id
            );
            Err(Failure::new(ErrorKind::Stale, message)
                .hint("look at the new plan with --dry-run and approve that one"))
        }
        _ => Ok(()),
    }
}

/// What every plan of an instance starts from.
fn common<'a>(
    instance: &'a Instance,
    action: Action,
    from: &'a Release,
    to: &'a Release,
    inventory: &'a Inventory,
    running: bool,
) -> Common<'a> {
    let settings = &instance.settings;
    Common {
        action,
        instance: &settings.name,
        home: &settings.home,
        from,
        to,
        inventory,
        policy: &settings.policy,
        restart: running && server::is_controlled(settings),
        stop_timeout_s: settings.stop_timeout_s,
        start_timeout_s: settings.start_timeout_s,
        hooks: &settings.profile.hooks,
        disk: settings.profile.disk,
    }
}

/// A path as it is found again from wherever the next run is started.
fn absolute(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The content of a file in the home, if it is small enough to be merged.
fn read(instance: &Instance, path: &RelPath) -> Result<Option<Vec<u8>>> {
    match instance.root.read(path, LIMIT) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => Ok(None),
        Err(error) => Err(layout::failed("read", &instance.root, path, error)),
    }
}
