//! This host.

/// The host's name; `unknown` if it has none.
pub fn name() -> String {
    sysinfo::System::host_name().unwrap_or_else(|_| "unknown".to_owned())
}
