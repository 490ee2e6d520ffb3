//! The plan: every step, path, digest, mode and timeout already decided. Pure data with five uses: the dry run's
//! output, Ansible's `diff`, Puppet's noop text, the journal's header, and the thing that a person approves.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::Action;
pub use super::hotfix::{HotfixOp, HotfixStep};
use crate::model::{Class, Digest, Entry, RelPath, Release};

/// One change to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Names the plan: the start of the SHA-256 of everything else in it. The same host state and source give the
    /// same id; a run that is given an id refuses (`stale`) when it comes to another.
    pub id: String,
    /// The verb that made it.
    pub action: Action,
    /// The instance's name.
    pub instance: String,
    /// The instance's home.
    pub home: PathBuf,
    /// The release that is installed.
    pub from: Release,
    /// The release that will be installed.
    pub to: Release,
    /// Digest over the state of every path that the decision looked at.
    pub base_revision: Digest,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// The changes of the commit step, in order.
    pub files: Vec<FileStep>,
    /// What needs a person. A plan with conflicts is never executed.
    pub conflicts: Vec<Conflict>,
    /// The remembered decisions that resolved conflicts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remembered: Vec<RememberedView>,
    /// What the update leaves to a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manual: Vec<ManualStep>,
    /// The hotfixes that come, end or come back with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hotfixes: Vec<HotfixStep>,
    /// What a person should know before approving.
    pub warnings: Vec<String>,
    /// Whether the vendor's tool works in the home itself, with the server stopped as long as it runs. What it will change is
    /// only known then: before, the plan names no files.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_place: bool,
    /// Free space in bytes that the plan needs on the home's file system.
    pub required_bytes: u64,
}

/// Something that the update leaves to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManualStep {
    /// Names it. The same change of the vendor's files has the same id on every host.
    pub id: String,
    /// What is to be done.
    pub text: String,
    /// How many paths it is about.
    pub count: u64,
    /// The paths, at most [`ManualStep::LIST_LIMIT`].
    pub paths: Vec<RelPath>,
    /// Whether the update is refused until `--acknowledge` names it.
    pub acknowledge: bool,
}

impl ManualStep {
    /// How many paths one step lists at most.
    pub const LIST_LIMIT: usize = 20;
}

/// One step of the road.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum Step {
    /// Write and sync the new files beside the live ones.
    Stage {
        /// How many files.
        files: u64,
        /// How many bytes.
        bytes: u64,
    },
    /// Run a hook of the profile.
    Hook {
        /// Which hook.
        hook: Hook,
        /// Program and arguments.
        command: Vec<String>,
    },
    /// Stop the server and wait until its processes and ports are gone.
    Stop {
        /// Seconds until the processes are killed.
        timeout_s: u64,
    },
    /// Rename the staged files into place.
    Commit {
        /// How many paths.
        paths: u64,
    },
    /// Start the server and wait until its probes answer.
    Start {
        /// Seconds until the start counts as failed.
        timeout_s: u64,
    },
    /// Check what was done.
    Verify {
        /// Whether the server is expected to run.
        running: bool,
    },
    /// Record the new state.
    Seal,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// Before the server is stopped.
    BeforeStop,
    /// After the files are in place, before the start.
    AfterCommit,
    /// After the server is ready.
    AfterStart,
}

/// One path's change, with nothing left to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileStep {
    /// What is done.
    pub op: FileOp,
    /// The path in the pack.
    pub path: RelPath,
    /// Its owner class.
    pub class: Class,
    /// Why it is done.
    pub why: Why,
    /// What stands there now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Entry>,
    /// What will stand there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Entry>,
    /// Where the new content comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Numeric owner and group that the path gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The mount point inside the home that the path lies on; absent for the home's own file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount: Option<RelPath>,
    /// Whether what stood there is kept for a person after the snapshot is gone: it was edited after the update
    /// that a rollback takes back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_old: bool,
}

