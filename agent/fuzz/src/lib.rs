//! What the fuzzers try. The ordinary tests replay the seeds through the same functions: `tests/fuzz_seeds.rs`.

pub mod delta;
mod input;
mod laws;
mod readers;

pub use laws::{edit, merge};
pub use readers::{bundle, envelope, index, junit, statement, tap};
