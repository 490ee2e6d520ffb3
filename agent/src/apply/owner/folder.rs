//! One of our folders, and what tells whose it is: see the table.

use std::io;

use crate::apply::layout::{self, Part, names};
use crate::model::RelPath;
use crate::session::Instance;
use crate::store::State;
use crate::sys::root::{Kind, Root};

use super::{Foreign, mark};

/// Whose a folder of ours is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::apply) enum Owner {
    Ours,
    Nobodys,
    Anothers,
    /// Ours, but for something that a later state left there.
    Laters,
}

/// The table.
fn owner(mark: Option<&str>, ours: Option<&str>, is_adopted: bool, is_empty: bool) -> Owner {
    match mark {
        Some(_) if mark == ours => Owner::Ours,
        _ if is_empty => Owner::Nobodys,
        None if is_adopted => Owner::Ours,
        _ => Owner::Anothers,
    }
}

/// A folder of ours, and whose it is.
pub(in crate::apply) struct Folder<'a> {
    instance: &'a Instance,
    /// The transaction whose journal is open.
    in_use: Option<&'a str>,
    mount: Option<&'a RelPath>,
    pub(super) owner: Owner,
}

impl<'a> Folder<'a> {
    /// Looks at the one of a mount.
    pub fn look(
        instance: &'a Instance,
        in_use: Option<&'a str>,
        mount: Option<&'a RelPath>,
    ) -> io::Result<Self> {
        let mut folder = Self {
            instance,
            in_use,
            mount,
            owner: Owner::Nobodys,
        };
        let names = folder.all()?;
        folder.owner = match owner(
            mark(&instance.root, mount)?.as_deref(),
            instance.state.owner.as_deref(),
            instance.state.installed.is_some(),
            names.is_empty(),
        ) {
            Owner::Ours if names.iter().any(|name| folder.is_later(name)) => Owner::Laters,
            owner => owner,
        };
        Ok(folder)
    }

    /// Whether something may lie there that this state does not know.
    pub fn holds_unknown(&self) -> bool {
        matches!(self.owner, Owner::Anothers | Owner::Laters)
    }

    fn names(&self, part: &str) -> io::Result<Vec<String>> {
        names(&self.instance.root, &layout::own(self.mount, part))
    }

    fn all(&self) -> io::Result<Vec<String>> {
        Ok([self.names(layout::TRANSACTIONS)?, self.names(layout::SNAPSHOTS)?].concat())
    }

    fn is_later(&self, transaction: &str) -> bool {
        State::number_of(transaction) > self.instance.state.sequence && self.in_use != Some(transaction)
    }

    /// The highest number of a transaction that left something there.
    pub(super) fn highest(&self) -> io::Result<u64> {
        let names = self.all()?;
        Ok(names.iter().map(|name| State::number_of(name)).max().unwrap_or(0))
    }

    /// The names in a part that this state does not know.
    fn unknown(&self, part: &str) -> io::Result<Vec<String>> {
        let mut names = self.names(part)?;
        if self.owner == Owner::Laters {
            names.retain(|name| self.is_later(name));
        }
        Ok(names)
    }

    pub(super) fn left(&self) -> io::Result<Foreign> {
        let root = &self.instance.root;
        let mut unfinished = None;
        for name in self.unknown(layout::TRANSACTIONS)? {
            for part in [Part::Old, Part::Before] {
                let folder = layout::folder(self.mount, part, &name);
                if let (None, Some(first)) = (&unfinished, first_file(root, &folder)?) {
                    unfinished = Some((part, folder, first));
                }
            }
        }
        Ok(Foreign {
            mount: self.mount.cloned(),
            folder: layout::own_folder(self.mount),
            is_later: self.owner == Owner::Laters,
            snapshots: self.unknown_snapshots()?,
            unfinished,
        })
    }

    fn unknown_snapshots(&self) -> io::Result<Vec<RelPath>> {
        let known: Vec<&str> = self.instance.state.kept_transactions().collect();
        let folder = layout::own(self.mount, layout::SNAPSHOTS);
        let names = self.unknown(layout::SNAPSHOTS)?;
        let unknown = names.iter().filter(|name| !known.contains(&name.as_str()));
        unknown
            .map(|name| folder.join(name).map_err(io::Error::other))
            .collect()
    }

    /// Each of them is one rename: a run that dies in between leaves the rest to the next one.
    pub(super) fn keep_snapshots(&self) -> io::Result<Vec<RelPath>> {
        let root = &self.instance.root;
        let mut kept = Vec::new();
        for snapshot in self.unknown_snapshots()? {
            // A transaction may have kept edited files under its own name.
            let to = layout::folder(
                self.mount,
                Part::Kept,
                &format!("{}.snapshot", snapshot.file_name()),
            );
            to.parent().map_or(Ok(()), |dir| root.make_private_dirs(&dir))?;
            root.rename(&snapshot, &to)?;
            root.sync_dir(to.parent().as_ref())?;
            kept.push(to);
        }
        Ok(kept)
    }
}

/// The first that is no folder, in a folder and those in it.
fn first_file(root: &Root, path: &RelPath) -> io::Result<Option<RelPath>> {
    match root.stat(path)? {
        None => Ok(None),
        Some(stat) if stat.kind != Kind::Dir => Ok(Some(path.clone())),
        Some(_) => {
            for name in root.names_in(Some(path))? {
                let below = path.join(&name).map_err(io::Error::other)?;
                if let Some(found) = first_file(root, &below)? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Owner::{Anothers, Nobodys, Ours};

    #[test]
    fn the_table() {
        let (a, b) = (Some("a"), Some("b"));
        // The mark, this state folder's id; adopted or not × empty or not.
        let table = [
            (a, a, [Ours, Ours, Ours, Ours]),
            (b, a, [Nobodys, Anothers, Nobodys, Anothers]),
            (b, None, [Nobodys, Anothers, Nobodys, Anothers]),
            (None, a, [Nobodys, Ours, Nobodys, Anothers]),
            (None, None, [Nobodys, Ours, Nobodys, Anothers]),
        ];
        for (mark, ours, expected) in table {
            let found = [(true, true), (true, false), (false, true), (false, false)]
                .map(|(is_adopted, is_empty)| owner(mark, ours, is_adopted, is_empty));
            assert_eq!(found, expected, "{mark:?} {ours:?}");
        }
    }
}
