//! The one road for every change: stage → recheck → stop → commit → seal. What follows, starting and verifying, is
//! [`settle`](super::settle)'s, because it is owed even if this run does not live to see it.

use crate::api::plan::{Hook, Plan};
use crate::api::report::{Outcome, TransactionView};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::journal::{self, Begin, Journal, Mark};
use crate::apply::stage::Contents;
use crate::apply::{commit, layout, owner, seal, stage};
use crate::model::{Class, RelPath};
use crate::session::Session;
use crate::store::ConfigChange;
use crate::store::state::Because;
use crate::sys::clock::{Stopwatch, now_rfc3339};
use crate::sys::interrupt::{self, Beyond};

use super::rollout::{self, Gates};
use super::{Run, server, settle, told, view};

/// What a change needs besides its plan.
pub(super) struct Change<'a> {
    pub plan: &'a Plan,
    /// Whether the server is running now and must run again.
    pub running: bool,
    pub baseline: server::Baseline,
    pub because: Option<Because>,
    /// Whether to leave the staged files for a later run.
    pub park: bool,
    /// Whether the server goes on serving meanwhile.
    pub live: bool,
    /// What the change does to the configuration, if that is what it is about.
    pub config: Option<ConfigChange>,
    /// What it is held to.
    pub gates: Gates<'a>,
    /// Whether a refusal right before the stop leaves what is staged to a later run.
    pub waits: bool,
    /// Whether the caller plans again where the plan does not hold any more once the server is down. The server stays down
    /// and the journal open then.
    pub again: bool,
}

/// Drives a plan until its files are in place and the state says so. Returns `false` if it was only staged.
pub(super) fn drive(
    run: &mut Run<'_>,
    session: &mut Session,
    change: Change<'_>,
    contents: &mut Contents<'_>,
) -> Result<bool> {
    interrupt::go_on()?;
    let begin = Begin {
        transaction: session.state.next_transaction(),
        began: now_rfc3339(),
        plan: change.plan.clone(),
        running: change.running,
        baseline: change.baseline,
        because: change.because,
        live: change.live,
        config: change.config,
        overridden: run.overridden.clone(),
        agent: env!("CARGO_PKG_VERSION").to_owned(),
    };
    run.report.transaction = Some(begin.transaction.clone());
    told::log_transaction(&run.report);
    let mut journal = Journal::begin(&session.store.journal_file(), begin.clone())?;
    let staged = claim(run, session, &begin.plan).and_then(|()| staged(run, session, &begin, contents));
    if let Err(failure) = staged {
        return Err(abandon(session, &begin, failure));
    }
    run.report.timing.stage_ms = run.clock.ms();
    if change.park {
        journal.mark(Mark::Parked)?;
        return Ok(false);
    }
    if let Err(failure) = rollout::slot::enter(run, session, &begin, &change.gates) {
        return match change.waits && failure.kind != ErrorKind::Cancelled {
            false => Err(abandon(session, &begin, failure)),
            true => journal.mark(Mark::Parked).and(Err(staged_already(failure))),
        };
    }
    make_live(run, session, &begin, journal, change.again)?;
    Ok(true)
}

/// Marks as ours, before anything lies there, what is staged in.
pub(super) fn claim(run: &mut Run<'_>, session: &mut Session, plan: &Plan) -> Result<()> {
    let kept = owner::claim(session, &layout::mounts(plan))?;
    tell_kept(run, session, &kept);
    Ok(())
}

/// Tells what became of another state folder's snapshots.
pub(super) fn tell_kept(run: &mut Run<'_>, session: &Session, kept: &[RelPath]) {
    for snapshot in kept {
        run.warn(format!(
            "a snapshot that this state folder does not know was moved to {}: remove it once nobody needs its files",
            snapshot.under(session.root.path()).display()
        ));
    }
}

/// What an earlier run staged and left.
pub(super) fn resume(
    run: &mut Run<'_>,
    session: &mut Session,
    mut begin: Begin,
    journal: Journal,
    gates: &Gates<'_>,
) -> Result<()> {
    run.report.transaction = Some(begin.transaction.clone());
    told::log_transaction(&run.report);
    run.report.timing.stage_ms = run.clock.ms();
    begin.overridden.clone_from(&run.overridden);
    rollout::slot::enter(run, session, &begin, gates).map_err(staged_already)?;
    make_live(run, session, &begin, journal, false)
}

fn staged_already(mut failure: Failure) -> Failure {
    failure
        .message
        .push_str("; everything is staged, and the next run goes on from here");
    failure
}

/// Stages what a plan puts, and looks whether the plan still holds.
pub(super) fn staged(
    run: &mut Run<'_>,
    session: &Session,
    begin: &Begin,
    contents: &mut Contents<'_>,
) -> Result<()> {
    run.step("stage", |run| {
        stage::stage(session, &begin.transaction, &begin.plan, contents, run.progress)?;
        Ok((true, format!("{} paths", begin.plan.files.len())))
    })?;
    recheck(run, session, &begin.plan)?;
    interrupt::go_on()
}

