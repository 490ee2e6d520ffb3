//! The commit and its inverse. Each step is idempotent: which names exist, and which of them name one file, tells how far
//! it got, so that a run after a kill goes on, forwards or backwards, from wherever the last one was.

#[cfg(test)]
mod tests;

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
    Commit::new(session, transaction).each(plan, plan.files.iter(), "put in place", Commit::forward)
}

/// Takes a transaction's renames back. Durable when it returns. Returns the directories that stay because something else
/// came into them.
///
/// # Errors
/// The system refused.
pub fn undo(session: &Session, transaction: &str, plan: &Plan) -> Result<Vec<RelPath>> {
    Commit::new(session, transaction).each(plan, plan.files.iter().rev(), "put back", Commit::backward)
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
        let is_missing = |path: &&RelPath| mounted.iter().all(|mount| mount.path != **path);
        if let Some(missing) = mount.as_ref().filter(is_missing) {
            let at = missing.under(home);
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
        let found = found.map_err(|error| layout::failed("look at", &instance.root, &folder, error))?;
        if found.is_none() && layout::has_folder(plan, mount.as_ref()) {
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

impl<'a> Commit<'a> {
    fn new(session: &'a Session, transaction: &'a str) -> Self {
        Self {
            root: &session.root,
            transaction,
        }
    }

    fn each<'p>(
        &self,
        plan: &'p Plan,
        steps: impl Iterator<Item = &'p FileStep>,
        attempted: &str,
        take: fn(&Self, &FileStep) -> io::Result<()>,
    ) -> Result<Vec<RelPath>> {
        let mut filled = Vec::new();
        for step in steps {
            match take(self, step) {
                Err(error) if may_stay(&error, step, &plan.files) => filled.push(step.path.clone()),
                done => done.map_err(|error| layout::failed(attempted, self.root, &step.path, error))?,
            }
        }
        self.sync(plan)?;
        Ok(filled)
    }

    fn exists(&self, path: &RelPath) -> io::Result<bool> {
        Ok(self.root.stat(path)?.is_some())
    }

    /// Where a step's old and its new file lie.
    fn places(&self, step: &FileStep) -> [RelPath; 2] {
        [Part::Old, Part::New].map(|part| layout::place(step, part, self.transaction))
    }

    fn move_aside(&self, step: &FileStep) -> io::Result<()> {
        let [old, _] = self.places(step);
        if self.exists(&step.path)? && !self.exists(&old)? {
            self.root.rename(&step.path, &old)?;
        }
        Ok(())
    }

    /// Gives what stands at a path a second name, so that the path can be replaced without ever being absent: a running
    /// server may look. What can have but one name, such as a directory, is moved.
    fn set_aside(&self, path: &RelPath, aside: &RelPath) -> io::Result<()> {
        match self.root.link(path, aside) {
            Ok(()) => Ok(()),
            Err(_) => self.root.rename(path, aside),
        }
    }

    /// Whether two paths name one file.
    fn is_same(&self, one: &RelPath, other: &RelPath) -> io::Result<bool> {
        let identity =
            |path| Ok::<_, io::Error>(self.root.stat(path)?.map(|stat| (stat.key.dev, stat.key.ino)));
        let one = identity(one)?;
        Ok(one.is_some() && one == identity(other)?)
    }

    /// Moves a file into place. What stands there is replaced only if it was set aside: what came meanwhile is not ours.
    fn move_in(&self, file: &RelPath, path: &RelPath, aside: &RelPath) -> io::Result<()> {
        match self.is_same(path, aside)? {
            true => self.root.rename_over(file, path),
            false => self.root.rename(file, path),
        }
    }

    /// Where a file took a directory's place, what lies under its name among the old files is the directory's content.
    fn has_old(&self, old: &RelPath) -> io::Result<bool> {
        Ok(self.root.stat(old)?.is_some_and(|stat| stat.kind != Kind::Dir))
    }

    fn move_back(&self, step: &FileStep) -> io::Result<()> {
        let [old, new] = self.places(step);
        if !self.has_old(&old)? {
            return Ok(());
        }
        match self.is_same(&old, &step.path)? {
            // It was set aside and nothing came of it; a rename from one name of a file to another does nothing.
            true => self.root.unlink(&old),
            false => self.move_in(&old, &step.path, &new),
        }
    }

    /// Whether somebody put a file where a seed was to go: it is his, and the seed is not needed.
    fn is_taken(&self, step: &FileStep) -> io::Result<bool> {
        Ok(step.is_seed() && self.exists(&step.path)?)
    }

    fn forward(&self, step: &FileStep) -> io::Result<()> {
        match step.op {
            FileOp::Put => {
                let [old, new] = self.places(step);
                if !self.exists(&new)? || self.is_taken(step)? {
                    return Ok(());
                }
                if self.exists(&step.path)? && !self.exists(&old)? {
                    self.set_aside(&step.path, &old)?;
                }
                self.move_in(&new, &step.path, &old)
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
                let [old, new] = self.places(step);
                let was_put = !self.exists(&new)? && self.exists(&step.path)?;
                match was_put {
                    true if self.has_old(&old)? => self.set_aside(&step.path, &new)?,
                    true => self.root.rename(&step.path, &new)?,
                    false => {}
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
        let moves = |step: &&FileStep| matches!(step.op, FileOp::Put | FileOp::Remove);
        let old = |step| layout::place(step, Part::Old, self.transaction).parent();
        let aside: BTreeSet<Option<RelPath>> = plan.files.iter().filter(moves).map(old).collect();
        let live: BTreeSet<Option<RelPath>> = plan.files.iter().map(|step| step.path.parent()).collect();
        if aside.len() + live.len() > FEW {
            return layout::sync_file_systems(self.root, plan);
        }
        let failed = |path: &RelPath, error| layout::failed("sync", self.root, path, error);
        for step in plan.files.iter().filter(|step| step.op == FileOp::SetMode) {
            self.root
                .sync_path(&step.path)
                .map_err(|error| failed(&step.path, error))?;
        }
        // Where old files went comes first: no name may be on the disk whose old content is not.
        for folder in aside.into_iter().chain(live) {
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
