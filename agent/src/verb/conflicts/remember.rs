//! What a person decided goes into memory when the update that uses it begins, and its transaction is noted once the
//! update is in place: a decision survives an update that fails later, one that is taken back before it was used does not.

use crate::api::Result;
use crate::memory::document::{LARGEST_FINAL, LARGEST_VALUE};
use crate::memory::{Decision, Memory, Origin, Remembered, Scope, Subject};
use crate::model::RelPath;
use crate::session::Session;
use crate::store::MemoryStore;

use super::super::Run;
use super::counsel::Point;

/// A decision that is not remembered yet.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::verb) struct Fresh {
    pub path: RelPath,
    pub scope: Scope,
    pub key: Option<String>,
    pub sides: [Option<String>; 3],
    pub secret: bool,
    /// `None` if it cannot be written down.
    pub decision: Option<Decision>,
    pub decided: String,
    pub by: String,
    pub remember_secret: bool,
}

impl Fresh {
    /// The person's decision about one conflict of a text.
    pub(super) fn of_point(path: &RelPath, point: &Point) -> Option<Self> {
        let (own, case) = (point.own.as_ref()?, point.case.as_ref()?);
        Some(Self {
            path: path.clone(),
            scope: case.key.as_ref().map_or(Scope::Lines, |_| Scope::Key),
            key: case.key.clone(),
            sides: case.sides.clone(),
            secret: point.secret,
            decision: Some(own.decision.clone()),
            decided: own.decided.clone(),
            by: own.by.clone(),
            remember_secret: own.remember_secret,
        })
    }

    fn what(&self) -> String {
        match &self.key {
            Some(key) => format!("{key} in {}", self.path),
            None => self.path.to_string(),
        }
    }

    /// Why it is not remembered, if it is not.
    fn refused(&self) -> Option<&'static str> {
        let decision = match &self.decision {
            None => return Some("it is no UTF-8 text"),
            Some(decision) => decision,
        };
        if self.secret && decision.has_content() && !self.remember_secret {
            return Some(
                "it looks like a secret; `conflicts resolve --remember-secret` keeps it on this host all the same",
            );
        }
        match decision {
            Decision::Final { content } if content.len() > LARGEST_FINAL => Some("it is too large"),
            Decision::Value { value } if value.len() > LARGEST_VALUE => Some("it is too large"),
            _ => None,
        }
    }
}

/// Remembers decisions. Returns them as they are remembered.
pub(in crate::verb) fn remember(
    run: &mut Run<'_>,
    session: &Session,
    fresh: &[Fresh],
) -> Result<Vec<Remembered>> {
    let store = MemoryStore::new(&session.settings.memory);
    let mut entries = Vec::new();
    for one in fresh {
        if let Some(why) = one.refused() {
            run.warn(format!(
                "what was decided about {} is not remembered: {why}",
                one.what()
            ));
            continue;
        }
        let key = match one.secret {
            true => Some(store.make_host_key()?),
            false => None,
        };
        let subject = Subject {
            product: &session.settings.profile.name,
            path: &one.path,
            scope: one.scope,
            key: one.key.as_deref(),
            sides: one.sides.each_ref().map(Option::as_deref),
            secret: one.secret,
        };
        let origin = Origin {
            decided: one.decided.clone(),
            by: one.by.clone(),
            instance: session.settings.name.clone(),
        };
        let decision = one.decision.clone();
        entries
            .extend(decision.and_then(|decision| Remembered::new(&subject, key.as_ref(), decision, origin)));
    }
    store.remember(&entries)?;
    Ok(entries)
}

/// Notes the transaction that used decisions.
pub(in crate::verb) fn note_transaction(run: &mut Run<'_>, session: &Session, mut entries: Vec<Remembered>) {
    entries
        .iter_mut()
        .for_each(|entry| entry.transaction.clone_from(&run.report.transaction));
    // The update is in place; that its number is missing in a note is no reason to call it a failure.
    if let Err(failure) = MemoryStore::new(&session.settings.memory).remember(&entries) {
        run.warn(failure.full_message());
    }
}

/// Everything that is remembered for an instance; nothing if it shall not be used.
pub(in crate::verb) fn recall(
    run: &mut Run<'_>,
    memory: &crate::config::MemoryDirs,
    ignored: bool,
) -> Memory {
    if ignored {
        return Memory::default();
    }
    let (memory, warnings) = MemoryStore::new(memory).load();
    warnings.into_iter().for_each(|warning| run.warn(warning));
    memory
}
