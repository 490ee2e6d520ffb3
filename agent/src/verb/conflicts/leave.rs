//! Leaves the sides of conflicts for a person, and takes them away again, but nothing that a person wrote.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::api::plan::{Conflict, FileStep, Plan};
use crate::api::report::{Action, ConflictView};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::layout;
use crate::merge::text::LIMIT;
use crate::model::{Digest, Entry, RelPath};
use crate::plan::Draft;
use crate::session::{Instance, Session};
use crate::source::Source;
use crate::sys::root::{Kind, Root};

use super::super::Run;
use super::answers::{self, Answer};
use super::{Waiting, file, record_path, remove, replace, waiting};

/// The end of the names of what was put aside.
const OLD: &str = ".old";

/// What was left for a person before, as far as it can be understood.
fn left(instance: &Instance) -> Option<Waiting> {
    waiting(instance).unwrap_or_default()
}

fn conflicts_of(left: Option<Waiting>) -> Vec<Conflict> {
    left.map_or_else(Vec::new, |left| left.conflicts)
}

/// The conflicts left for a person that a draft still has with the same sides: what is answered of them holds.
pub(in crate::verb) fn standing(instance: &Instance, draft: &Draft<'_>) -> Vec<Conflict> {
    let mut conflicts = conflicts_of(left(instance));
    conflicts.retain(|conflict| draft.has_sides(conflict));
    conflicts
}

pub(super) fn has(conflicts: &[Conflict], path: &RelPath) -> bool {
    conflicts.iter().any(|conflict| conflict.path == *path)
}

/// Leaves the sides of every conflict for a person, beside what was answered before. Answers to conflicts that are not
/// `standing` any more are removed; what a person wrote is put aside.
pub(in crate::verb) fn leave(
    run: &mut Run<'_>,
    session: &Session,
    mut update: Waiting,
    standing: &[Conflict],
    source: &mut dyn Source,
) -> Result<Vec<ConflictView>> {
    let open = update.conflicts.clone();
    let answers = answers::read(session).unwrap_or_default();
    let before = left(session);
    refuse_others(session, &update, before.as_ref(), &answers)?;
    for conflict in standing {
        if !has(&open, &conflict.path) && is_answered(session, &answers, &conflict.path)? {
            update.conflicts.push(conflict.clone());
        }
    }
    update.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
    let before = conflicts_of(before);
    let both = before.iter().chain(&update.conflicts);
    for path in both.map(|conflict| &conflict.path).collect::<BTreeSet<_>>() {
        if !has(standing, path) {
            put_aside(run, session, path)?;
        }
        if !has(&update.conflicts, path) {
            for suffix in [".original", ".new"] {
                remove(&session.root, &file(path, suffix))?;
            }
        }
    }
    let views = open
        .iter()
        .map(|conflict| leave_one(session, conflict, source))
        .collect::<Result<_>>()?;
    answers::keep(session, standing)?;
    let bytes = serde_json::to_vec_pretty(&update).map_err(|error| {
        Failure::new(ErrorKind::Internal, "cannot write down the conflicts").because(error)
    })?;
    replace(session, &record_path(), &bytes)?;
    Ok(views)
}

/// An update and a hotfix wait in one place: what people answered for the one must not be lost to the other.
fn refuse_others(
    session: &Session,
    update: &Waiting,
    before: Option<&Waiting>,
    answers: &[Answer],
) -> Result<()> {
    let Some(before) = before.filter(|before| before.hotfix != update.hotfix) else {
        return Ok(());
    };
    for conflict in &before.conflicts {
        if is_answered(session, answers, &conflict.path)? {
            let name = &session.settings.name;
            let message = format!(
                "{} waits for a person who has answered some of it already, and {} is in conflict, too",
                before.what(),
                update.what()
            );
            return Err(Failure::new(ErrorKind::Conflicts, message).hint(format!(
                "finish the former with `{}`, or take its answers back with `pitstop conflicts resolve {name} PATH --reopen`",
                before.command(name)
            )));
        }
    }
    Ok(())
}

/// Whether a person decided anything about a path.
fn is_answered(session: &Session, answers: &[Answer], path: &RelPath) -> Result<bool> {
    let is_there = |suffix: &str| {
        let (root, at) = (&session.root, file(path, suffix));
        let found = root.stat(&at);
        found.map_or_else(
            |error| Err(layout::failed("look at", root, &at, error)),
            |found| Ok(found.is_some()),
        )
    };
    Ok(answers.iter().any(|answer| answer.path == *path) || is_there(".final")? || is_there(".deleted")?)
}

