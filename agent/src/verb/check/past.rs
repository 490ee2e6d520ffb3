//! What was done to an instance last, and what of it still waits for a person.

use crate::api::Result;
use crate::api::report::{TransactionView, WaitingView};
use crate::session::Instance;

use super::super::Run;
use super::super::conflicts::desk::Desk;

/// Tells both. What cannot be read hides nothing else: it is a warning.
pub(super) fn tell(run: &mut Run<'_>, instance: &Instance) {
    match waiting(run, instance) {
        Ok(waiting) => run.report.waiting = waiting,
        Err(failure) => run.warn(failure.full_message()),
    }
    match instance.store.history() {
        Ok(history) => {
            let last = history.into_iter().rev().take(TransactionView::LIST_LIMIT);
            run.report.transactions = last.collect();
        }
        Err(failure) => run.warn(failure.full_message()),
    }
}

fn waiting(run: &mut Run<'_>, instance: &Instance) -> Result<Option<WaitingView>> {
    let Some(desk) = Desk::open(run, instance)? else {
        return Ok(None);
    };
    // Whether something is decided cannot be told of files that changed since: then nothing is.
    let counted = desk.count().or_else(|failure| {
        run.warn(failure.full_message());
        Ok(desk.waiting.view(&instance.settings.name))
    });
    counted.map(Some)
}
