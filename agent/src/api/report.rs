//! The one JSON document that a verb prints. Version 1; later versions only add fields.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::action::Action;
pub use super::admission::{EvidenceView, OverrideView};
use super::error::{ErrorKind, ExitCode, Failure};
pub use super::finding::{Finding, FindingKind, Severity};
pub use super::history::{Outcome, TransactionView};
pub use super::hotfix::HotfixView;
pub use super::instance::{
    ComparisonView, ConfigSnapshotView, ConfigView, Drift, DriftKind, DriftView, Hold, InstanceView,
    InterruptedView, Phase, ProcessRole, ProcessView, RunState, SnapshotView, UnitView,
};
use super::plan::{AnswerView, Conflict, Plan};
pub use super::rollout::RolloutView;
pub use super::stale::{StaleKey, StaleView};
use crate::model::{Level, RelPath};

/// The value of [`Report::schema`].
pub const SCHEMA: &str = "pitstop/report/v1";
/// The value of [`ReportList::schema`].
pub const LIST_SCHEMA: &str = "pitstop/report-list/v1";

/// What a verb did to one instance, or found out about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// `pitstop/report/v1`.
    pub schema: String,
    /// The verb.
    pub action: Action,
    /// The instance's name.
    pub instance: String,
    /// The host's name.
    pub host: String,
    /// What the host's settings call the environment that it belongs to, such as `staging`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// When the report was made, as RFC 3339; only later agents say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Whether the verb did what it was asked for; `false` exactly when the exit code is not 0.
    pub ok: bool,
    /// Whether anything was changed, or would be in a dry run.
    pub changed: bool,
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// The outcome in one word.
    pub status: Status,
    /// The outcome in one sentence.
    pub message: String,
    /// The instance before.
    pub before: Option<InstanceView>,
    /// The instance after; equal to `before` when nothing changed.
    pub after: Option<InstanceView>,
    /// What was or would be done.
    pub plan: Option<Plan>,
    /// What was done, in order.
    pub steps: Vec<StepView>,
    /// What the probes said.
    pub probes: Vec<ProbeView>,
    /// What needs a person.
    pub conflicts: Vec<ConflictView>,
    /// How configured files differ from what is or will be put in place (`config`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diffs: Vec<DiffView>,
    /// Configured files that override what the vendor changed (`check`, `update`, `config`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<StaleView>,
    /// What is wrong with the pack as a whole or around it (`check`, `verify`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// How the vendor's files compare with those of a pack (`check --against`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<ComparisonView>,
    /// When the instance may change, where something says so (`check`, and whatever is held to it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutView>,
    /// Who signed the release, of those who are believed about it; none where nobody did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_by: Vec<String>,
    /// How far the release got in the environments that the policy names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceView>,
    /// What the policy demands of the release and it does not bring, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The approval that overrides what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden_by: Option<OverrideView>,
    /// What the source offers (`check`).
    pub offers: Vec<OfferView>,
    /// Whether the source said what it offers, which may be nothing (`check`). It is not part of the report.
    #[serde(skip)]
    pub source_read: bool,
    /// What would stop an update now (`check`).
    pub blockers: Vec<ErrorView>,
    /// The update that waits for a person to decide its conflicts (`check`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitingView>,
    /// The last transactions, the newest first, at most [`TransactionView::LIST_LIMIT`] (`check`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transactions: Vec<TransactionView>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Why the verb failed.
    pub error: Option<ErrorView>,
    /// How long it took.
    pub timing: Timing,
    /// The transaction's id, as in the history.
    pub transaction: Option<String>,
    /// The agent's version.
    pub agent: String,
}

/// Several reports as one document (`--all`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportList {
    /// `pitstop/report-list/v1`.
    pub schema: String,
    /// Whether every report is.
    pub ok: bool,
    /// Whether any report is.
    pub changed: bool,
    /// One report per instance, by name.
    pub reports: Vec<Report>,
    /// Why no report could be made, such as unreadable settings, or the metrics could not be written.
    pub error: Option<ErrorView>,
    /// The agent's version.
    pub agent: String,
}

/// Outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing to do.
    Current,
    /// The source offers a higher level (`check`).
    UpdateAvailable,
    /// The instance is not adopted yet (`check`).
    NotAdopted,
    /// Another run is changing the instance just now (`check`); `attach` shows it.
    InUse,
    /// A transaction was interrupted; the next mutating verb finishes or undoes it.
    Interrupted,
    /// A dry run: this would be done.
    Planned,
    /// Staged, not live.
    Staged,
    /// Taken over.
    Adopted,
    /// At the new level.
    Updated,
    /// A hotfix is on (`hotfix apply`).
    HotfixApplied,
    /// The newest hotfix is off (`hotfix revert`).
    HotfixReverted,
    /// Stopped by this run.
    Stopped,
    /// Started by this run.
    Started,
    /// What was interrupted is finished or undone (`recover`).
    Recovered,
    /// Everything that was checked is as it should be.
    Verified,
    /// A check failed.
    Unhealthy,
    /// The configuration is in place.
    Configured,
    /// Back at the old level, or at the old configuration.
    RolledBack,
    /// Conflicts need a person.
    Conflicts,
    /// Every conflict has an answer; `update --continue` goes on (`conflicts`).
    Resolved,
    /// A rule says no.
    Blocked,
    /// An error.
    Failed,
}

