//! Starting.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::api::report::{ProbeView, RunState};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::{ServiceControl, Settings};
use crate::health::{Trials, Verdict, Waiting, excerpt, judge, mark_logs, run_all};
use crate::observe::ports::holders;
use crate::observe::process::Observed;
use crate::observe::unit::UnitState;
use crate::sys::clock::{Deadline, Stopwatch, pause};
use crate::sys::process::{Detached, Spec, TAIL_BYTES, ending, run, spawn_detached};
use crate::sys::root::Root;
use crate::sys::{fs, procfs};

use super::stop::stop;
use super::{Outcome, Service, cannot_run};

/// How long a start command that ended well may have left nothing behind, before that counts as a failure.
const APPEARS_BY: Duration = Duration::from_secs(20);
/// How long nothing of a server that was seen may be left: between two processes there can be none for a moment.
const GONE_FOR: Duration = Duration::from_secs(2);
/// How long a server must live to count as started where no probe must pass.
const LIVES_FOR: Duration = Duration::from_secs(2);
/// How long systemd may show the state from before the start.
const UNIT_REACTS_BY: Duration = Duration::from_secs(2);

pub(super) fn start(service: &Service<'_>, probes: &mut Vec<ProbeView>) -> Result<Outcome> {
    let unit = service.unit()?;
    if !unit.as_ref().is_some_and(UnitState::goes_down) {
        return start_or_ask(service, unit.as_ref(), probes);
    }
    // A server on its way down may still pass probes, and holds its ports: it is started once it is gone.
    let mut warnings = stop(service)?.warnings;
    let outcome = start_or_ask(service, service.unit()?.as_ref(), probes)?;
    warnings.extend(outcome.warnings);
    Ok(Outcome { warnings, ..outcome })
}

fn start_or_ask(
    service: &Service<'_>,
    unit: Option<&UnitState>,
    probes: &mut Vec<ProbeView>,
) -> Result<Outcome> {
    let observed = service.observe_with(unit, false)?;
    match observed.state {
        RunState::Running => return runs_already(service, &observed, probes),
        RunState::Unknown => {
            let text = "cannot tell whether the server runs: this user does not see its processes";
            return Err(Failure::new(ErrorKind::Permission, text).hint("run as root or as the server's user"));
        }
        RunState::Stopped => {}
    }
    refuse_taken_ports(service)?;
    let mut starting = Starting::begin(service, unit, &observed)?;
    let ready = starting.until_ready();
    *probes = starting.trials.views();
    ready?;
    let by = service
        .unit_name()
        .map_or("its start command".to_owned(), |unit| format!("the unit {unit}"));
    Ok(Outcome {
        changed: true,
        detail: format!("started with {by}, ready after {} ms", starting.watch.ms()),
        killed: Vec::new(),
        warnings: observed.warnings,
    })
}

fn runs_already(service: &Service<'_>, observed: &Observed, probes: &mut Vec<ProbeView>) -> Result<Outcome> {
    let prober = service.prober(None, observed)?;
    let patience = prober.patience();
    *probes = run_all(prober, patience);
    if let Verdict::Broken(_) = judge(probes) {
        let text = format!("the server runs already, but {}", what_fails(probes));
        return Err(
            Failure::new(ErrorKind::Unhealthy, text).hint("see its log; `stop` and `start` it if that helps")
        );
    }
    Ok(Outcome {
        changed: false,
        detail: "the server runs already".to_owned(),
        killed: Vec::new(),
        warnings: observed.warnings.clone(),
    })
}

/// The server would start, fail to listen, and perhaps pass the probes that somebody else answers.
fn refuse_taken_ports(service: &Service<'_>) -> Result<()> {
    let held =
        holders(&service.settings.ports).map_err(|error| Failure::io("read", "/proc/net/tcp", error))?;
    if held.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = held.iter().map(ToString::to_string).collect();
    let text = format!("the server cannot be started: {}", names.join(", "));
    Err(Failure::new(ErrorKind::StartFailed, text).hint("stop that process, or correct `ports`"))
}

fn what_fails(probes: &[ProbeView]) -> String {
    let failing = probes.iter().filter(|probe| probe.required && !probe.ok);
    let names: Vec<String> = failing
        .map(|probe| format!("probe {} fails ({})", probe.name, probe.detail))
        .collect();
    names.join(", ")
}

