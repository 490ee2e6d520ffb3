//! Product profiles: data that says what a pack of a product is, parsed into typed rules. Built-in profiles are
//! compiled in from `templates/products`; a folder may replace or extend them.

pub mod builtin;
pub mod caution;
pub mod check;
pub mod config;
pub mod detect;
pub mod fragment;
pub mod glob;
pub mod ownership;
pub mod profile;
pub mod render;
pub mod unit;

pub use detect::{Detected, TreeView};
pub use ownership::{Cursor, Ownership};
pub use profile::Profile;
