//! The plan of an update that the vendor's tool makes in the home itself.

use std::collections::BTreeMap;

use crate::api::Result;
use crate::api::plan::Plan;

use super::{Common, Draft, id};

const STOPPED: &str = "the vendor's tool works in the home itself: the server is stopped as long as it runs, and what it changes is \
                       only known then";

/// What can be planned before the tool has run.
///
/// # Errors
/// As any plan.
pub fn outline(common: Common<'_>, held_bytes: u64) -> Result<Plan> {
    let required_bytes = held_bytes.saturating_add(common.disk.extra_bytes);
    let draft = Draft {
        common,
        decided: BTreeMap::new(),
        requests: Vec::new(),
        warnings: Vec::new(),
        remembered: Vec::new(),
    };
    let plan = draft.finish(&BTreeMap::new(), &BTreeMap::new())?;
    mark(Plan {
        required_bytes,
        ..plan
    })
}

/// The plan as one of an update in the home itself.
///
/// # Errors
/// As any plan's id.
pub fn mark(mut plan: Plan) -> Result<Plan> {
    plan.in_place = true;
    plan.warnings.push(STOPPED.to_owned());
    id::seal(plan)
}
