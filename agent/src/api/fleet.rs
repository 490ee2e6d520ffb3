//! What `pitstop report` prints of the reports that it read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The value of [`FleetReport::schema`].
pub const FLEET_SCHEMA: &str = "pitstop/fleet/v1";

/// Counts over the reports of many hosts, and where the pages lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FleetReport {
    /// `pitstop/fleet/v1`.
    pub schema: String,
    /// Always `true`: a failure is told as an error.
    pub ok: bool,
    /// Whether a page was written.
    pub changed: bool,
    /// The outcome in one sentence.
    pub message: String,
    /// Reports that were read.
    pub reports: u64,
    /// Instances that they are about.
    pub instances: u64,
    /// Hosts that these are on.
    pub hosts: u64,
    /// Instances on which something failed.
    pub failing: u64,
    /// Instances, besides those, on which somebody has to decide or do something.
    pub attention: u64,
    /// All other instances.
    pub fine: u64,
    /// How many instances have a problem of a kind, by its name.
    pub problems: BTreeMap<String, u64>,
    /// The page in HTML; absent if it was not asked for or went to standard output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<PathBuf>,
    /// The page in Markdown; absent if it was not asked for or went to standard output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markdown: Option<PathBuf>,
    /// What could not be read, and why.
    pub warnings: Vec<String>,
    /// The agent's version.
    pub agent: String,
}