impl FileStep {
    /// Whether it puts a file of the customer's where there is none yet.
    pub fn is_seed(&self) -> bool {
        self.op == FileOp::Put && self.class == Class::Customer && self.old.is_none()
    }

    /// How many bytes are written for it. What comes back from a snapshot is given a second name.
    pub fn copied_bytes(&self) -> u64 {
        match (self.op, &self.content) {
            (FileOp::Put, Some(Content::Snapshot { .. })) => 0,
            (FileOp::Put, _) => self.new.as_ref().map_or(0, Entry::size),
            _ => 0,
        }
    }
}

/// What happens to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileOp {
    /// A file or link is put in place; what stood there moves into the snapshot.
    Put,
    /// A file or link moves into the snapshot.
    Remove,
    /// A directory is made.
    MakeDir,
    /// An empty directory is removed.
    RemoveDir,
    /// Only permission bits change.
    SetMode,
}

/// Why a path changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The vendor changed it.
    VendorChanged,
    /// The vendor added it.
    VendorAdded,
    /// The vendor removed it.
    VendorRemoved,
    /// Both sides changed it and the changes were merged.
    Merged,
    /// A person resolved a conflict.
    Resolved,
    /// What a person decided about the same conflict before resolved it.
    Remembered,
    /// A policy setting decided it.
    Policy,
    /// A rollback restores it.
    Restored,
    /// The instance's configuration says so.
    Configured,
}

/// Where content comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Content {
    /// The update's source.
    Source,
    /// The result of a merge, or a person's `.final` file.
    Merged,
    /// What the instance's configuration says.
    Rendered,
    /// The snapshot of an earlier transaction.
    Snapshot {
        /// That transaction's id.
        transaction: String,
    },
}

/// Numeric owner and group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// A path that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    /// The path in the pack.
    pub path: RelPath,
    /// Its owner class.
    pub class: Class,
    /// What kind of conflict.
    pub kind: ConflictKind,
    /// In words that a person can act on.
    pub message: String,
    /// Pristine at the installed level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Entry>,
    /// What is on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Entry>,
    /// Pristine at the target level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Entry>,
    /// What both sides changed within the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyConflict>,
}

/// A key, or some lines, of a text that both sides changed. Values are shortened; those that look like secrets are
/// `<secret>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyConflict {
    /// The path of the key, such as `server.port`; absent for lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The line of the operator's file where it begins; absent for keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// In words that a person can act on.
    pub message: String,
    /// What the vendor had; absent if it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// What the operator has; absent if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// What the vendor has now; absent if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// What was decided about it; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerView>,
}

/// What was decided about a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerView {
    /// What is taken.
    pub take: Taken,
    /// The value, if it is one and does not look secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// When it was decided, as RFC 3339.
    pub decided: String,
    /// By whom.
    pub by: String,
    /// Whether it was decided before, about the same conflict elsewhere or then.
    pub remembered: bool,
    /// The instance that it was remembered for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The file that it was shipped in; absent if this host remembers it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

/// What is taken in a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Taken {
    /// The operator's side.
    Ours,
    /// The vendor's side.
    Theirs,
    /// A value of the key, or lines.
    Value,
    /// A whole file.
    Final,
    /// Nothing: the path shall not exist.
    Deleted,
}

/// A remembered decision that resolved a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RememberedView {
    /// The path in the pack.
    pub path: RelPath,
    /// The key; absent for lines and for whole files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The line of the operator's file, for lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What was decided.
    #[serde(flatten)]
    pub answer: AnswerView,
}

/// Kinds of conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictKind {
    /// The same keys or lines of a text changed on both sides.
    Text,
    /// A binary file changed on both sides.
    Binary,
    /// Deleted on one side, changed on the other.
    Deleted,
    /// Added on both sides with different content, or the pristine file is unknown.
    NoBase,
    /// A file on one side, a directory or link on the other.
    Type,
}
