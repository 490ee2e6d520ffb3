//! What to look out for in packs of a product and around them: data of the profile.

use serde::{Deserialize, Serialize};

use crate::model::RelPath;

/// What makes a pack as a whole sound.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LintRules {
    /// Where OSGi bundles lie; without it none are looked at.
    pub bundles: Option<BundleRules>,
    /// Ends of names, such as `.original`, of what merges and edits leave beside a file.
    #[serde(default)]
    pub strays: Vec<String>,
    /// What others leave in a pack.
    #[serde(default)]
    pub leftovers: Vec<LeftoverRule>,
}

/// Where OSGi bundles lie. What is installed is listed in files named `bundles.info`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleRules {
    /// The folder of the vendor's bundles, from the folder of a `bundles.info`; it may climb with `..`.
    pub plugins: String,
    /// The folder of bundles whose lines each start writes anew.
    pub dropins: RelPath,
}

/// What others leave in a pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftoverRule {
    /// Paths; the last component may be a glob.
    pub paths: Vec<String>,
    /// What it is and what it leads to.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// A template: the rule holds unless it comes out empty or as `false`.
    pub when: Option<String>,
}

/// Something that an update leaves to a person, if everything holds that is given here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManualRule {
    /// What its ids begin with.
    pub name: String,
    /// Globs: the vendor changes, adds or removes such a file.
    #[serde(default)]
    pub changed: Vec<String>,
    /// Paths of which one is there; the last component may be a glob.
    #[serde(default)]
    pub present: Vec<String>,
    /// Globs: such a file is there and neither level has it. Not told without the vendor's originals.
    #[serde(default)]
    pub extra: Vec<String>,
    /// Globs: something is mounted there, and the update writes to it.
    #[serde(default)]
    pub mounted: Vec<String>,
    /// What is to be done.
    pub text: String,
    /// Whether the update is refused until a person acknowledges it.
    #[serde(default)]
    pub acknowledge: bool,
    /// A template: the rule holds unless it comes out empty or as `false`.
    pub when: Option<String>,
}

/// What the server's user must be able to do, and others must not. Paths are relative to the home; `dir/**` is the
/// directory with all that is in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionRules {
    /// What the server must be able to write, else it does not start.
    #[serde(default)]
    pub needed: Vec<String>,
    /// What it must be able to write too at the first start after its pack or its configuration changed.
    #[serde(default)]
    pub renewed: Vec<String>,
    /// What it writes too.
    #[serde(default)]
    pub written: Vec<String>,
    /// Files with secrets; the last component may be a glob. The vendor's own, known to everybody, do not count.
    #[serde(default)]
    pub private: Vec<String>,
}

/// An environment variable that a profile's start command does not go without. A server that a unit controls has the unit's
/// environment, and an own start command its own needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeededEnv {
    /// Its name.
    pub name: String,
    /// The file that must be in the folder that it names.
    pub file: Option<RelPath>,
    /// The profile's variable that gives it its value.
    pub var: Option<String>,
}

/// Files of which the server needs one to start, as long as a line of another one says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeededFiles {
    /// Paths; the last component may be a glob.
    pub paths: Vec<String>,
    /// Those of them that a start removes.
    #[serde(default)]
    pub used_up: Vec<String>,
    /// The file that says whether they are needed, and the regular expression on a line of it that says so.
    pub said_in: RelPath,
    /// See above.
    pub line: String,
    /// What the server does without them.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// A template: the rule holds unless it comes out empty or as `false`.
    pub when: Option<String>,
}
