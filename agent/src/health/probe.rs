//! One try of one probe.

use std::collections::BTreeMap;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::config::probe::{Probe, ProbeKind, Tcp};
use crate::config::{ServiceControl, Settings};
use crate::sys::clock::Deadline;
use crate::sys::process::{Environment, Spec, User, run};

use super::answer::Answer;
use super::excerpt::excerpt;
use super::log::{Lines, LogMarks};
use super::trial::Waiting;
use super::{http, log};

/// Asks probes of one instance.
#[derive(Debug)]
pub struct Prober<'a> {
    /// The instance.
    pub settings: &'a Settings,
    /// The user that commands run as.
    pub user: User,
    /// Where the logs ended before the start that is watched; absent for a server that was running already.
    pub marks: Option<LogMarks>,
    /// Since when the server runs. Its logs are only judged by it without `marks`.
    pub up: Up,
}

/// Since when a server runs, as far as that is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Up {
    /// Seconds since the epoch: older logs say nothing about it.
    pub since_unix: Option<u64>,
    /// For how long.
    pub lasts: Option<Duration>,
}

impl Up {
    /// How much of its time to start is left.
    pub fn left_to_start(&self, settings: &Settings) -> Duration {
        let limit = Duration::from_secs(settings.start_timeout_s);
        limit.saturating_sub(self.lasts.unwrap_or_default())
    }
}

/// What a probe is called in reports.
pub(super) fn kind_name(probe: &Probe) -> &'static str {
    match probe.kind() {
        Some(ProbeKind::Http(_)) => "http",
        Some(ProbeKind::Tcp(_)) => "tcp",
        Some(ProbeKind::Log(_)) => "log",
        Some(ProbeKind::Command(_)) => "command",
        None => "none",
    }
}

impl Prober<'_> {
    /// How long a server that runs is asked: one that may still be starting has the rest of its time to start.
    pub fn patience(&self) -> Waiting {
        Waiting::OwnOrLater(Deadline::after(self.up.left_to_start(self.settings)))
    }

    /// Asks once and takes at most the probe's timeout, or `limit` if that is shorter.
    pub fn ask(&self, probe: &Probe, limit: Duration) -> Answer {
        // A try at the very end of the time still gets a chance.
        let limit = Duration::from_secs(probe.timeout_s)
            .min(limit)
            .max(Duration::from_millis(500));
        match probe.kind() {
            Some(ProbeKind::Http(http)) => http::ask(http, limit),
            Some(ProbeKind::Tcp(tcp)) => ask_tcp(tcp, limit),
            Some(ProbeKind::Log(log)) => log::ask(&self.settings.home, log, &self.lines_of(probe)),
            Some(ProbeKind::Command(command)) => self.ask_command(command, limit),
            None => Answer::fail("the probe does not say what to ask"),
        }
    }

    fn lines_of(&self, probe: &Probe) -> Lines<'_> {
        match &self.marks {
            Some(marks) => Lines::After(marks.of(&probe.name)),
            None => Lines::OfServer {
                since_unix: self.up.since_unix,
                is_starting: !self.up.left_to_start(self.settings).is_zero(),
            },
        }
    }

    fn ask_command(&self, command: &[String], limit: Duration) -> Answer {
        let spec = Spec {
            argv: command.to_vec(),
            env: Environment::Clean(service_env(self.settings)),
            user: Some(self.user.clone()),
            cwd: Some(self.settings.home.clone()),
            stdin: None,
        };
        match run(&spec, limit) {
            Ok(output) if output.success() => Answer::pass(output.ending()),
            Ok(output) => {
                let said = if output.stderr_tail.trim().is_empty() {
                    &output.stdout_tail
                } else {
                    &output.stderr_tail
                };
                Answer::fail(format!("{}: {}", output.ending(), excerpt(said)))
            }
            Err(error) => Answer::fail(format!("cannot run {}: {error}", spec.program())),
        }
    }
}

fn service_env(settings: &Settings) -> BTreeMap<String, String> {
    match &settings.service {
        ServiceControl::Commands { env, .. } => env.clone(),
        ServiceControl::Unit(_) | ServiceControl::None => BTreeMap::new(),
    }
}

fn ask_tcp(tcp: &Tcp, limit: Duration) -> Answer {
    let Some(port) = tcp.port.number() else {
        return Answer::fail("the port is not a number");
    };
    let name = format!("{}:{port}", tcp.host);
    let addresses = match (tcp.host.as_str(), port).to_socket_addrs() {
        Ok(addresses) => addresses,
        Err(error) => return Answer::fail(format!("cannot resolve {name}: {error}")),
    };
    let deadline = Deadline::after(limit);
    let mut last = format!("{name} has no address");
    for address in addresses {
        let left = deadline.left().max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, left) {
            Ok(_) => return Answer::pass(format!("{name} accepts connections")),
            Err(error) => last = format!("cannot connect to {name}: {error}"),
        }
    }
    Answer::fail(last)
}
