//! When a host may change: its place in the fleet, and the windows that are open at a moment.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::config::rollout::{Wave, Window};
use crate::model::Digest;

/// A host's place in the fleet, in hundredths of a percent: from 0 to 9999. It is the number that the first 8 hexadecimal
/// digits of the SHA-256 of `<seed>:<host>` make, modulo 10000, so that anybody can tell it.
pub fn place(seed: &str, host: &str) -> u16 {
    let digest = Digest::of(format!("{seed}:{host}").as_bytes()).to_string();
    let number = u32::from_str_radix(&digest[..8], 16).unwrap_or_default();
    u16::try_from(number % 10_000).unwrap_or_default()
}

/// The first share that holds a place: it may go once that has opened. `None`: no share does.
pub fn wave_of(waves: &[Wave], place: u16) -> Option<&Wave> {
    waves.iter().find(|wave| place < wave.share)
}

/// How windows stand at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// Whether one is open.
    pub open: bool,
    /// When the last of those that follow one another without a gap ends; `None` if none is open, or for weeks to come.
    pub ends: Option<Timestamp>,
    /// When the next begins; `None` if one is open, or none will be for weeks.
    pub next: Option<Timestamp>,
}

/// For how many days windows are looked at: a day on which the clock skips a window is not the only one of its name.
const HORIZON: usize = 16;

/// How windows stand at a moment. Without any, everything is open.
pub fn opening(windows: &[Window], now: Timestamp) -> Opening {
    if windows.is_empty() {
        return Opening {
            open: true,
            ends: None,
            next: None,
        };
    }
    let mut spans: Vec<_> = windows.iter().flat_map(|window| spans(window, now)).collect();
    spans.sort_unstable();
    let mut ends = None;
    for (begin, end) in spans.iter().copied() {
        let reached = ends.unwrap_or(now);
        if begin <= reached && reached < end {
            ends = Some(end);
        }
    }
    let last = spans.iter().map(|(_, end)| *end).max();
    Opening {
        open: ends.is_some(),
        ends: ends.filter(|_| ends != last),
        next: match ends {
            Some(_) => None,
            None => spans.iter().map(|(begin, _)| *begin).find(|begin| *begin > now),
        },
    }
}

/// The times from before a moment to the horizon in which a window is open: none where its zone is not known.
fn spans(window: &Window, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let Ok(zone) = &window.zone else {
        return Vec::new();
    };
    let today = now.to_zoned(zone.clone()).date();
    // A window of the day before may reach into today.
    let first = today.yesterday().unwrap_or(today);
    let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(HORIZON);
    days.filter(|day| window.days.contains(&day.weekday()))
        .filter_map(|day| span(window, zone, day))
        .collect()
}

/// A time that the clock skips is that much later, one that it shows twice is the first. So a window may be empty on the
/// day on which the clock is changed.
fn span(window: &Window, zone: &TimeZone, day: Date) -> Option<(Timestamp, Timestamp)> {
    let at = |day: Date, time| {
        let moment = zone.to_ambiguous_timestamp(day.to_datetime(time));
        moment.compatible().ok()
    };
    let last = match window.to > window.from {
        true => day,
        false => day.tomorrow().ok()?,
    };
    let (begin, end) = (at(day, window.from)?, at(last, window.to)?);
    (begin < end).then_some((begin, end))
}

#[cfg(test)]
#[path = "rollout_tests.rs"]
mod tests;
