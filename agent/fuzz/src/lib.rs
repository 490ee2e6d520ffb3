//! What the fuzzers try. The ordinary tests replay the seeds through the same functions: `tests/fuzz_seeds.rs`.

mod input;
mod laws;

pub use laws::{edit, merge};
