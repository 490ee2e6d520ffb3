//! Where staged files and snapshots lie: `.pitstop` in the home, and in every mount inside the home that a change
//! concerns, because a rename cannot cross a mount.
//!
//! | path | content |
//! |---|---|
//! | `tx/<transaction>/new/<digest of the path>` | staged, not live; flat, because making folders costs more than files |
//! | `tx/<transaction>/old/<path>` | moved aside by the commit |
//! | `tx/<transaction>/before/<digest of the path>` | what the vendor's tool may change that works in the home itself, see [`super::in_place`]; under names that it does not look for |
//! | `snapshots/<transaction>/<path>` | what `old` becomes: the files that a rollback puts back |
//! | `kept/<transaction>/<path>` | edited files that a rollback found no place for |
//! | `candidates/<number>` | copies that the vendor's update tool works on, see [`crate::source::vendor_tool`] |
//! | `conflicts/<path>.original`, `.new`, `.final` | the three sides of a conflict |

use std::collections::BTreeSet;
use std::io;

use crate::api::plan::{FileOp, FileStep, Plan};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Class, Digest, RelPath};
use crate::observe::tree::OWN_FOLDER;
use crate::session::Session;
use crate::sys::root::Root;

/// The parts of the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A transaction's folder while it is under way.
    Transaction,
    /// Its staged files.
    New,
    /// Its old files.
    Old,
    /// Copies of everything that somebody else may change.
    Before,
    /// Its old files after it was sealed.
    Snapshot,
    /// Edited files that were kept.
    Kept,
}

/// A folder of a transaction on the file system of a mount; `None` is the home's own.
pub fn folder(mount: Option<&RelPath>, part: Part, transaction: &str) -> RelPath {
    let own = own_folder(mount);
    let text = match part {
        Part::Transaction => format!("{own}/tx/{transaction}"),
        Part::New => format!("{own}/tx/{transaction}/new"),
        Part::Old => format!("{own}/tx/{transaction}/old"),
        Part::Before => format!("{own}/tx/{transaction}/before"),
        Part::Snapshot => format!("{own}/snapshots/{transaction}"),
        Part::Kept => format!("{own}/kept/{transaction}"),
    };
    trusted(&text)
}

/// Whether a transaction has a folder on a mount: not where it only makes directories or sets modes.
pub(super) fn has_folder(plan: &Plan, mount: Option<&RelPath>) -> bool {
    let moves = |step: &FileStep| matches!(step.op, FileOp::Put | FileOp::Remove);
    let mut on_mount = plan.files.iter().filter(|step| step.mount.as_ref() == mount);
    mount.is_none() || on_mount.any(moves)
}

/// Where a step's path lies in a part.
pub fn place(step: &FileStep, part: Part, transaction: &str) -> RelPath {
    let folder = folder(step.mount.as_ref(), part, transaction);
    match part {
        Part::New => flat(&folder, &step.path),
        _ => below(&folder, &step.path),
    }
}

/// Where a path lies in a folder without folders.
pub fn flat(folder: &RelPath, path: &RelPath) -> RelPath {
    below(
        folder,
        &trusted(&Digest::of(path.as_str().as_bytes()).to_string()),
    )
}

/// Above this many files or folders, one sync of their file system is cheaper than one for each.
pub const FEW: usize = 16;

/// Makes everything written to the file systems of a plan survive a power cut.
///
/// # Errors
/// Writing failed.
pub fn sync_file_systems(root: &Root, plan: &Plan) -> Result<()> {
    mounts(plan).iter().try_for_each(|mount| {
        let shown = || {
            mount
                .as_ref()
                .map_or_else(|| root.path().to_owned(), |mount| mount.under(root.path()))
        };
        root.sync_file_system(mount.as_ref())
            .map_err(|error| Failure::io("sync the file system of", shown(), error))
    })
}

/// The folder in which a person resolves conflicts.
pub fn conflicts() -> RelPath {
    trusted(&format!("{OWN_FOLDER}/conflicts"))
}

