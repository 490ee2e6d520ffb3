//! When an instance may change: shares of the fleet, maintenance windows, and a lock that counts who is down.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::api::{ErrorKind, Failure, Result};

const GROUP: &str = "default";

/// When an instance may change. Nothing said: always.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rollout {
    /// Shares of the fleet, rising in both.
    pub waves: Vec<Wave>,
    /// What hosts are shuffled by.
    pub seed: String,
    /// Maintenance windows, any of which will do; none: always.
    pub windows: Vec<Window>,
    /// Who counts how many are down.
    pub lock: Option<LockRule>,
}

/// A share of the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wave {
    /// In hundredths of a percent, from 1 to 10000.
    pub share: u16,
    /// From when on it may go.
    pub opens: Timestamp,
}

/// A maintenance window.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The days on which it begins.
    pub days: Vec<Weekday>,
    /// When it begins.
    pub from: Time,
    /// When it ends: on the day after where that is not later than its beginning.
    pub to: Time,
    /// Where the clock hangs; the name of a zone that this host does not know, in which the window never opens. It may
    /// have known it once, and must not need it to go back.
    pub zone: std::result::Result<TimeZone, String>,
}

/// How the lock is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRule {
    /// The group and who counts it.
    pub lock: FleetLock,
    /// Seconds for which a slot is waited for.
    pub wait_s: u64,
    /// Whether a change that failed keeps its slot.
    pub keep: bool,
}

/// A group at a FleetLock server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetLock {
    /// The server's address.
    pub server: String,
    /// The group.
    pub group: String,
    /// What the instance is called there; host and instance without it.
    pub id: Option<String>,
    /// A PEM file with the authorities that the server is trusted by; the system's without it.
    pub ca: Option<PathBuf>,
    /// A file with a bearer token.
    pub token: Option<PathBuf>,
}

/// When instances may change, as a settings file says it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolloutFragment {
    /// Shares of the fleet, rising in both percent and time; an empty list: all at once.
    pub waves: Option<Vec<WaveFragment>>,
    /// Another seed makes other hosts the first.
    pub seed: Option<String>,
    /// Maintenance windows; an empty list: always.
    pub windows: Option<Vec<WindowFragment>>,
    /// A lock that lets only so many instances of a group be down at once.
    pub lock: Option<LockFragment>,
}

/// A share of the fleet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaveFragment {
    /// More than 0, at most 100, with up to two decimals.
    pub percent: f64,
    /// From when on it may go, as RFC 3339.
    pub opens: String,
}

/// A maintenance window.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowFragment {
    /// The days on which it begins; every day without them.
    pub days: Option<Vec<Day>>,
    /// `HH:MM`.
    pub from: String,
    /// `HH:MM`; on the next day where that is not later than `from`.
    pub to: String,
    /// The name of a time zone; UTC without it.
    pub zone: Option<String>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the days")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A lock.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFragment {
    /// The address of a FleetLock server.
    pub fleetlock: Option<String>,
    /// The group; `default` without it.
    pub group: Option<String>,
    /// What the instance is called there; `<host>/<instance>` without it.
    pub id: Option<String>,
    /// A PEM file with the authorities that the server is trusted by, relative to the file's folder.
    pub ca: Option<PathBuf>,
    /// A file with a bearer token that only its owner may read, relative to the file's folder.
    pub token_file: Option<PathBuf>,
    /// Seconds for which a slot is waited for; 0 without it.
    pub wait_s: Option<u64>,
    /// What becomes of the slot after a change that failed; `keep` without it.
    pub after_rollback: Option<AfterRollback>,
}

/// What becomes of a slot after a change that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterRollback {
    /// It stays taken: the group does not go on.
    Keep,
    /// It is free once the old level is verified.
    Release,
}

impl RolloutFragment {
    /// Makes its paths relative to a folder.
    pub fn resolve(&mut self, folder: &Path) {
        let lock = self.lock.iter_mut();
        let paths = lock.flat_map(|lock| [&mut lock.ca, &mut lock.token_file]);
        paths.flatten().for_each(|path| *path = folder.join(&path));
    }
}

/// Merges key by key, those of the lock one by one; the first fragment that says something wins. Checks everything.
///
/// # Errors
/// `settings`: the first rule that it breaks.
pub fn settle(fragments: [Option<&RolloutFragment>; 2]) -> Result<Rollout> {
    let said = || fragments.iter().flatten();
    let waves = said().find_map(|one| one.waves.as_deref()).unwrap_or_default();
    let windows = said().find_map(|one| one.windows.as_deref()).unwrap_or_default();
    let locks: Vec<&LockFragment> = said().filter_map(|one| one.lock.as_ref()).collect();
    let windows = windows.iter().enumerate();
    Ok(Rollout {
        waves: waves_of(waves)?,
        seed: said().find_map(|one| one.seed.clone()).unwrap_or_default(),
        windows: windows.map(|(at, one)| window(at, one)).collect::<Result<_>>()?,
        lock: lock(&locks)?,
    })
}

fn bad<T>(field: &str, why: impl std::fmt::Display) -> Result<T> {
    let message = format!("rollout.{field}: {why}");
    Err(Failure::new(ErrorKind::Settings, message))
}

