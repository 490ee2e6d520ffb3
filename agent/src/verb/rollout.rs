//! When a change may go: waves and windows. What they say of a moment is [`crate::plan::rollout`]'s.

pub(super) mod slot;

use jiff::Timestamp;

use crate::api::rollout::{Gate, LockView, RolloutView};
use crate::api::{Failure, Result};
use crate::config::Rollout;
use crate::plan::rollout::{opening, place, wave_of};
use crate::session::Instance;
use crate::sys::{clock, host};

use super::Run;

/// What a change is held to.
#[derive(Debug, Clone, Default)]
pub(super) struct Gates<'a> {
    held_to: &'static [Gate],
    overridden: &'a [Gate],
    /// The command that prepares it ahead of them.
    ahead: Option<String>,
}

impl<'a> Gates<'a> {
    /// Whatever leads to other files of the vendor's.
    pub fn all(overridden: &'a [Gate]) -> Self {
        Self {
            held_to: &Gate::ALL,
            overridden,
            ahead: None,
        }
    }

    /// A configuration is the host's own: no wave brings it.
    pub fn of_config(overridden: &'a [Gate]) -> Self {
        Self {
            held_to: &[Gate::Window, Gate::Lock],
            ..Self::all(overridden)
        }
    }

    /// What is held up can be staged by this command.
    pub fn staged_by(self, ahead: Option<String>) -> Self {
        Self { ahead, ..self }
    }

    /// Going back, and what only stages, is held up by nothing.
    pub fn none() -> Self {
        Self::default()
    }

    fn hold(&self, gate: Gate) -> bool {
        self.held_to.contains(&gate) && !self.overridden.contains(&gate)
    }
}

/// Refuses a change whose wave has not opened, or for which no window is open. Whether there is a slot is only asked right
/// before the stop: see [`slot::enter`].
pub(super) fn admit(run: &mut Run<'_>, instance: &Instance, gates: &Gates<'_>) -> Result<()> {
    if gates.held_to.is_empty() {
        return Ok(());
    }
    run.report.rollout = view(instance);
    warn_of_unknown_zones(run, instance);
    for gate in gates.held_to {
        let Some(refused) = refused(instance, *gate, clock::now(), gates.ahead.as_deref()) else {
            continue;
        };
        if gates.hold(*gate) {
            if *gate != Gate::Lock {
                return Err(refused);
            }
        } else if !run.overridden.contains(gate) {
            run.warn(format!("{}; --override {}", refused.message, gate.name()));
            run.overridden.push(*gate);
        }
    }
    Ok(())
}

/// Refuses a change whose window has closed meanwhile.
pub(super) fn still_open(instance: &Instance, gates: &Gates<'_>) -> Result<()> {
    let refused = refused(instance, Gate::Window, clock::now(), gates.ahead.as_deref());
    let refused = refused.filter(|_| gates.hold(Gate::Window));
    refused.map_or(Ok(()), Err)
}

/// What would stop an update now, for `check`. `ahead` is the command that stages it.
pub(super) fn blockers(instance: &Instance, ahead: Option<&str>) -> impl Iterator<Item = Failure> {
    let now = clock::now();
    [Gate::Wave, Gate::Window]
        .into_iter()
        .filter_map(move |gate| refused(instance, gate, now, ahead))
}

/// That no window is open, where a zone that this host does not know has a part in it: nobody shall have to wait for an
/// update to hear of it.
pub(super) fn never_opens(instance: &Instance) -> Option<Failure> {
    unknown_zones(&instance.settings.rollout)?;
    refused(instance, Gate::Window, clock::now(), None)
}

/// Says so also where another window is open.
pub(super) fn warn_of_unknown_zones(run: &mut Run<'_>, instance: &Instance) {
    if let Some(unknown) = unknown_zones(&instance.settings.rollout) {
        run.warn(unknown);
    }
}

