//! The clock. Only waves and windows are decided by wall-clock time; else it is only written down.

use std::time::{Duration, Instant};

use super::fault;

/// What the wall clock shows.
pub fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    let wrong_by = jiff::SignedDuration::from_secs(fault::clock_wrong_by_s());
    now.saturating_add(wrong_by).unwrap_or(now)
}

/// Now, as RFC 3339 in UTC with seconds.
pub fn now_rfc3339() -> String {
    in_words(now())
}

/// A moment, as RFC 3339 in UTC with seconds.
pub fn in_words(moment: jiff::Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A moment given in nanoseconds since the epoch, as RFC 3339 in UTC with seconds.
pub fn rfc3339(nanoseconds: i64) -> String {
    in_words(jiff::Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or_default())
}

/// Measures durations with the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[expect(clippy::disallowed_methods, reason = "the owner of the monotonic clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since the start.
    pub fn ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A moment by which something must have happened.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    since: Stopwatch,
    limit: Duration,
}

impl Deadline {
    /// A deadline this far from now.
    pub fn after(limit: Duration) -> Self {
        Self {
            since: Stopwatch::start(),
            limit,
        }
    }

    /// Whether it has passed.
    pub fn passed(&self) -> bool {
        self.since.elapsed() >= self.limit
    }

    /// The time that is left.
    pub fn left(&self) -> Duration {
        self.limit.saturating_sub(self.since.elapsed())
    }
}

/// Waits before something is asked again, but not past a deadline.
pub fn pause(duration: Duration, deadline: &Deadline) {
    std::thread::sleep(duration.min(deadline.left()));
}
