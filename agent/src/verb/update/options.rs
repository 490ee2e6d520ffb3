//! How to update, and the command that says so.

use std::path::PathBuf;

use crate::api::Result;
use crate::api::rollout::Gate;
use crate::model::Level;
use crate::session::Instance;

use super::super::Run;
use super::super::again::Again;
use super::super::rollout::Gates;
use super::super::server::{self, Server};

/// How to update.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where from; the instance's source without it.
    pub from: Option<PathBuf>,
    /// To which level; the highest offered of the release line without it.
    pub level: Option<Level>,
    /// Only plan.
    pub dry_run: bool,
    /// The plan that must come out.
    pub plan: Option<String>,
    /// Prepare everything and leave it for a later run.
    pub stage_only: bool,
    /// Go on with the conflicts that a person resolved.
    pub resume: bool,
    /// Let the vendor's tool work in the home itself, with the server stopped, instead of on a copy.
    pub in_place: bool,
    /// Whether a lower level is accepted.
    pub allow_downgrade: bool,
    /// Whether a release that failed here may be tried again.
    pub release_hold: bool,
    /// Whether decisions about conflicts that are remembered are left out.
    pub no_remembered: bool,
    /// The manual steps that a person acknowledges, by id.
    pub acknowledge: Vec<String>,
    /// The hotfixes that the new level does not make superfluous, by name.
    pub not_superseded: Vec<String>,
    /// The gates that do not hold it up.
    pub overrides: Vec<Gate>,
}

impl Options {
    /// Staging ahead of the window is the point of it.
    pub(super) fn gates(&self, instance: &Instance) -> Gates<'_> {
        match self.stage_only {
            true => Gates::none(),
            false => Gates::all(&self.overrides).staged_by(self.ahead(instance)),
        }
    }

    /// The command that stages it now. What the vendor's tool does in the home itself cannot be staged.
    pub(super) fn ahead(&self, instance: &Instance) -> Option<String> {
        let staging = Self {
            stage_only: true,
            dry_run: false,
            ..self.clone()
        };
        (!self.in_place).then(|| staging.command(instance))
    }

    /// Staging goes on beside any server.
    pub(super) fn admit_server(&self, run: &mut Run<'_>, instance: &Instance, server: &Server) -> Result<()> {
        match self.stage_only {
            true => Ok(()),
            false => server::admit_change(run, instance, server),
        }
    }

    /// The command that asks for the very same.
    pub(super) fn command(&self, instance: &Instance) -> String {
        Again::new("update", &instance.settings.name)
            .each("--from", self.from.iter().map(|path| path.display()))
            .each("--level", &self.level)
            .flag(self.dry_run, "--dry-run")
            .each("--plan", &self.plan)
            .flag(self.stage_only, "--stage-only")
            .flag(self.resume, "--continue")
            // What waits says itself that it is one in the home.
            .flag(self.in_place && !self.resume, "--in-place")
            .flag(self.allow_downgrade, "--allow-downgrade")
            .flag(self.release_hold, "--release-hold")
            .flag(self.no_remembered, "--no-remembered")
            .each("--acknowledge", &self.acknowledge)
            .each("--not-superseded", &self.not_superseded)
            .each("--override", self.overrides.iter().map(|gate| gate.name()))
            .to_string()
    }
}
