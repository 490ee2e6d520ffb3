//! `config apply` and `config diff`: templates and values → files, through the one road.

mod inputs;
mod keys;
mod made;
mod prepare;
pub(super) mod stale;
mod validate;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::api::plan::Plan;
use crate::api::report::{Action, Report, Status};
use crate::api::rollout::Gate;
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::preflight;
use crate::apply::stage::Contents;
use crate::config::{Configuration, Settings, UpdateSource};
use crate::model::{Inventory, Progress, Release};
use crate::plan::config::restarts;
use crate::session::{Instance, Session};
use crate::source::Offer;
use crate::store::{ConfigChange, Installed};
use crate::sys::clock::now_rfc3339;

use super::rollout::{self, Gates};
use super::server::{Ahead, Server};
use super::{Run, adopt, recover, report_on, road, server, settle, target, view};
use made::Made;

/// How to configure.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// More files with values, which win over the instance's; `-` is standard input.
    pub values: Vec<PathBuf>,
    /// What standard input holds, if it is among the values.
    pub stdin: String,
    /// Whether a value that nothing needs is an error.
    pub strict: bool,
    /// Only plan.
    pub dry_run: bool,
    /// The plan that must come out.
    pub plan: Option<String>,
    /// Whether a configuration that failed here may be tried again.
    pub release_hold: bool,
    /// The gates that do not hold it up.
    pub overrides: Vec<Gate>,
}

impl Options {
    /// Only a change for which the server goes down is held to anything.
    fn gates(&self, plan: &Plan) -> Gates<'_> {
        match restarts(plan) {
            true => Gates::of_config(&self.overrides),
            false => Gates::none(),
        }
    }
}

/// Runs the verb.
pub fn config(name: &str, settings: Result<Settings>, options: &Options, progress: &dyn Progress) -> Report {
    report_on(Action::Config, name, settings, progress, |run, settings| {
        run.report.dry_run = options.dry_run;
        if options.dry_run {
            dry_run(run, settings, options)
        } else {
            work(run, settings, options)
        }
    })
}

/// A dry run locks nothing and leaves nothing: it may run beside anything.
fn dry_run(run: &mut Run<'_>, settings: Settings, options: &Options) -> Result<()> {
    let mut instance = Instance::open(settings)?;
    super::refuse_interrupted(&instance)?;
    let seen = observe(run, &instance)?;
    if instance.state.installed.is_none() {
        presume(run, &mut instance)?;
    }
    let made = plan(run, &instance, options, &seen)?;
    rollout::admit(run, &instance, &options.gates(&made.plan))?;
    let (count, rules) = (made.plan.files.len(), made.rules);
    if count == 0 {
        run.done(Status::Current, false, as_configured(rules));
    } else {
        run.done(
            Status::Planned,
            true,
            format!("would configure {}", files(made.changed())),
        );
    }
    Ok(())
}

fn work(run: &mut Run<'_>, settings: Settings, options: &Options) -> Result<()> {
    let mut session = run.begin(settings)?;
    recover::recover(run, &mut session, true)?;
    let recovered = run.report.changed;
    of(&session)?;
    if session.state.installed.is_none() {
        run.warn("the pack was not adopted before; it is now");
        let pristine = pristine(run, &session)?;
        adopt::take_over(run, &mut session, pristine.as_ref().map(adopt::Pristine::Pack))?;
    }
    let seen = observe(run, &session)?;
    let made = plan(run, &session, options, &seen)?;
    let (_, server) = seen;
    if made.plan.files.is_empty() {
        remember(&mut session, &made)?;
        run.done(Status::Current, recovered, as_configured(made.rules));
        return Ok(());
    }
    let gates = options.gates(&made.plan);
    rollout::admit(run, &session, &gates)?;
    recover::discard_parked(run, &mut session)?;
    carry_out(run, &mut session, made, &server, gates)
}

/// The vendor's pack of the installed level, if the source holds it. A source that cannot be read is no reason not to
/// configure.
fn pristine(run: &mut Run<'_>, instance: &Instance) -> Result<Option<Offer>> {
    let detected = view::detected(instance)?;
    let Some(UpdateSource::Path(path)) = &instance.settings.source else {
        return Ok(None);
    };
    let offers = target::offers(run, instance, path, &detected.level).unwrap_or_else(|failure| {
        run.warn(failure.full_message());
        Vec::new()
    });
    Ok(offers.into_iter().find(|offer| offer.level == detected.level))
}

/// The run takes a pack over before it plans: the plan is only the same if as much is known of it.
fn presume(run: &mut Run<'_>, instance: &mut Instance) -> Result<()> {
    let Some(offer) = pristine(run, instance)? else {
        return Ok(());
    };
    let configured = of(instance)?.files.iter().map(|rule| &rule.path);
    let tree = adopt::presume(run, instance, &offer, configured)?;
    let detected = view::detected(instance)?;
    instance.state.installed = Some(Installed {
        release: Release {
            tree: Some(tree),
            ..detected
        },
        since: now_rfc3339(),
        verified: false,
        accepted: BTreeMap::new(),
        hotfixes: Vec::new(),
    });
    Ok(())
}