/// A start under way.
struct Starting<'a> {
    service: &'a Service<'a>,
    watch: Stopwatch,
    deadline: Deadline,
    /// The start command; absent with a unit.
    command: Option<Detached>,
    /// When and how the start command ended.
    ended: Option<(Stopwatch, std::process::ExitStatus)>,
    trials: Trials<'a>,
    /// Since when a server process is there without a break.
    lives: Option<Stopwatch>,
    was_seen: bool,
    /// Since when nothing of the instance is there.
    nothing: Option<Stopwatch>,
}

impl<'a> Starting<'a> {
    fn begin(service: &'a Service<'a>, unit: Option<&UnitState>, observed: &Observed) -> Result<Self> {
        let settings = service.settings;
        let marks = mark_logs(&settings.home, &settings.probes);
        let prober = service.prober(Some(marks), observed)?;
        let deadline = Deadline::after(Duration::from_secs(settings.start_timeout_s));
        let command = launch(service, unit)?;
        Ok(Self {
            service,
            watch: Stopwatch::start(),
            deadline,
            command,
            ended: None,
            trials: Trials::new(prober, Waiting::Until(deadline)),
            lives: None,
            was_seen: false,
            nothing: None,
        })
    }

    fn until_ready(&mut self) -> Result<()> {
        while !self.look()? {
            if self.deadline.passed() {
                return Err(self.too_late());
            }
            pause(self.trials.idle(), &self.deadline);
        }
        self.finish_wanted()
    }

    /// Looks once and asks the probes if a server is there; whether it is ready.
    fn look(&mut self) -> Result<bool> {
        let unit = self.service.unit()?;
        let observed = self.service.observe_with(unit.as_ref(), false)?;
        self.remember(&observed);
        self.command_has_not_failed(&observed)?;
        if let Some(unit) = &unit {
            self.unit_has_not_failed(unit)?;
        }
        self.server_is_not_gone()?;
        let Some(lives) = self.lives else {
            return Ok(false);
        };
        self.trials.poll();
        let proven = self.trials.any_required() || lives.elapsed() >= LIVES_FOR;
        Ok(proven && self.trials.required_pass())
    }

    fn remember(&mut self, observed: &Observed) {
        self.lives = match observed.state {
            RunState::Running => self.lives.or_else(|| Some(Stopwatch::start())),
            RunState::Stopped | RunState::Unknown => None,
        };
        self.was_seen |= self.lives.is_some();
        self.nothing = match observed.to_stop().is_empty() {
            true => self.nothing.or_else(|| Some(Stopwatch::start())),
            false => None,
        };
    }

    fn command_has_not_failed(&mut self, observed: &Observed) -> Result<()> {
        if let (Some(command), None) = (&mut self.command, &self.ended) {
            let status = command
                .ended()
                .map_err(|error| Failure::io("wait for", "the start command", error))?;
            self.ended = status.map(|status| (Stopwatch::start(), status));
        }
        match self.ended {
            // Some scripts end with the code of their last test although the server comes up.
            Some((_, status)) if !status.success() && observed.to_stop().is_empty() => {
                let text = format!("the start command ended with {}", ending(status));
                Err(self.failure(&text))
            }
            _ => Ok(()),
        }
    }

    fn unit_has_not_failed(&self, unit: &UnitState) -> Result<()> {
        let reacted = self.watch.elapsed() >= UNIT_REACTS_BY;
        if unit.has_failed() && (self.was_seen || reacted) {
            return Err(self.failure(&format!("the unit {} failed ({})", unit.name, unit.result)));
        }
        if unit.sub == "auto-restart" && (self.was_seen || reacted) {
            let text = format!(
                "the server ended again and the unit {} restarts it ({})",
                unit.name, unit.result
            );
            return Err(self.failure(&text));
        }
        if unit.is_down() && !unit.conditions_held && reacted {
            let text = format!(
                "the unit {} was not started because a condition of it does not hold",
                unit.name
            );
            return Err(self.failure(&text));
        }
        Ok(())
    }

    /// As long as the start command runs, it may still start something.
    fn server_is_not_gone(&self) -> Result<()> {
        let Some(nothing) = self.nothing else {
            return Ok(());
        };
        let command_ended = self.command.is_none() || self.ended.is_some();
        if self.was_seen && command_ended && nothing.elapsed() >= GONE_FOR {
            return Err(self.failure("the server ended again"));
        }
        let ended_long_ago = self.ended.is_some_and(|(since, _)| since.elapsed() >= APPEARS_BY);
        if ended_long_ago && nothing.elapsed() >= APPEARS_BY {
            return Err(self.failure("the start command ended well, but left no process of the server"));
        }
        Ok(())
    }

