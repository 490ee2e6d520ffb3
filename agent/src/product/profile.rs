//! The profile of a product: its `product.yaml` with what it takes from the profile that it extends.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;

use crate::api::plan::Hook;
use crate::config::Probe;
use crate::config::probe::PortText;
use crate::model::{Class, Level, LevelOrder, RelPath};

use super::caution::{LintRules, ManualRule, NeededEnv, NeededFiles, PermissionRules};
use super::fragment::ProfileFragment;

/// What kind of pack a product's is. Texts may be templates over the instance's `home`, `user`, `name` and the
/// profile's `vars`, which an instance may override.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "ProfileFragment")]
pub struct Profile {
    /// The product's name, as in instances and reports.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// How its packs are recognised: every rule must hold.
    pub detect: Vec<DetectRule>,
    /// How its level is read: the parts are joined with dots.
    pub level: LevelRules,
    /// Who owns which path; the first rule that matches wins.
    pub ownership: Vec<OwnershipRule>,
    /// How its processes are recognised.
    pub process: ProcessRules,
    /// How it is started and stopped where the instance does not say.
    pub service: ServiceRules,
    /// How its health is told.
    pub probes: Vec<Probe>,
    /// How much space an update needs beyond the files it stages.
    pub disk: DiskRule,
    /// Commands around the update.
    pub hooks: Vec<HookRule>,
    /// What its updates leave to a person.
    pub manual_steps: Vec<ManualRule>,
    /// What makes its packs sound as a whole.
    pub lint: LintRules,
    /// What the server's user must be able to do, and others must not.
    pub permissions: PermissionRules,
    /// Words in configuration keys whose values are secrets, besides those that say so themselves, such as `password`.
    pub secrets: Vec<String>,
    /// The vendor's own update tool, if there is one.
    pub vendor_tool: Option<VendorToolRules>,
    /// Default values of the templates' variables.
    pub vars: BTreeMap<String, serde_json::Value>,
}

impl Profile {
    /// Whether a pack that calls itself so is one of this product.
    pub fn is_called(&self, product: &str, version: &str) -> bool {
        let pack = format!("{product}-{version}");
        let told_by = self.detect.iter().filter_map(|rule| rule.regex.as_deref());
        told_by
            .filter_map(|regex| Regex::new(regex).ok())
            .any(|regex| regex.is_match(&pack))
    }
}

/// A file that tells the product: it must exist and, with `regex`, its content must match.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectRule {
    /// Path; the last component may be a glob with `*`.
    pub file: String,
    /// A regular expression on the content.
    pub regex: Option<String>,
}

/// How a level is read and compared.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelRules {
    /// The parts, joined with dots.
    pub parts: Vec<LevelPart>,
    /// How levels compare.
    #[serde(default)]
    pub order: LevelOrder,
    /// How many parts between dots, from the first, are the release line: who leaves it migrates, which is more than an update.
    /// Without it there is one line only.
    pub line: Option<usize>,
}

impl LevelRules {
    /// Whether two levels are of one release line.
    pub fn is_one_line(&self, a: &Level, b: &Level) -> bool {
        self.line.is_none_or(|parts| a.line(parts) == b.line(parts))
    }
}

/// One part of a level. Exactly one of `name`, `regex` and `json` is given.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelPart {
    /// Path; the last component may be a glob with `*`.
    pub file: String,
    /// A regular expression on the file's name, whose first group is the part.
    pub name: Option<String>,
    /// A regular expression on the file's content, whose first group is the part.
    pub regex: Option<String>,
    /// A JSON pointer into the file's content; a string or a number is the part.
    pub json: Option<String>,
    /// Texts that mean `default`.
    #[serde(default)]
    pub unset: Vec<String>,
    /// The part where the file or the value is missing; without it the level is unknown then.
    pub default: Option<String>,
}

/// A class and the globs of its paths. `*` and `?` stay within a component, `**` spans any number of them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnershipRule {
    /// The class.
    pub class: Class,
    /// The globs.
    pub paths: Vec<String>,
    /// Whether such files of the vendor's may be missing, because a script of the product's removes them. An update does
    /// not bring them back.
    #[serde(default)]
    pub optional: bool,
    /// Where a pack keeps what such a file is made from, with `{path}` in the place of the file's own path, such as
    /// `conf/templates/{path}.j2`: the rule holds only for what has such a file in the tree.
    pub made_from: Option<String>,
    /// A template: the rule holds unless it comes out empty or as `false`.
    pub when: Option<String>,
}

