//! The slot of a group that a change holds while the server may be down: asked for right before the stop, given back only
//! after a verification has passed. What is held is in the state before it is asked for, so no kill makes anybody forget
//! it; giving back is tried again by every run until it succeeds.

use std::time::Duration;

use crate::api::report::Action;
use crate::api::rollout::Gate;
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::fleetlock::{self, Answer};
use crate::apply::journal::Begin;
use crate::config::rollout::{FleetLock, LockRule};
use crate::session::{Instance, Session};
use crate::store::HeldLock;
use crate::store::state::Pending;
use crate::sys::clock::{self, Deadline, now_rfc3339};
use crate::sys::{host, interrupt};

use super::super::{Run, verify};
use super::{Gates, still_open, view};

/// From the first to the longest pause between two questions.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// How soon a run that waits hears that it shall stop.
const SLICE: Duration = Duration::from_millis(100);

/// The last word before a stop: the window is still open, and the group gives a slot.
///
/// # Errors
/// `window` or `lock`.
pub(in crate::verb) fn enter(
    run: &mut Run<'_>,
    session: &mut Session,
    begin: &Begin,
    gates: &Gates<'_>,
) -> Result<()> {
    still_open(session, gates)?;
    let Some(rule) = session.settings.rollout.lock.clone() else {
        return Ok(());
    };
    if !gates.hold(Gate::Lock) {
        return Ok(());
    }
    take(run, session, begin, &rule)?;
    // It may have closed while a slot was waited for.
    still_open(session, gates).inspect_err(|_| let_go(run, session))
}

/// What an instance is called at a server.
pub(in crate::verb) fn id(instance: &Instance, lock: &FleetLock) -> String {
    let default = || format!("{}/{}", host::name(), instance.settings.name);
    lock.id.clone().unwrap_or_else(default)
}

fn take(run: &mut Run<'_>, session: &mut Session, begin: &Begin, rule: &LockRule) -> Result<()> {
    leave_another(run, session, &rule.lock)?;
    let before = session.state.lock.clone();
    let id = id(session, &rule.lock);
    session.state.lock = Some(HeldLock {
        lock: rule.lock.clone(),
        id: id.clone(),
        since: before
            .as_ref()
            .map_or_else(now_rfc3339, |held| held.since.clone()),
        transaction: begin.transaction.clone(),
        needed: true,
        kept: before.as_ref().and_then(|held| held.kept.clone()),
    });
    session.store.save(&session.state)?;
    let mut in_doubt = false;
    let taken = run.step("lock", |_| {
        let answer = wait(rule, &id, &mut in_doubt)?;
        match refusal(rule, answer) {
            None => Ok((true, format!("a slot of the group `{}`", rule.lock.group))),
            Some(refused) => Err(refused),
        }
    });
    if taken.is_err() {
        // Where an answer got lost the slot may be ours: it is given back by the next run, which may reach the server.
        session.state.lock = match (before, in_doubt, session.state.lock.take()) {
            (None, true, Some(asked)) => Some(HeldLock {
                needed: false,
                ..asked
            }),
            (before, ..) => before,
        };
        session.store.save(&session.state)?;
    }
    taken
}

/// Asks until there is a slot, asking again cannot help, or the time is over.
fn wait(rule: &LockRule, id: &str, in_doubt: &mut bool) -> Result<Answer> {
    let deadline = Deadline::after(Duration::from_secs(rule.wait_s));
    let (mut pause, longest) = PAUSES;
    loop {
        let answer = fleetlock::take(&rule.lock, id)?;
        *in_doubt = match answer {
            Answer::Yes | Answer::No(..) => false,
            // A try that did not arrive says nothing about an earlier one that may have.
            Answer::None(_, may_have_arrived) => *in_doubt || may_have_arrived,
        };
        if matches!(answer, Answer::Yes | Answer::No(_, false)) || deadline.passed() {
            return Ok(answer);
        }
        tracing::info!("no slot of the group `{}` yet: {answer:?}", rule.lock.group);
        rest(pause, &deadline)?;
        pause = longest.min(pause * 2);
    }
}

