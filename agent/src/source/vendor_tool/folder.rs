//! The folder of all candidates of a home, `.pitstop/candidates`: who may make one, and what nobody works on any more.

use std::io;
use std::time::Duration;

use super::super::listing::OWN_FOLDER;
use crate::model::RelPath;
use crate::observe::tree::CANDIDATES;
use crate::sys::clock::{Deadline, pause};
use crate::sys::lock::{Lock, try_lock_dir};
use crate::sys::root::{Kind, Root};

/// How long other runs may take to make or remove a candidate's folder, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(5);

/// Where it lies.
pub(super) fn path() -> io::Result<RelPath> {
    RelPath::new(&format!("{OWN_FOLDER}/{CANDIDATES}")).map_err(io::Error::other)
}

/// A path below another one.
pub(super) fn below(folder: &RelPath, name: &str) -> io::Result<RelPath> {
    folder.join(name).map_err(io::Error::other)
}

/// Makes our folder and locks it: until a new candidate is locked itself, it looks like one that was left.
pub(super) fn lock(root: &Root, folder: &RelPath) -> io::Result<Lock> {
    let patience = Deadline::after(PATIENCE);
    loop {
        match root
            .make_private_dirs(folder)
            .and_then(|()| try_lock(root, folder))
        {
            Ok(Some(lock)) => return Ok(lock),
            Err(error) if !is_another_runs_doing(&error) => return Err(error),
            // Another run is at it, or has just made or removed the folder.
            _ if patience.passed() => return Err(io::ErrorKind::ResourceBusy.into()),
            _ => pause(STEP, &patience),
        }
    }
}

/// A lock on a folder that was removed and made anew meanwhile would be none.
fn try_lock(root: &Root, folder: &RelPath) -> io::Result<Option<Lock>> {
    let dir = root.open_dir(Some(folder))?;
    let inode = nix::sys::stat::fstat(&dir)?.st_ino;
    let lock = try_lock_dir(dir)?;
    let is_there = root.stat(folder)?.is_some_and(|stat| stat.key.ino == inode);
    Ok(lock.filter(|_| is_there))
}

/// Whether something came or went under the hand because another run came or went.
fn is_another_runs_doing(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotFound};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty | NotFound)
}

/// Removes the candidates of a home that nobody works on.
///
/// # Errors
/// Of the system.
pub(super) fn sweep(root: &Root) -> io::Result<()> {
    match sweep_alone(root) {
        // It sweeps too.
        Err(error) if is_another_runs_doing(&error) => Ok(()),
        swept => swept,
    }
}

fn sweep_alone(root: &Root) -> io::Result<()> {
    let folder = path()?;
    if root.stat(&folder)?.is_none_or(|stat| stat.kind != Kind::Dir) {
        return Ok(());
    }
    let Some(_sweeping) = try_lock_dir(root.open_dir(Some(&folder))?)? else {
        return Ok(());
    };
    for name in root.names_in(Some(&folder))? {
        let work = below(&folder, &name)?;
        let is_left = match root.open_dir(Some(&work)) {
            Ok(dir) => try_lock_dir(dir)?.is_some(),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        if is_left {
            root.remove_tree(&work)?;
        }
    }
    tidy(root)
}

/// Leaves our folder as it is without candidates.
fn tidy(root: &Root) -> io::Result<()> {
    let folder = path()?;
    let is_empty = |path: &RelPath| match root.stat(path)? {
        Some(stat) => Ok::<_, io::Error>((stat.mode, root.names_in(Some(path))?.is_empty())),
        None => Ok((0, false)),
    };
    if is_empty(&folder)?.1 {
        root.remove_dir(&folder)?;
    } else if root.stat(&folder)?.is_some() {
        return Ok(());
    }
    for own in folder.ancestors() {
        match is_empty(&own)? {
            (_, true) => root.remove_dir(&own)?,
            (0o711, false) => root.set_mode(&own, 0o700)?,
            _ => {}
        }
    }
    Ok(())
}
