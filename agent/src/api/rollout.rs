//! When a host may change, and the slot of a group that it holds meanwhile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ErrorKind;

/// A rule about when an instance may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// A share of the fleet may go from a moment on.
    Wave,
    /// Changes happen in maintenance windows only.
    Window,
    /// Only so many instances of a group may be down at once.
    Lock,
    /// The policy demands evidence. Only a signed approval overrides it.
    Evidence,
}

impl Gate {
    /// Every gate that is about time, in the order in which they are passed.
    pub const ALL: [Self; 3] = [Self::Wave, Self::Window, Self::Lock];

    /// The name that commands and reports use.
    pub fn name(self) -> &'static str {
        self.kind().code()
    }

    /// The gate of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|gate| gate.name() == name)
    }

    /// What a refusal is called.
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Wave => ErrorKind::Wave,
            Self::Window => ErrorKind::Window,
            Self::Lock => ErrorKind::Lock,
            Self::Evidence => ErrorKind::Evidence,
        }
    }
}

/// When an instance may change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutView {
    /// The host's place in the fleet, from 0.00 to 99.99.
    pub percent: f64,
    /// Whether the host's wave has opened; absent where there are no waves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave_open: Option<bool>,
    /// When the host's wave opens or has opened, as RFC 3339; absent where no wave holds the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave_opens: Option<String>,
    /// Whether a maintenance window is open; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_open: Option<bool>,
    /// When the open windows end, as RFC 3339; absent where none is open, or where there always is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_ends: Option<String>,
    /// When the next window begins, as RFC 3339; absent where one is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_next: Option<String>,
    /// The group whose slots are counted; absent where none is named and none is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockView>,
}

/// A slot of a group of instances, of which only so many may be down at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LockView {
    /// The FleetLock server's address.
    pub server: String,
    /// The group.
    pub group: String,
    /// What the instance is called there.
    pub id: String,
    /// Whether the instance holds a slot, as far as it knows.
    pub held: bool,
    /// Since when, as RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Why it keeps the slot although nothing is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}
