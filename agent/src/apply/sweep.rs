//! What earlier runs left in our folders without need.

use std::io;

use crate::api::{Failure, Result};
use crate::model::RelPath;
use crate::observe::tree::OWN_FOLDER;
use crate::session::Session;
use crate::source::vendor_tool;
use crate::sys::root::Root;

use super::layout::{self, SNAPSHOTS, TRANSACTIONS};
use super::owner::{self, Folder};

/// Removes what neither the state nor the journal refers to, and our folder when nothing is in it any more. What another
/// state folder, or a later state, may refer to stays.
///
/// # Errors
/// Reading or removing failed.
pub fn sweep(session: &Session) -> Result<()> {
    let journal = session.open_journal()?;
    let in_use = journal.as_ref().map(|open| open.begin.transaction.as_str());
    let mut mounts = owner::own_mounts(session)?;
    mounts.extend(journal.iter().flat_map(|open| layout::mounts(&open.begin.plan)));
    let transactions: Vec<&str> = in_use.into_iter().collect();
    let snapshots: Vec<&str> = session.state.kept_transactions().chain(in_use).collect();
    let root = &session.root;
    vendor_tool::sweep(root).map_err(|error| leftovers(root, error))?;
    let swept = mounts.iter().map(Option::as_ref).try_for_each(|mount| {
        if Folder::look(session, in_use, mount)?.holds_unknown() {
            return Ok(());
        }
        keep_only(root, &layout::own(mount, TRANSACTIONS), &transactions)?;
        keep_only(root, &layout::own(mount, SNAPSHOTS), &snapshots)?;
        layout::remove_own_if_empty(root, &layout::own_folder(mount))
    });
    swept.map_err(|error| leftovers(root, error))
}

fn leftovers(root: &Root, error: io::Error) -> Failure {
    Failure::io(
        "remove leftovers of earlier runs in",
        root.path().join(OWN_FOLDER),
        error,
    )
}

fn keep_only(root: &Root, folder: &RelPath, wanted: &[&str]) -> io::Result<()> {
    for name in layout::names(root, folder)? {
        if !wanted.contains(&name.as_str()) {
            root.remove_tree(
                &folder
                    .join(&name)
                    .map_err(|_| io::Error::from(io::ErrorKind::InvalidFilename))?,
            )?;
        }
    }
    layout::remove_if_empty(root, folder)
}