/// Gives what a person wrote for a path another name: it does not fit, and is still the person's.
fn put_aside(run: &mut Run<'_>, session: &Session, path: &RelPath) -> Result<()> {
    let root = &session.root;
    remove(root, &file(path, ".deleted"))?;
    let written = file(path, ".final");
    let attempt = || {
        if root.stat(&written)?.is_none() {
            return Ok(None);
        }
        let mut aside = written.with_suffix(OLD);
        for number in 2.. {
            if root.stat(&aside)?.is_none() {
                break;
            }
            aside = written.with_suffix(&format!(".{number}{OLD}"));
        }
        root.rename(&written, &aside).map(|()| Some(aside))
    };
    let aside = attempt().map_err(|error| layout::failed("put aside", root, &written, error))?;
    if let Some(aside) = aside {
        run.warn(format!(
            "what was written for {path} by hand does not fit any more and is not used; it is kept as {}",
            aside.under(root.path()).display()
        ));
    }
    Ok(())
}

/// Removes everything that was left, of what people wrote only what a plan used.
pub(in crate::verb) fn clear(run: &mut Run<'_>, session: &Session, plan: &Plan) -> Result<()> {
    let left = left(session);
    let is_hotfix = plan.action == Action::Hotfix;
    if left.as_ref().is_some_and(|left| left.hotfix != is_hotfix) {
        return Ok(());
    }
    let root = &session.root;
    for Conflict { path, .. } in conflicts_of(left) {
        let written = file(&path, ".final");
        let digest = root.read(&written, LIMIT).ok().map(|bytes| Digest::of(&bytes));
        let puts = |step: &FileStep| step.path == path && step.new.as_ref().and_then(Entry::sha256) == digest;
        match digest.is_some() && plan.files.iter().any(puts) {
            true => remove(root, &written)?,
            false => put_aside(run, session, &path)?,
        }
    }
    let folder = layout::conflicts();
    remove_ours(root, &folder).map_err(|error| layout::failed("remove", root, &folder, error))
}

/// Removes whatever stands at a path, but no file of a person's.
fn remove_ours(root: &Root, path: &RelPath) -> io::Result<()> {
    match root.stat(path)? {
        Some(found) if found.kind == Kind::Dir => {
            for name in root.names_in(Some(path))? {
                let below = path
                    .join(&name)
                    .map_err(|_| io::Error::from(io::ErrorKind::InvalidFilename))?;
                remove_ours(root, &below)?;
            }
            layout::remove_if_empty(root, path)
        }
        Some(_) if [OLD, ".final"].iter().any(|end| path.as_str().ends_with(end)) => Ok(()),
        _ => root.remove_tree(path),
    }
}

fn leave_one(session: &Session, conflict: &Conflict, source: &mut dyn Source) -> Result<ConflictView> {
    let root = &session.root;
    let under_home = |path: &RelPath| path.under(root.path());
    let original = match conflict.base.as_ref().and_then(Entry::sha256) {
        Some(digest) => session.store.text(&digest)?,
        None => None,
    };
    let new = match &conflict.new {
        Some(Entry::File { size, .. }) if *size <= LIMIT => Some(source.read(&conflict.path, LIMIT)?),
        _ => None,
    };
    let (original_at, new_at) = (file(&conflict.path, ".original"), file(&conflict.path, ".new"));
    for (at, bytes) in [(&original_at, &original), (&new_at, &new)] {
        match bytes {
            Some(bytes) => write(root, at, bytes)?,
            // Of another update, perhaps, which had this side.
            None => remove(root, at)?,
        }
    }
    let final_at = file(&conflict.path, ".final");
    if let Some(folder) = final_at.parent() {
        root.make_private_dirs(&folder)
            .map_err(|error| layout::failed("make", root, &folder, error))?;
    }
    Ok(ConflictView {
        conflict: conflict.clone(),
        original_file: original.map(|_| under_home(&original_at)),
        new_file: new.map(|_| under_home(&new_at)),
        final_file: Some(under_home(&final_at)),
        answer: None,
    })
}

fn write(root: &Root, path: &RelPath, bytes: &[u8]) -> Result<()> {
    let attempt = || {
        path.parent()
            .map_or(Ok(()), |folder| root.make_private_dirs(&folder))?;
        root.remove_tree(path)?;
        root.create(path)?.write_all(bytes)
    };
    attempt().map_err(|error| layout::failed("write", root, path, error))
}
