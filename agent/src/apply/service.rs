//! Stops and starts servers. Both are idempotent, believe processes and ports rather than exit codes, and end within
//! the limits of the settings.

pub mod guard;
mod start;
mod stop;
mod supervisor;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use regex::Regex;

use crate::api::report::ProbeView;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::{ServiceControl, Settings};
use crate::health::{LogMarks, Prober, Up, excerpt};
use crate::observe::process::{Observed, Query, observe, server_user};
use crate::observe::unit::{Systemd, UnitState};
use crate::product::profile::HookRule;
use crate::sys::process::{Environment, Output, Spec, User, run};
use crate::sys::procfs;

pub use guard::Guard;

/// What a stop or a start did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Whether it had anything to do.
    pub changed: bool,
    /// What happened, in one line.
    pub detail: String,
    /// Processes that did not end by themselves and got SIGKILL.
    pub killed: Vec<u32>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// The server of one instance.
#[derive(Debug, Clone)]
pub struct Service<'a> {
    settings: &'a Settings,
    systemd: Systemd,
}

/// Whether a stop has nothing to end: no process of the server is left, and systemd is done with its unit.
pub fn is_down(unit: Option<&UnitState>, observed: &Observed) -> bool {
    observed.to_stop().is_empty() && unit.is_none_or(UnitState::is_down)
}

impl<'a> Service<'a> {
    /// The server of an instance on this host.
    pub fn new(settings: &'a Settings) -> Self {
        Self::with_systemd(settings, Systemd::default())
    }

    /// The same with another service manager.
    pub fn with_systemd(settings: &'a Settings, systemd: Systemd) -> Self {
        Self { settings, systemd }
    }

    /// Its unit's state; `None` if it is not controlled through one.
    ///
    /// # Errors
    /// As [`Systemd::show`].
    pub fn unit(&self) -> Result<Option<UnitState>> {
        self.unit_name().map(|name| self.systemd.show(name)).transpose()
    }

    /// Its processes. With `open_files` also those that only have a file of the home open, which takes long on a
    /// busy host.
    ///
    /// # Errors
    /// As [`observe`] and [`Systemd::show`].
    pub fn observe(&self, open_files: bool) -> Result<Observed> {
        self.observe_with(self.unit()?.as_ref(), open_files)
    }

    /// What asks its probes. `marks` are those taken before a start; without, `observed` tells since when the server
    /// runs.
    ///
    /// # Errors
    /// As [`server_user`].
    pub fn prober(&self, marks: Option<LogMarks>, observed: &Observed) -> Result<Prober<'a>> {
        let started = observed.mains().map(|found| found.view.started_ticks).min();
        let up = |ticks| Up {
            since_unix: procfs::started_unix(ticks).ok(),
            lasts: procfs::lives_for(ticks).ok(),
        };
        Ok(Prober {
            settings: self.settings,
            user: server_user(self.settings)?,
            marks,
            up: started.map_or_else(Up::default, up),
        })
    }

    /// Stops the server: through its unit, else with its stop command, else with SIGTERM. Returns when its processes
    /// and helpers are gone and its ports are free. What is left after the stop timeout gets SIGKILL.
    ///
    /// # Errors
    /// `stop-failed` if something is left after all, or if somebody starts it again, with its name; `wrong-user` and
    /// `permission` if this user may not stop it.
    pub fn stop(&self) -> Result<Outcome> {
        stop::stop(self)
    }

    /// Starts the server as its own user and waits until its process lives and every required probe has passed.
    /// `probes` receives what the probes said last, also if the start fails.
    ///
    /// # Errors
    /// `start-failed` if it ends again or is not ready within the start timeout, with the last of what it wrote;
    /// `unhealthy` if it ran already and a required probe fails; `wrong-user` if this user may not start it.
    pub fn start(&self, probes: &mut Vec<ProbeView>) -> Result<Outcome> {
        start::start(self, probes)
    }

    /// Runs a hook of the profile as the server's user.
    ///
    /// # Errors
    /// `hook` if it ends with another code than 0 or takes too long.
    pub fn run_hook(&self, hook: &HookRule) -> Result<()> {
        let env = match &self.settings.service {
            ServiceControl::Commands { env, .. } => env.clone(),
            ServiceControl::Unit(_) | ServiceControl::None => BTreeMap::new(),
        };
        let spec = self.spec(&hook.command, &env)?;
        let limit = Duration::from_secs(hook.timeout_s);
        let output = run(&spec, limit).map_err(|error| cannot_run("hook", &spec, error))?;
        let forbidden = forbidden(hook, &output)?;
        let text = match forbidden {
            Some(line) => format!(
                "the hook `{}` failed: it said `{}`",
                spec.program(),
                excerpt(&line)
            ),
            None if output.success() => return Ok(()),
            None => format!(
                "the hook `{}` ended with {}: {}",
                spec.program(),
                output.ending(),
                excerpt(&output.stderr_tail)
            ),
        };
        let hint = "run it by hand and remove the cause, or correct the profile's `hooks`";
        Err(Failure::new(ErrorKind::Hook, text).hint(hint))
    }

    fn observe_with(&self, unit: Option<&UnitState>, open_files: bool) -> Result<Observed> {
        observe(&Query {
            home: &self.settings.home,
            rules: &self.settings.profile.process,
            vendor_tool: self.settings.profile.vendor_tool.as_ref(),
            unit,
            uid: server_user(self.settings)?.uid,
            open_files,
        })
    }

    fn unit_name(&self) -> Option<&'a str> {
        match &self.settings.service {
            ServiceControl::Unit(name) => Some(name),
            ServiceControl::Commands { .. } | ServiceControl::None => None,
        }
    }

    /// A command of the settings, to be run as the server's user in its home.
    fn spec(&self, argv: &[String], env: &BTreeMap<String, String>) -> Result<Spec> {
        Ok(Spec {
            argv: argv.to_vec(),
            env: Environment::Clean(env.clone()),
            user: Some(server_user(self.settings)?),
            cwd: Some(self.settings.home.clone()),
            stdin: None,
        })
    }
}

/// The line of a hook's output that means a failure, whatever its exit code.
fn forbidden(hook: &HookRule, output: &Output) -> Result<Option<String>> {
    let Some(text) = &hook.forbid else {
        return Ok(None);
    };
    let regex = Regex::new(text).map_err(|error| {
        Failure::new(
            ErrorKind::Settings,
            format!("`{text}` is not a regular expression"),
        )
        .because(error)
    })?;
    let mut lines = output.stdout_tail.lines().chain(output.stderr_tail.lines());
    Ok(lines.find(|line| regex.is_match(line)).map(str::to_owned))
}

/// Why a command of the settings could not be run at all.
fn cannot_run(what: &str, spec: &Spec, error: io::Error) -> Failure {
    let me = User::current().map_or(0, |user| user.uid);
    match &spec.user {
        Some(user) if me != 0 && me != user.uid => {
            let text = format!("cannot run the {what} command as user {}", user.name);
            let hint = format!("run as root or as {}", user.name);
            Failure::new(ErrorKind::WrongUser, text).hint(hint).because(error)
        }
        _ => Failure::io(&format!("run the {what} command"), spec.program(), error),
    }
}