/// A path below a folder.
pub fn below(folder: &RelPath, path: &RelPath) -> RelPath {
    trusted(&format!("{folder}/{path}"))
}

/// The mounts that a plan's changes lie on, the home's own file system (`None`) always among them.
pub fn mounts(plan: &Plan) -> BTreeSet<Option<RelPath>> {
    plan.files
        .iter()
        .map(|step| step.mount.clone())
        .chain([None])
        .collect()
}

fn own_folder(mount: Option<&RelPath>) -> RelPath {
    mount.map_or_else(
        || trusted(OWN_FOLDER),
        |mount| trusted(&format!("{mount}/{OWN_FOLDER}")),
    )
}

/// Texts made of valid parts are valid; should one ever not be, nothing outside our folder is named.
fn trusted(text: &str) -> RelPath {
    RelPath::new(text).unwrap_or_else(|_| RelPath::new(OWN_FOLDER).unwrap_or_else(|_| unreachable!()))
}

/// Removes what neither the state nor the journal refers to, and our folder when nothing is in it any more.
///
/// # Errors
/// Reading or removing failed.
pub fn sweep(session: &Session) -> Result<()> {
    let journal = session.open_journal()?;
    let in_use = journal.as_ref().map(|open| open.begin.transaction.as_str());
    let mut mounts: BTreeSet<Option<RelPath>> =
        journal.iter().flat_map(|open| mounts(&open.begin.plan)).collect();
    mounts.insert(None);
    // What is mounted for the server's state alone is none of ours: it may hang, or shut even root out.
    let may_be_ours = |mount: &RelPath| {
        let own = own_folder(Some(mount));
        session.ownership.class_of(&own) != Class::State
    };
    mounts.extend(
        crate::observe::mounts::mounts_in(session.root.path())?
            .into_iter()
            .filter(|mount| may_be_ours(&mount.path))
            .map(|mount| Some(mount.path)),
    );
    let snapshots: Vec<&str> = session.state.kept_transactions().collect();
    let root = &session.root;
    crate::source::vendor_tool::sweep(root).map_err(|error| leftovers(root, error))?;
    let swept = mounts.iter().try_for_each(|mount| {
        let own = own_folder(mount.as_ref());
        keep_only(
            root,
            &below(&own, &trusted("tx")),
            &in_use.into_iter().collect::<Vec<_>>(),
        )?;
        let wanted: Vec<&str> = snapshots.iter().copied().chain(in_use).collect();
        keep_only(root, &below(&own, &trusted("snapshots")), &wanted)?;
        remove_if_empty(root, &own)
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
    if root.stat(folder)?.is_none() {
        return Ok(());
    }
    for name in root.names_in(Some(folder))? {
        if !wanted.contains(&name.as_str()) {
            root.remove_tree(
                &folder
                    .join(&name)
                    .map_err(|_| io::Error::from(io::ErrorKind::InvalidFilename))?,
            )?;
        }
    }
    remove_if_empty(root, folder)
}

/// Removes a directory if nothing is in it.
///
/// # Errors
/// Of the system.
pub fn remove_if_empty(root: &Root, folder: &RelPath) -> io::Result<()> {
    if root.stat(folder)?.is_some() && root.names_in(Some(folder))?.is_empty() {
        root.remove_dir(folder)?;
    }
    Ok(())
}

/// An I/O failure of a transaction.
pub fn failed(attempted: &str, root: &Root, path: &RelPath, error: io::Error) -> Failure {
    let refused =
        error.raw_os_error() == Some(nix::libc::ELOOP) || error.kind() == io::ErrorKind::NotADirectory;
    let failure = Failure::io(attempted, path.under(root.path()), error);
    if refused {
        let hint =
            "something stands in the way, or a symlink that is not followed; put a directory in its place";
        return Failure {
            kind: ErrorKind::Mount,
            ..failure
        }
        .hint(hint);
    }
    failure
}
