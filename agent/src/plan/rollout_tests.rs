use jiff::civil::{Time, Weekday};
use proptest::prelude::*;

use super::*;

/// What `printf %s "$seed:$host" | sha256sum` says.
#[test]
fn places_are_the_documented_ones() {
    let table = [
        ("is-41", "h1", 1857),
        ("is-42", "h1", 6413),
        ("", "h1", 3138),
        ("", "is-prod-01.example.com", 7325),
    ];
    for (seed, host, expected) in table {
        assert_eq!(place(seed, host), expected, "{seed}:{host}");
    }
}

#[test]
fn a_thousand_hosts_spread_over_the_shares() {
    let waves = [wave(100, 0), wave(2500, 1), wave(10_000, 2)];
    let mut count = [0_i64; 3];
    for host in 0..10_000 {
        let wave = wave_of(&waves, place("is-41", &format!("host-{host}"))).unwrap();
        count[usize::try_from(wave.opens.as_second()).unwrap()] += 1;
    }
    for (found, expected) in count.into_iter().zip([100, 2400, 7500]) {
        assert!((found - expected).abs() < 200, "{count:?}");
    }
}

fn wave(share: u16, opens: i64) -> Wave {
    Wave {
        share,
        opens: Timestamp::from_second(opens).unwrap(),
    }
}

#[test]
fn the_first_share_that_holds_a_place_counts() {
    let waves = [wave(100, 1), wave(2500, 2)];
    let table = [
        (0, Some(1)),
        (99, Some(1)),
        (100, Some(2)),
        (2499, Some(2)),
        (2500, None),
        (9999, None),
    ];
    for (place, expected) in table {
        let found = wave_of(&waves, place).map(|wave| wave.opens.as_second());
        assert_eq!(found, expected, "{place}");
    }
}

/// Central Europe, whatever is installed on this host.
fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

fn window(days: &[Weekday], from: &str, to: &str, zone: TimeZone) -> Window {
    let time = |text: &str| text.parse::<Time>().unwrap();
    Window {
        days: days.to_vec(),
        from: time(from),
        to: time(to),
        zone: Ok(zone),
    }
}

fn all() -> Vec<Weekday> {
    Weekday::Monday.cycle_forward().take(7).collect()
}

fn told(windows: &[Window], now: &str) -> (bool, Option<String>) {
    let found = opening(windows, now.parse().unwrap());
    assert!(!(found.open && found.next.is_some()) && (found.open || found.ends.is_none()));
    (
        found.open,
        found.ends.or(found.next).map(|moment| moment.to_string()),
    )
}

#[test]
fn a_window_of_a_zone_that_is_not_known_never_opens_and_shuts_no_other() {
    let unknown = Window {
        zone: Err("Mars/Base".to_owned()),
        ..window(&all(), "00:00", "00:00", TimeZone::UTC)
    };
    let now = "2026-12-06T02:00:00Z";
    assert_eq!(told(std::slice::from_ref(&unknown), now), (false, None));
    let other = window(&all(), "01:00", "03:00", TimeZone::UTC);
    let ends = Some("2026-12-06T03:00:00Z".to_owned());
    assert_eq!(told(&[unknown, other], now), (true, ends));
}

