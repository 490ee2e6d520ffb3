//! What is wrong with a pack or its surroundings, apart from single files that deviate from the vendor's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::RelPath;

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// Whether `verify` fails because of it.
    pub severity: Severity,
    /// In words, with what it leads to.
    pub message: String,
    /// The paths in the pack that it is about, at most [`Finding::LIST_LIMIT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<RelPath>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    /// How many paths one finding lists at most.
    pub const LIST_LIMIT: usize = 20;

    /// A finding that only warns.
    pub fn wanted(kind: FindingKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            severity: Severity::Wanted,
            message: message.into(),
            paths: Vec::new(),
            hint: None,
        }
    }

    /// Names the paths that it is about.
    #[must_use]
    pub fn at(mut self, paths: impl IntoIterator<Item = RelPath>) -> Self {
        self.paths = paths.into_iter().take(Self::LIST_LIMIT).collect();
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Makes `verify` fail because of it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.severity = Severity::Required;
        self
    }
}

/// The first of some things, and how many more there are.
pub fn and_more(first: impl std::fmt::Display, count: usize) -> String {
    match count.saturating_sub(1) {
        0 => first.to_string(),
        more => format!("{first} and {more} more"),
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// Two bundles of one symbolic name.
    DuplicateBundle,
    /// A bundle that is listed and not there.
    MissingBundle,
    /// A bundle that is there and listed nowhere.
    OrphanBundle,
    /// What a merge or an edit left beside a file of the pack.
    StrayFile,
    /// What something else, this agent with another state folder too, left in the pack, and what it can do there.
    Leftover,
    /// A path that the server has to write and may not.
    NotWritable,
    /// A file with secrets that everybody may read.
    Exposed,
    /// A systemd unit that takes a stop for a crash.
    Unit,
    /// Files that a change took out of the pack and kept for a person.
    Kept,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// `verify` fails.
    Required,
    /// Only a warning.
    Wanted,
}