fn rest(pause: Duration, deadline: &Deadline) -> Result<()> {
    let over = Deadline::after(pause.min(deadline.left()));
    while !over.passed() {
        interrupt::go_on()?;
        clock::pause(SLICE, &over);
    }
    Ok(())
}

fn refusal(rule: &LockRule, answer: Answer) -> Option<Failure> {
    let FleetLock { server, group, .. } = &rule.lock;
    let emergency = "in an emergency, --override lock";
    let (message, hint) = match answer {
        Answer::Yes => return None,
        Answer::No(why, true) => (
            format!("{server} gives no slot of the group `{group}`: {why}"),
            format!(
                "another instance of the group is down, or its change failed (`pitstop check` there says so under \
                 `rollout`); run again later, or let it wait with `wait_s`; {emergency}"
            ),
        ),
        Answer::No(why, false) => (
            format!("{server} refuses to give a slot of the group `{group}`: {why}"),
            format!("correct `rollout.lock` in the settings, or the server's; {emergency}"),
        ),
        Answer::None(why, _) => (
            format!("cannot ask {server} for a slot of the group `{group}`: {why}"),
            format!("see that the server answers, and run again; {emergency}"),
        ),
    };
    Some(Failure::new(ErrorKind::Lock, message).hint(hint))
}

/// A change was verified, or taken back: whether the slot is needed any longer. The caller saves the state.
pub(in crate::verb) fn verified(session: &mut Session, pending: &Pending) {
    let keeps = session
        .settings
        .rollout
        .lock
        .as_ref()
        .is_none_or(|rule| rule.keep);
    let failed = pending.because.as_ref().filter(|_| keeps);
    if let (Some(held), false) = (&mut session.state.lock, pending.live) {
        held.needed = false;
        held.kept = failed.map(|because| because.reason.clone());
    }
}

/// A change failed, and nothing that was verified has taken its place. The caller saves the state.
pub(in crate::verb) fn failed(run: &mut Run<'_>, session: &mut Session, why: &Failure) {
    if let Some(held) = &mut session.state.lock {
        held.needed = false;
        held.kept = Some(why.full_message());
    }
    look_again(run, session);
}

fn look_again(run: &mut Run<'_>, session: &Session) {
    if run.report.rollout.is_some() {
        run.report.rollout = view(session);
    }
}

/// What a change needed the slot for is over, and the server is as it was: an earlier reason to keep it stays.
pub(in crate::verb) fn let_go(run: &mut Run<'_>, session: &mut Session) {
    if let Some(held) = &mut session.state.lock {
        held.needed = false;
        give_back(run, session);
    }
}

/// As [`let_go`], if the slot is this transaction's: a run was killed before it had stopped the server, or after it was
/// back.
pub(in crate::verb) fn let_go_of(run: &mut Run<'_>, session: &mut Session, transaction: &str) {
    let held = session.state.lock.as_ref();
    if held.is_some_and(|held| held.transaction == transaction) {
        let_go(run, session);
    }
}

/// Gives the slot back if nothing speaks for keeping it. A failure is no reason to call a change that is verified one: the
/// next run tries again.
pub(in crate::verb) fn give_back(run: &mut Run<'_>, session: &mut Session) {
    let held = session.state.lock.clone().filter(HeldLock::is_owed);
    if let Some(Err(failure)) = held.map(|held| returned(run, session, &held)) {
        run.warn(format!(
            "{failure}; the next run and `pitstop verify {}` try again",
            session.settings.name
        ));
    }
    look_again(run, session);
}

fn returned(run: &mut Run<'_>, session: &mut Session, held: &HeldLock) -> Result<()> {
    let lock = as_set_now(session, &held.lock);
    run.step("unlock", |_| {
        let FleetLock { server, group, .. } = &lock;
        let why = match fleetlock::release(&lock, &held.id)? {
            Answer::Yes => return Ok((true, format!("the slot of the group `{group}` is free"))),
            Answer::No(why, _) | Answer::None(why, _) => why,
        };
        let message = format!("cannot give the slot of the group `{group}` back to {server}: {why}");
        Err(Failure::new(ErrorKind::Lock, message).hint("see that the server answers, and run again"))
    })?;
    session.state.lock = None;
    session.store.save(&session.state)
}

