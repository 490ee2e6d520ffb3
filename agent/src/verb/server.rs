//! The server of an instance: observed, stopped, started, probed. Thin calls into `observe`, `apply` and `health` that
//! note what happened.

mod needs;

use crate::api::{ErrorKind, Failure, Result};
use std::collections::BTreeMap;

use crate::api::plan::Hook;
use crate::api::report::{ProbeView, RunState, UnitView};
use crate::apply::journal::Begin;
use crate::apply::service::{Guard, Service};
use crate::config::{Probe, ServiceControl, Settings};
use crate::health::{self, Waiting};
use crate::observe::process::Observed;
use crate::observe::unit::{Systemd, UnitState};
use crate::product::profile::HookRule;
use crate::session::{Instance, Session};
use crate::sys::clock::Stopwatch;
use crate::sys::interrupt;

use super::Run;
pub(super) use needs::{admit_restart, refuse_restart, refuse_start, refuse_without_env, warn_of_own_unit};

/// What the processes and the unit say.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub observed: Observed,
    pub unit: Option<UnitView>,
    pub unit_state: Option<UnitState>,
}

/// Which probes passed at one moment, by name.
pub(super) type Baseline = BTreeMap<String, bool>;

impl Server {
    pub(super) fn is_running(&self) -> bool {
        self.observed.state == RunState::Running
    }

    /// Whether it runs and goes on: one on its way down is yet to be started.
    pub(super) fn serves(&self) -> bool {
        self.is_running() && !self.unit_state.as_ref().is_some_and(UnitState::goes_down)
    }

    /// Whether it is to run again after a change: also if it has just died and its unit waits to restart it.
    pub(super) fn is_wanted(&self) -> bool {
        self.is_running() || self.unit.as_ref().is_some_and(|unit| unit.active == "activating")
    }
}

pub(super) fn is_controlled(settings: &Settings) -> bool {
    settings.service != ServiceControl::None
}

/// Refuses to stop a server for a change that pitstop does not control, or that could not start again.
///
/// # Errors
/// As [`refuse_uncontrolled`] and [`refuse_start`].
pub(super) fn admit_change(run: &mut Run<'_>, instance: &Instance, server: &Server) -> Result<()> {
    refuse_uncontrolled(&instance.settings, server)?;
    admit_restart(run, instance, server, &BTreeMap::new())
}

/// What somebody lets the vendor's tool do to the pack, nothing else changes meanwhile.
///
/// # Errors
/// `locked`.
pub(super) fn refuse_tool_at_work(server: &Server) -> Result<()> {
    let Some(found) = server.observed.update_tool() else {
        return Ok(());
    };
    let message = format!(
        "the vendor's update tool works in the home itself: process {}, {}",
        found.view.pid, found.view.evidence
    );
    Err(Failure::new(ErrorKind::Locked, message)
        .hint("wait until it has ended and run again; let `pitstop adopt` look at what it did"))
}

/// A server that nothing says how to stop may not run while its pack is replaced.
///
/// # Errors
/// `stop-failed`: it runs. `permission`: whether it does cannot be told.
pub(super) fn refuse_uncontrolled(settings: &Settings, server: &Server) -> Result<()> {
    if is_controlled(settings) {
        return Ok(());
    }
    let name = &settings.name;
    match server.observed.state {
        RunState::Stopped => Ok(()),
        RunState::Running => {
            let mains = server.observed.mains().map(|found| &found.view);
            let mains: Vec<String> = mains
                .map(|view| format!("process {} ({})", view.pid, view.program))
                .collect();
            let message = format!(
                "the server of {name} runs, and is not pitstop's to stop: {}",
                mains.join(", ")
            );
            Err(Failure::new(ErrorKind::StopFailed, message)
                .hint("stop it and run again, or set `service` in the instance's file"))
        }
        RunState::Unknown => {
            let message = format!(
                "cannot tell whether the server of {name} runs, which is not pitstop's to stop: this user does not see \
                 its processes"
            );
            Err(Failure::new(ErrorKind::Permission, message).hint("run as root or as the server's user"))
        }
    }
}