/// A step that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepView {
    /// The step's name, as in the plan, or `recover`.
    pub step: String,
    /// Whether it succeeded.
    pub ok: bool,
    /// Whether it changed anything.
    pub changed: bool,
    /// What happened.
    pub detail: String,
    /// Milliseconds.
    pub ms: u64,
}

/// What a probe said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeView {
    /// The probe's name.
    pub name: String,
    /// `http`, `tcp`, `log`, `command`, `process`, `integrity`, `config`, `lint` or `suite`.
    pub kind: String,
    /// Whether it must pass.
    pub required: bool,
    /// Whether it passed.
    pub ok: bool,
    /// What it saw.
    pub detail: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Milliseconds from the first try to the last.
    pub ms: u64,
    /// What it said before the update; absent where no baseline was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_ok: Option<bool>,
}

/// A conflict and the files in which a person resolves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConflictView {
    /// The conflict.
    #[serde(flatten)]
    pub conflict: Conflict,
    /// The pristine file at the installed level, where it was staged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_file: Option<PathBuf>,
    /// The pristine file at the target level, where it was staged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_file: Option<PathBuf>,
    /// Where the person's result belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_file: Option<PathBuf>,
    /// What was decided about the whole path; absent while it, or a key of it, is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerView>,
}

/// An update, or a hotfix, that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingView {
    /// The level that it leads to.
    pub level: Level,
    /// How many paths are in conflict.
    pub conflicts: u64,
    /// How many decisions, each about a key, some lines or a whole path, are still open.
    pub open: u64,
    /// The command that goes on with it once none is open.
    pub command: String,
}

/// How one configured file changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffView {
    /// The path in the pack.
    pub path: RelPath,
    /// A unified diff; `<secret>` stands in the place of what is secret.
    pub diff: String,
}

/// A level that a source offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfferView {
    /// The product.
    pub product: String,
    /// The level.
    pub level: Level,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether it is higher than the installed level, and of its release line: an update leads there.
    pub newer: bool,
    /// Whether it is higher, but of another release line: only an update to this very level leads there, once somebody has
    /// acknowledged that it is a migration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub migration: bool,
}

/// Why a verb failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorView {
    /// What tools match on.
    pub kind: ErrorKind,
    /// What was attempted on which path and why it was refused.
    pub message: String,
    /// The path it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The exit code.
    pub exit: u8,
}

impl From<&Failure> for ErrorView {
    fn from(failure: &Failure) -> Self {
        Self {
            kind: failure.kind,
            message: failure.full_message(),
            path: failure.path.clone(),
            hint: failure.hint.clone(),
            exit: failure.kind.exit() as u8,
        }
    }
}

/// Durations in milliseconds. What did not happen took 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// The whole run.
    pub total_ms: u64,
    /// Planning, hashing, merging and writing staged files, while the server serves.
    pub stage_ms: u64,
    /// From the beginning of the stop to the moment when the probes answered again.
    pub stopped_ms: u64,
    /// The renames and their syncs: the time in which the tree is neither old nor new.
    pub commit_ms: u64,
    /// Checks after the start.
    pub verify_ms: u64,
}

impl Report {
    /// An empty report of a verb on an instance.
    pub fn new(action: Action, instance: &str, host: &str) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            action,
            instance: instance.to_owned(),
            host: host.to_owned(),
            environment: None,
            at: None,
            ok: true,
            changed: false,
            dry_run: false,
            status: Status::Current,
            message: String::new(),
            before: None,
            after: None,
            plan: None,
            steps: Vec::new(),
            probes: Vec::new(),
            conflicts: Vec::new(),
            diffs: Vec::new(),
            stale: Vec::new(),
            findings: Vec::new(),
            comparison: None,
            rollout: None,
            signed_by: Vec::new(),
            evidence: Vec::new(),
            missing: Vec::new(),
            overridden_by: None,
            offers: Vec::new(),
            source_read: false,
            blockers: Vec::new(),
            waiting: None,
            transactions: Vec::new(),
            warnings: Vec::new(),
            error: None,
            timing: Timing::default(),
            transaction: None,
            agent: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Ends the report with a failure: the status follows from the error kind.
    pub fn fail(&mut self, failure: &Failure) {
        self.ok = false;
        self.status = match failure.kind.exit() {
            ExitCode::Conflicts => Status::Conflicts,
            ExitCode::RolledBack => Status::RolledBack,
            ExitCode::Unhealthy => Status::Unhealthy,
            ExitCode::Blocked => Status::Blocked,
            ExitCode::Ok | ExitCode::Failed | ExitCode::Usage => Status::Failed,
        };
        self.message = failure.full_message();
        self.error = Some(failure.into());
    }

    /// The exit code that goes with the report.
    pub fn exit(&self) -> u8 {
        self.error.as_ref().map_or(ExitCode::Ok as u8, |error| error.exit)
    }
}

impl ReportList {
    /// One document from several reports.
    pub fn new(reports: Vec<Report>) -> Self {
        Self {
            schema: LIST_SCHEMA.to_owned(),
            ok: reports.iter().all(|report| report.ok),
            changed: reports.iter().any(|report| report.changed),
            reports,
            error: None,
            agent: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The exit code: 0 if every report's is, else the first that is not.
    pub fn exit(&self) -> u8 {
        let of_reports = self.reports.iter().map(Report::exit).find(|code| *code != 0);
        of_reports
            .or(self.error.as_ref().map(|error| error.exit))
            .unwrap_or(0)
    }
}
