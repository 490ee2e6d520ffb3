//! The verbs that report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The verbs that report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the verbs")]
pub enum Action {
    Adopt,
    Check,
    Stop,
    Start,
    Recover,
    Update,
    Verify,
    Rollback,
    Config,
    Conflicts,
    Hotfix,
    Attach,
}

impl Action {
    /// The verb as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Action::Adopt => "adopt",
            Action::Check => "check",
            Action::Stop => "stop",
            Action::Start => "start",
            Action::Recover => "recover",
            Action::Update => "update",
            Action::Verify => "verify",
            Action::Rollback => "rollback",
            Action::Config => "config",
            Action::Conflicts => "conflicts",
            Action::Hotfix => "hotfix",
            Action::Attach => "attach",
        }
    }
}
