//! The slot of a group that an instance holds, or may hold.

use serde::{Deserialize, Serialize};

use crate::config::rollout::FleetLock;

/// Written down before it is asked for, so that no kill makes anybody forget it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLock {
    /// The group and who counts it, as the settings were then.
    pub lock: FleetLock,
    /// What the instance is called there.
    pub id: String,
    /// When it was asked for, as RFC 3339.
    pub since: String,
    /// The transaction that it was last asked for.
    pub transaction: String,
    /// Whether that transaction is under way, or what it left is not verified yet.
    pub needed: bool,
    /// Why it is kept although nothing is under way: the change that failed.
    #[serde(default)]
    pub kept: Option<String>,
}

impl HeldLock {
    /// Whether nothing speaks for keeping it.
    pub fn is_owed(&self) -> bool {
        !self.needed && self.kept.is_none()
    }
}
