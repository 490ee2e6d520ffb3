//! What the history says of a transaction.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::Action;
use super::rollout::Gate;
use crate::model::Release;

/// One transaction, as it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransactionView {
    /// Its id.
    pub transaction: String,
    /// The verb.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// The release before.
    pub from: Release,
    /// The release that it led to.
    pub to: Release,
    /// When it began, as RFC 3339.
    pub began: String,
    /// When it ended, as RFC 3339.
    pub ended: String,
    /// Milliseconds for which the server was down because of it; absent where no run saw all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_ms: Option<u64>,
    /// Why, where it did not go well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The gates that somebody overrode for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<Gate>,
    /// The agent's version.
    pub agent: String,
}

impl TransactionView {
    /// How many transactions a report lists at most.
    pub const LIST_LIMIT: usize = 5;

    /// The newest change of a history, which lists the newest first. A way back that the agent went by itself is a part of the change
    /// that it took back: what it came to is told, and all the time for which the server was down.
    pub fn newest_change(history: &[Self]) -> Option<Self> {
        match history {
            [back, taken, ..] if back.takes_back(taken) => Some(Self {
                stopped_ms: taken
                    .stopped_ms
                    .zip(back.stopped_ms)
                    .map(|(taken, back)| taken + back),
                ..taken.clone()
            }),
            [last, ..] => Some(last.clone()),
            [] => None,
        }
    }

    /// Both are written when the way back is verified.
    fn takes_back(&self, taken: &Self) -> bool {
        (self.action, self.outcome, taken.outcome) == (Action::Rollback, Outcome::Done, Outcome::TakenBack)
            && self.ended == taken.ended
    }
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Verified.
    Done,
    /// In place, but a check failed and nothing was taken back.
    Unhealthy,
    /// In place; a rollback followed.
    TakenBack,
    /// Taken back before it was in place.
    Undone,
}