/// By whom the server is trusted, and what it knows this host by, may have changed since the slot was taken.
fn as_set_now(instance: &Instance, held: &FleetLock) -> FleetLock {
    match named(instance, held) {
        None => held.clone(),
        Some(set) => FleetLock {
            ca: set.ca.clone(),
            token: set.token.clone(),
            ..held.clone()
        },
    }
}

/// The lock of the settings, if it is still of that server and that group.
fn named<'a>(instance: &'a Instance, held: &FleetLock) -> Option<&'a FleetLock> {
    let set = instance.settings.rollout.lock.as_ref().map(|rule| &rule.lock);
    set.filter(|set| (&set.server, &set.group) == (&held.server, &held.group))
}

/// A slot that cannot be given back, and that the settings do not name any more.
fn forget(run: &mut Run<'_>, session: &mut Session, failure: &Failure) -> Result<()> {
    run.warn(format!(
        "{failure}; the settings do not name it any more, so it is forgotten"
    ));
    session.state.lock = None;
    session.store.save(&session.state)
}

/// A slot at a server, or of a group, that the settings do not name any more: it is given back if it can be.
fn leave_another(run: &mut Run<'_>, session: &mut Session, wanted: &FleetLock) -> Result<()> {
    let is_other = |held: &&HeldLock| named(session, &held.lock).is_none() || held.id != id(session, wanted);
    let Some(held) = session.state.lock.as_ref().filter(is_other).cloned() else {
        return Ok(());
    };
    returned(run, session, &held).or_else(|failure| forget(run, session, &failure))
}

/// What `verify` does once everything is well: a slot that is not kept on purpose goes; `on_purpose` lets any go.
///
/// # Errors
/// With `on_purpose` whatever keeps it from being given back, unless the settings do not name it any more.
pub(in crate::verb) fn after_verify(run: &mut Run<'_>, instance: &Instance, on_purpose: bool) -> Result<()> {
    let Some(held) = &instance.state.lock else {
        return Ok(());
    };
    if held.kept.is_some() && !on_purpose {
        run.warn(format!(
            "the slot of the group `{}` is kept, because a change failed; once the group may go on, `pitstop verify {} \
             --release-lock` gives it back",
            held.lock.group, instance.settings.name
        ));
        return Ok(());
    }
    let given = Session::begin(instance.settings.clone(), Action::Verify).and_then(|mut session| {
        // Another run may have changed something since it was verified, and need the slot or keep it.
        verify::refuse_changed(instance)?;
        let Some(held) = &mut session.state.lock else {
            return Ok(());
        };
        held.needed = false;
        held.kept = None;
        let held = held.clone();
        match returned(run, &mut session, &held) {
            Err(failure) if on_purpose && named(&session, &held.lock).is_none() => {
                forget(run, &mut session, &failure)
            }
            given => given,
        }
    });
    match given {
        Err(failure) if !on_purpose => {
            run.warn(failure.full_message());
            Ok(())
        }
        given => given,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    /// A server that takes one question, says nothing and is gone.
    #[test]
    fn a_try_that_may_have_arrived_stays_in_doubt_when_later_ones_do_not_arrive() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let rule = LockRule {
            lock: FleetLock {
                server: format!("http://{}", listener.local_addr().unwrap()),
                group: "is".to_owned(),
                id: None,
                ca: None,
                token: None,
            },
            wait_s: 1,
            keep: true,
        };
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            drop(listener);
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        });
        let mut in_doubt = false;
        let answer = wait(&rule, "h1", &mut in_doubt).unwrap();
        server.join().unwrap();
        assert!(matches!(answer, Answer::None(_, false)), "{answer:?}");
        assert!(in_doubt);
    }
}
