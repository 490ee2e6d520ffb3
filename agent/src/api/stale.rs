//! Templates that override what the vendor changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Level, RelPath};

/// A configured file that overrides what the vendor changed since somebody last worked on its template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaleView {
    /// The path in the pack.
    pub path: RelPath,
    /// The level that the template was last worked on at.
    pub from: Level,
    /// The level whose defaults it is compared with.
    pub to: Level,
    /// The keys that it overrides and the vendor changed.
    pub keys: Vec<StaleKey>,
}

/// One overridden key. What sounds like a secret is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaleKey {
    /// The key, with dots between its parts.
    pub key: String,
    /// The vendor's default at the lower level; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The vendor's default at the higher level; absent where there is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What the instance's configuration says; absent where it does not have the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yours: Option<String>,
}
