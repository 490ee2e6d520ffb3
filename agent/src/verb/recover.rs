//! Recovery: what every mutating verb does first. A transaction that was interrupted before its commit is undone, one
//! that was interrupted in it is finished; the verification that is still owed is done.

use crate::api::plan::Hook;
use crate::api::report::{Action, Report, Status};
use crate::api::{Failure, Result};
use crate::apply::journal::{self, Begin, Journal, Mark, Open};
use crate::apply::{commit, in_place, seal};
use crate::config::Settings;
use crate::model::Progress;
use crate::session::Session;
use crate::store::Store;
use crate::sys::interrupt::Beyond;

use super::rollout::slot;
use super::{Run, report_on, road, server, settle, view};

/// Runs the verb `recover`, as a boot does: after a power cut nobody else lifts what keeps the unit of an interrupted change
/// down. Without anything to recover, state and journal are read and nothing else: the home may not even be there.
pub fn on_its_own(name: &str, settings: Result<Settings>, progress: &dyn Progress) -> Report {
    report_on(Action::Recover, name, settings, progress, |run, settings| {
        if !is_owed(&settings)? {
            let changed = give_back(run, settings)?;
            run.done(Status::Current, changed, "nothing was interrupted");
            return Ok(());
        }
        let mut session = run.begin(settings)?;
        recover(run, &mut session, true)?;
        if run.report.after.is_none() {
            run.report.after = Some(view::observe(run, &session)?.0);
        }
        run.done(
            Status::Recovered,
            true,
            "what was interrupted is finished or undone",
        );
        Ok(())
    })
}

/// Whether a transaction or the verification of one was cut short. What is only staged waits for its time.
fn is_owed(settings: &Settings) -> Result<bool> {
    let store = Store::new(&settings.state_dir);
    let open = journal::read(&store.journal_file())?;
    let is_open = open.is_some_and(|open| !open.is_parked());
    Ok(is_open || store.load()?.pending.is_some())
}

/// Gives a slot back that nothing needs any more, where a run died before it could: the group waits for it. Tells whether
/// it did.
fn give_back(run: &mut Run<'_>, settings: Settings) -> Result<bool> {
    let held = Store::new(&settings.state_dir).load()?.lock;
    if !held.is_some_and(|held| held.is_owed()) {
        return Ok(false);
    }
    let mut session = run.begin(settings)?;
    slot::give_back(run, &mut session);
    Ok(session.state.lock.is_none())
}

/// Recovers. With `serve` the server is brought back and verified, else only the files are made whole.
///
/// # Errors
/// The transaction can neither be finished nor undone, or its verification failed: see [`settle::settle`].
pub(super) fn recover(run: &mut Run<'_>, session: &mut Session, serve: bool) -> Result<()> {
    let _beyond = Beyond::begin();
    if let Some(open) = session.open_journal()? {
        whole(run, session, &open, serve)?;
    }
    if session.state.pending.is_none() {
        slot::give_back(run, session);
        return Ok(());
    }
    if !serve {
        run.warn("the files of an interrupted change are in place; its verification is still owed");
        return Ok(());
    }
    settle::settle(run, session)
}

/// Ends, before another change, an update that was staged for later: it was planned on the files as they were.
///
/// # Errors
/// Removing what was staged failed.
pub(super) fn discard_parked(run: &mut Run<'_>, session: &mut Session) -> Result<()> {
    let Some(open) = session.open_journal()?.filter(Open::is_parked) else {
        return Ok(());
    };
    run.warn(format!(
        "the update to {} that was staged is not any more: it was planned on files that change now",
        open.begin.plan.to.level
    ));
    seal::discarded(session, &open.begin)
}

