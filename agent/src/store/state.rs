//! The settled state of an instance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::config::{ConfigChange, ConfigState};
use super::hotfix::Hotfix;
use super::rollout::HeldLock;
use crate::api::report::{Action, Hold};
use crate::api::rollout::Gate;
use crate::model::{Digest, Entry, LevelOrder, RelPath, Release};
use crate::sys::random;

/// See the module. Fields that later versions add must have defaults, so that an older file still loads.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// 1. A higher number is refused by nothing yet, because fields are only added.
    pub format: u32,
    /// What marks the folders in the home whose content this state knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How many transactions were begun; the next one's number comes from here, never from the clock.
    pub sequence: u64,
    /// What is installed; absent until the pack is adopted.
    pub installed: Option<Installed>,
    /// The verification that is still owed, if the last run did not live to see it.
    #[serde(default)]
    pub pending: Option<Pending>,
    /// What can be taken back, the newest last.
    #[serde(default)]
    pub snapshots: Vec<Snapshot>,
    /// Releases that failed here.
    #[serde(default)]
    pub holds: Vec<Hold>,
    /// What `config apply` left behind.
    #[serde(default)]
    pub config: ConfigState,
    /// The slot of its group that it holds, or may hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<HeldLock>,
}

/// The installed release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Installed {
    /// Product, level and, where it is known, the pristine tree.
    pub release: Release,
    /// Since when, as RFC 3339.
    pub since: String,
    /// Whether it passed its verification.
    pub verified: bool,
    /// Vendor files that deviate from the pristine tree with our knowledge: merged, kept by policy, or found at
    /// adoption. `None` is a file that is not there. Without a pristine tree: every vendor file as it was found.
    #[serde(default)]
    pub accepted: BTreeMap<RelPath, Option<Entry>>,
    /// The hotfixes that are on, the oldest first. The release's tree is the vendor's with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hotfixes: Vec<Hotfix>,
}

/// A transaction whose files are in place and whose verification is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Its id.
    pub transaction: String,
    /// Its verb.
    pub action: Action,
    /// Whether the server has to be started.
    pub start: bool,
    /// Which probes passed before the transaction, by name; empty if none was asked.
    pub baseline: BTreeMap<String, bool>,
    /// The release before it.
    pub from: Release,
    /// The release it leads to.
    pub to: Release,
    /// When it began, as RFC 3339.
    pub began: String,
    /// For a rollback that the agent began by itself: the transaction that it takes back and why.
    #[serde(default)]
    pub because: Option<Because>,
    /// Whether the server went on serving meanwhile.
    #[serde(default)]
    pub live: bool,
    /// What it did to the configuration, if that is what it was about.
    #[serde(default)]
    pub config: Option<ConfigChange>,
    /// The hotfix that it applied, if that is what it was about.
    #[serde(default)]
    pub hotfix: Option<String>,
    /// The gates that somebody overrode for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<Gate>,
    /// Whether what the profile wants done before the first start is done: from then on the server may run.
    #[serde(default)]
    pub prepared: bool,
}

/// Why the agent went back by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Because {
    /// The transaction that is taken back.
    pub transaction: String,
    /// Why.
    pub reason: String,
    /// Milliseconds for which the server was down because of it, if a run saw that.
    #[serde(default)]
    pub stopped_ms: Option<u64>,
}

/// What can be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The transaction whose old files are kept.
    pub transaction: String,
    /// The release that taking it back leads to.
    pub installed: Installed,
    /// When it was taken, as RFC 3339.
    pub taken: String,
}

impl State {
    /// The next transaction's id: a number that only rises, and a random part that keeps hosts apart.
    pub fn next_transaction(&self) -> String {
        // Without randomness the rising number still keeps one host's transactions apart.
        let random = random::bytes().map(u32::from_le_bytes).unwrap_or_default();
        format!("{:06}-{random:08x}", self.sequence + 1)
    }

    /// The number that a transaction's id begins with; 0 if that is none.
    pub fn number_of(transaction: &str) -> u64 {
        let number = transaction.split('-').next();
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// The transactions whose old files are kept.
    pub fn kept_transactions(&self) -> impl Iterator<Item = &str> {
        let levels = self
            .snapshots
            .iter()
            .map(|snapshot| snapshot.transaction.as_str());
        let config = &self.config.snapshots;
        levels.chain(config.iter().map(|snapshot| snapshot.transaction.as_str()))
    }

    /// The pristine trees that are still needed.
    pub fn trees(&self) -> impl Iterator<Item = &Digest> {
        let snapshots = self.snapshots.iter().map(|snapshot| &snapshot.installed);
        self.installed
            .iter()
            .chain(snapshots)
            .filter_map(|installed| installed.release.tree.as_ref())
            .chain(self.hotfixes().map(|hotfix| &hotfix.below))
    }

    /// The hold on a release, if there is one.
    pub fn hold_on(&self, release: &Release) -> Option<&Hold> {
        self.holds
            .iter()
            .find(|hold| match (&hold.release.tree, &release.tree) {
                (Some(held), Some(wanted)) => held == wanted,
                _ => hold.release.level == release.level,
            })
    }

    /// Forgets the hold on a release that proved itself, and those on levels below it: a newer one has come.
    pub(crate) fn forget_holds(&mut self, proven: &Release, order: LevelOrder) {
        let is_older = |held: &Release| order.compare(&held.level, &proven.level).is_lt();
        self.holds
            .retain(|hold| hold.release != *proven && !is_older(&hold.release));
    }
}