fn waves_of(said: &[WaveFragment]) -> Result<Vec<Wave>> {
    let mut waves: Vec<Wave> = Vec::new();
    for (at, one) in said.iter().enumerate() {
        let field = |name: &str| format!("waves[{at}].{name}");
        let wave = Wave {
            share: share(&field("percent"), one.percent)?,
            opens: moment(&field("opens"), &one.opens)?,
        };
        if waves.last().is_some_and(|last| last.share >= wave.share) {
            return bad(&field("percent"), "shares must rise");
        }
        if waves.last().is_some_and(|last| last.opens > wave.opens) {
            return bad(&field("opens"), "a larger share cannot open before a smaller one");
        }
        waves.push(wave);
    }
    Ok(waves)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked"
)]
fn share(field: &str, percent: f64) -> Result<u16> {
    let hundredths = (percent * 100.0).round();
    let is_exact = (percent * 100.0 - hundredths).abs() < 1e-6;
    match is_exact && (1.0..=10_000.0).contains(&hundredths) {
        true => Ok(hundredths as u16),
        false => bad(
            field,
            format!("`{percent}` is not a share: more than 0, at most 100, with up to two decimals"),
        ),
    }
}

fn moment(field: &str, text: &str) -> Result<Timestamp> {
    text.parse().or_else(|_| {
        bad(
            field,
            format!("`{text}` is not a moment such as 2026-12-01T08:00:00Z"),
        )
    })
}

fn window(at: usize, said: &WindowFragment) -> Result<Window> {
    let field = |name: &str| format!("windows[{at}].{name}");
    let days = match said.days.as_deref() {
        None => Weekday::Monday.cycle_forward().take(7).collect(),
        Some([]) => return bad(&field("days"), "no day is named; without `days` it is every day"),
        Some(days) => days.iter().map(|day| day.weekday()).collect(),
    };
    Ok(Window {
        days,
        from: time(&field("from"), &said.from)?,
        to: time(&field("to"), &said.to)?,
        zone: zone(said.zone.as_deref().unwrap_or("UTC")),
    })
}

fn time(field: &str, text: &str) -> Result<Time> {
    let digits = |part: &str| match part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()) {
        true => part.parse::<i8>().ok(),
        false => None,
    };
    let parts = text.split_once(':');
    let parts = parts.and_then(|(hour, minute)| Some((digits(hour)?, digits(minute)?)));
    match parts.and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok()) {
        Some(time) => Ok(time),
        None => bad(
            field,
            format!("`{text}` is not a time from 00:00 to 23:59; midnight is 00:00"),
        ),
    }
}

fn zone(name: &str) -> std::result::Result<TimeZone, String> {
    match name {
        "UTC" => Ok(TimeZone::UTC),
        _ => TimeZone::get(name).map_err(|_| name.to_owned()),
    }
}

impl Day {
    fn weekday(self) -> Weekday {
        match self {
            Self::Mon => Weekday::Monday,
            Self::Tue => Weekday::Tuesday,
            Self::Wed => Weekday::Wednesday,
            Self::Thu => Weekday::Thursday,
            Self::Fri => Weekday::Friday,
            Self::Sat => Weekday::Saturday,
            Self::Sun => Weekday::Sunday,
        }
    }
}

fn lock(said: &[&LockFragment]) -> Result<Option<LockRule>> {
    if said.is_empty() {
        return Ok(None);
    }
    let Some(server) = said.iter().find_map(|one| one.fleetlock.as_deref()) else {
        return bad("lock.fleetlock", "the address of a FleetLock server is missing");
    };
    let server = address(server)?;
    let group = said.iter().find_map(|one| one.group.as_deref()).unwrap_or(GROUP);
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    if group.is_empty() || !group.chars().all(plain) {
        return bad(
            "lock.group",
            format!("`{group}` is not a group: use letters, digits, `.` and `-`"),
        );
    }
    let id = said.iter().find_map(|one| one.id.as_deref());
    if id.is_some_and(|id| id.is_empty() || id.len() > 255 || id.contains(char::is_control)) {
        return bad(
            "lock.id",
            "it is empty, too long, or has a control character in it",
        );
    }
    let token = said.iter().find_map(|one| one.token_file.clone());
    if token.is_some() && !server.starts_with("https://") {
        return bad(
            "lock.token_file",
            "a token needs https: anybody could read it on the way",
        );
    }
    let after = said.iter().find_map(|one| one.after_rollback);
    Ok(Some(LockRule {
        lock: FleetLock {
            group: group.to_owned(),
            id: id.map(str::to_owned),
            ca: said.iter().find_map(|one| one.ca.clone()),
            token,
            server,
        },
        wait_s: said.iter().find_map(|one| one.wait_s).unwrap_or(0),
        keep: after != Some(AfterRollback::Release),
    }))
}

/// Without a slash at its end. It appears in reports, so there is no room for a password in it.
fn address(text: &str) -> Result<String> {
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let odd = |c: char| c.is_whitespace() || c.is_control() || "@?#".contains(c);
    match host {
        Some(host) if !host.starts_with(['/', ':']) && !host.is_empty() && !host.contains(odd) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        // What stands there may be a password.
        _ => bad(
            "lock.fleetlock",
            "not an address such as https://lock.example.com, without user, password, `?` and `#`",
        ),
    }
}

#[cfg(test)]
#[path = "rollout_tests.rs"]
mod tests;
