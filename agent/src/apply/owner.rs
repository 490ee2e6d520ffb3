//! Whose our folders in the home are. Each holds the id of the state folder that knows what lies in it: what another one
//! left there, under another name of the instance, with another `--state-dir` or before the state was lost, may be the
//! only copy of somebody's files, and is never removed.
//!
//! | `owner` | in `tx` and `snapshots` | the pack is adopted | whose it is |
//! |---|---|---|---|
//! | this state folder's | anything | – | ours |
//! | any, or none | nothing | – | nobody's |
//! | none | anything | yes | ours, of a version that left no mark |
//! | none | anything | no | another's |
//! | another's | anything | – | another's |

use std::collections::BTreeSet;
use std::io;

use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Class, RelPath};
use crate::observe::mounts::mounts_in;
use crate::session::{Instance, Session};
use crate::sys::random;
use crate::sys::root::{Kind, Root};

use super::layout::{self, Part, names};

/// The longest mark that is read.
const LIMIT: u64 = 256;

/// Whose a folder of ours is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Ours,
    Nobodys,
    Anothers,
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

/// What another state folder left in one of our folders.
#[derive(Debug)]
pub struct Foreign {
    /// The mount inside the home; `None` is the home's own file system.
    mount: Option<RelPath>,
    folder: RelPath,
    /// The snapshots that this state folder does not know.
    pub snapshots: Vec<RelPath>,
    /// The folder of old files that an interrupted transaction did not settle, and the first of them.
    unfinished: Option<(Part, RelPath, RelPath)>,
}

impl Foreign {
    /// Why nothing may be changed, if it may not.
    pub fn refusal(&self, instance: &Instance) -> Option<Failure> {
        let (part, folder, first) = self.unfinished.as_ref()?;
        let home = instance.root.path();
        let (folder, first) = (folder.under(home), first.under(home));
        let named = match part {
            Part::Before => " (they are named by the SHA-256 of that path)",
            _ => "",
        };
        let message = format!(
            "a change of {} that another state folder knows was interrupted: {} may be the only copy of a file of the pack",
            home.display(),
            first.display()
        );
        let hint = format!(
            "run again under the name and with the --state-dir that it had; if these are lost, stop the server, move all files \
             in {0} back to their paths in the home{named}, remove {0}, and run `pitstop adopt {1}`",
            folder.display(),
            instance.settings.name
        );
        Some(
            Failure::new(ErrorKind::Interrupted, message)
                .at(folder)
                .hint(hint),
        )
    }

    /// That it is there.
    pub fn told(&self, instance: &Instance) -> String {
        format!(
            "{} belongs to another state folder, or to one that was lost: nothing that it holds is removed ({} snapshots)",
            self.folder.under(instance.root.path()).display(),
            self.snapshots.len()
        )
    }
}

/// What other state folders left, in the home and on the mounts inside it.
///
/// # Errors
/// Reading failed.
pub fn foreign(instance: &Instance) -> Result<Vec<Foreign>> {
    let mut found = Vec::new();
    for mount in own_mounts(instance)? {
        let look = || match of(instance, mount.as_ref())? {
            Owner::Anothers => left(instance, mount.clone()).map(Some),
            Owner::Ours | Owner::Nobodys => Ok(None),
        };
        let folder = layout::own_folder(mount.as_ref());
        found.extend(look().map_err(|error| layout::failed("look at", &instance.root, &folder, error))?);
    }
    Ok(found)
}

/// Refuses to change anything where another state folder left an interrupted transaction.
///
/// # Errors
/// `interrupted`, or reading failed.
pub fn refuse_unfinished(instance: &Instance) -> Result<()> {
    let refusal = foreign(instance)?.iter().find_map(|left| left.refusal(instance));
    refusal.map_or(Ok(()), Err)
}

/// Makes the folders of these mounts this state folder's, before anything is put there. What it does not know of the
/// snapshots in them is moved to what is kept; returns where to.
///
/// # Errors
/// Writing failed.
pub fn claim(session: &mut Session, mounts: &BTreeSet<Option<RelPath>>) -> Result<Vec<RelPath>> {
    let id = id(session)?;
    let mut kept = Vec::new();
    for mount in mounts {
        let claim = || {
            if mark(&session.root, mount.as_ref())?.as_deref() == Some(&id) {
                return Ok(Vec::new());
            }
            let kept = match of(session, mount.as_ref())? {
                Owner::Anothers => keep_snapshots(session, mount.clone())?,
                Owner::Ours | Owner::Nobodys => Vec::new(),
            };
            write_mark(&session.root, mount.as_ref(), &id).map(|()| kept)
        };
        let folder = layout::own_folder(mount.as_ref());
        kept.extend(claim().map_err(|error| layout::failed("mark", &session.root, &folder, error))?);
    }
    Ok(kept)
}

/// The same with all that another state folder left.
///
/// # Errors
/// As [`claim`].
pub fn take_over(session: &mut Session) -> Result<Vec<RelPath>> {
    let mounts: BTreeSet<_> = foreign(session)?.into_iter().map(|left| left.mount).collect();
    match mounts.is_empty() {
        true => Ok(Vec::new()),
        false => claim(session, &mounts),
    }
}

