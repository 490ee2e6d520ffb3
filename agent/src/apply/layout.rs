//! Where staged files and snapshots lie: `.pitstop` in the home, and in every mount inside the home that a change
//! concerns, because a rename cannot cross a mount.
//!
//! | path | content |
//! |---|---|
//! | `owner` | whose all this is, see [`super::owner`] |
//! | `tx/<transaction>/new/<digest of the path>` | staged, not live; flat, because making folders costs more than files |
//! | `tx/<transaction>/old/<path>` | moved aside by the commit |
//! | `tx/<transaction>/before/<digest of the path>` | what the vendor's tool may change that works in the home itself, see [`super::in_place`]; under names that it does not look for |
//! | `snapshots/<transaction>/<path>` | what `old` becomes: the files that a rollback puts back |
//! | `kept/<transaction>/<path>` | edited files that a rollback found no place for, and what came while the vendor's tool worked |
//! | `kept/<transaction>.snapshot/<path>` | snapshots of another state folder, of a later state than this one, or from before something else changed the pack |
//! | `candidates/<number>` | copies that the vendor's update tool works on, see [`crate::source::vendor_tool`] |
//! | `conflicts/<path>.original`, `.new`, `.final` | the three sides of a conflict |
//! | `conflicts/<path>.final.old` | what a person wrote and no update used |

use std::collections::BTreeSet;
use std::io;

use crate::api::plan::{FileOp, FileStep, Plan};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Digest, RelPath};
use crate::observe::tree::OWN_FOLDER;
use crate::sys::root::Root;

/// The file that says whose our folder is.
pub(super) const OWNER: &str = "owner";
/// What lies beside it.
pub(super) const TRANSACTIONS: &str = "tx";
pub(super) const SNAPSHOTS: &str = "snapshots";
pub(super) const KEPT: &str = "kept";

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
    let text = match part {
        Part::Transaction => format!("{TRANSACTIONS}/{transaction}"),
        Part::New => format!("{TRANSACTIONS}/{transaction}/new"),
        Part::Old => format!("{TRANSACTIONS}/{transaction}/old"),
        Part::Before => format!("{TRANSACTIONS}/{transaction}/before"),
        Part::Snapshot => format!("{SNAPSHOTS}/{transaction}"),
        Part::Kept => format!("{KEPT}/{transaction}"),
    };
    own(mount, &text)
}

/// Whether a transaction has a folder on a mount: not where it only makes directories or sets modes.
pub(super) fn has_folder(plan: &Plan, mount: Option<&RelPath>) -> bool {
    let moves = |step: &FileStep| matches!(step.op, FileOp::Put | FileOp::Remove);
    let mut on_mount = plan.files.iter().filter(|step| step.mount.as_ref() == mount);
    mount.is_none() || on_mount.any(moves)
}

/// A path below our folder on a mount.
pub(super) fn own(mount: Option<&RelPath>, path: &str) -> RelPath {
    trusted(&format!("{}/{path}", own_folder(mount)))
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

/// Our folder on a mount.
pub(super) fn own_folder(mount: Option<&RelPath>) -> RelPath {
    mount.map_or_else(
        || trusted(OWN_FOLDER),
        |mount| trusted(&format!("{mount}/{OWN_FOLDER}")),
    )
}

/// Texts made of valid parts are valid; should one ever not be, nothing outside our folder is named.
fn trusted(text: &str) -> RelPath {
    RelPath::new(text).unwrap_or_else(|_| RelPath::new(OWN_FOLDER).unwrap_or_else(|_| unreachable!()))
}

/// The names in a folder that may be missing.
pub(super) fn names(root: &Root, folder: &RelPath) -> io::Result<Vec<String>> {
    match root.stat(folder)? {
        None => Ok(Vec::new()),
        Some(_) => root.names_in(Some(folder)),
    }
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

/// The same with our folder, in which only its owner's mark is left.
///
/// # Errors
/// Of the system.
pub(super) fn remove_own_if_empty(root: &Root, own: &RelPath) -> io::Result<()> {
    if root.stat(own)?.is_none() {
        return Ok(());
    }
    let names = root.names_in(Some(own))?;
    if !names.iter().all(|name| name.starts_with(OWNER)) {
        return Ok(());
    }
    for name in names {
        root.unlink(&below(own, &trusted(&name)))?;
    }
    root.remove_dir(own)
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
