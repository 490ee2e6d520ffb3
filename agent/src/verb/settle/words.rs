//! What messages say of a transaction.

use crate::api::report::Action;
use crate::store::state::Pending;

/// What a transaction is about, for messages.
pub(super) struct Words {
    pub from: String,
    pub to: String,
    /// What makes a rollback be about the same.
    pub option: &'static str,
}

impl Words {
    pub fn of(pending: &Pending) -> Self {
        let (own, former) = ("the configuration", "the configuration from before");
        let (from, to) = match (&pending.config, &pending.hotfix, pending.action) {
            (None, Some(hotfix), _) => (pending.from.to_string(), format!("{} with {hotfix}", pending.to)),
            (None, None, _) => (pending.from.to_string(), pending.to.to_string()),
            (Some(_), _, Action::Rollback) => (own.to_owned(), former.to_owned()),
            (Some(_), ..) => (former.to_owned(), own.to_owned()),
        };
        let option = if pending.config.is_some() { " --config" } else { "" };
        Self { from, to, option }
    }
}
