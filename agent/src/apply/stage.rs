//! Staging: every new file is written, given its owner, mode and attributes, and synced beside the live ones, while the
//! server serves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};

use crate::api::plan::{Content, FileOp, FileStep, Owner, Plan};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::digest::Hasher;
use crate::model::{Class, Entry, Progress, RelPath, Work};
use crate::observe::tree::OWN_FOLDER;
use crate::session::Session;
use crate::source::Source;
use crate::store::texts::may_be_text;
use crate::sys::fault::{Effect, effect};
use crate::sys::fs::begin_write_back;
use crate::sys::interrupt;
use crate::sys::root::Root;

use super::layout::{self, FEW, Part};

/// Where the new content comes from.
pub struct Contents<'a> {
    /// The update's source, if there is one.
    pub source: Option<&'a mut dyn Source>,
    /// Merged, resolved and rendered texts by path.
    pub merged: &'a BTreeMap<RelPath, Vec<u8>>,
}

/// Stages a plan's files for a transaction. After success they survive a power cut.
///
/// # Errors
/// Reading the source or writing failed, or the source's content is not what was planned.
pub fn stage(
    session: &Session,
    transaction: &str,
    plan: &Plan,
    contents: &mut Contents<'_>,
    progress: &dyn Progress,
) -> Result<()> {
    let stage = Stage {
        session,
        root: &session.root,
        transaction,
    };
    stage.make_folders(plan)?;
    let puts: BTreeMap<&RelPath, &FileStep> = plan
        .files
        .iter()
        .filter(|step| step.op == FileOp::Put)
        .map(|step| (&step.path, step))
        .collect();
    let total = puts
        .values()
        .filter_map(|step| step.new.as_ref())
        .map(Entry::size)
        .sum();
    let _work = Work::begin(progress, "staging", total);
    let mut from_source = BTreeSet::new();
    let mut linked = BTreeSet::new();
    for (path, step) in &puts {
        interrupt::go_on()?;
        match (&step.content, &step.new) {
            (_, Some(Entry::Symlink { target })) if !is_restored(step) => {
                stage.link_to(target, step, step.owner)?;
            }
            (Some(Content::Source), _) => {
                from_source.insert((*path).clone());
            }
            (Some(Content::Merged | Content::Rendered), _) => {
                let bytes = contents.merged.get(*path).ok_or_else(|| unplanned(path))?;
                stage.write(step, &mut bytes.as_slice(), &step.path, progress)?;
            }
            (Some(Content::Snapshot { transaction }), _) => {
                if stage.restore(step, transaction, progress)? == Restored::Linked {
                    linked.insert(*path);
                }
            }
            (None, _) => return Err(unplanned(path)),
        }
    }
    if let Some(source) = contents.source.as_deref_mut() {
        let sink = |path: &RelPath, reader: &mut dyn Read| {
            let step = puts.get(path).ok_or_else(|| unplanned(path))?;
            stage.write(step, reader, path, progress)
        };
        source.extract(&from_source, &sink)?;
    }
    stage.finish(plan, &puts, &linked)?;
    Ok(())
}

/// How a file came back from a snapshot.
#[derive(PartialEq, Eq)]
enum Restored {
    /// As a second name, which needs no sync of its content.
    Linked,
    /// As a copy.
    Copied,
}

fn is_restored(step: &FileStep) -> bool {
    matches!(step.content, Some(Content::Snapshot { .. }))
}

fn unplanned(path: &RelPath) -> Failure {
    Failure::new(
        ErrorKind::Internal,
        format!("the plan does not say where the content of {path} comes from"),
    )
}

struct Stage<'a> {
    session: &'a Session,
    root: &'a Root,
    transaction: &'a str,
}

