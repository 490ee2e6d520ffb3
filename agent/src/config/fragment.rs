//! What settings files say, before anything is merged or checked. Unknown keys are refused.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::probe::{PortText, Probe};
use super::rollout::RolloutFragment;
use super::vendor_tool::SourceFragment;
use crate::model::RelPath;

/// An instance file, `instances.d/<anything>.yaml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceFragment {
    /// The instance's name.
    pub name: String,
    /// The profile's name.
    pub product: String,
    /// The pack's directory.
    pub home: PathBuf,
    /// The user that the server runs as; the owner of the home without it.
    pub user: Option<String>,
    /// Where updates come from: an archive, a directory, or a folder of them, relative to the file's folder; or the
    /// vendor's update tool.
    pub source: Option<SourceFragment>,
    /// How the server is started and stopped; the profile's way without it.
    pub service: Option<ServiceFragment>,
    /// Probes in addition to the profile's; one of the same name replaces it. A relative `ca` is relative to the
    /// file's folder.
    #[serde(default)]
    pub probes: Vec<Probe>,
    /// What an update may do.
    pub policy: Option<PolicyFragment>,
    /// When the instance may change.
    pub rollout: Option<RolloutFragment>,
    /// Values for the profile's templates, such as ports.
    #[serde(default)]
    pub vars: BTreeMap<String, serde_json::Value>,
    /// What `config apply` does; without it the instance's configuration is left alone.
    pub config: Option<ConfigFragment>,
}

/// How the instance's files are configured.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFragment {
    /// YAML or JSON files with values, relative to the instance file's folder; what a later one says wins.
    #[serde(default)]
    pub values: Vec<PathBuf>,
    /// A folder of templates, relative to the instance file's folder; they come before the product's of the same name.
    pub templates: Option<PathBuf>,
    /// What is configured. Without it, the product's list; with it, only these, each completed by what the product
    /// says of the same path.
    pub files: Option<Vec<FileFragment>>,
}

/// One configured file, written the same way for products and instances.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFragment {
    /// The path in the pack.
    pub path: RelPath,
    /// The name of a template; `<file name>.tera` if nothing says what the file holds.
    pub template: Option<String>,
    /// The template itself.
    pub content: Option<String>,
    /// Keys and their values, for the mode `ensure-keys`; null removes a key.
    pub keys: Option<BTreeMap<String, serde_json::Value>>,
    /// How what is written meets what is there: `replace`, `merge` or `ensure-keys`.
    pub mode: Option<Mode>,
    /// Whether only owner and group may read the file, also if no value in it is a secret.
    pub secret: Option<bool>,
    /// Program and arguments that judge the file before anything is changed; `{{ file }}` is where it lies then.
    pub validate: Option<Vec<String>>,
    /// Whether the server reads the file only when it starts; `true` without it.
    pub restart: Option<bool>,
    /// JSON files of the pack that hold the vendor's defaults of keys which the file itself does not name.
    pub defaults: Option<Vec<RelPath>>,
}

/// How what is written meets what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The file becomes what was rendered.
    Replace,
    /// What changed since the last rendering is merged into the file.
    Merge,
    /// Only named keys are set or removed; the rest belongs to its owner.
    EnsureKeys,
}

/// What a product says of its configuration, `config/config.yaml` beside its profile.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductConfigFragment {
    /// What is configured unless the instance says otherwise.
    pub files: Vec<FileFragment>,
}

/// How a server is controlled.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceFragment {
    /// A systemd unit. Excludes `start` and `stop`.
    pub unit: Option<String>,
    /// Program and arguments that start the server, in the background or in the foreground.
    pub start: Option<Vec<String>>,
    /// Program and arguments that stop it; SIGTERM without it.
    pub stop: Option<Vec<String>>,
    /// Environment of both commands, in addition to `HOME`, `USER`, `LOGNAME`, `PATH`, `LANG`, `SHELL`.
    pub env: Option<BTreeMap<String, String>>,
    /// Seconds from the stop request until SIGKILL.
    pub stop_timeout_s: Option<u64>,
    /// Seconds from the start until the server counts as failed.
    pub start_timeout_s: Option<u64>,
    /// Ports that must be free after a stop.
    pub ports: Option<Vec<PortText>>,
}

/// What an update may do, where the profile or the agent's settings say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFragment {
    /// Binary files changed on both sides: `conflict`, `take-new` or `keep`.
    pub binary: Option<super::OnBoth>,
    /// Vendor files that the operator deleted and the vendor changed: `conflict`, `take-new` or `keep` (deleted).
    pub deleted: Option<super::OnBoth>,
    /// How many snapshots stay for rollback, at least 1.
    pub keep_snapshots: Option<usize>,
    /// Whether a failed verification after an update leads back to the old level.
    pub rollback: Option<bool>,
    /// Whether every manual step of an update must be acknowledged (`true`) or none (`false`).
    pub acknowledge: Option<bool>,
    /// Hotfixes, by the names of their files, that no update may end.
    pub not_superseded: Option<Vec<String>>,
}

/// The agent's own settings, `pitstop.yaml` in the config folder. Optional.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentFragment {
    /// The environment that this host belongs to, such as `staging`; reports carry it.
    pub environment: Option<String>,
    /// Limits on archives.
    pub limits: Option<LimitsFragment>,
    /// Defaults for every instance's policy.
    pub policy: Option<PolicyFragment>,
    /// When instances may change, unless their own files say otherwise.
    pub rollout: Option<RolloutFragment>,
    /// A folder of product profiles that replace or extend the built-in ones: `<folder>/<name>/product.yaml`.
    /// Relative to the config folder.
    pub products: Option<PathBuf>,
}

/// Limits on what an archive may hold.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsFragment {
    /// Entries.
    pub entries: Option<u64>,
    /// Bytes of all files, unpacked.
    pub total_bytes: Option<u64>,
    /// Bytes of one file, unpacked.
    pub file_bytes: Option<u64>,
    /// Unpacked bytes per packed byte, for entries above 1 MiB.
    pub ratio: Option<u64>,
}
