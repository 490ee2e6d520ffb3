//! Validated settings of one instance.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::admission::Admission;
use super::configuration::Configuration;
use super::probe::Probe;
use super::rollout::Rollout;
use super::vendor_tool::UpdateSource;
use crate::product::Profile;

/// Everything that a verb needs to know about an instance.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The instance's name: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// The environment that the host belongs to, if it was told.
    pub environment: Option<String>,
    /// The profile, templates rendered.
    pub profile: Profile,
    /// The pack's directory, absolute, symlinks in it resolved at load time if it exists.
    pub home: PathBuf,
    /// The user that the server runs as; the owner of the home without it.
    pub user: Option<String>,
    /// Where updates come from.
    pub source: Option<UpdateSource>,
    /// How the server is started and stopped.
    pub service: ServiceControl,
    /// Seconds from the stop request until SIGKILL.
    pub stop_timeout_s: u64,
    /// Seconds from the start until the server counts as failed.
    pub start_timeout_s: u64,
    /// Ports that must be free after a stop.
    pub ports: Vec<u16>,
    /// Probes in the order in which they are reported.
    pub probes: Vec<Probe>,
    /// What an update may do.
    pub policy: Policy,
    /// When it may change.
    pub rollout: Rollout,
    /// Limits on archives.
    pub limits: Limits,
    /// What `config apply` does; `None` if the instance's configuration is left alone.
    pub config: Option<Configuration>,
    /// The folder with this instance's state, `<state-dir>/instances/<name>`.
    pub state_dir: PathBuf,
    /// The folder with caches of sources, `<state-dir>/cache`.
    pub cache_dir: PathBuf,
    /// Where what people decided about conflicts is remembered.
    pub memory: MemoryDirs,
    /// Where whom this host believes is written down.
    pub trust: TrustDirs,
    /// What a release must bring before it is staged.
    pub admission: Admission,
    /// The folders with suites of tests: `<config-dir>/verify.d`, and in it one of the instance's name.
    pub suites: [PathBuf; 2],
}

/// Where whom this host believes is written down, and what is to be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustDirs {
    /// The anchor, `<config-dir>/trust`; only read.
    pub anchor: PathBuf,
    /// What led on from it, `<state-dir>/trust`.
    pub kept: PathBuf,
    /// Evidence, scans and approvals that were shipped to this host, `<config-dir>/evidence.d`; only read.
    pub shipped: PathBuf,
}

/// Where what people decided about conflicts is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryDirs {
    /// This host's own, `<state-dir>/resolutions`.
    pub own: PathBuf,
    /// What was shipped to it, `<config-dir>/resolutions.d`; only read.
    pub shipped: PathBuf,
}

/// How a server is started and stopped.
#[derive(Debug, Clone, PartialEq)]
pub enum ServiceControl {
    /// Through systemd.
    Unit(String),
    /// By commands.
    Commands {
        /// Program and arguments.
        start: Vec<String>,
        /// How it is stopped.
        stop: Stop,
        /// Environment of the commands in addition to the clean one.
        env: BTreeMap<String, String>,
    },
    /// Not at all: the pack has no server, or somebody else controls it.
    None,
}

/// How a server that is not a unit is stopped.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// Program and arguments.
    Command(Vec<String>),
    /// SIGTERM to its processes.
    Signal,
}

/// What to do where both sides changed and no merge is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBoth {
    /// Ask a person.
    Conflict,
    /// Take the vendor's.
    TakeNew,
    /// Keep the operator's.
    Keep,
}

/// What an update may do.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Binary files changed on both sides.
    pub binary: OnBoth,
    /// Vendor files that the operator deleted and the vendor changed.
    pub deleted: OnBoth,
    /// How many snapshots stay for rollback.
    pub keep_snapshots: usize,
    /// Whether a failed verification after an update leads back to the old level.
    pub rollback: bool,
    /// Whether every manual step of an update, or none, must be acknowledged; as the profile says without it.
    pub acknowledge: Option<bool>,
    /// Hotfixes, by the names of their files, that no update may end: the vendor has not said that it supersedes them.
    pub not_superseded: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            binary: OnBoth::Conflict,
            deleted: OnBoth::Conflict,
            keep_snapshots: 2,
            rollback: true,
            acknowledge: None,
            not_superseded: Vec::new(),
        }
    }
}

/// Limits on what an archive may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries.
    pub entries: u64,
    /// Bytes of all files, unpacked.
    pub total_bytes: u64,
    /// Bytes of one file, unpacked.
    pub file_bytes: u64,
    /// Unpacked bytes per packed byte, for entries above 1 MiB.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 500_000,
            total_bytes: 20 << 30,
            file_bytes: 4 << 30,
            ratio: 200,
        }
    }
}
