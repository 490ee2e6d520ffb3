//! A snapshot around what somebody else does to the home itself: everything that is [held](crate::source::vendor_tool::Held)
//! is copied before, and put back as it was afterwards, whatever was done. What is new then and not known to be the tool's
//! is kept aside. Putting back may run any number of times.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::api::finding::and_more;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Class, Entry, RelPath, TreeManifest};
use crate::observe::mounts::mounts_in;
use crate::session::{Instance, Session};
use crate::source::vendor_tool::{Held, Stood, StoodKind, TRANSACTION};
use crate::sys::hashing::{Hashed, on_all_cores};
use crate::sys::process::end_marked;
use crate::sys::root::{Kind, Stat};

use super::layout::{self, Part};

/// What is held of an instance as it stands.
///
/// # Errors
/// Reading failed, or its product has no update tool.
pub fn look(instance: &Instance) -> Result<(Vec<Stood>, Vec<String>)> {
    let profile = &instance.settings.profile;
    let rules = profile.vendor_tool.as_ref().ok_or_else(|| {
        let message = format!("the vendor of {} has no update tool", profile.title);
        Failure::new(ErrorKind::Settings, message)
    })?;
    Held::new(&instance.ownership, rules)?.look(instance.root.path())
}

/// Checks that a snapshot can be taken and put back, as far as that can be told beforehand.
///
/// # Errors
/// `space`, `read-only`, `mount` or `wrong-user`.
pub fn check(instance: &Instance, held: &[Stood]) -> Result<()> {
    let home = instance.root.path();
    let is_held = |path: &RelPath| instance.ownership.class_of(path) != Class::State;
    if let Some(mount) = mounts_in(home)?.into_iter().find(|mount| is_held(&mount.path)) {
        let at = mount.path.under(home);
        let message = format!(
            "{} is mounted inside the home: no snapshot can hold it",
            at.display()
        );
        return Err(Failure::new(ErrorKind::Mount, message)
            .at(at)
            .hint("update without --in-place: the tool gets a copy then"));
    }
    let me = nix::unistd::geteuid();
    let foreign = held.iter().find(|one| one.owner.0 != me.as_raw());
    if let (false, Some(one)) = (me.is_root(), foreign) {
        let at = one.path.under(home);
        let message = format!(
            "{} belongs to somebody else: only root could put it back",
            at.display()
        );
        return Err(Failure::new(ErrorKind::WrongUser, message)
            .at(at)
            .hint("run as root"));
    }
    enough_space(instance, held)
}

fn enough_space(instance: &Instance, held: &[Stood]) -> Result<()> {
    let home = instance.root.path();
    let failed = |error| Failure::io("look at the space of", home, error);
    let space = instance.root.space(None).map_err(failed)?;
    if space.read_only {
        let message = format!("{} is mounted read-only", home.display());
        return Err(Failure::new(ErrorKind::ReadOnly, message).at(home));
    }
    let files = || held.iter().filter(|one| one.is_file() && one.key.size > 0);
    let bytes: u64 = files().map(|one| one.key.size).sum();
    let spare = instance.settings.profile.disk.extra_bytes;
    let smallest = files().min_by_key(|one| one.key.size);
    let is_enough = space.free_bytes >= bytes.saturating_add(spare);
    if is_enough
        || smallest
            .map_or(Ok(true), |one| shares(instance, &one.path))
            .map_err(failed)?
    {
        return Ok(());
    }
    let message = format!(
        "not enough space on the file system of {} for a snapshot of the pack: {} MiB needed and {} MiB to spare, {} MiB \
         free",
        home.display(),
        bytes >> 20,
        spare >> 20,
        space.free_bytes >> 20
    );
    Err(Failure::new(ErrorKind::Space, message)
        .at(home)
        .hint("free space there; where files can share blocks (XFS, Btrfs) the snapshot needs next to none"))
}

fn shares(instance: &Instance, path: &RelPath) -> io::Result<bool> {
    let folder = layout::folder(None, Part::Transaction, &format!("probe-{}", std::process::id()));
    let probe = layout::below(&folder, path);
    let root = &instance.root;
    probe
        .parent()
        .map_or(Ok(()), |dir| root.make_private_dirs(&dir))?;
    let shares = root.copy_file(path, &probe, 0o600);
    root.remove_tree(&folder)?;
    for above in folder.ancestors().collect::<Vec<_>>().iter().rev() {
        layout::remove_if_empty(root, above)?;
    }
    shares
}

