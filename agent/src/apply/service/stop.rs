//! Stopping.

use std::collections::HashSet;
use std::time::Duration;

use crate::api::report::{ProcessRole, RunState};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::{ServiceControl, Stop};
use crate::health::excerpt;
use crate::observe::cgroup::InService;
use crate::observe::ports::{Holder, holders};
use crate::observe::process::{Found, Observed};
use crate::observe::unit::UnitState;
use crate::sys::clock::{Deadline, Stopwatch, pause};
use crate::sys::process::{GRACE, ProcessId, Signal, Spec, run};

use super::{Outcome, Service, cannot_run, is_down, supervisor};

/// How long SIGKILL may take to show: a process in an uninterruptible read ends only after it.
const KILLED_BY: Duration = Duration::from_secs(10);
/// How long to watch for a supervisor's restart once everything is gone, where something may be one.
const SETTLE: Duration = Duration::from_secs(1);
/// How long ports may stay taken after the last process is gone.
const PORTS_BY: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(50);

pub(super) fn stop(service: &Service<'_>) -> Result<Outcome> {
    let unit = service.unit()?;
    let observed = service.observe_with(unit.as_ref(), false)?;
    let mut stopping = Stopping::new(service, &observed);
    if is_down(unit.as_ref(), &observed) {
        return stopping.nothing_to_do(observed);
    }
    stopping.refuse_foreign_unit(&observed)?;
    let how = stopping.ask()?;
    let gone = stopping.until_gone()?;
    stopping.until_ports_are_free()?;
    stopping.until_settled()?;
    stopping.notice_systemds_kill(unit.as_ref(), gone.as_ref());
    Ok(stopping.outcome(&how))
}

/// A stop under way.
struct Stopping<'a> {
    service: &'a Service<'a>,
    watch: Stopwatch,
    deadline: Deadline,
    /// Every process of the instance that was ever seen, so that a later one is known to be new.
    known: HashSet<ProcessId>,
    asked: HashSet<ProcessId>,
    killed: Vec<u32>,
    warnings: Vec<String>,
    /// Whether SIGTERM is sent to what is left.
    terminate: bool,
    /// Whether it reached anybody.
    terminated: bool,
    /// What was wrong with the stop command.
    trouble: Option<String>,
    /// Whether somebody is there who may start the server again.
    supervised: bool,
    /// The services that are not ours and that it ran in.
    foreign: HashSet<InService>,
}

impl<'a> Stopping<'a> {
    fn new(service: &'a Service<'a>, observed: &Observed) -> Self {
        let limit = Duration::from_secs(service.settings.stop_timeout_s);
        let ours = observed.to_stop();
        let known: HashSet<ProcessId> = ours.iter().map(|found| found.id()).collect();
        let by_itself = ours.iter().filter(|_| service.unit_name().is_none());
        let foreign: HashSet<InService> = by_itself
            .filter_map(|found| supervisor::foreign_service(found.view.pid))
            .collect();
        let supervised = !foreign.is_empty()
            || ours
                .iter()
                .any(|found| supervisor::parent_of(found, &known).is_some());
        Self {
            service,
            watch: Stopwatch::start(),
            deadline: Deadline::after(limit),
            known,
            asked: HashSet::new(),
            killed: Vec::new(),
            warnings: observed.warnings.clone(),
            terminate: false,
            terminated: false,
            trouble: None,
            supervised,
            foreign,
        }
    }

    /// A port that somebody else holds is no reason to fail here: another instance may well use it meanwhile.
    fn nothing_to_do(mut self, observed: Observed) -> Result<Outcome> {
        if observed.state == RunState::Unknown {
            let text = "cannot tell whether the server runs: this user does not see its processes";
            return Err(Failure::new(ErrorKind::Permission, text).hint("run as root or as the server's user"));
        }
        let held = self.held_ports()?;
        self.warnings.extend(held.iter().map(ToString::to_string));
        Ok(Outcome {
            changed: false,
            detail: "the server is stopped already".to_owned(),
            killed: Vec::new(),
            warnings: self.warnings,
        })
    }

    fn refuse_foreign_unit(&self, observed: &Observed) -> Result<()> {
        match self.service.unit_name() {
            Some(_) => Ok(()),
            None => supervisor::refuse(
                &self.service.settings.service,
                &self.service.systemd,
                &observed.to_stop(),
            ),
        }
    }

