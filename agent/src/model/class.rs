//! Who owns a path of a pack, and so what an update may do to it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The owner of a path, decided by the profile's ownership rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The vendor's files: replaced; a local change is merged if it is text and a conflict if it is not.
    Vendor,
    /// Files that operators edit: merged from three sides.
    Config,
    /// Files that the server rewrites at each start: follow the vendor, never counted as drift.
    Generated,
    /// Keystores, drivers, deployed artefacts: never touched; a vendor seed is added only if absent.
    Customer,
    /// Databases, logs, indexes: never read, hashed, copied or touched.
    State,
}

impl Class {
    /// Whether the content of such a file is read at all.
    pub fn is_observed(self) -> bool {
        matches!(self, Class::Vendor | Class::Config | Class::Generated)
    }

    /// Whether a deviation from the vendor's file is reported as drift.
    pub fn counts_as_drift(self) -> bool {
        matches!(self, Class::Vendor | Class::Config)
    }
}