/// From staged files to a sealed transaction.
fn make_live(
    run: &mut Run<'_>,
    session: &mut Session,
    begin: &Begin,
    mut journal: Journal,
    again: bool,
) -> Result<()> {
    let _beyond = Beyond::begin();
    if let Err(failure) = stop(run, session, begin, &mut journal) {
        return Err(match again && failure.kind == ErrorKind::Stale {
            true => failure,
            false => give_up(run, session, begin, failure),
        });
    }
    commit_stopped(run, session, begin, journal)
}

/// Ends a transaction whose files are not in place: the server comes back, and what was staged goes.
pub(super) fn give_up(run: &mut Run<'_>, session: &mut Session, begin: &Begin, failure: Failure) -> Failure {
    // In this order: as long as the journal is there, the next run knows that the server is to be brought back.
    let failure = bring_back(run, session, begin, failure);
    let is_back = failure.kind != ErrorKind::RollbackUnverified;
    let failure = abandon(session, begin, failure);
    if is_back {
        rollout::slot::let_go_of(run, session, &begin.transaction);
    }
    failure
}

/// From staged files and a stopped server to a sealed transaction.
pub(super) fn commit_stopped(
    run: &mut Run<'_>,
    session: &mut Session,
    begin: &Begin,
    mut journal: Journal,
) -> Result<()> {
    let clock = Stopwatch::start();
    if let Err(failure) = journal.mark(Mark::Commit) {
        return Err(give_up(run, session, begin, failure));
    }
    let committed = run.step("commit", |run| {
        let filled = commit::commit(session, &begin.transaction, &begin.plan)?;
        run.warn_of_filled(&filled);
        journal.mark(Mark::Done)?;
        Ok((true, format!("{} paths", begin.plan.files.len())))
    });
    run.report.timing.commit_ms += clock.ms();
    match committed {
        Ok(()) => seal(run, session, begin, true),
        Err(failure) => Err(take_back(run, session, begin, &mut journal, failure)),
    }
}

/// Settles a committed transaction. Where that cannot be written down, the tree is whole and new all the same: with `serve`
/// the server starts on it, and the next run settles and verifies.
pub(super) fn seal(run: &mut Run<'_>, session: &mut Session, begin: &Begin, serve: bool) -> Result<()> {
    let Err(failure) = seal::committed(session, begin) else {
        return Ok(());
    };
    run.recovered();
    let up = match serve && !begin.live {
        true => start_unsealed(run, session, begin),
        false => Ok(()),
    };
    run.comes_up();
    let so_far = match up {
        Err(worse) => format!("could not be started on it: {worse}"),
        Ok(()) if begin.live => "went on serving".to_owned(),
        Ok(()) if begin.running && serve => "runs on it, unverified".to_owned(),
        Ok(()) => "was not started".to_owned(),
    };
    let message =
        format!("{failure}; every file is in place, which is not written down yet; the server {so_far}");
    let unsealed = Failure::new(ErrorKind::Interrupted, message).hint(format!(
        "remove the cause and run `pitstop start {}`: it settles the change and verifies it",
        session.settings.name
    ));
    Err(Failure {
        path: failure.path,
        ..unsealed
    })
}

fn start_unsealed(run: &mut Run<'_>, session: &Session, begin: &Begin) -> Result<()> {
    settle::hooks(run, session, begin.plan.action, Hook::AfterCommit)?;
    server::allow_start(session)?;
    match begin.running {
        true => server::start_again(run, session, begin),
        false => Ok(()),
    }
}

/// Stops the server for a transaction.
pub(super) fn stop(run: &mut Run<'_>, session: &Session, begin: &Begin, journal: &mut Journal) -> Result<()> {
    run.made_live = Some(begin.transaction.clone());
    if begin.live {
        return recheck(run, session, &begin.plan);
    }
    // Before the hooks: what they do is owed an end, also if this run dies in them.
    journal.mark(Mark::Stopping)?;
    if begin.running {
        match server::hooks(run, session, Hook::BeforeStop) {
            // The server that is to be stopped is known to be bad.
            Err(failure) if begin.because.is_some() => run.warn(failure.full_message()),
            done => done?,
        }
    }
    server::forbid_start(session)?;
    if begin.running {
        run.goes_down();
        server::stop(run, session)?;
    } else {
        expect_down(run, session)?;
    }
    recheck(run, session, &begin.plan)
}