/// Copies everything that is held. Durable when it returns.
///
/// # Errors
/// Copying failed.
pub fn keep(session: &Session, transaction: &str, held: &[Stood]) -> Result<()> {
    let root = &session.root;
    let before = layout::folder(None, Part::Before, transaction);
    let failed = |path: &RelPath, error| layout::failed("take a snapshot of", root, path, error);
    let files: Vec<&Stood> = held.iter().filter(|one| one.is_file()).collect();
    root.make_private_dirs(&before)
        .map_err(|error| failed(&before, error))?;
    on_all_cores(&files, |one| {
        copy(session, &one.path, &layout::flat(&before, &one.path), one)
            .map_err(|error| failed(&one.path, error))
    })?;
    root.sync_file_system(None)
        .map_err(|error| failed(&before, error))
}

/// Takes away what leads out of the home, so that nothing else can be changed through it.
///
/// # Errors
/// Of the system.
pub fn isolate(session: &Session, transaction: &str, held: &[Stood]) -> Result<()> {
    for one in held.iter().filter(|one| one.leads_elsewhere()) {
        let isolate = || {
            session.root.remove_tree(&one.path)?;
            match one.is_file() {
                true => restore(session, transaction, one),
                false => Ok(()),
            }
        };
        isolate().map_err(|error| layout::failed("take aside", &session.root, &one.path, error))?;
    }
    Ok(())
}

/// What was put back.
#[derive(Debug, Default)]
pub struct Back {
    /// How many paths were not as before.
    pub count: usize,
    /// Where the new files are that may be somebody else's than the tool's.
    pub kept: Vec<RelPath>,
}

impl Back {
    /// Where what was kept is, as a warning.
    pub fn told(&self, instance: &Instance) -> Option<String> {
        let first = self.kept.first()?.under(instance.root.path());
        Some(format!(
            "came to be in the pack while the vendor's tool worked, and may not be its own; kept for you: {}",
            and_more(first.display(), self.kept.len())
        ))
    }
}

/// Puts everything back that is not as it was, and takes out what was not there; what a killed run left running first.
/// Durable when it returns.
///
/// # Errors
/// Of the system; the next try goes on from there.
pub fn put_back(session: &Session, transaction: &str, held: &[Stood]) -> Result<Back> {
    let root = &session.root;
    let failed = |path: &RelPath, error| layout::failed("put back", root, path, error);
    end_marked(&mark(transaction))
        .map_err(|error| Failure::io("end the update tool in", root.path(), error))?;
    let before: BTreeMap<&RelPath, &Stood> = held.iter().map(|one| (&one.path, one)).collect();
    let (now, _) = look(session)?;
    let mut back = Back::default();
    let tools = Tools::of(session);
    for one in now.iter().rev().filter(|one| !before.contains_key(&one.path)) {
        let kept = match tools.is_its_own(one).map_err(|error| failed(&one.path, error))? {
            true => remove(session, one).map(|()| None),
            false => set_aside(session, transaction, &one.path).map(Some),
        };
        back.kept.extend(kept.map_err(|error| failed(&one.path, error))?);
        back.count += 1;
    }
    let now: BTreeMap<&RelPath, &Stood> = now.iter().map(|one| (&one.path, one)).collect();
    for one in held {
        if now.get(&one.path).is_none_or(|now| !one.is_still(now)) {
            restore(session, transaction, one).map_err(|error| failed(&one.path, error))?;
            back.count += 1;
        }
    }
    root.sync_file_system(None)
        .map_err(|error| Failure::io("sync the file system of", root.path(), error))?;
    back.kept.sort();
    Ok(back)
}

/// What is known of the tool's own files. An operator, or whatever else runs on this host, may have written the others.
struct Tools<'a> {
    session: &'a Session,
    base: Option<Arc<TreeManifest>>,
}

impl<'a> Tools<'a> {
    fn of(session: &'a Session) -> Self {
        let installed = session.state.installed.as_ref();
        let tree = installed.and_then(|installed| installed.release.tree);
        // Without it only less is known.
        let base = tree.and_then(|tree| session.store.manifest(&tree).ok());
        Self { session, base }
    }

