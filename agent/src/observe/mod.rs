//! All reads of a host: the tree, mounts, processes, the service. Writes nothing but its own cache.

pub mod home;
pub mod mounts;
pub mod ports;
pub mod process;
pub mod tree;
pub mod unit;
