//! The present, as far as a host can tell: its clock, and what others dated whom it believes. Pure.

use jiff::{SignedDuration, Timestamp};

/// How far the clocks of others may be ahead of this host's.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// 2025-01-01. The agent is younger, so a clock that shows less was never set.
const EARLIEST: Timestamp = Timestamp::constant(1_735_689_600, 0);

/// See the module. Where the clock can be right it decides, and nobody's date moves it. Else what was made latest does, but
/// nobody who is believed about one environment can let time pass in another.
#[derive(Debug, Clone, Copy)]
pub struct Present {
    shown: Timestamp,
    known: Timestamp,
    latest: Option<Timestamp>,
}

impl Present {
    /// What the clock shows, and the same unless something that was verified before was made later.
    pub fn new(shown: Timestamp, known: Timestamp) -> Self {
        Self {
            shown,
            known,
            latest: None,
        }
    }

    /// What the clock shows.
    pub fn shown(&self) -> Timestamp {
        self.shown
    }

    fn is_plausible(&self) -> bool {
        self.shown >= EARLIEST && self.known.duration_since(self.shown) <= AHEAD
    }

    /// Takes note of when something was made that counts. Tells whether it can have been made then.
    pub fn saw(&mut self, at: Timestamp) -> bool {
        if self.is_plausible() && at.duration_since(self.shown) > AHEAD {
            return false;
        }
        self.latest = self.latest.max(Some(at));
        true
    }

    /// The present for what ends with time.
    pub fn now(&self) -> Timestamp {
        match self.latest {
            Some(latest) if !self.is_plausible() => latest.max(self.known),
            _ => self.known,
        }
    }

    /// The present for what has to last in an environment that said something at this moment last.
    pub fn of_environment(&self, latest: Option<Timestamp>) -> Timestamp {
        latest.map_or(self.shown, |latest| latest.max(self.shown))
    }

    /// What is worth to be remembered: the present is not before it, whatever the clock shows later.
    pub fn to_remember(&self) -> Option<Timestamp> {
        match self.is_plausible() {
            true => self.latest.map(|latest| latest.min(self.shown)),
            false => self.latest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        format!("{text}:00Z").parse().unwrap()
    }

    #[test]
    fn what_is_dated_ahead_counts_only_where_the_clock_cannot_be_right() {
        const SET: &str = "2026-05-01T12:00";
        const NEVER: &str = "1970-01-01T00:10";
        // What the clock shows, what was known, what was made when; whether it counts, the present then, what is remembered.
        let table = [
            (SET, SET, "2026-05-01T11:00", true, SET, "2026-05-01T11:00"),
            (SET, SET, "2026-05-01T12:05", true, SET, SET),
            (SET, SET, "2026-05-01T12:06", false, SET, ""),
            (SET, SET, "2100-01-01T00:00", false, SET, ""),
            (
                SET,
                "2026-05-01T12:04",
                "2026-05-02T12:00",
                false,
                "2026-05-01T12:04",
                "",
            ),
            (
                SET,
                "2026-05-01T13:00",
                "2026-05-02T12:00",
                true,
                "2026-05-02T12:00",
                "2026-05-02T12:00",
            ),
            (
                SET,
                "2026-05-03T12:00",
                "2026-05-02T12:00",
                true,
                "2026-05-03T12:00",
                "2026-05-02T12:00",
            ),
            (
                NEVER,
                NEVER,
                "2026-05-02T12:00",
                true,
                "2026-05-02T12:00",
                "2026-05-02T12:00",
            ),
        ];
        for (shown, known, at, counts, now, remembered) in table {
            let mut present = Present::new(moment(shown), moment(known));
            assert_eq!(present.saw(moment(at)), counts, "{shown} {known} {at}");
            assert_eq!(present.now(), moment(now), "{shown} {known} {at}");
            let expected = (!remembered.is_empty()).then(|| moment(remembered));
            assert_eq!(present.to_remember(), expected, "{shown} {known} {at}");
        }
    }
}
