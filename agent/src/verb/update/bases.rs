//! Keeps the vendor's texts that merges and people need: now, or at the next update.

use std::collections::BTreeSet;

use crate::api::plan::{Content, Plan};
use crate::api::{ErrorKind, Result};
use crate::merge::text;
use crate::model::{Digest, Entry, RelPath};
use crate::session::Session;
use crate::source::Source;
use crate::source::vendor_tool::Shown;
use crate::sys::interrupt;

use super::super::adopt;
use super::super::target::Target;
use super::installed_release;
use super::plan::base;

/// What the source showed of the installed level's texts is what a person decides conflicts by.
pub(in crate::verb) fn keep_shown(session: &Session, shown: &Shown) -> Result<()> {
    for text in shown.texts.values() {
        session.store.keep_text(&Digest::of(text), text)?;
    }
    session.store.sync_texts()
}

/// Keeps the vendor's side of what later updates merge from that, and that is not staged as it is: it was merged, a person
/// took another side, or this host has it already.
pub(super) fn keep_merge_bases(session: &Session, plan: &Plan, target: &mut Target) -> Result<()> {
    let base = base(session, &installed_release(session)?, target)?;
    let with = |content: &Content| {
        let steps = plan
            .files
            .iter()
            .filter(|step| step.content.as_ref() == Some(content));
        steps.map(|step| &step.path).collect::<BTreeSet<_>>()
    };
    let (staged, merged) = (with(&Content::Source), with(&Content::Merged));
    // A text that no kept tree has would stay for good.
    let is_kept = target.release.tree.is_some();
    let is_new = |path: &RelPath, entry: &Entry| {
        let known = base.as_ref().and_then(|base| base.entries.get(path));
        !Entry::same(known, Some(entry)) && adopt::is_kept(session, path, entry)
    };
    for (path, entry) in &target.manifest.entries {
        let Some(sha256) = entry.sha256().filter(|_| !staged.contains(path)) else {
            continue;
        };
        let is_needed = merged.contains(path) || is_kept && is_new(path, entry);
        if !is_needed || session.store.text(&sha256)?.is_some() {
            continue;
        }
        interrupt::go_on()?;
        if let Some(bytes) = vendors(session, target.source.as_mut(), path, &sha256)? {
            session.store.keep_text(&sha256, &bytes)?;
        }
    }
    Ok(())
}

/// The vendor's file, from the pack where it is there; `None` if a bundle leaves it out because it was to be there.
fn vendors(
    session: &Session,
    source: &mut dyn Source,
    path: &RelPath,
    sha256: &Digest,
) -> Result<Option<Vec<u8>>> {
    let here = session.root.read(path, text::LIMIT).ok();
    if let Some(bytes) = here.filter(|bytes| Digest::of(bytes) == *sha256) {
        return Ok(Some(bytes));
    }
    match source.read(path, text::LIMIT) {
        Err(failure) if failure.kind == ErrorKind::MissingBase => Ok(None),
        read => read.map(Some),
    }
}
