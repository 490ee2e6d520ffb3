//! Killed at every effect, the next run finishes or undoes. Needs the feature `faults`.
#![cfg(feature = "faults")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

mod change;
#[path = "../common/mod.rs"]
mod common;
mod conflicts;
mod unsealed;