/// A server that was stopped when the plan was made must not read a tree that is half replaced. What a killed one left
/// running beside it holds files of the pack, so it is ended where pitstop may.
fn expect_down(run: &mut Run<'_>, session: &Session) -> Result<()> {
    let found = server::observe(run, session)?;
    if !server::is_controlled(&session.settings) {
        return server::refuse_uncontrolled(&session.settings, &found);
    }
    if !found.is_running() {
        if !found.observed.to_stop().is_empty() {
            server::stop(run, session)?;
        }
        return Ok(());
    }
    let message = format!(
        "the server of {} was started after the plan was made",
        session.settings.name
    );
    Err(Failure::new(ErrorKind::Stale, message).hint("run again: a running server is stopped first"))
}

/// Nothing that the plan replaces may have changed since it was looked at. What the server rewrites by itself may, and a
/// customer's file may have come where a seed was to go: the commit leaves it alone.
fn recheck(run: &Run<'_>, session: &Session, plan: &Plan) -> Result<()> {
    let decided = || {
        plan.files
            .iter()
            .filter(|step| !matches!(step.class, Class::Generated | Class::State) && !step.is_seed())
    };
    let found = view::look(run, session, decided().map(|step| &step.path))?;
    for step in decided() {
        if found.get(&step.path) != step.old.as_ref() {
            let path = step.path.under(session.root.path());
            let message = format!("{} changed after the plan was made", path.display());
            return Err(Failure::new(ErrorKind::Stale, message)
                .at(path)
                .hint("run again: the plan is made anew from what is there now"));
        }
    }
    Ok(())
}

/// Nothing is in place yet: what was staged goes. The failure is what the run ends with, whatever happens here.
pub(super) fn abandon(session: &mut Session, begin: &Begin, failure: Failure) -> Failure {
    // What cannot be removed now is removed by the next run: the journal is still there.
    if let Err(leftover) = seal::discarded(session, begin) {
        tracing::warn!("{leftover}");
    }
    failure
}

/// Starts again what was stopped, after a change that did not come.
pub(super) fn bring_back(
    run: &mut Run<'_>,
    session: &mut Session,
    begin: &Begin,
    failure: Failure,
) -> Failure {
    let back = server::allow_start(session).and_then(|()| {
        if begin.running {
            server::start_again(run, session, begin)
        } else {
            Ok(())
        }
    });
    run.comes_up();
    match back {
        Ok(()) => failure,
        Err(worse) => Failure::new(ErrorKind::RollbackUnverified, format!("{failure}; then: {worse}"))
            .hint("no file of the pack has changed; start the server by hand and look at its log"),
    }
}

/// The commit failed in the middle: every rename is taken back and the server is started as it was.
pub(super) fn take_back(
    run: &mut Run<'_>,
    session: &mut Session,
    begin: &Begin,
    journal: &mut Journal,
    failure: Failure,
) -> Failure {
    let undone = run.step("undo", |run| {
        // Where the journal takes no mark, it says until it is closed that the commit is to be finished: whole as well.
        let marked = journal.mark(Mark::Undo);
        let filled = commit::undo(session, &begin.transaction, &begin.plan)?;
        run.warn_of_filled(&filled);
        marked
            .and_then(|()| journal.mark(Mark::Undone))
            .or_else(|_| journal::close(&session.store.journal_file()))?;
        Ok((true, "every rename is taken back".to_owned()))
    });
    if let Err(worse) = undone {
        let message = format!("{failure}; taking it back failed as well: {worse}");
        return Failure::new(ErrorKind::Interrupted, message).hint(
            "remove the cause and run `pitstop start` or `pitstop update` again: it goes on from here",
        );
    }
    let reason = failure.full_message();
    if let Err(unwritten) = record(session, begin, Outcome::Undone, Some(reason.clone())) {
        run.warn(unwritten.full_message());
    }
    let failed_at = failure.path.clone();
    let failure = bring_back(run, session, begin, failure);
    match abandon(session, begin, failure) {
        worse if worse.kind == ErrorKind::RollbackUnverified => worse,
        plain => {
            rollout::slot::let_go_of(run, session, &begin.transaction);
            let back = match begin.config {
                Some(_) => "what was there before is back".to_owned(),
                None => format!("the old level {} is back", begin.plan.from.level),
            };
            let message = format!("{reason}; {back}");
            let hint = plain
                .hint
                .unwrap_or_else(|| "remove the cause and run again".to_owned());
            let ended = Failure::new(ErrorKind::RolledBack, message).hint(hint);
            Failure {
                path: failed_at,
                ..ended
            }
        }
    }
}

/// Writes a transaction that was taken back before it was in place into the history.
pub(super) fn record(
    session: &Session,
    begin: &Begin,
    outcome: Outcome,
    reason: Option<String>,
) -> Result<()> {
    session.store.record(&TransactionView {
        transaction: begin.transaction.clone(),
        action: begin.plan.action,
        outcome,
        from: begin.plan.from.clone(),
        to: begin.plan.to.clone(),
        began: begin.began.clone(),
        ended: now_rfc3339(),
        // The server is not back yet.
        stopped_ms: None,
        reason,
        overridden: begin.overridden.clone(),
        agent: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
