//! What a report says of an instance at one moment.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hotfix::HotfixView;
use super::report::Action;
use crate::model::{Class, Digest, RelPath, Release};

/// An instance at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceView {
    /// The pack's directory.
    pub home: PathBuf,
    /// Product, level, and the pristine tree's digest where it is known.
    pub release: Release,
    /// Whether pitstop has taken the pack over.
    pub adopted: bool,
    /// Whether the pristine files of the installed level are known.
    pub pristine_known: bool,
    /// Whether the installed level passed its verification.
    pub verified: bool,
    /// Since when this level is installed, or known if pitstop did not install it, as RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_at: Option<String>,
    /// What the processes say.
    pub state: RunState,
    /// The processes of the instance.
    pub processes: Vec<ProcessView>,
    /// The systemd unit, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitView>,
    /// Deviations from the pristine tree.
    pub drift: Drift,
    /// Releases that failed here and are held.
    pub holds: Vec<Hold>,
    /// Levels that a rollback can go to, the newest first.
    pub snapshots: Vec<SnapshotView>,
    /// What `config apply` left behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigView>,
    /// The hotfixes that are on, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hotfixes: Vec<HotfixView>,
    /// The transaction that was interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<InterruptedView>,
    /// Free bytes on the home's file system.
    pub free_bytes: u64,
}

/// Whether the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// At least one process of the server lives.
    Running,
    /// None does.
    Stopped,
    /// It cannot be told, with the reason among the warnings.
    Unknown,
}

/// A process of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessView {
    /// Process id.
    pub pid: u32,
    /// Start time in clock ticks since boot; with the pid it names the process.
    pub started_ticks: u64,
    /// What it is to the instance.
    pub role: ProcessRole,
    /// The program's name, without arguments.
    pub program: String,
    /// What proves that it belongs to the instance.
    pub evidence: String,
}

/// What a process is to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessRole {
    /// The server itself.
    Main,
    /// A wrapper, helper or child of it; stopped with it.
    Helper,
    /// Something else that uses files of the home; never signalled.
    Bystander,
}

/// A systemd unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitView {
    /// Its name.
    pub name: String,
    /// `ActiveState`, such as `active` or `failed`.
    pub active: String,
    /// `SubState`, such as `running`.
    pub sub: String,
}

/// How the tree deviates from its pristine state. Lists are cut at [`Drift::LIST_LIMIT`]; counts are not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// How many vendor and config files deviate in all.
    pub count: u64,
    /// The deviations, by path.
    pub paths: Vec<DriftView>,
}

impl Drift {
    /// How many deviations a report lists at most.
    pub const LIST_LIMIT: usize = 200;
}

/// One deviation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriftView {
    /// The path in the pack.
    pub path: RelPath,
    /// Its owner class.
    pub class: Class,
    /// What is different.
    pub change: DriftKind,
    /// Whether the file is as `config apply` left it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub configured: bool,
}

/// Kinds of deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DriftKind {
    /// Content or kind differs.
    Modified,
    /// The vendor's file is not there.
    Missing,
    /// The vendor has no such file.
    Extra,
    /// Only permission bits differ.
    Mode,
}

/// A release that failed on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// The release.
    pub release: Release,
    /// When, as RFC 3339.
    pub since: String,
    /// Why.
    pub reason: String,
    /// The transaction that failed.
    pub transaction: String,
}

/// What `config apply` left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigView {
    /// The files that it manages.
    pub files: Vec<RelPath>,
    /// Configurations that `rollback --config` can take back, the newest first.
    pub snapshots: Vec<ConfigSnapshotView>,
    /// Why the configuration that failed here is held; absent if none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
}

/// A configuration that can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigSnapshotView {
    /// The transaction that it came with.
    pub transaction: String,
    /// When, as RFC 3339.
    pub taken: String,
}

/// A level that a rollback can go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotView {
    /// The transaction whose undoing leads there.
    pub transaction: String,
    /// The release it leads to.
    pub release: Release,
    /// When it was taken, as RFC 3339.
    pub taken: String,
}

/// A transaction that was interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InterruptedView {
    /// Its id.
    pub transaction: String,
    /// The verb.
    pub action: Action,
    /// Where it stopped.
    pub phase: Phase,
    /// What the next mutating verb will do.
    pub remedy: String,
}

/// How far a transaction got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// New files are being prepared; nothing live has changed.
    Staging,
    /// The server is being stopped; no file has changed.
    Stopping,
    /// The vendor's tool works in the home itself.
    InPlace,
    /// Files are being renamed into place.
    Committing,
    /// Renames are being taken back.
    Undoing,
    /// The new files are in place; the server is being started and verified.
    Committed,
}

/// How the vendor's files in a home compare with those of a pristine pack, whatever way they came there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparisonView {
    /// The pack, or its tree manifest.
    pub path: PathBuf,
    /// The digest that names its tree.
    pub tree: Digest,
    /// Whether the vendor's files are exactly the pack's.
    pub exact: bool,
    /// How many of them differ, are missing or are not the pack's.
    pub count: u64,
    /// The first of them, in the order of paths.
    pub paths: Vec<DriftView>,
}