fn observe(run: &mut Run<'_>, instance: &Instance) -> Result<(Inventory, Server)> {
    let (before, inventory, server) = view::observe(run, instance)?;
    run.report.before = Some(before);
    Ok((inventory, server))
}

/// Plans, and refuses what may not be done. Everything up to here only reads.
fn plan(
    run: &mut Run<'_>,
    instance: &Instance,
    options: &Options,
    (inventory, server): &(Inventory, Server),
) -> Result<Made> {
    let made = made::make(run, instance, inventory, server, options)?;
    stale::note_installed(run, instance)?;
    super::demand_plan(options.plan.as_deref(), &made.plan)?;
    refuse_held(instance, &made, options.release_hold)?;
    refuse_conflicts(&made)?;
    if !made.plan.files.is_empty() {
        server::refuse_tool_at_work(server)?;
    }
    preflight::check(instance, &made.plan)?;
    if restarts(&made.plan) {
        server::admit_restart(run, instance, server, &made.contents)?;
    }
    Ok(made)
}

fn carry_out(
    run: &mut Run<'_>,
    session: &mut Session,
    made: Made,
    server: &Server,
    gates: Gates<'_>,
) -> Result<()> {
    let running = restarts(&made.plan);
    let live = server.is_running() && !running;
    let baseline = if server.is_running() {
        let ahead = if live { Ahead::Live } else { Ahead::Restart };
        server::baseline(run, session, server, ahead)?
    } else {
        server::Baseline::new()
    };
    if live && made.needs_restart {
        run.warn("the server runs on with its old configuration: nothing says how it is restarted");
    }
    made.keep_texts(session)?;
    let change = road::Change {
        plan: &made.plan,
        running,
        baseline,
        because: None,
        park: false,
        live,
        config: Some(made.change.clone()),
        gates,
        waits: false,
        again: false,
    };
    let mut contents = Contents {
        source: None,
        merged: &made.contents,
    };
    road::drive(run, session, change, &mut contents)?;
    settle::settle(run, session)?;
    let how = match (running, live) {
        (true, _) => {
            let stopped = run.report.timing.stopped_ms;
            format!("stopped for {}.{} s", stopped / 1000, stopped % 1000 / 100)
        }
        (false, true) => "the server was not restarted".to_owned(),
        (false, false) => "the server was not running and was not started".to_owned(),
    };
    run.done(
        Status::Configured,
        true,
        format!("{} configured, {how}", files(made.changed())),
    );
    Ok(())
}

/// What to do, of an instance that says it.
fn of(instance: &Instance) -> Result<&Configuration> {
    let settings = &instance.settings;
    let refuse = |why: &str, hint: &str| {
        let message = format!("nothing says how instance {} is configured: {why}", settings.name);
        Failure::new(ErrorKind::Settings, message).hint(hint)
    };
    let config = settings.config.as_ref().ok_or_else(|| {
        refuse(
            "its file has no section `config`",
            "add one, with `values` and, if need be, `files`",
        )
    })?;
    match config.files.is_empty() {
        true => Err(refuse(
            "no file is named",
            "the product has no templates; say `files` in the section `config`",
        )),
        false => config.check_paths(&instance.rules).map(|()| config),
    }
}

/// Takes note of what is in place already.
fn remember(session: &mut Session, made: &Made) -> Result<()> {
    let ConfigChange::Apply { files, .. } = &made.change else {
        return Ok(());
    };
    if session.state.config.files == *files && session.state.config.hold.is_none() {
        return Ok(());
    }
    made.keep_texts(session)?;
    session.store.sync_texts()?;
    session.state.config.files.clone_from(files);
    session.store.save(&session.state)
}

fn refuse_held(instance: &Instance, made: &Made, allowed: bool) -> Result<()> {
    let ConfigChange::Apply { digest, .. } = &made.change else {
        return Ok(());
    };
    match &instance.state.config.hold {
        // What is in place already is no change, whatever it is called.
        Some(hold) if hold.digest == *digest && !allowed && !made.plan.files.is_empty() => {
            let message = format!(
                "this configuration is held on this host since {}: {}",
                hold.since, hold.reason
            );
            Err(Failure::new(ErrorKind::Held, message).hint(format!(
                "change it, or run `pitstop config apply {} --release-hold` once the cause is gone",
                instance.settings.name
            )))
        }
        _ => Ok(()),
    }
}

fn refuse_conflicts(made: &Made) -> Result<()> {
    let Some(first) = made.plan.conflicts.first() else {
        return Ok(());
    };
    let count = made.plan.conflicts.len();
    let message = format!(
        "{count} of the configured files need a person, the first is {}: {}",
        first.path, first.message
    );
    Err(Failure::new(ErrorKind::Conflicts, message)
        .at(first.path.under(&made.plan.home))
        .hint("bring the file and its template together, or configure it with the mode `replace`"))
}

fn as_configured(count: usize) -> String {
    match count {
        1 => "the file is as configured".to_owned(),
        _ => format!("all {count} files are as configured"),
    }
}

fn files(count: usize) -> String {
    match count {
        1 => "1 file".to_owned(),
        _ => format!("{count} files"),
    }
}
