//! `check`: everything there is to know about an instance, without changing anything.

mod against;
mod past;

use std::path::{Path, PathBuf};

use crate::api::report::{Action, Report, ReportList, Status};
use crate::api::{Failure, Result};
use crate::apply::owner;
use crate::config::{Settings, UpdateSource};
use crate::fleet::metrics::metrics;
use crate::model::{Level, Progress};
use crate::session::Instance;
use crate::sys::fs;

use super::{Run, config, findings, report_on, rollout, server, update, view};

/// What to check.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A source; the instance's without it.
    pub from: Option<PathBuf>,
    /// The level that an update would lead to; the highest offered of the release line without it.
    pub level: Option<Level>,
    /// Whether decisions about conflicts that are remembered are left out.
    pub no_remembered: bool,
    /// Whether the vendor's update tool may be asked what there is.
    pub online: bool,
    /// A pack, or its tree manifest, that the vendor's files are compared with.
    pub against: Option<PathBuf>,
}

/// Runs the verb.
pub fn check(name: &str, settings: Result<Settings>, options: &Options, progress: &dyn Progress) -> Report {
    report_on(Action::Check, name, settings, progress, |run, settings| {
        work(run, settings, options)
    })
}

/// Writes what checks of all instances told as metrics; that it could not is told in the list, and hides nothing.
pub fn publish(mut checked: ReportList, file: &Path) -> ReportList {
    let written = fs::write_public(file, metrics(&checked).as_bytes());
    if let Err(error) = written.map_err(|error| Failure::io("write the metrics to", file, error)) {
        checked.ok = false;
        checked.error.get_or_insert((&error).into());
    }
    checked
}

fn work(run: &mut Run<'_>, settings: Settings, options: &Options) -> Result<()> {
    let instance = Instance::open(settings)?;
    if instance.state.installed.is_none() {
        view::detected(&instance)?;
    }
    let (before, inventory, server) = view::look_over(run, &instance)?;
    let surroundings = findings::of_surroundings(&instance, &server)?;
    run.report.findings.extend(surroundings);
    if let Err(refusal) = owner::refuse_unfinished(&instance) {
        note_blocker(run, &refusal);
    }
    run.report.rollout = rollout::view(&instance);
    rollout::warn_of_unknown_zones(run, &instance);
    let (level, running) = (before.release.clone(), server.is_running());
    let inventory = match &options.against {
        None => inventory,
        Some(path) => {
            let inventory = inventory.map_or_else(|| view::scan(run, &instance, false), Ok)?;
            run.report.comparison = Some(against::compare(run, &instance, path, &level, &inventory)?);
            Some(inventory)
        }
    };
    past::tell(run, &instance);
    let interrupted = before.interrupted.clone();
    let adopted = before.adopted;
    let drift = before.drift.count;
    run.report.before = Some(before);
    let in_use = match interrupted {
        None if view::unfinished(&instance)?.is_some() => {
            instance.other_run()?.map(|by| instance.in_use(&by))
        }
        _ => None,
    };
    if let Some(failure) = &in_use {
        note_blocker(run, failure);
    }
    let has_source = match &instance.settings.source {
        Some(UpdateSource::VendorTool(_)) => options.online || options.from.is_some(),
        source => options.from.is_some() || source.is_some(),
    };
    // What the source says is worth less than the instance's own state: it must not hide that.
    let newer = if has_source && interrupted.is_none() && in_use.is_none() {
        let inventory = inventory.map_or_else(|| view::scan(run, &instance, false), Ok)?;
        let predicted = update::predict(run, &instance, inventory, &server, options);
        run.report.source_read = predicted.is_ok() || !run.report.offers.is_empty();
        predicted.unwrap_or_else(|failure| {
            note_blocker(run, &failure);
            None
        })
    } else {
        None
    };
    if newer.is_none() {
        if let Some(refusal) = rollout::never_opens(&instance) {
            note_blocker(run, &refusal);
        }
        // What a person gives for each start is not there the rest of the time.
        if server.is_wanted()
            && let Err(refusal) = server::refuse_without_env(&instance.settings, &server)
        {
            note_blocker(run, &refusal);
        }
        config::stale::note_installed(run, &instance)?;
    }
    let state = if running { "running" } else { "stopped" };
    let (status, message) = match (&interrupted, &newer) {
        _ if let Some(by) = &in_use => (Status::InUse, by.message.clone()),
        (Some(open), _) => (
            Status::Interrupted,
            format!(
                "transaction {} was interrupted: {}",
                open.transaction, open.remedy
            ),
        ),
        (None, _) if !adopted => (Status::NotAdopted, format!("{level}, {state}, not adopted")),
        (None, Some(newer)) => (
            Status::UpdateAvailable,
            format!("{level}, {state}; the source offers {}", newer.level),
        ),
        (None, None) => (
            Status::Current,
            format!("{level}, {state}, {drift} deviations from the vendor's files"),
        ),
    };
    let compared = run.report.comparison.as_ref().map(|found| match found.count {
        0 => format!(
            "; the vendor's files are exactly those of {}",
            found.path.display()
        ),
        count => format!(
            "; {count} of the vendor's files are not as in {}",
            found.path.display()
        ),
    });
    run.done(status, false, message + &compared.unwrap_or_default());
    Ok(())
}

fn note_blocker(run: &mut Run<'_>, failure: &Failure) {
    run.report.blockers.push(failure.into());
}