#[test]
fn windows_open_and_close_when_they_should() {
    use Weekday::{Saturday, Sunday};
    let night = || vec![window(&[Saturday, Sunday], "22:00", "04:00", berlin())];
    let nightly = || vec![window(&all(), "02:30", "03:15", berlin())];
    type Row = (&'static str, Vec<Window>, &'static str, (bool, &'static str));
    let table: [Row; 19] = [
        ("no window", vec![], "2026-12-01T00:00:00Z", (true, "")),
        (
            "before",
            night(),
            "2026-12-04T12:00:00Z",
            (false, "2026-12-05T21:00:00Z"),
        ),
        (
            "at its first second",
            night(),
            "2026-12-05T21:00:00Z",
            (true, "2026-12-06T03:00:00Z"),
        ),
        (
            "after midnight",
            night(),
            "2026-12-06T02:59:59Z",
            (true, "2026-12-06T03:00:00Z"),
        ),
        (
            "at its end",
            night(),
            "2026-12-06T03:00:00Z",
            (false, "2026-12-06T21:00:00Z"),
        ),
        (
            "Monday morning is Sunday's",
            night(),
            "2026-12-07T02:00:00Z",
            (true, "2026-12-07T03:00:00Z"),
        ),
        (
            "Monday night is not",
            night(),
            "2026-12-07T22:00:00Z",
            (false, "2026-12-12T21:00:00Z"),
        ),
        (
            "in summer",
            night(),
            "2026-07-04T20:00:00Z",
            (true, "2026-07-05T02:00:00Z"),
        ),
        // 2026-03-29: from 02:00 to 03:00 there is no time; 22:00 to 04:00 is 5 hours.
        (
            "the short night",
            night(),
            "2026-03-28T21:00:00Z",
            (true, "2026-03-29T02:00:00Z"),
        ),
        // 02:30 is 03:30 then, which is after 03:15.
        (
            "skipped",
            nightly(),
            "2026-03-29T00:30:00Z",
            (false, "2026-03-30T00:30:00Z"),
        ),
        (
            "skipped still",
            nightly(),
            "2026-03-29T01:20:00Z",
            (false, "2026-03-30T00:30:00Z"),
        ),
        // 2026-10-25: from 02:00 to 03:00 there are two hours; 22:00 to 04:00 is 7 hours.
        (
            "the long night",
            night(),
            "2026-10-24T20:00:00Z",
            (true, "2026-10-25T03:00:00Z"),
        ),
        (
            "the first 02:30 counts",
            nightly(),
            "2026-10-25T00:30:00Z",
            (true, "2026-10-25T02:15:00Z"),
        ),
        (
            "the whole day",
            vec![window(&[Sunday], "00:00", "00:00", TimeZone::UTC)],
            "2026-12-06T23:59:59Z",
            (true, "2026-12-07T00:00:00Z"),
        ),
        (
            "always",
            vec![window(&all(), "00:00", "00:00", TimeZone::UTC)],
            "2026-12-06T12:00:00Z",
            (true, ""),
        ),
        (
            "one after the other",
            vec![
                window(&all(), "03:00", "05:00", TimeZone::UTC),
                window(&all(), "01:00", "03:00", TimeZone::UTC),
            ],
            "2026-12-06T02:00:00Z",
            (true, "2026-12-06T05:00:00Z"),
        ),
        (
            "the later end of two",
            vec![
                window(&all(), "01:00", "05:00", TimeZone::UTC),
                window(&all(), "02:00", "03:00", TimeZone::UTC),
            ],
            "2026-12-06T04:00:00Z",
            (true, "2026-12-06T05:00:00Z"),
        ),
        (
            "the earlier of two",
            vec![
                window(&[Sunday], "01:00", "05:00", TimeZone::UTC),
                window(&[Saturday], "02:00", "03:00", TimeZone::UTC),
            ],
            "2026-12-04T04:00:00Z",
            (false, "2026-12-05T02:00:00Z"),
        ),
        (
            "far in the east",
            vec![window(
                &[Sunday],
                "01:00",
                "02:00",
                TimeZone::posix("<+14>-14").unwrap(),
            )],
            "2026-12-05T11:30:00Z",
            (true, "2026-12-05T12:00:00Z"),
        ),
    ];
    for (name, windows, now, (open, when)) in table {
        let when = (!when.is_empty()).then(|| when.to_owned());
        assert_eq!(told(&windows, now), (open, when), "{name}");
    }
}

prop_compose! {
    fn a_window()(days in 1_u8..128, from in 0_i16..1440, to in 0_i16..1440, east in 0_usize..4) -> Window {
        let time = |minute: i16| Time::midnight() + jiff::Span::new().minutes(minute);
        let zones = ["UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "NST3:30NDT,M3.2.0,M11.1.0"];
        Window {
            days: all().into_iter().filter(|day| days & (1 << day.to_monday_zero_offset()) != 0).collect(),
            from: time(from),
            to: time(to),
            zone: Ok(TimeZone::posix(zones[east]).unwrap()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What is told is true at the moments that it names, and nothing else happens before.
    #[test]
    fn what_is_told_comes_true(windows in prop::collection::vec(a_window(), 1..4), minute in 0_i64..600_000, within in 0.0..1.0) {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        // From 2026 on: every change of the clock of a year is met.
        let now = at(1_767_225_600 + minute * 60);
        let found = opening(&windows, now);
        if let Some(turn) = found.ends.or(found.next) {
            prop_assert!(turn > now);
            prop_assert_eq!(opening(&windows, turn).open, !found.open);
            let before = turn.as_second() - 1;
            prop_assert_eq!(opening(&windows, at(before)).open, found.open);
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any moment between will do")]
            let between = now.as_second() + ((before - now.as_second()) as f64 * within) as i64;
            prop_assert_eq!(opening(&windows, at(between)).open, found.open);
        }
    }

    /// By another road: the minutes of the local clock. Days on which the clock is changed are left to the table.
    #[test]
    fn an_open_window_is_one_by_the_local_clock(window in a_window(), minute in 0_i64..600_000) {
        let now = Timestamp::from_second(1_767_225_600 + minute * 60).unwrap();
        let zone = || window.zone.clone().unwrap();
        let zoned = now.to_zoned(zone());
        let calm = [-1, 0, 1].iter().all(|days| {
            let day = zoned.date() + jiff::Span::new().days(*days);
            day.to_zoned(zone()).unwrap().start_of_day().unwrap().hour() == 0
                && (day.to_zoned(zone()).unwrap().offset()
                    == (day + jiff::Span::new().days(1)).to_zoned(zone()).unwrap().offset())
        });
        prop_assume!(calm);
        let (time, over) = (zoned.time(), window.to <= window.from);
        let day = |weekday| window.days.contains(&weekday);
        let today = day(zoned.weekday());
        let expected = match over {
            false => today && window.from <= time && time < window.to,
            true => (today && window.from <= time) || (day(zoned.weekday().previous()) && time < window.to),
        };
        prop_assert_eq!(opening(&[window], now).open, expected);
    }

    #[test]
    fn every_place_is_below_ten_thousand(seed in ".{0,20}", host in ".{0,80}") {
        prop_assert!(place(&seed, &host) < 10_000);
    }
}
