//! Templates and values → the content of files. Pure: who calls it reads the files and the secrets.

mod engine;
mod filters;
pub mod mask;
mod mentions;
mod scrub;
#[cfg(test)]
mod shipped_tests;
pub mod spans;
pub mod stale;
pub mod telling;
mod unused;
pub mod values;

pub use engine::Engine;
pub use mask::Mask;
pub use unused::unused;
pub use values::{Layer, Merged, Reference, Values};