pub(super) fn observe(run: &mut Run<'_>, instance: &Instance) -> Result<Server> {
    let service = Service::new(&instance.settings);
    let unit = service.unit()?;
    let observed = service.observe(false)?;
    for warning in &observed.warnings {
        run.warn(warning.clone());
    }
    Ok(Server {
        observed,
        unit: unit.as_ref().map(UnitState::view),
        unit_state: unit,
    })
}

pub(super) fn stop(run: &mut Run<'_>, session: &Session) -> Result<bool> {
    let mut stopped = false;
    run.step("stop", |run| {
        let outcome = Service::new(&session.settings).stop()?;
        outcome.warnings.into_iter().for_each(|warning| run.warn(warning));
        stopped = outcome.changed;
        Ok((outcome.changed, outcome.detail))
    })?;
    Ok(stopped)
}

/// Starts the server and waits until it is ready. That its process lives is the first of the report's probes. Those that
/// failed before do not make it fail, but for those of a log: what an earlier start wrote may be gone by now, and this one
/// has to write its own.
pub(super) fn start(run: &mut Run<'_>, session: &Session, baseline: &Baseline) -> Result<bool> {
    let mut settings = session.settings.clone();
    let mut baseline = baseline.clone();
    for log in settings.probes.iter().filter(|probe| probe.log.is_some()) {
        baseline.remove(&log.name);
    }
    excuse(&mut settings, &baseline);
    let mut started = false;
    run.step("start", |run| {
        let mut probes = Vec::new();
        let outcome = Service::new(&settings).start(&mut probes);
        run.report.probes = judged(&session.settings, probes, &baseline);
        let outcome = outcome?;
        let lives = health::process_view(&Service::new(&settings).observe(false)?);
        run.report.probes.insert(0, lives);
        outcome.warnings.into_iter().for_each(|warning| run.warn(warning));
        started = outcome.changed;
        if started {
            warn_of_own_unit(run, &session.settings);
        }
        Ok((outcome.changed, outcome.detail))
    })?;
    Ok(started)
}

/// Lets those that failed before fail. Where nothing else must pass, only they can tell that the server is up, and they have all
/// the time that it may take.
fn excuse(settings: &mut Settings, baseline: &Baseline) {
    let excused = |probe: &Probe| probe.required && baseline.get(&probe.name) == Some(&false);
    let others = |probe: &Probe| probe.required && !excused(probe);
    let alone = !settings.probes.iter().any(others);
    for probe in settings.probes.iter_mut().filter(|probe| excused(probe)) {
        probe.required = false;
        if alone {
            probe.deadline_s = settings.start_timeout_s;
        }
    }
}

/// Starts the server as it was before a change that did not come. What a hook did before the stop, taking a node out of
/// service for one, is ended by those after the start; one that fails is only a warning.
pub(super) fn start_again(run: &mut Run<'_>, session: &Session, begin: &Begin) -> Result<()> {
    start(run, session, &begin.baseline)?;
    if begin.live {
        return Ok(());
    }
    if let Err(failure) = hooks(run, session, Hook::AfterStart) {
        run.warn(failure.full_message());
    }
    Ok(())
}

/// What comes, for which it is asked which probes pass before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ahead {
    /// A stop and a start.
    Restart,
    /// A change under a server that goes on: what its log lacks before it lacks afterwards too. It says nothing about a
    /// start that comes, so else the probes of a log are not asked.
    Live,
    /// Leaving what runs. A server that may be starting in vain is not waited for.
    WayBack,
}

