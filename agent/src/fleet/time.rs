//! Moments as reports write them, and spans as people read them.

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// A moment, in seconds since the epoch; `None` for what is no moment.
pub fn seconds(rfc3339: &str) -> Option<i64> {
    let moment: jiff::Timestamp = rfc3339.parse().ok()?;
    Some(moment.as_second())
}

/// A moment to the minute, in UTC.
pub fn minute(seconds: i64) -> String {
    shown(seconds, "%Y-%m-%d %H:%M")
}

/// The day of a moment, in UTC.
pub fn day(seconds: i64) -> String {
    shown(seconds, "%Y-%m-%d")
}

fn shown(seconds: i64, format: &str) -> String {
    let moment = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    moment.strftime(format).to_string()
}

/// Whole days between two moments; none if the first comes later.
pub fn days(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from) / DAY).unwrap_or(0)
}

/// Milliseconds as people say them.
pub fn lasted(ms: u64) -> String {
    match ms {
        0..100_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        100_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
        _ => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
    }
}

/// Whether a time is still to come. Clocks may differ by a day.
pub fn is_ahead(at: i64, now: i64) -> bool {
    at > now.saturating_add(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_spans() {
        let at = seconds("2026-11-26T06:50:07Z").unwrap();
        assert_eq!(
            (minute(at), day(at)),
            ("2026-11-26 06:50".into(), "2026-11-26".into())
        );
        for odd in ["", "yesterday", "2026-13-01T00:00:00Z", "9999999-01-01T00:00:00Z"] {
            assert_eq!(seconds(odd), None, "{odd}");
        }
        assert_eq!((days(at - 15 * DAY + 1, at), days(at + DAY, at)), (14, 0));
        let table = [
            (0, "0.0 s"),
            (21_450, "21.4 s"),
            (100_000, "1 min 40 s"),
            (7_260_000, "2 h 1 min"),
        ];
        for (ms, text) in table {
            assert_eq!(lasted(ms), text);
        }
    }
}
