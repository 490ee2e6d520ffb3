//! Hostile input, foreign files, mounts, full disks, power cuts, bad company: refused or survived, and never half done.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

mod bundle;
#[path = "../common/mod.rs"]
mod common;
mod files;
#[cfg(feature = "faults")]
mod hotfix;
mod input;
mod mounts;
mod owner;
#[cfg(feature = "faults")]
mod power_loss;
#[cfg(feature = "faults")]
mod runs;
#[cfg(feature = "faults")]
mod vendor_tool;