fn whole(run: &mut Run<'_>, session: &mut Session, open: &Open, serve: bool) -> Result<()> {
    let mut begin = open.begin.clone();
    // Before the server is touched: this can be tried again as often as needed.
    if let Some(Mark::Commit | Mark::Done | Mark::Undo) = open.mark {
        commit::refuse_missing(session, &begin.transaction, &begin.plan)?;
    }
    let is_to_rest = match open.mark {
        Some(Mark::InPlace | Mark::Commit | Mark::Undo) => true,
        // What the profile wants done before the first start is done again.
        Some(Mark::Done) => server::has_hooks(session, Hook::AfterCommit),
        _ => false,
    };
    if is_to_rest {
        begin.running |= keep_down(run, session, &begin)?;
    }
    if open.mark == Some(Mark::Stopping) && begin.running {
        finish_stop(run, session, &begin);
    }
    let begin = &begin;
    let id = &begin.transaction;
    match open.mark {
        Some(Mark::Parked) => {
            slot::let_go_of(run, session, id);
            Ok(())
        }
        None => not_begun(run, session, begin, true, None),
        Some(Mark::Stopping) => {
            let down = bring_back(run, session, begin, serve)?;
            not_begun(run, session, begin, serve || !begin.running, down)
        }
        Some(Mark::InPlace) => {
            run.step("recover", |run| {
                let back = in_place::put_back(session, id, &open.held)?;
                back.told(session).into_iter().for_each(|kept| run.warn(kept));
                Journal::append_to(&session.store.journal_file())?.mark(Mark::Stopping)?;
                Ok((
                    true,
                    format!("{id} was interrupted while the vendor's tool worked in the home; {} paths are put back", back.count),
                ))
            })?;
            undone(run, session, begin, serve)
        }
        Some(Mark::Commit) => {
            let mut journal = Journal::append_to(&session.store.journal_file())?;
            let finished = run.step("recover", |run| {
                let filled = commit::commit(session, id, &begin.plan)?;
                run.warn_of_filled(&filled);
                journal.mark(Mark::Done)?;
                Ok((
                    true,
                    format!("{id} was interrupted while it replaced files and is finished"),
                ))
            });
            run.recovered();
            match finished {
                Ok(()) => road::seal(run, session, begin, serve),
                Err(failure) => Err(road::take_back(run, session, begin, &mut journal, failure)),
            }
        }
        Some(Mark::Done) => {
            run.recovered();
            run.step("recover", |run| {
                road::seal(run, session, begin, serve)?;
                Ok((true, format!("{id} was in place and is sealed")))
            })
        }
        Some(Mark::Undo | Mark::Undone) => {
            run.step("recover", |run| {
                if open.mark == Some(Mark::Undo) {
                    let filled = commit::undo(session, id, &begin.plan)?;
                    run.warn_of_filled(&filled);
                    Journal::append_to(&session.store.journal_file())?.mark(Mark::Undone)?;
                }
                Ok((true, format!("{id} was being taken back; it is")))
            })?;
            undone(run, session, begin, serve)
        }
    }
}

/// The server may be about to end: that is neither one that runs nor one that can be started. Where it does not end, its files
/// are whole all the same, and it is asked whether it runs.
fn finish_stop(run: &mut Run<'_>, session: &Session, begin: &Begin) {
    if let Err(failure) = keep_down(run, session, begin) {
        run.warn(failure.full_message());
    }
}

/// A reboot or a person may have started the server on a tree that is half replaced: it must not read on while files
/// move. Tells whether it ran, so that it runs again afterwards.
fn keep_down(run: &mut Run<'_>, session: &Session, begin: &Begin) -> Result<bool> {
    if begin.live {
        return Ok(false);
    }
    server::forbid_start(session)?;
    let found = server::observe(run, session)?;
    if !server::is_controlled(&session.settings) {
        server::refuse_uncontrolled(&session.settings, &found)?;
        return Ok(false);
    }
    if found.is_wanted() || !found.observed.to_stop().is_empty() {
        server::stop(run, session)?;
    }
    Ok(found.is_wanted())
}

/// No file was replaced yet: what was staged goes.
fn not_begun(
    run: &mut Run<'_>,
    session: &mut Session,
    begin: &Begin,
    is_over: bool,
    down: Option<Failure>,
) -> Result<()> {
    let id = &begin.transaction;
    run.step("recover", |_| {
        seal::discarded(session, begin)?;
        Ok((true, format!("{id} had not begun to replace files and is undone")))
    })?;
    run.recovered();
    down.map_or(Ok(()), Err)?;
    if is_over {
        slot::let_go_of(run, session, id);
    }
    Ok(())
}

/// Every file is as it was: what is left of the transaction goes, and the server comes back.
fn undone(run: &mut Run<'_>, session: &mut Session, begin: &Begin, serve: bool) -> Result<()> {
    run.recovered();
    let down = bring_back(run, session, begin, serve)?;
    seal::discarded(session, begin)?;
    down.map_or(Ok(()), Err)?;
    if serve || !begin.running {
        slot::let_go_of(run, session, &begin.transaction);
    }
    Ok(())
}

/// The old files are in place: the server may start again, and does if it ran. The journal is closed only after it,
/// so that a run that dies here leaves this to the next one. Where a verification is owed, that lets the server start, and
/// goes back again if it has to.
///
/// A server that was tried and does not come up is what it returns: it is told of once and is a person's then, as after any other
/// change, since the journal would keep everybody from a level that mends it. With another failure, such as a right that this user
/// lacks, nothing is known of the server, and the journal stays.
fn bring_back(run: &mut Run<'_>, session: &Session, begin: &Begin, serve: bool) -> Result<Option<Failure>> {
    if session.state.pending.is_some() {
        return Ok(None);
    }
    let back = server::allow_start(session).and_then(|()| match serve && begin.running {
        true => server::start_again(run, session, begin),
        false => Ok(()),
    });
    match back {
        Ok(()) => Ok(None),
        Err(failure) if failure.kind.blames_server() => Ok(Some(failure)),
        Err(failure) => {
            if serve && begin.running {
                run.warn(format!(
                    "the server is still to be started: the next run tries again, and `pitstop stop {}` gives it up",
                    session.settings.name
                ));
            }
            Err(failure)
        }
    }
}
