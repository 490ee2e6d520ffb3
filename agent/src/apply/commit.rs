//! The commit and its inverse. Each step is idempotent: which names exist tells how far it got, so that a run after a
//! kill goes on, forwards or backwards, from wherever the last one was.

use std::collections::BTreeSet;
use std::io;

use crate::api::plan::{FileOp, FileStep, Plan};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Entry, RelPath};
use crate::observe::mounts::mounts_in;
use crate::session::{Instance, Session};
use crate::sys::root::{Kind, Root};

use super::layout::{self, FEW, Part};

/// Renames a transaction's staged files into place. Durable when it returns. Returns the directories that stay because
/// something else came into them.
///
/// # Errors
/// The system refused; what was done until then can be taken back by [`undo`].
pub fn commit(session: &Session, transaction: &str, plan: &Plan) -> Result<Vec<RelPath>> {
    let commit = Commit {
        root: &session.root,
        transaction,
    };
    let mut filled = Vec::new();
    for step in &plan.files {
        match commit.forward(step) {
            Err(error) if may_stay(&error, step, &plan.files) => filled.push(step.path.clone()),
            done => done.map_err(|error| layout::failed("put in place", &session.root, &step.path, error))?,
        }
    }
    commit.sync(plan)?;
    Ok(filled)
}

/// Takes a transaction's renames back. Durable when it returns. Returns the directories that stay because something else
/// came into them.
///
/// # Errors
/// The system refused.
pub fn undo(session: &Session, transaction: &str, plan: &Plan) -> Result<Vec<RelPath>> {
    let commit = Commit {
        root: &session.root,
        transaction,
    };
    let mut filled = Vec::new();
    for step in plan.files.iter().rev() {
        match commit.backward(step) {
            Err(error) if may_stay(&error, step, &plan.files) => filled.push(step.path.clone()),
            done => done.map_err(|error| layout::failed("put back", &session.root, &step.path, error))?,
        }
    }
    commit.sync(plan)?;
    Ok(filled)
}

/// Whether it is only a directory that cannot go because somebody put something into it since it was looked at, and nothing
/// needs its place.
fn may_stay(error: &io::Error, step: &FileStep, files: &[FileStep]) -> bool {
    let needs_place = |other: &FileStep| other.path == step.path && other.op != step.op;
    error.kind() == io::ErrorKind::DirectoryNotEmpty
        && matches!(step.op, FileOp::RemoveDir | FileOp::MakeDir)
        && !files.iter().any(needs_place)
}

/// Refuses to go on with a commit where one of its file systems is missing: names that do not exist because of that would
/// tell of steps that were never made.
///
/// # Errors
/// `mount` if a mount of the plan is missing or is another file system, `interrupted` if what was staged is gone.
pub fn refuse_missing(instance: &Instance, transaction: &str, plan: &Plan) -> Result<()> {
    let home = instance.root.path();
    let mounted = mounts_in(home)?;
    for mount in layout::mounts(plan) {
        let at = mount
            .as_ref()
            .map_or_else(|| home.to_owned(), |mount| mount.under(home));
        let is_mounted = |path: &RelPath| mounted.iter().any(|mount| mount.path == *path);
        if !mount.as_ref().is_none_or(is_mounted) {
            let message = format!(
                "{} is not mounted, and holds files of {transaction}",
                at.display()
            );
            return Err(Failure::new(ErrorKind::Mount, message).at(&at).hint(format!(
                "mount {} and run again: it goes on from here",
                at.display()
            )));
        }
        let folder = layout::folder(mount.as_ref(), Part::Transaction, transaction);
        let found = instance.root.stat(&folder);
        if found
            .map_err(|error| layout::failed("look at", &instance.root, &folder, error))?
            .is_none()
            && layout::has_folder(plan, mount.as_ref())
        {
            return Err(gone(instance, transaction, mount.as_ref(), &folder));
        }
    }
    Ok(())
}