    /// Asks the server to stop, and says how.
    fn ask(&mut self) -> Result<String> {
        match &self.service.settings.service {
            ServiceControl::Unit(unit) => {
                let arguments = ["stop", "--no-block", unit.as_str()];
                self.service.systemd.call(ErrorKind::StopFailed, &arguments)?;
                Ok(format!("through the unit {unit}"))
            }
            ServiceControl::Commands {
                stop: Stop::Signal, ..
            } => {
                self.terminate = true;
                Ok("with SIGTERM".to_owned())
            }
            ServiceControl::Commands {
                stop: Stop::Command(argv),
                env,
                ..
            } => {
                let spec = self.service.spec(argv, env)?;
                self.run_command(&spec)?;
                Ok("with its stop command".to_owned())
            }
            ServiceControl::None => {
                let text = "the server runs, but the instance does not say how it is stopped";
                Err(Failure::new(ErrorKind::StopFailed, text)
                    .hint("stop it by hand, or give `service` in the instance"))
            }
        }
    }

    /// The exit code is not believed either way; a command that fails, or does not end, is helped with SIGTERM.
    fn run_command(&mut self, spec: &Spec) -> Result<()> {
        // A command that hangs is over by when SIGTERM is due, if the limit is not too short for that.
        let limit = self.until_sigterm().saturating_sub(GRACE).max(self.limit() / 2);
        let output = match run(spec, limit.saturating_sub(self.watch.elapsed())) {
            Ok(output) => output,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.help_out(format!("there is no stop command {}", spec.program()));
                return Ok(());
            }
            Err(error) => return Err(cannot_run("stop", spec, error)),
        };
        if !output.success() {
            let said = excerpt(&format!("{} {}", output.stdout_tail, output.stderr_tail));
            self.help_out(format!(
                "the stop command failed with {}: {said}",
                output.ending()
            ));
        }
        Ok(())
    }

    fn help_out(&mut self, why: String) {
        self.trouble = Some(why);
        self.terminate = true;
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.service.settings.stop_timeout_s)
    }

    /// A stop command leaves the last quarter of the time to SIGTERM.
    fn until_sigterm(&self) -> Duration {
        self.limit() * 3 / 4
    }

    /// Returns the unit as it is then.
    fn until_gone(&mut self) -> Result<Option<UnitState>> {
        loop {
            let unit = self.service.unit()?;
            let observed = self.look(unit.as_ref())?;
            if is_down(unit.as_ref(), &observed) {
                return Ok(unit);
            }
            if self.deadline.passed() {
                return self.kill_the_rest();
            }
            // A process outside the unit's group, such as one that was started by hand, is not systemd's to stop.
            let outside = unit.as_ref().is_some_and(UnitState::is_down);
            if self.terminate || outside || self.command_has_had_its_time() {
                let reached = self.signal(&observed.to_stop(), Signal::SIGTERM)?;
                self.terminated |= !reached.is_empty();
            }
            pause(STEP, &self.deadline);
        }
    }

    /// Also one that said yes and did nothing.
    fn command_has_had_its_time(&self) -> bool {
        self.service.unit_name().is_none() && self.watch.elapsed() >= self.until_sigterm()
    }

    fn kill_the_rest(&mut self) -> Result<Option<UnitState>> {
        let deadline = Deadline::after(KILLED_BY);
        self.asked.clear();
        loop {
            let unit = self.service.unit()?;
            let observed = self.look(unit.as_ref())?;
            if is_down(unit.as_ref(), &observed) {
                return Ok(unit);
            }
            let left = observed.to_stop();
            if deadline.passed() {
                return Err(survived(&left, unit.as_ref()));
            }
            let killed = self.signal(&left, Signal::SIGKILL)?;
            self.killed.extend(killed);
            pause(STEP, &deadline);
        }
    }

    /// Sends a signal once to each process; returns those that it reached.
    fn signal(&mut self, processes: &[&Found], signal: Signal) -> Result<Vec<u32>> {
        let mut reached = Vec::new();
        for found in processes {
            let view = &found.view;
            if !self.asked.insert(found.id()) {
                continue;
            }
            let sent = found.id().signal(signal).map_err(|error| {
                let text = format!("cannot send {signal} to process {} ({})", view.pid, view.program);
                Failure::new(ErrorKind::Permission, text)
                    .hint("run as root or as the server's user")
                    .because(error)
            })?;
            if sent {
                reached.push(view.pid);
            }
        }
        Ok(reached)
    }

    /// Looks again. Children of what is known are ours too; a new server that somebody else started is the end of
    /// this: as fast as it is stopped, it would be started again.
    fn look(&mut self, unit: Option<&UnitState>) -> Result<Observed> {
        let observed = self.service.observe_with(unit, false)?;
        let ours = observed.to_stop();
        let is_new =
            |found: &&&Found| found.view.role == ProcessRole::Main && !self.known.contains(&found.id());
        let in_sight: HashSet<ProcessId> = ours
            .iter()
            .map(|found| found.id())
            .chain(self.known.iter().copied())
            .collect();
        for found in ours.iter().filter(is_new) {
            if let Some(by) = supervisor::parent_of(found, &in_sight) {
                return Err(supervisor::restarted(found, &by));
            }
        }
        self.known.extend(ours.iter().map(|found| found.id()));
        Ok(observed)
    }

    fn held_ports(&self) -> Result<Vec<Holder>> {
        holders(&self.service.settings.ports).map_err(|error| Failure::io("read", "/proc/net/tcp", error))
    }

    fn until_ports_are_free(&mut self) -> Result<()> {
        let deadline = Deadline::after(PORTS_BY);
        loop {
            let held = self.held_ports()?;
            if held.is_empty() {
                return Ok(());
            }
            if deadline.passed() {
                let names: Vec<String> = held.iter().map(ToString::to_string).collect();
                let text = format!("the server's processes are gone, but {}", names.join(", "));
                return Err(
                    Failure::new(ErrorKind::StopFailed, text).hint("stop that process, or correct `ports`")
                );
            }
            pause(STEP, &deadline);
        }
    }

    fn until_settled(&mut self) -> Result<()> {
        let deadline = Deadline::after(SETTLE);
        while self.supervised && !deadline.passed() {
            let unit = self.service.unit()?;
            let observed = self.look(unit.as_ref())?;
            if let Some(found) = observed.mains().next() {
                let by =
                    supervisor::foreign_service(found.view.pid).map(|unit| format!("the unit {}", unit.name));
                return Err(supervisor::restarted(
                    found,
                    &by.unwrap_or("an unknown supervisor".to_owned()),
                ));
            }
            pause(STEP, &deadline);
        }
        supervisor::refuse_waiting(&self.service.systemd, &self.foreign)
    }

    /// systemd has a limit of its own for its units, and kills what is left then. What it says may be of an earlier end.
    fn notice_systemds_kill(&mut self, before: Option<&UnitState>, gone: Option<&UnitState>) {
        let timed_out = |unit: &&UnitState| unit.result == "timeout";
        if before.filter(timed_out).is_none()
            && let Some(unit) = gone.filter(timed_out)
        {
            self.warnings.push(format!(
                "the server did not stop within the TimeoutStopSec= of the unit {}: systemd killed it",
                unit.name
            ));
        }
    }

    fn outcome(mut self, how: &str) -> Outcome {
        if let Some(why) = self.trouble {
            let sent = if self.terminated { "; SIGTERM was sent" } else { "" };
            self.warnings.push(format!("{why}{sent}"));
        }
        self.killed.sort_unstable();
        self.killed.dedup();
        let mut detail = format!("stopped {how}");
        if !self.killed.is_empty() {
            let pids: Vec<String> = self.killed.iter().map(ToString::to_string).collect();
            let limit = self.service.settings.stop_timeout_s;
            detail = format!("{detail}; after {limit} s SIGKILL for {}", pids.join(", "));
            self.warnings.push(format!(
                "the server did not stop in time and was killed: {detail}"
            ));
        }
        Outcome {
            changed: true,
            detail,
            killed: self.killed,
            warnings: self.warnings,
        }
    }
}

fn survived(left: &[&Found], unit: Option<&UnitState>) -> Failure {
    let processes = left
        .iter()
        .map(|found| format!("process {} ({})", found.view.pid, found.view.program));
    let unit = unit
        .filter(|unit| !unit.is_down())
        .map(|unit| format!("unit {} ({})", unit.name, unit.sub));
    let names: Vec<String> = processes.chain(unit).collect();
    let text = format!("the server is not gone even after SIGKILL: {}", names.join(", "));
    Failure::new(ErrorKind::StopFailed, text)
        .hint("see with `ps` whether a process hangs in the kernel (state D) or is started again and again")
}
