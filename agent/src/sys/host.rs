//! This host.

/// The host's name; `unknown` if it has none.
pub fn name() -> String {
    sysinfo::System::host_name().unwrap_or_else(|_| "unknown".to_owned())
}

/// A variable of this process's environment; `None` if it is not there or not UTF-8.
#[expect(
    clippy::disallowed_methods,
    reason = "secrets may be given by environment variables that settings name"
)]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