impl OwnershipRule {
    /// A rule that always holds, on files that must not be missing.
    pub fn new(class: Class, paths: Vec<String>) -> Self {
        Self {
            class,
            paths,
            optional: false,
            made_from: None,
            when: None,
        }
    }
}

/// How processes are recognised.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessRules {
    /// The server itself: its command line has an argument that contains one of these texts, and it runs from the home.
    /// Empty: any process that runs from the home.
    #[serde(default)]
    pub main: Vec<String>,
    /// Helpers that live beside the server: texts in their command lines, beside the home.
    #[serde(default)]
    pub helpers: Vec<String>,
    /// How a process says which home is its own: what an argument begins with, up to the path, such as `-Dcarbon.home=`.
    /// The first one that it was given decides, whatever else its command line names.
    #[serde(default)]
    pub home: Vec<String>,
}

/// The default way to control the server.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceRules {
    /// Program and arguments that start it.
    pub start: Option<Vec<String>>,
    /// Program and arguments that stop it; SIGTERM without it.
    pub stop: Option<Vec<String>>,
    /// Program and arguments that run it in the foreground, for a systemd unit.
    pub foreground: Option<Vec<String>>,
    /// Environment of both.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Variables that the start command does not go without.
    #[serde(default)]
    pub needed_env: Vec<NeededEnv>,
    /// Files that the server does not start without.
    #[serde(default)]
    pub needed_files: Vec<NeededFiles>,
    /// Files that the start script believes to name a running server. They outlive it: before a start they are removed.
    #[serde(default)]
    pub pid_files: Vec<RelPath>,
    /// Exit codes besides 0 with which it ends when it is asked to.
    #[serde(default)]
    pub stop_codes: Vec<u8>,
    /// Seconds from the stop request until SIGKILL.
    pub stop_timeout_s: Option<u64>,
    /// Seconds from the start until the server counts as failed.
    pub start_timeout_s: Option<u64>,
    /// Ports that must be free after a stop.
    #[serde(default)]
    pub ports: Vec<PortText>,
}

/// The vendor's own update tool. It changes a pack in place, leaves `.original` and `.new` beside a file that it cannot
/// merge, and takes `.final` in its place.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorToolRules {
    /// The executable by the machine's architecture, such as `x86_64`.
    pub programs: BTreeMap<String, RelPath>,
    /// The script that fetches the executable where the pack comes without it. It has to be run in its own folder.
    pub setup: Option<RelPath>,
    /// What the tool needs besides the vendor's files: itself, and what it remembers. Paths whose last component may be
    /// a glob.
    pub needs: Vec<String>,
    /// Where it expects user and password.
    pub credentials: CredentialVariables,
    /// The file that it keeps the level in.
    pub record: RelPath,
    /// JSON pointers to account data that it leaves in that file.
    #[serde(default)]
    pub account: Vec<String>,
    /// Lists of the jars that the server loads: each jar that an update adds to one has to be there.
    #[serde(default)]
    pub bundle_lists: Vec<String>,
    /// A regular expression on the names of updates in a file, with the groups `product`, `version`, `from` and `to`.
    pub offline: Option<String>,
    /// Its hotfixes, if there are such.
    pub hotfix: Option<HotfixRules>,
}

impl VendorToolRules {
    /// What of a pack can be at work when the tool is: on any machine, and what fetches it.
    pub fn executables(&self) -> impl Iterator<Item = &RelPath> {
        self.programs.values().chain(&self.setup)
    }
}

/// A vendor's hotfixes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HotfixRules {
    /// A regular expression on the names of their files, with the groups `product`, `version` and `number`.
    pub name: String,
    /// Where the tool may write down which of them it applied: paths whose last component may be a glob.
    pub records: Vec<String>,
}

/// Names of environment variables.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialVariables {
    /// Of the user.
    pub username: String,
    /// Of the password.
    pub password: String,
}

/// Space in bytes = `factor` × staged bytes + `extra_bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiskRule {
    /// Multiple of the bytes to stage.
    pub factor: f64,
    /// Bytes on top, for logs and what the server writes while it starts.
    pub extra_bytes: u64,
}

impl Default for DiskRule {
    fn default() -> Self {
        Self {
            factor: 1.0,
            extra_bytes: 64 << 20,
        }
    }
}

/// A command around the update.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookRule {
    /// When it runs.
    pub when: Hook,
    /// Program and arguments. Without a program there is no hook.
    pub command: Vec<String>,
    /// A regular expression: it has failed, whatever its exit code, if a line of its output matches.
    pub forbid: Option<String>,
    /// Seconds until it counts as failed.
    #[serde(default = "two_minutes")]
    pub timeout_s: u64,
}

fn two_minutes() -> u64 {
    120
}
