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
//!
//! Ids of transactions begin with a number that only rises, and journal or state know it as long as anything of a transaction
//! lies there. So what has a higher one in a folder that is ours was left by a later state than this one, which was put back
//! from a backup: it is never removed either.

mod folder;

use std::collections::BTreeSet;
use std::io;

use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Class, RelPath};
use crate::observe::mounts::mounts_in;
use crate::session::{Instance, Session};
use crate::sys::random;
use crate::sys::root::{Kind, Root};

use super::layout::{self, Part, names};
pub(super) use folder::Folder;
use folder::Owner;

/// The longest mark that is read.
const LIMIT: u64 = 256;

/// What another state folder left in one of our folders.
#[derive(Debug)]
pub struct Foreign {
    /// The mount inside the home; `None` is the home's own file system.
    mount: Option<RelPath>,
    folder: RelPath,
    /// Whether it is a later state of this state folder that left it.
    is_later: bool,
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
        let (who, again) = match self.is_later {
            true => (
                "a later state than this one, which was put back from a backup,",
                "put the newest state folder back; if it is lost",
            ),
            false => (
                "another state folder",
                "run again under the name and with the --state-dir that it had; if these are lost",
            ),
        };
        let message = format!(
            "a change of {} that {who} knows was interrupted: {} may be the only copy of a file of the pack",
            home.display(),
            first.display()
        );
        let hint = format!(
            "{again}, stop the server, move all files in {0} back to their paths in the home{named}, remove {0}, and run \
             `pitstop adopt {1}`",
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
        let whose = match self.is_later {
            true => "holds what a later state left than this one, which was put back from a backup",
            false => "belongs to another state folder, or to one that was lost",
        };
        format!(
            "{} {whose}: nothing that it holds is removed ({} snapshots)",
            self.folder.under(instance.root.path()).display(),
            self.snapshots.len()
        )
    }

    /// What to do about it.
    pub fn hint(&self, instance: &Instance) -> String {
        let name = &instance.settings.name;
        match self.is_later {
            true => format!(
                "put the newest state folder back, if there is one, before anything is changed; else `pitstop adopt {name}` \
                 moves the snapshots to `kept`"
            ),
            false => format!(
                "`pitstop adopt {name}` makes it this state folder's and moves the snapshots to `kept`; where the other one is \
                 still in use, work with that name and that --state-dir only"
            ),
        }
    }
}

/// What other state folders, and later states of this one, left in the home and on the mounts inside it.
///
/// # Errors
/// Reading failed.
pub fn foreign(instance: &Instance) -> Result<Vec<Foreign>> {
    let in_use = in_use(instance)?;
    let mut found = Vec::new();
    for mount in own_mounts(instance)? {
        let look = || {
            let folder = Folder::look(instance, in_use.as_deref(), mount.as_ref())?;
            folder.holds_unknown().then(|| folder.left()).transpose()
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

/// Makes the folders of these mounts this state folder's, before anything is put there, and those with something that a
/// later state left. What it does not know of the snapshots in them is moved to what is kept; returns where to.
///
/// # Errors
/// Writing failed.
pub fn claim(session: &mut Session, mounts: &BTreeSet<Option<RelPath>>) -> Result<Vec<RelPath>> {
    let id = id(session)?;
    let in_use = in_use(session)?;
    let mut kept = Vec::new();
    let mut begun = session.state.sequence;
    for mount in mounts.union(&own_mounts(session)?) {
        let mut claim = || {
            let folder = Folder::look(session, in_use.as_deref(), mount.as_ref())?;
            if folder.owner != Owner::Laters && !mounts.contains(mount) {
                return Ok(Vec::new());
            }
            let mut kept = Vec::new();
            if folder.holds_unknown() {
                // From here on what lies there is this state's own.
                begun = begun.max(folder.highest()?);
                kept = folder.keep_snapshots()?;
            }
            if mark(&session.root, mount.as_ref())?.as_deref() != Some(&id) {
                write_mark(&session.root, mount.as_ref(), &id)?;
            }
            Ok(kept)
        };
        let folder = layout::own_folder(mount.as_ref());
        kept.extend(claim().map_err(|error| layout::failed("mark", &session.root, &folder, error))?);
    }
    if session.state.sequence < begun {
        session.state.sequence = begun;
        session.store.save(&session.state)?;
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

/// Moves the snapshots of this state folder that its state does not know any more to what is kept; returns where to.
///
/// # Errors
/// Writing failed.
pub fn keep_unknown(session: &Session) -> Result<Vec<RelPath>> {
    let in_use = in_use(session)?;
    let mut kept = Vec::new();
    for mount in own_mounts(session)? {
        let folder = layout::own(mount.as_ref(), layout::SNAPSHOTS);
        let moved =
            Folder::look(session, in_use.as_deref(), mount.as_ref()).and_then(|own| own.keep_snapshots());
        kept.extend(moved.map_err(|error| layout::failed("keep what is in", &session.root, &folder, error))?);
    }
    Ok(kept)
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

/// The transaction whose journal is open.
fn in_use(instance: &Instance) -> Result<Option<String>> {
    Ok(instance.open_journal()?.map(|open| open.begin.transaction))
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