    /// Probes that only warn get their own time once the server is ready.
    fn finish_wanted(&mut self) -> Result<()> {
        self.trials.finish_soon();
        while !self.trials.over() {
            self.look()?;
            pause(self.trials.idle(), &self.deadline);
            if self.deadline.passed() {
                break;
            }
        }
        match self.service.observe(false)?.state {
            RunState::Running => Ok(()),
            RunState::Stopped | RunState::Unknown => {
                Err(self.failure("the server was ready and ended again"))
            }
        }
    }

    fn too_late(&self) -> Failure {
        let limit = self.service.settings.start_timeout_s;
        let why = if self.lives.is_some() {
            what_fails(&self.trials.views())
        } else {
            "no process of the server is there".to_owned()
        };
        let why = if why.is_empty() {
            "it has not lived for long enough".to_owned()
        } else {
            why
        };
        self.failure(&format!("it is not ready after {limit} s: {why}"))
    }

    fn failure(&self, why: &str) -> Failure {
        let said = excerpt(&self.last_output());
        let said = if said.is_empty() {
            said
        } else {
            format!("; it last said: {said}")
        };
        let failure = Failure::new(
            ErrorKind::StartFailed,
            format!("the server did not start: {why}{said}"),
        );
        match self.service.unit_name() {
            Some(unit) => failure.hint(format!("see `journalctl -u {unit}` and the server's own log")),
            None => {
                let log = start_log(self.service);
                failure
                    .hint(format!("see {} and the server's own log", log.display()))
                    .at(log)
            }
        }
    }

    fn last_output(&self) -> String {
        let Some(unit) = self.service.unit_name() else {
            let log = start_log(self.service);
            let end = fs::metadata(&log).map_or(0, |found| found.len());
            let bytes = procfs::read_before(&log, end, TAIL_BYTES as u64).unwrap_or_default();
            return String::from_utf8_lossy(&bytes).into_owned();
        };
        let journal = Spec::new([
            "journalctl",
            "-q",
            "--no-pager",
            "-o",
            "cat",
            "-n",
            "10",
            "-u",
            unit,
        ]);
        let output = run(&journal, Duration::from_secs(5))
            .ok()
            .filter(|output| output.success());
        output.map_or_else(String::new, |output| output.stdout_tail)
    }
}

/// What the last start command wrote, and a server in the foreground goes on to write.
fn start_log(service: &Service<'_>) -> PathBuf {
    service.settings.state_dir.join("start.log")
}

/// A start script that finds the number of a living process in such a file, whosever it is by now, starts nothing and
/// says that all is well.
fn forget_pid_files(settings: &Settings) -> Result<()> {
    for file in &settings.profile.service.pid_files {
        match Root::open(&settings.home).and_then(|home| home.unlink(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let path = settings.home.join(file.as_str());
                return Err(Failure::io("remove the stale pid file", path, error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn launch(service: &Service<'_>, unit: Option<&UnitState>) -> Result<Option<Detached>> {
    forget_pid_files(service.settings)?;
    match &service.settings.service {
        ServiceControl::Unit(name) => {
            // After too many starts in a short time systemd refuses until somebody resets the count, and starts that were asked
            // for count, too. A unit that it has forgotten has none, which makes this call fail; else the start itself does.
            let _ = service
                .systemd
                .call(ErrorKind::StartFailed, &["reset-failed", name]);
            // One that stays active after its processes ended, as those of init scripts do, is started by a restart only.
            let verb = if unit.is_some_and(UnitState::is_up) {
                "restart"
            } else {
                "start"
            };
            service
                .systemd
                .call(ErrorKind::StartFailed, &[verb, "--no-block", name])?;
            Ok(None)
        }
        ServiceControl::Commands { start, env, .. } => {
            let log = start_log(service);
            fs::make_private_dirs(&service.settings.state_dir)
                .and_then(|()| fs::remove_if_exists(&log))
                .map_err(|error| Failure::io("prepare", &log, error))?;
            let spec = service.spec(start, env)?;
            let started = spawn_detached(&spec, &log).map_err(|error| cannot_run("start", &spec, error));
            started.map(Some)
        }
        ServiceControl::None => {
            let text = "the instance does not say how its server is started";
            Err(Failure::new(ErrorKind::StartFailed, text)
                .hint("start it by hand, or give `service` in the instance"))
        }
    }
}
