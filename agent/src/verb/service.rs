//! `stop` and `start`: idempotent, and honest about what they found.

use crate::api::report::{Action, Report, Status};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::preflight;
use crate::apply::service::is_down;
use crate::config::Settings;
use crate::model::Progress;
use crate::session::{Instance, Session};

use super::server::Server;
use super::{Run, recover, report_on, rollout, server, settle, view};

/// Runs `stop`.
pub fn stop(name: &str, settings: Result<Settings>, dry_run: bool, progress: &dyn Progress) -> Report {
    report_on(Action::Stop, name, settings, progress, |run, settings| {
        work(run, settings, Action::Stop, dry_run, |server| {
            !is_down(server.unit_state.as_ref(), &server.observed)
        })
    })
}

/// Runs `start`.
pub fn start(name: &str, settings: Result<Settings>, dry_run: bool, progress: &dyn Progress) -> Report {
    report_on(Action::Start, name, settings, progress, |run, settings| {
        refuse_uncontrolled(&settings)?;
        work(run, settings, Action::Start, dry_run, |server| !server.serves())
    })
}

fn refuse_uncontrolled(settings: &Settings) -> Result<()> {
    if server::is_controlled(settings) {
        return Ok(());
    }
    let message = format!("nothing says how instance {} is started", settings.name);
    Err(Failure::new(ErrorKind::Settings, message)
        .hint("set `service` in the instance's file: a unit, or start and stop commands"))
}

fn work(
    run: &mut Run<'_>,
    settings: Settings,
    action: Action,
    dry_run: bool,
    is_needed: impl Fn(&Server) -> bool,
) -> Result<()> {
    run.report.dry_run = dry_run;
    let status = if action == Action::Stop {
        Status::Stopped
    } else {
        Status::Started
    };
    if dry_run {
        let instance = Instance::open(settings)?;
        super::refuse_interrupted(&instance)?;
        let (before, _, server) = view::observe(run, &instance)?;
        run.report.before = Some(before);
        let needed = is_needed(&server);
        let verb = action.name();
        match action {
            Action::Stop => warn_of_start(run, &instance, &server),
            _ => {
                preflight::may_start(&instance)?;
                if needed {
                    server::refuse_start(&instance, &server)?;
                }
            }
        }
        let message = if needed {
            format!("would {verb}")
        } else {
            format!("nothing to {verb}")
        };
        run.done(if needed { Status::Planned } else { status }, needed, message);
        return Ok(());
    }
    let mut session = run.begin(settings)?;
    recover::recover(run, &mut session, action == Action::Start)?;
    let recovered = run.report.changed;
    let (before, _, server) = view::observe(run, &session)?;
    run.report.before = Some(before);
    let changed = match action {
        Action::Stop => {
            warn_of_start(run, &session, &server);
            server::stop(run, &session)?
        }
        _ => start_now(run, &mut session, &server)?,
    };
    run.report.after = Some(view::observe(run, &session)?.0);
    let message = match (action, changed) {
        (Action::Stop, true) => "stopped",
        (Action::Stop, false) => "already stopped",
        (_, true) => "started",
        (_, false) => "already running",
    };
    run.done(status, changed || recovered, message);
    Ok(())
}

/// Whoever asks for a stop gets one, and learns what the next start lacks. What a person gives it for each start comes after a stop.
fn warn_of_start(run: &mut Run<'_>, instance: &Instance, server: &Server) {
    if server.is_wanted()
        && let Err(failure) = server::refuse_without_env(&instance.settings, server)
    {
        run.warn(failure.full_message());
    }
}

/// A server that runs already is asked whether it is well, which is what `started` says.
fn start_now(run: &mut Run<'_>, session: &mut Session, server: &Server) -> Result<bool> {
    let runs = server.serves();
    if !runs {
        preflight::may_start(session)?;
        server::refuse_start(session, server)?;
    }
    let started = server::start(run, session, &server::Baseline::new())?;
    settle::healthy(&run.report.probes)?;
    if !runs {
        rollout::slot::let_go(run, session);
    }
    Ok(started)
}
