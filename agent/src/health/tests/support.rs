//! What the tests of probes and of the service share.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use crate::config::{Limits, Policy, Probe, ServiceControl, Settings, Stop};
use crate::product::Profile;
use crate::sys::clock::{Deadline, pause};

#[path = "../../../tests/common/ports.rs"]
mod ports;
pub(crate) use ports::free_port;

/// A directory whose path is free of symlinks, as the home of loaded settings is.
pub(crate) fn dir() -> tempfile::TempDir {
    tempfile::tempdir_in(crate::sys::fs::canonicalize(&std::env::temp_dir()).unwrap()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "prepares a directory for a test")]
pub(crate) fn open_to_all(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A probe from YAML, called `probe` unless it says otherwise.
pub(crate) fn probe(yaml: &str) -> Probe {
    let name = if yaml.contains("name:") {
        ""
    } else {
        "name: probe\n"
    };
    serde_yaml::from_str(&format!("{name}{yaml}")).unwrap()
}

pub(crate) fn settings(home: &Path) -> Settings {
    let profile: Profile =
        serde_yaml::from_str("{name: demo, title: Demo, detect: [], level: {parts: []}, ownership: []}")
            .unwrap();
    Settings {
        environment: None,
        name: "demo-1".to_owned(),
        profile,
        home: home.to_owned(),
        user: None,
        source: None,
        service: ServiceControl::Commands {
            start: vec!["/bin/true".to_owned()],
            stop: Stop::Signal,
            env: [("FROM_SERVICE".to_owned(), "yes".to_owned())].into(),
        },
        stop_timeout_s: 30,
        start_timeout_s: 60,
        ports: Vec::new(),
        probes: Vec::new(),
        policy: Policy::default(),
        rollout: crate::config::Rollout::default(),
        config: None,
        limits: Limits::default(),
        state_dir: home.with_extension("state"),
        cache_dir: home.with_extension("cache"),
        memory: crate::config::MemoryDirs {
            own: home.with_extension("resolutions"),
            shipped: home.with_extension("resolutions.d"),
        },
        trust: crate::config::TrustDirs {
            anchor: home.with_extension("trust"),
            kept: home.with_extension("trusted"),
            shipped: home.with_extension("evidence.d"),
        },
        admission: crate::config::Admission::default(),
        suites: [home.with_extension("verify.d"), home.with_extension("verify.d")],
    }
}

/// Whether this is root; says on standard error what is left out otherwise.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn root_or_skip(test: &str) -> bool {
    let root = nix::unistd::Uid::effective().is_root();
    if !root {
        eprintln!("skipped, only root can do it: {test}");
    }
    root
}

pub(crate) fn write(path: &Path, text: &str) {
    crate::sys::fs::write_atomic(path, text.as_bytes()).unwrap();
}

pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Deadline::after(Duration::from_secs(30));
    while !holds() {
        assert!(!deadline.passed(), "{what}");
        pause(Duration::from_millis(10), &deadline);
    }
}
