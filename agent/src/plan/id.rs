//! The name of a plan.

use crate::api::plan::Plan;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Class, Digest};

/// Gives a plan its id: the start of the digest of everything else in it. What a running server rewrites by itself
/// does not count.
pub fn seal(mut plan: Plan) -> Result<Plan> {
    plan.id = String::new();
    let mut named = plan.clone();
    for file in &mut named.files {
        if file.class == Class::Generated {
            file.old = None;
        }
    }
    let bytes = serde_json::to_vec(&named)
        .map_err(|error| Failure::new(ErrorKind::Internal, "cannot name the plan").because(error))?;
    plan.id = Digest::of(&bytes).to_string()[..16].to_owned();
    Ok(plan)
}
