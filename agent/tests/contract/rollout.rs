//! What is said of changes that may not go yet.

use std::fs;

use jiff::{Span, Timestamp};

use crate::common::fleetlock::FleetLock;
use crate::studio::{Studio, Takes};

fn from_now(minutes: i64, format: &str) -> String {
    let moment = Timestamp::now() + Span::new().minutes(minutes);
    moment.strftime(format).to_string()
}

/// Waves, windows and the lock, each in the way of an update.
pub fn gates() -> Takes {
    let studio = Studio::started();
    let lock = FleetLock::start(&[("is", 1)]);
    studio.name(&lock.port().to_string(), "8443");
    let file = studio.lab.path("config/instances.d/lab.yaml");
    let instance = fs::read_to_string(&file).unwrap();
    let set = |wave: i64, window: (i64, i64)| {
        let opens = from_now(wave, "%Y-%m-%dT%H:%M:%SZ");
        let (from, to) = (from_now(window.0, "%H:%M"), from_now(window.1, "%H:%M"));
        let text = format!(
            "{instance}{}  waves: [{{percent: 100, opens: {opens}}}]\n  windows: [{{from: '{from}', to: '{to}'}}]\n",
            lock.rollout("host-1/lab", "")
        );
        fs::write(&file, text).unwrap();
    };
    set(60, (120, 180));
    studio.take("check-rollout", &["check", "lab"], (0, "update-available"));
    studio.take("update-wave", &["update", "lab"], (6, "wave"));
    studio.take(
        "update-wave-dry-run",
        &["update", "lab", "--dry-run"],
        (6, "wave"),
    );
    set(-60, (120, 180));
    studio.take("update-window", &["update", "lab"], (6, "window"));
    set(-60, (-60, 60));
    lock.seize("is", "host-2/lab");
    studio.take("update-lock", &["update", "lab"], (6, "lock"));
    lock.free("is");
    set(60, (-60, 60));
    let overridden = ["update", "lab", "--override", "wave"];
    studio.take("update-overridden", &overridden, (0, "updated"));
    studio.takes()
}
