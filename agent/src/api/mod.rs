//! Everything that leaves the process: the report, error kinds and exit codes, and their JSON Schema. Does no I/O.

pub mod action;
pub mod admission;
pub mod bundle;
pub mod error;
pub mod finding;
pub mod fleet;
pub mod history;
pub mod hotfix;
pub mod instance;
pub mod memory;
pub mod merge;
pub mod pack;
pub mod plan;
pub mod report;
pub mod rollout;
pub mod schema;
pub mod stale;
pub mod trust;

pub use error::{ErrorKind, ExitCode, Failure, Result};
pub use plan::Plan;
pub use report::Report;