/// Asks the probes before anything is changed, for as long as they may take: who fails is not held against the change, and
/// one try may meet a server that still starts or is busy for a moment.
pub(super) fn baseline(
    run: &mut Run<'_>,
    session: &Session,
    server: &Server,
    ahead: Ahead,
) -> Result<Baseline> {
    let mut baseline = Baseline::new();
    run.step("baseline", |run| {
        let settings = match ahead {
            Ahead::Live => session.settings.clone(),
            Ahead::Restart | Ahead::WayBack => without_logs(&session.settings),
        };
        let prober = Service::new(&settings).prober(None, &server.observed)?;
        let waiting = match ahead {
            Ahead::WayBack => Waiting::Own,
            _ => prober.patience(),
        };
        // Nothing is touched yet: somebody may ask to stop.
        baseline = health::run_while(prober, waiting, interrupt::go_on)?
            .into_iter()
            .map(|probe| (probe.name, probe.ok))
            .collect();
        for (name, _) in baseline.iter().filter(|(_, passed)| !**passed) {
            run.warn(format!(
                "probe {name} fails already and will not count against the change"
            ));
        }
        let passed = baseline.values().filter(|passed| **passed).count();
        Ok((false, format!("{passed} of {} probes pass", baseline.len())))
    })?;
    Ok(baseline)
}

fn without_logs(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    settings.probes.retain(|probe| probe.log.is_none());
    settings
}

/// Asks every probe until it passes or its deadline is over. That the server's process lives is the first of them, unless
/// nobody can tell: the processes of an instance without `service` may be unknown, or it may rest.
pub(super) fn probe(run: &mut Run<'_>, instance: &Instance, baseline: &Baseline) -> Result<Vec<ProbeView>> {
    let clock = Stopwatch::start();
    let observed = observe(run, instance)?.observed;
    let prober = Service::new(&instance.settings).prober(None, &observed)?;
    let asked = health::run_while(prober, Waiting::Own, interrupt::go_on)?;
    run.report.timing.verify_ms += clock.ms();
    let tells = is_controlled(&instance.settings) || observed.state == RunState::Running;
    let lives = tells.then(|| health::process_view(&observed));
    let probes = lives.into_iter().chain(asked).collect();
    Ok(judged(&instance.settings, probes, baseline))
}

/// The probes with what they said before, and as strict as the settings say.
fn judged(settings: &Settings, mut probes: Vec<ProbeView>, baseline: &Baseline) -> Vec<ProbeView> {
    for probe in &mut probes {
        probe.baseline_ok = baseline.get(&probe.name).copied();
        let own = settings.probes.iter().find(|own| own.name == probe.name);
        probe.required = own.map_or(probe.required, |own| own.required);
    }
    probes
}

pub(super) fn hooks(run: &mut Run<'_>, session: &Session, when: Hook) -> Result<()> {
    let settings = &session.settings;
    for hook in hooks_of(session, when) {
        run.step("hook", |_| {
            Service::new(settings).run_hook(hook)?;
            Ok((true, hook.command.join(" ")))
        })?;
    }
    Ok(())
}

/// Whether a hook runs at a time.
pub(super) fn has_hooks(session: &Session, when: Hook) -> bool {
    hooks_of(session, when).next().is_some()
}

fn hooks_of(session: &Session, when: Hook) -> impl Iterator<Item = &HookRule> {
    let hooks = session.settings.profile.hooks.iter();
    hooks.filter(move |hook| hook.when == when)
}

/// Keeps a unit from being started by anybody until [`allow_start`].
pub(super) fn forbid_start(session: &Session) -> Result<()> {
    guarded(session, |guard| guard.raise())
}

/// Lets the unit start again.
pub(super) fn allow_start(session: &Session) -> Result<()> {
    guarded(session, |guard| guard.remove())
}

fn guarded(session: &Session, work: impl FnOnce(&Guard<'_>) -> Result<()>) -> Result<()> {
    match &session.settings.service {
        ServiceControl::Unit(unit) => work(&Guard::new(
            &Systemd::default(),
            unit,
            &session.store.guard_file(),
        )?),
        _ => Ok(()),
    }
}