/// The file systems on which a folder of ours may be; `None` is the home's own.
pub(super) fn own_mounts(instance: &Instance) -> Result<BTreeSet<Option<RelPath>>> {
    // What is mounted for the server's state alone is none of ours: it may hang, or shut even root out.
    let may_be_ours = |mount: &RelPath| {
        let own = layout::own_folder(Some(mount));
        instance.ownership.class_of(&own) != Class::State
    };
    let inside = mounts_in(instance.root.path())?
        .into_iter()
        .map(|mount| mount.path);
    Ok(inside.filter(may_be_ours).map(Some).chain([None]).collect())
}

/// Whose the folder of a mount is.
pub(super) fn of(instance: &Instance, mount: Option<&RelPath>) -> io::Result<Owner> {
    let root = &instance.root;
    let is_empty = [layout::TRANSACTIONS, layout::SNAPSHOTS]
        .iter()
        .map(|part| names(root, &layout::own(mount, part)))
        .collect::<io::Result<Vec<_>>>()?
        .concat()
        .is_empty();
    Ok(owner(
        mark(root, mount)?.as_deref(),
        instance.state.owner.as_deref(),
        instance.state.installed.is_some(),
        is_empty,
    ))
}

/// The folders of what was kept for a person.
///
/// # Errors
/// Reading failed.
pub fn kept(instance: &Instance) -> Result<Vec<RelPath>> {
    let mut kept = Vec::new();
    for mount in own_mounts(instance)? {
        let folder = layout::own(mount.as_ref(), layout::KEPT);
        let names = names(&instance.root, &folder)
            .map_err(|error| layout::failed("look at", &instance.root, &folder, error))?;
        kept.extend(names.iter().filter_map(|name| folder.join(name).ok()));
    }
    Ok(kept)
}

fn left(instance: &Instance, mount: Option<RelPath>) -> io::Result<Foreign> {
    let root = &instance.root;
    let mut unfinished = None;
    let transactions = layout::own(mount.as_ref(), layout::TRANSACTIONS);
    for name in names(root, &transactions)? {
        for part in [Part::Old, Part::Before] {
            let folder = layout::folder(mount.as_ref(), part, &name);
            if let (None, Some(first)) = (&unfinished, first_file(root, &folder)?) {
                unfinished = Some((part, folder, first));
            }
        }
    }
    Ok(Foreign {
        snapshots: unknown_snapshots(instance, mount.as_ref())?,
        folder: layout::own_folder(mount.as_ref()),
        unfinished,
        mount,
    })
}

fn unknown_snapshots(instance: &Instance, mount: Option<&RelPath>) -> io::Result<Vec<RelPath>> {
    let known: Vec<&str> = instance.state.kept_transactions().collect();
    let folder = layout::own(mount, layout::SNAPSHOTS);
    let names = names(&instance.root, &folder)?;
    let unknown = names.iter().filter(|name| !known.contains(&name.as_str()));
    unknown
        .map(|name| folder.join(name).map_err(io::Error::other))
        .collect()
}

/// Each of them is one rename: a run that dies in between leaves the rest to the next one.
fn keep_snapshots(session: &Session, mount: Option<RelPath>) -> io::Result<Vec<RelPath>> {
    let root = &session.root;
    let mut kept = Vec::new();
    for snapshot in unknown_snapshots(session, mount.as_ref())? {
        // A transaction may have kept edited files under its own name.
        let to = layout::folder(
            mount.as_ref(),
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

/// The id of this state folder. It lies with what it stands for: who loses the one has lost the other.
fn id(session: &mut Session) -> Result<String> {
    if let Some(id) = &session.state.owner {
        return Ok(id.clone());
    }
    let bytes = random::bytes().map_err(|error| {
        Failure::new(ErrorKind::Io, "cannot make an id of the state folder").because(error)
    })?;
    let id = format!("{:032x}", u128::from_le_bytes(bytes));
    session.state.owner = Some(id.clone());
    session.store.save(&session.state)?;
    Ok(id)
}

fn mark_file(mount: Option<&RelPath>) -> RelPath {
    layout::own(mount, layout::OWNER)
}

fn mark(root: &Root, mount: Option<&RelPath>) -> io::Result<Option<String>> {
    let file = mark_file(mount);
    match root.stat(&file)? {
        None => Ok(None),
        // Whatever else it is, it is nobody's id.
        Some(stat) if stat.kind != Kind::File || stat.key.size > LIMIT => Ok(Some(String::new())),
        Some(_) => {
            let bytes = root.read(&file, LIMIT)?;
            Ok(Some(String::from_utf8_lossy(&bytes).trim_end().to_owned()))
        }
    }
}

/// Durable when it returns.
fn write_mark(root: &Root, mount: Option<&RelPath>, id: &str) -> io::Result<()> {
    root.make_private_dirs(&layout::own_folder(mount))?;
    root.replace_file(&mark_file(mount), format!("{id}\n").as_bytes())?;
    root.sync_dir(mount)
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