impl Stage<'_> {
    fn failed(&self, attempted: &str, path: &RelPath, error: std::io::Error) -> Failure {
        layout::failed(attempted, self.root, path, error)
    }

    /// Makes the folders for new and old files, so that the commit itself only renames.
    fn make_folders(&self, plan: &Plan) -> Result<()> {
        let mut folders = BTreeSet::new();
        for step in &plan.files {
            let parts: &[Part] = match step.op {
                // The server may write what is generated at any time, also where nothing was.
                FileOp::Put
                    if matches!(step.old, None | Some(Entry::Dir { .. }))
                        && step.class != Class::Generated =>
                {
                    &[Part::New]
                }
                FileOp::Put => &[Part::New, Part::Old],
                FileOp::Remove => &[Part::Old],
                FileOp::MakeDir | FileOp::RemoveDir | FileOp::SetMode => &[],
            };
            folders.extend(
                parts
                    .iter()
                    .filter_map(|part| layout::place(step, *part, self.transaction).parent()),
            );
        }
        folders.insert(layout::folder(None, Part::Old, self.transaction));
        let own = layout::folder(None, Part::Transaction, self.transaction);
        self.root
            .make_all_private_dirs(&folders)
            .map_err(|error| self.failed("make the staging folders in", &own, error))
    }

    /// Writes a staged file that gets its attributes from the file `like`.
    fn write(
        &self,
        step: &FileStep,
        reader: &mut dyn Read,
        like: &RelPath,
        progress: &dyn Progress,
    ) -> Result<()> {
        let Some(Entry::File { size, sha256, .. }) = step.new else {
            return Err(unplanned(&step.path));
        };
        let staged = layout::place(step, Part::New, self.transaction);
        let failed = |error| self.failed("write the staged file", &staged, error);
        let mut file = self.root.create(&staged).map_err(failed)?;
        let mut copy = Copy {
            hasher: Hasher::default(),
            text: may_be_text(&step.path, size).then(Vec::new),
            buffer: vec![0; usize::try_from(size).unwrap_or(BUFFER).clamp(1, BUFFER)],
        };
        effect(Effect::Write, "write", &staged, || {
            copy.run(reader, &mut file, progress)
        })
        .map_err(failed)?;
        let found = copy.hasher.finish();
        if found != sha256 {
            return Err(changed_source(&step.path));
        }
        if let Some(text) = &copy.text {
            self.session.store.keep_text(&sha256, text)?;
        }
        let failed = |error| self.failed("set owner, mode and attributes of", &staged, error);
        // Owner first: changing it takes special mode bits and capabilities away. Mode last: an ACL brings bits of its own.
        self.give(&staged, step.owner).map_err(failed)?;
        match *like == step.path {
            true => self.root.inherit_attributes(like, &file).map_err(failed)?,
            false => self.root.copy_attributes(like, &file).map_err(failed)?,
        }
        match step.new.as_ref().and_then(Entry::mode) {
            Some(mode) => self.root.set_mode(&staged, mode).map_err(failed),
            None => Ok(()),
        }
    }

    /// Gives a staged file or link its decided owner, unless it has it: who is not root may not even say so.
    fn give(&self, staged: &RelPath, owner: Option<Owner>) -> std::io::Result<()> {
        let Some(owner) = owner else { return Ok(()) };
        match self.root.stat(staged)? {
            Some(stat) if (stat.uid, stat.gid) != (owner.uid, owner.gid) => {
                self.root.set_owner(staged, owner.uid, owner.gid)
            }
            _ => Ok(()),
        }
    }

    fn link_to(&self, target: &str, step: &FileStep, owner: Option<Owner>) -> Result<()> {
        let staged = layout::place(step, Part::New, self.transaction);
        let failed = |error| self.failed("stage the link", &staged, error);
        self.root.symlink(target, &staged).map_err(failed)?;
        self.give(&staged, owner).map_err(failed)
    }

    /// A second name for the snapshot's file keeps everything about it; where that cannot be, a copy does.
    fn restore(&self, step: &FileStep, transaction: &str, progress: &dyn Progress) -> Result<Restored> {
        use std::io::ErrorKind::{AlreadyExists, NotFound};
        let kept = self.kept(step, transaction)?;
        let staged = layout::place(step, Part::New, self.transaction);
        match self.root.link(&kept, &staged) {
            Ok(()) => Ok(Restored::Linked),
            Err(refused) if matches!(refused.kind(), NotFound | AlreadyExists) => {
                Err(self.failed("restore from the snapshot", &kept, refused))
            }
            Err(_) => self.copy(step, &kept, progress).map(|()| Restored::Copied),
        }
    }

    fn copy(&self, step: &FileStep, kept: &RelPath, progress: &dyn Progress) -> Result<()> {
        let failed = |error| self.failed("read the snapshot's file", kept, error);
        let owner = self.root.stat(kept).map_err(failed)?.map(|stat| Owner {
            uid: stat.uid,
            gid: stat.gid,
        });
        if let Some(Entry::Symlink { target }) = &step.new {
            return self.link_to(target, step, owner);
        }
        let mut file = self.root.open_file(kept).map_err(failed)?;
        let step = FileStep {
            owner,
            ..step.clone()
        };
        self.write(&step, &mut file, kept, progress)
    }

    /// Where the snapshot's file lies. A mount may have come after the snapshot: then it lies where the mount is not.
    fn kept(&self, step: &FileStep, transaction: &str) -> Result<RelPath> {
        let expected = layout::place(step, Part::Snapshot, transaction);
        let on = |mount| layout::below(&layout::folder(mount, Part::Snapshot, transaction), &step.path);
        let above: Vec<RelPath> = step.path.ancestors().collect();
        let elsewhere = above.iter().rev().map(|dir| on(Some(dir))).chain([on(None)]);
        for place in std::iter::once(expected.clone()).chain(elsewhere) {
            let found = self.root.stat(&place);
            if found
                .map_err(|error| self.failed("look at the snapshot's file", &place, error))?
                .is_some()
            {
                return Ok(place);
            }
        }
        Ok(expected)
    }

    /// Makes everything staged survive a power cut. The server still serves, so one sync of the whole file system, which
    /// writes others' data too, costs no downtime; for a few files their own syncs are faster.
    fn finish(
        &self,
        plan: &Plan,
        puts: &BTreeMap<&RelPath, &FileStep>,
        linked: &BTreeSet<&RelPath>,
    ) -> Result<()> {
        self.session.store.sync_texts()?;
        let written = || {
            puts.values()
                .filter(|step| matches!(step.new, Some(Entry::File { .. })) && !linked.contains(&step.path))
        };
        if written().count() > FEW {
            return layout::sync_file_systems(self.root, plan);
        }
        let mut folders = BTreeSet::new();
        for step in written() {
            let staged = layout::place(step, Part::New, self.transaction);
            self.root
                .sync_file(&staged)
                .map_err(|error| self.failed("sync", &staged, error))?;
        }
        let ours = |path: &RelPath| {
            path.ancestors()
                .filter(|dir| dir.as_str().contains(OWN_FOLDER))
                .collect::<Vec<_>>()
        };
        for step in puts.values() {
            folders.extend(ours(&layout::place(step, Part::New, self.transaction)));
        }
        // Also where nothing new is: a commit that is to be finished must find its folder.
        for mount in layout::mounts(plan) {
            let mount = mount.as_ref();
            if layout::has_folder(plan, mount) {
                folders.extend(ours(&layout::folder(mount, Part::Old, self.transaction)));
            }
        }
        for folder in &folders {
            self.root
                .sync_dir(Some(folder))
                .map_err(|error| self.failed("sync", folder, error))?;
        }
        Ok(())
    }
}

/// The most that is read at once. Of files that are larger the writing back begins at once; of smaller ones it is not worth
/// a call.
const BUFFER: usize = 128 << 10;

struct Copy {
    hasher: Hasher,
    text: Option<Vec<u8>>,
    buffer: Vec<u8>,
}

impl Copy {
    fn run(
        &mut self,
        reader: &mut dyn Read,
        file: &mut File,
        progress: &dyn Progress,
    ) -> std::io::Result<()> {
        loop {
            let read = match reader.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let piece = &self.buffer[..read];
            self.hasher.update(piece);
            if let Some(text) = &mut self.text {
                text.extend_from_slice(piece);
            }
            file.write_all(piece)?;
            progress.advance(read as u64);
        }
        if self.buffer.len() == BUFFER {
            begin_write_back(file);
        }
        Ok(())
    }
}

fn changed_source(path: &RelPath) -> Failure {
    Failure::new(
        ErrorKind::Source,
        format!("the content of {path} changed while it was read"),
    )
    .hint("the source was modified or is damaged; provide it again and run again")
}
