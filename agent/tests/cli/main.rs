//! The program as a process: what an operator, a script and a configuration manager see of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

mod attach;
mod behind;
mod bundle;
mod bundle_carried;
mod bundle_known;
mod bundle_trust;
mod bundle_web;
mod bundle_web_host;
#[path = "../common/mod.rs"]
mod common;
mod config;
mod config_merge;
mod config_server;
mod conflicts;
mod conflicts_left;
mod conflicts_memory;
mod conflicts_terminal;
mod evidence;
mod gate;
mod gate_clock;
mod hotfix;
mod hotfix_trust;
mod hotfix_update;
mod journal;
mod merge;
mod pack;
mod probes;
mod recover;
mod report;
mod restored;
mod rollout;
mod rollout_lock;
mod server;
mod server_uncontrolled;
mod terminal;
mod trust;
mod update;
mod update_refused;
mod vendor_tool;
mod vendor_tool_host;
mod vendor_tool_in_place;
mod vendor_tool_meanwhile;
mod vendor_tool_refused;
mod vendor_tool_shared;
mod vendor_tool_table;
mod verify;
mod way_back;
