//! What the history is told of a transaction once it is settled.

use crate::api::Result;
use crate::api::report::{Action, Outcome, TransactionView};
use crate::session::Session;
use crate::store::state::Pending;
use crate::sys::clock::now_rfc3339;

use super::super::Run;

/// Writes a transaction into the history, and before it the one that it takes back.
pub(super) fn record(
    run: &mut Run<'_>,
    session: &Session,
    pending: &Pending,
    outcome: Outcome,
    reason: Option<String>,
) -> Result<()> {
    let ended = now_rfc3339();
    let settled = TransactionView {
        transaction: pending.transaction.clone(),
        action: pending.action,
        outcome,
        from: pending.from.clone(),
        to: pending.to.clone(),
        began: pending.began.clone(),
        ended,
        stopped_ms: run.account_stopped(&pending.transaction),
        reason,
        overridden: pending.overridden.clone(),
        agent: env!("CARGO_PKG_VERSION").to_owned(),
    };
    if let Some(because) = &pending.because {
        session.store.record(&TransactionView {
            transaction: because.transaction.clone(),
            action: taken_back(session, pending, &because.transaction),
            outcome: Outcome::TakenBack,
            from: pending.to.clone(),
            to: pending.from.clone(),
            stopped_ms: because.stopped_ms,
            reason: Some(because.reason.clone()),
            overridden: Vec::new(),
            ..settled.clone()
        })?;
    }
    session.store.record(&settled)
}

/// The verb of the transaction that is taken back.
fn taken_back(session: &Session, pending: &Pending, id: &str) -> Action {
    match &pending.config {
        Some(_) => Action::Config,
        None => session
            .store
            .snapshot_plan(id)
            .map_or(Action::Update, |plan| plan.action),
    }
}