    /// Its records and logs, what it leaves beside a conflict, and what the vendor has there at the installed level. A
    /// directory goes when nothing is in it.
    fn is_its_own(&self, new: &Stood) -> io::Result<bool> {
        let session = self.session;
        let class = session.ownership.class_of(&new.path);
        let ends = &session.settings.profile.lint.strays;
        let is_helper = ends.iter().any(|end| new.path.as_str().ends_with(end.as_str()));
        let is_known = class == Class::State || is_helper;
        Ok(new.kind == StoodKind::Dir || is_known || self.is_vendors(new)?)
    }

    fn is_vendors(&self, new: &Stood) -> io::Result<bool> {
        let Some(entry) = self.base.as_ref().and_then(|base| base.entries.get(&new.path)) else {
            return Ok(false);
        };
        match (&new.kind, entry) {
            (StoodKind::File, Entry::File { size, sha256, .. }) if *size == new.key.size => {
                let mut file = Hashed::new(self.session.root.open_file(&new.path)?);
                io::copy(&mut file, &mut io::sink())?;
                Ok(file.finish() == *sha256)
            }
            (StoodKind::Link(text), Entry::Symlink { target }) => Ok(text == target),
            _ => Ok(false),
        }
    }
}

/// Moves a file out of the way to where a person finds it. A try before this one may have moved another one of its name.
fn set_aside(session: &Session, transaction: &str, path: &RelPath) -> io::Result<RelPath> {
    let root = &session.root;
    let first = layout::below(&layout::folder(None, Part::Kept, transaction), path);
    let mut kept = first.clone();
    for number in 1.. {
        if root.stat(&kept)?.is_none() {
            break;
        }
        kept = first.with_suffix(&format!(".{number}"));
    }
    kept.parent().map_or(Ok(()), |dir| root.make_private_dirs(&dir))?;
    root.rename(path, &kept)?;
    Ok(kept)
}

/// What the programs of a transaction are found by.
fn mark(transaction: &str) -> String {
    format!("{TRANSACTION}={transaction}")
}

/// What is state in a new directory stays, and the directory with it.
fn remove(session: &Session, one: &Stood) -> io::Result<()> {
    let removed = match one.kind {
        StoodKind::Dir => session.root.remove_dir(&one.path),
        _ => session.root.unlink(&one.path),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => removed,
    }
}

fn restore(session: &Session, transaction: &str, one: &Stood) -> io::Result<()> {
    let root = &session.root;
    let path = &one.path;
    match &one.kind {
        StoodKind::Dir => {
            if root.stat(path)?.is_none_or(|stat| stat.kind != Kind::Dir) {
                root.remove_tree(path)?;
                root.make_dir(path, one.mode)?;
            }
            own(session, path, one)?;
            root.set_mode(path, one.mode)
        }
        StoodKind::Link(target) => {
            root.remove_tree(path)?;
            root.symlink(target, path)?;
            own(session, path, one)
        }
        StoodKind::File => {
            let kept = layout::flat(&layout::folder(None, Part::Before, transaction), path);
            let is_sound =
                |stat: Stat| (stat.key.size, stat.key.mtime_ns) == (one.key.size, one.key.mtime_ns);
            if !root.stat(&kept)?.is_some_and(is_sound) {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "its copy in the snapshot was changed",
                ));
            }
            root.remove_tree(path)?;
            copy(session, &kept, path, one)
        }
    }
}

/// A copy with everything that a file has but its inode.
fn copy(session: &Session, from: &RelPath, to: &RelPath, like: &Stood) -> io::Result<()> {
    let root = &session.root;
    root.copy_file(from, to, 0o600)?;
    // Owner first: changing it takes special mode bits and capabilities away. Mode last: an ACL brings bits of its own.
    own(session, to, like)?;
    root.copy_attributes(from, &root.open_file(to)?)?;
    root.set_mode(to, like.mode)?;
    root.set_modified(to, like.key.mtime_ns)
}

/// Who is not root may not even say what is so already.
fn own(session: &Session, path: &RelPath, like: &Stood) -> io::Result<()> {
    let (uid, gid) = like.owner;
    match session.root.stat(path)? {
        Some(stat) if (stat.uid, stat.gid) != like.owner => session.root.set_owner(path, uid, gid),
        _ => Ok(()),
    }
}