fn unknown_zones(rollout: &Rollout) -> Option<String> {
    let zones = rollout
        .windows
        .iter()
        .filter_map(|window| window.zone.as_ref().err());
    let names: Vec<String> = zones.map(|name| format!("`{name}`")).collect();
    let message = || {
        format!(
            "this host knows no time zone {}: a window in it never opens",
            names.join(", ")
        )
    };
    (!names.is_empty()).then(message)
}

/// What a gate says at a moment. The lock says here what overriding it leaves out.
fn refused(instance: &Instance, gate: Gate, now: Timestamp, ahead: Option<&str>) -> Option<Failure> {
    let rollout = &instance.settings.rollout;
    let message = match gate {
        Gate::Wave => wave(rollout, now)?,
        Gate::Window => window(rollout, now)?,
        Gate::Lock => {
            let lock = &rollout.lock.as_ref()?.lock;
            format!("no slot of the group `{}` is asked for", lock.group)
        }
        // Not about time: see `super::gate`.
        Gate::Evidence => return None,
    };
    let ahead = ahead.map_or_else(String::new, |command| format!(", `{command}` prepares it now"));
    let remedy = match gate {
        Gate::Window if unknown_zones(rollout).is_some() => {
            "name zones as in /usr/share/zoneinfo, such as Europe/Berlin, and install `tzdata` where that is empty"
        }
        _ => "run again once it is open",
    };
    let hint = format!("{remedy}{ahead}; in an emergency, --override {}", gate.name());
    Some(Failure::new(gate.kind(), message).hint(hint))
}

fn wave(rollout: &Rollout, now: Timestamp) -> Option<String> {
    let last = rollout.waves.last()?;
    let host = host::name();
    let place = place(&rollout.seed, &host);
    let of_host = format!("the host {host} has place {} of the fleet", percent(place));
    match wave_of(&rollout.waves, place) {
        None => Some(format!(
            "{of_host}, and the last wave ends at {}",
            percent(last.share)
        )),
        Some(wave) if wave.opens > now => Some(format!(
            "{of_host}: its wave of {} opens at {}",
            percent(wave.share),
            clock::in_words(wave.opens)
        )),
        Some(_) => None,
    }
}

fn window(rollout: &Rollout, now: Timestamp) -> Option<String> {
    let found = opening(&rollout.windows, now);
    if found.open {
        return None;
    }
    let next = match found.next {
        Some(next) => format!("; the next opens at {}", clock::in_words(next)),
        None => ", and none will be for weeks".to_owned(),
    };
    let unknown = unknown_zones(rollout).map_or_else(String::new, |unknown| format!("; {unknown}"));
    Some(format!("no maintenance window is open{next}{unknown}"))
}

fn percent(hundredths: u16) -> String {
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// When the instance may change; `None` where nothing says so. Asks nobody.
pub(super) fn view(instance: &Instance) -> Option<RolloutView> {
    let rollout = &instance.settings.rollout;
    let held = instance.state.lock.as_ref();
    if *rollout == Rollout::default() && held.is_none() {
        return None;
    }
    let now = clock::now();
    let place = place(&rollout.seed, &host::name());
    let wave = wave_of(&rollout.waves, place);
    let windows = opening(&rollout.windows, now);
    let in_words = |moment: Option<Timestamp>| moment.map(clock::in_words);
    let named = rollout.lock.as_ref().map(|rule| LockView {
        server: rule.lock.server.clone(),
        group: rule.lock.group.clone(),
        id: slot::id(instance, &rule.lock),
        held: false,
        since: None,
        kept: None,
    });
    let held = held.map(|held| LockView {
        server: held.lock.server.clone(),
        group: held.lock.group.clone(),
        id: held.id.clone(),
        held: true,
        since: Some(held.since.clone()),
        kept: held.kept.clone(),
    });
    Some(RolloutView {
        percent: f64::from(place) / 100.0,
        wave_open: (!rollout.waves.is_empty()).then(|| wave.is_some_and(|wave| wave.opens <= now)),
        wave_opens: in_words(wave.map(|wave| wave.opens)),
        window_open: (!rollout.windows.is_empty()).then_some(windows.open),
        window_ends: in_words(windows.ends),
        window_next: in_words(windows.next),
        lock: held.or(named),
    })
}
