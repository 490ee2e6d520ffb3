//! PURE: (settings, inventory, manifests) → [`Plan`](crate::api::Plan). No I/O, no clock, no environment.
//!
//! A plan is made in two halves, because merging needs content and reading content is not pure: a draft decides every
//! path and names those whose three sides it needs; the caller reads and merges them; the draft becomes the plan.

pub mod config;
mod decide;
mod decided;
mod draft;
mod explain;
mod files;
pub mod gate;
pub mod hotfix;
mod id;
pub mod in_place;
pub mod manual;
pub mod present;
pub mod rollback;
pub mod rollout;
#[cfg(test)]
mod tests;
pub mod update;

pub use draft::{Answer, Common, Draft, MergeOutcome, MergeRequest, Resolution, Side};
