//! Settings in three stages: fragments (what the files say, all optional) → inputs (profile and instance merged) →
//! [`Settings`] (validated, nothing optional that the work needs). Parsers take text; [`load`] opens the files.

pub mod admission;
pub mod configuration;
pub mod fragment;
pub mod guard;
pub mod inputs;
pub mod load;
pub mod nearest;
pub mod probe;
pub mod rollout;
pub mod settings;
pub mod validate;
pub mod vendor_tool;
pub mod yaml;

pub use admission::Admission;
pub use configuration::Configuration;
pub use load::ConfigDirs;
pub use probe::{Probe, ProbeKind};
pub use rollout::Rollout;
pub use settings::{Limits, MemoryDirs, OnBoth, Policy, ServiceControl, Settings, Stop, TrustDirs};
pub use vendor_tool::{UpdateSource, VendorTool, Web};
