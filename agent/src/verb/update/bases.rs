//! Keeps the vendor's texts that merges and people need: now, or at the next update.

use crate::api::Result;
use crate::api::plan::{Content, Plan};
use crate::merge::text;
use crate::model::{Digest, NoProgress};
use crate::session::Session;
use crate::source::Source;
use crate::source::vendor_tool::Shown;

/// What the source showed of the installed level's texts is what a person decides conflicts by.
pub(in crate::verb) fn keep_shown(session: &Session, shown: &Shown) -> Result<()> {
    for text in shown.texts.values() {
        session.store.keep_text(&Digest::of(text), text)?;
    }
    session.store.sync_texts()
}

/// The vendor's side of every merged file is the base of the next merge, but is not staged itself.
pub(super) fn keep_merge_bases(session: &Session, plan: &Plan, source: &mut dyn Source) -> Result<()> {
    for step in plan
        .files
        .iter()
        .filter(|step| step.content == Some(Content::Merged))
    {
        if source.manifest(&NoProgress)?.entries.contains_key(&step.path) {
            let bytes = source.read(&step.path, text::LIMIT)?;
            session.store.keep_text(&Digest::of(&bytes), &bytes)?;
        }
    }
    Ok(())
}
