//! From a plan to a settled transaction, also with what an earlier run staged.

use crate::api::Result;
use crate::api::plan::Plan;
use crate::api::report::Status;
use crate::apply::commit;
use crate::apply::journal::{Begin, Journal};
use crate::apply::stage::Contents;
use crate::memory::Remembered;
use crate::session::Session;

use super::super::conflicts::{self, remember};
use super::super::rollout::Gates;
use super::super::server::{Ahead, Server};
use super::super::target::Target;
use super::super::{Run, road, server, settle};
use super::bases::keep_merge_bases;
use super::plan::Made;

/// How far, and held to what.
pub(in crate::verb) struct How<'a> {
    pub stage_only: bool,
    pub gates: Gates<'a>,
}

/// How far it came.
pub(in crate::verb) enum Carried {
    /// To its end.
    Live(Live),
    /// It was only staged: now, or by an earlier run.
    Staged { anew: bool },
}

/// Takes a plan from staging to a settled transaction.
pub(in crate::verb) fn carry_out(
    run: &mut Run<'_>,
    session: &mut Session,
    made: &Made,
    target: &mut Target,
    server: &Server,
    how: How<'_>,
    decided: Vec<Remembered>,
) -> Result<Carried> {
    keep_manifest(session, target)?;
    let parked = parked(session, &made.plan)?;
    if let (true, Some((begin, _))) = (how.stage_only, &parked) {
        run.report.transaction = Some(begin.transaction.clone());
        return Ok(Carried::Staged { anew: false });
    }
    let serving = server.is_running();
    let running = server.is_wanted() && server::is_controlled(&session.settings);
    let baseline = if serving {
        server::baseline(run, session, server, Ahead::Restart)?
    } else {
        server::Baseline::new()
    };
    let live = match parked {
        Some((begin, mut journal)) => {
            journal.baseline(&baseline)?;
            let begin = Begin { baseline, ..begin };
            road::resume(run, session, begin, journal, &how.gates)?;
            true
        }
        None => {
            keep_merge_bases(session, &made.plan, target)?;
            let change = road::Change {
                plan: &made.plan,
                running,
                baseline,
                because: None,
                park: how.stage_only,
                live: false,
                config: None,
                gates: how.gates,
                waits: true,
                again: false,
            };
            let mut contents = Contents {
                source: Some(target.source.as_mut()),
                merged: &made.merged,
            };
            road::drive(run, session, change, &mut contents)?
        }
    };
    if !live {
        return Ok(Carried::Staged { anew: true });
    }
    settled(run, session, &made.plan, running, decided).map(Carried::Live)
}

pub(super) fn keep_manifest(session: &Session, target: &Target) -> Result<()> {
    match target.release.tree {
        Some(_) => session.store.keep_manifest(&target.manifest).map(drop),
        None => Ok(()),
    }
}

/// Takes a transaction whose files are in place to its end.
pub(super) fn settled(
    run: &mut Run<'_>,
    session: &mut Session,
    plan: &Plan,
    running: bool,
    decided: Vec<Remembered>,
) -> Result<Live> {
    remember::note_transaction(run, session, decided);
    settle::settle(run, session)?;
    conflicts::clear(run, session, plan)?;
    Ok(Live { running })
}

/// A transaction that is in place and settled.
pub(in crate::verb) struct Live {
    running: bool,
}

impl Live {
    /// Tells that an update is done.
    pub(super) fn done(&self, run: &mut Run<'_>, plan: &Plan) {
        let (from, to) = (&plan.from.level, &plan.to);
        let message = format!("{} {from} -> {}{}", to.product, to.level, self.words(run));
        run.done(Status::Updated, true, message);
    }

    /// What it meant for the server, as the end of a message.
    pub fn words(&self, run: &Run<'_>) -> String {
        let stopped = run.report.timing.stopped_ms;
        if self.running {
            format!(", stopped for {}.{} s", stopped / 1000, stopped % 1000 / 100)
        } else {
            "; the server was not running and was not started".to_owned()
        }
    }
}

/// The transaction that an earlier run staged, if it is of this very plan and still there; any other is undone.
fn parked(session: &mut Session, plan: &Plan) -> Result<Option<(Begin, Journal)>> {
    let Some(open) = session.open_journal()? else {
        return Ok(None);
    };
    let begin = &open.begin;
    let is_there = || commit::refuse_missing(session, &begin.transaction, &begin.plan).is_ok();
    if open.is_parked() && begin.plan.id == plan.id && is_there() {
        let journal = Journal::append_to(&session.store.journal_file())?;
        return Ok(Some((open.begin, journal)));
    }
    crate::apply::seal::discarded(session, &open.begin)?;
    Ok(None)
}
