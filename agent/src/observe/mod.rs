//! All reads of a host: the tree, mounts, processes, the service. Writes nothing but its own cache.

pub mod cgroup;
pub mod home;
pub mod mounts;
pub mod permissions;
pub mod ports;
pub mod process;
pub mod soundness;
pub mod tree;
pub mod unit;