fn gone(instance: &Instance, transaction: &str, mount: Option<&RelPath>, folder: &RelPath) -> Failure {
    let at = folder.under(instance.root.path());
    let message = format!(
        "{} is gone, and with it the files of {transaction}, which was interrupted",
        at.display()
    );
    match mount {
        Some(mount) => Failure::new(ErrorKind::Mount, message).hint(format!(
            "mount at {} the file system that was there and run again",
            mount.under(instance.root.path()).display()
        )),
        None => Failure::new(ErrorKind::Interrupted, message).hint(format!(
            "put the home back from a backup that has this folder; or make the pack whole by hand, move {} away and run \
             `pitstop adopt {}`",
            instance.store.journal_file().display(),
            instance.settings.name
        )),
    }
    .at(at)
}

struct Commit<'a> {
    root: &'a Root,
    transaction: &'a str,
}

impl Commit<'_> {
    fn exists(&self, path: &RelPath) -> io::Result<bool> {
        Ok(self.root.stat(path)?.is_some())
    }

    fn move_aside(&self, step: &FileStep) -> io::Result<()> {
        let old = layout::place(step, Part::Old, self.transaction);
        if self.exists(&step.path)? && !self.exists(&old)? {
            self.root.rename(&step.path, &old)?;
        }
        Ok(())
    }

    /// Where a file took a directory's place, what lies under its name among the old files is the directory's content.
    fn move_back(&self, step: &FileStep) -> io::Result<()> {
        let old = layout::place(step, Part::Old, self.transaction);
        match self.root.stat(&old)? {
            Some(stat) if stat.kind != Kind::Dir => self.root.rename(&old, &step.path),
            _ => Ok(()),
        }
    }

    /// Whether somebody put a file where a seed was to go: it is his, and the seed is not needed.
    fn is_taken(&self, step: &FileStep) -> io::Result<bool> {
        Ok(step.is_seed() && self.exists(&step.path)?)
    }

    fn forward(&self, step: &FileStep) -> io::Result<()> {
        match step.op {
            FileOp::Put => {
                let new = layout::place(step, Part::New, self.transaction);
                if !self.exists(&new)? || self.is_taken(step)? {
                    return Ok(());
                }
                self.move_aside(step)?;
                self.root.rename(&new, &step.path)
            }
            FileOp::Remove => self.move_aside(step),
            FileOp::MakeDir => self.make_dir(step, step.new.as_ref()),
            FileOp::RemoveDir => self.remove_dir(step),
            FileOp::SetMode => self.set_mode(step, step.new.as_ref()),
        }
    }

    fn backward(&self, step: &FileStep) -> io::Result<()> {
        match step.op {
            FileOp::Put => {
                let new = layout::place(step, Part::New, self.transaction);
                let was_put = !self.exists(&new)? && self.exists(&step.path)?;
                if was_put {
                    self.root.rename(&step.path, &new)?;
                }
                self.move_back(step)
            }
            FileOp::Remove => self.move_back(step),
            FileOp::MakeDir => self.remove_dir(step),
            FileOp::RemoveDir => self.make_dir(step, step.old.as_ref()),
            FileOp::SetMode => self.set_mode(step, step.old.as_ref()),
        }
    }

    fn make_dir(&self, step: &FileStep, entry: Option<&Entry>) -> io::Result<()> {
        if !self.exists(&step.path)? {
            self.root
                .make_dir(&step.path, entry.and_then(Entry::mode).unwrap_or(0o755))?;
        }
        // Again after a kill between the two: giving an owner twice does no harm.
        step.owner.map_or(Ok(()), |owner| {
            self.root.set_owner(&step.path, owner.uid, owner.gid)
        })
    }

    fn remove_dir(&self, step: &FileStep) -> io::Result<()> {
        // A run after a kill may find a file there already, or again.
        let is_dir = self
            .root
            .stat(&step.path)?
            .is_some_and(|stat| stat.kind == Kind::Dir);
        if is_dir {
            self.root.remove_dir(&step.path)
        } else {
            Ok(())
        }
    }

    fn set_mode(&self, step: &FileStep, entry: Option<&Entry>) -> io::Result<()> {
        entry
            .and_then(Entry::mode)
            .map_or(Ok(()), |mode| self.root.set_mode(&step.path, mode))
    }

    /// The server is down meanwhile: for many folders one sync of each file system takes less time than their own.
    fn sync(&self, plan: &Plan) -> Result<()> {
        let mut folders: BTreeSet<Option<RelPath>> = BTreeSet::new();
        for step in &plan.files {
            folders.insert(step.path.parent());
            if matches!(step.op, FileOp::Put | FileOp::Remove) {
                folders.insert(layout::place(step, Part::Old, self.transaction).parent());
            }
        }
        if folders.len() > FEW {
            return layout::sync_file_systems(self.root, plan);
        }
        let failed = |path: &RelPath, error| layout::failed("sync", self.root, path, error);
        for step in plan.files.iter().filter(|step| step.op == FileOp::SetMode) {
            self.root
                .sync_path(&step.path)
                .map_err(|error| failed(&step.path, error))?;
        }
        for folder in folders {
            match folder {
                Some(folder) => self
                    .sync_folder(&folder)
                    .map_err(|error| failed(&folder, error))?,
                None => self
                    .root
                    .sync_dir(None)
                    .map_err(|error| Failure::io("sync", self.root.path(), error))?,
            }
        }
        Ok(())
    }

    /// A parent may be gone by now, or be a file again.
    fn sync_folder(&self, folder: &RelPath) -> io::Result<()> {
        let is_dir = self.root.stat(folder)?.is_some_and(|stat| stat.kind == Kind::Dir);
        if is_dir {
            self.root.sync_dir(Some(folder))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::api::plan::{Content, Why};
    use crate::model::{Class, Digest};

    fn step(op: FileOp, class: Class) -> FileStep {
        FileStep {
            op,
            path: RelPath::new("x").unwrap(),
            class,
            why: Why::VendorAdded,
            old: None,
            new: Some(Entry::File {
                size: 3,
                sha256: Digest::of(b"new"),
                mode: None,
            }),
            content: Some(Content::Source),
            owner: None,
            mount: None,
            keep_old: false,
        }
    }

    /// Somebody wrote `x` after it was planned to be put where nothing was. What is there after the commit and after
    /// its inverse.
    fn committed_and_undone(class: Class) -> [String; 2] {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let commit = Commit {
            root: &root,
            transaction: "000001-x",
        };
        let step = step(FileOp::Put, class);
        let new = layout::place(&step, Part::New, commit.transaction);
        let old = layout::place(&step, Part::Old, commit.transaction);
        for folder in [&new, &old].map(|path| path.parent().unwrap()) {
            root.make_private_dirs(&folder).unwrap();
        }
        root.create(&new).unwrap().write_all(b"new").unwrap();
        root.create(&step.path).unwrap().write_all(b"own").unwrap();
        let read = || String::from_utf8(root.read(&step.path, 9).unwrap()).unwrap();
        commit.forward(&step).unwrap();
        let forward = read();
        commit.backward(&step).unwrap();
        [forward, read()]
    }

    #[test]
    fn a_directory_may_stay_only_where_nothing_needs_its_place() {
        let filled = io::Error::from(io::ErrorKind::DirectoryNotEmpty);
        let table = [
            (&[FileOp::RemoveDir][..], true),
            (&[FileOp::MakeDir], true),
            (&[FileOp::RemoveDir, FileOp::Put], false),
            (&[FileOp::Put], false),
        ];
        for (ops, expected) in table {
            let files: Vec<FileStep> = ops.iter().map(|op| step(*op, Class::Vendor)).collect();
            assert_eq!(may_stay(&filled, &files[0], &files), expected, "{ops:?}");
            let refused = io::Error::from(io::ErrorKind::PermissionDenied);
            assert!(!may_stay(&refused, &files[0], &files), "{ops:?}");
        }
    }

    #[test]
    fn a_file_that_came_meanwhile_is_never_lost() {
        assert_eq!(committed_and_undone(Class::Customer), ["own", "own"]);
        assert_eq!(committed_and_undone(Class::Generated), ["new", "own"]);
    }
}
