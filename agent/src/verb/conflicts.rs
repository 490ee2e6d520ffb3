//! The files in which a person resolves conflicts: beside each other in the staging area lie `<path>.original` (pristine
//! at the installed level), `<path>.new` (pristine at the target level), and the place for `<path>.final`, the person's
//! result. An empty `<path>.deleted` means that the path shall not exist.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::api::plan::{Conflict, Plan};
use crate::api::report::ConflictView;
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::layout;
use crate::merge::text::LIMIT;
use crate::model::{Digest, Entry, Level, RelPath};
use crate::plan::Resolution;
use crate::session::{Instance, Session};
use crate::source::Source;
use crate::sys::root::Root;

/// What `update --continue` goes on with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Waiting {
    /// Where the update comes from.
    pub from: PathBuf,
    /// Its level.
    pub level: Level,
    /// What was in conflict.
    pub conflicts: Vec<Conflict>,
}

const RECORD: &str = "update.json";

fn record_path() -> RelPath {
    layout::conflicts()
        .join(RECORD)
        .unwrap_or_else(|_| layout::conflicts())
}

fn file(path: &RelPath, suffix: &str) -> RelPath {
    layout::below(&layout::conflicts(), path).with_suffix(suffix)
}

/// The update that waits for a person; `None` if none does.
pub(super) fn waiting(instance: &Instance) -> Result<Option<Waiting>> {
    let path = record_path();
    let failed = |error| layout::failed("read", &instance.root, &path, error);
    if instance.root.stat(&path).map_err(failed)?.is_none() {
        return Ok(None);
    }
    let bytes = instance.root.read(&path, 64 << 20).map_err(failed)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Failure::new(
            ErrorKind::Io,
            format!("cannot understand {}", path.under(instance.root.path()).display()),
        )
        .hint("run `pitstop update` without --continue: it finds the conflicts again")
        .because(error)
    })
}

/// Answers by path, and the content of those that are files.
pub(super) type Answers = (BTreeMap<RelPath, Resolution>, BTreeMap<RelPath, Vec<u8>>);

/// The person's answers to conflicts that are still the same, and the content of their `.final` files.
pub(super) fn answers(instance: &Instance, waiting: &Waiting) -> Result<Answers> {
    let root = &instance.root;
    let (mut resolutions, mut contents) = (BTreeMap::new(), BTreeMap::new());
    for conflict in &waiting.conflicts {
        let (done, deleted) = (file(&conflict.path, ".final"), file(&conflict.path, ".deleted"));
        let exists = |path: &RelPath| {
            root.stat(path)
                .map(|found| found.is_some())
                .map_err(|error| layout::failed("look at", root, path, error))
        };
        if exists(&done)? {
            let bytes = root
                .read(&done, LIMIT)
                .map_err(|error| layout::failed("read", root, &done, error))?;
            resolutions.insert(
                conflict.path.clone(),
                Resolution::File(Digest::of(&bytes), bytes.len() as u64),
            );
            contents.insert(conflict.path.clone(), bytes);
        } else if exists(&deleted)? {
            resolutions.insert(conflict.path.clone(), Resolution::Delete);
        }
    }
    Ok((resolutions, contents))
}

/// Leaves the sides of every conflict for a person. Answers to conflicts that are not the same any more are removed.
pub(super) fn leave(
    session: &Session,
    plan: &Plan,
    source: &mut dyn Source,
    level: &Level,
) -> Result<Vec<ConflictView>> {
    let before = waiting(session)
        .unwrap_or_default()
        .map(|waiting| waiting.conflicts)
        .unwrap_or_default();
    let mut views = Vec::new();
    for conflict in &plan.conflicts {
        let is_same = |old: &Conflict| {
            old.path == conflict.path
                && (&old.base, &old.current, &old.new) == (&conflict.base, &conflict.current, &conflict.new)
        };
        if !before.iter().any(is_same) {
            for suffix in [".final", ".deleted"] {
                remove(&session.root, &file(&conflict.path, suffix))?;
            }
        }
        views.push(leave_one(session, conflict, source)?);
    }
    let waiting = Waiting {
        from: source.path().to_owned(),
        level: level.clone(),
        conflicts: plan.conflicts.clone(),
    };
    let bytes = serde_json::to_vec_pretty(&waiting).map_err(|error| {
        Failure::new(ErrorKind::Internal, "cannot write down the conflicts").because(error)
    })?;
    write(&session.root, &record_path(), &bytes)?;
    Ok(views)
}

/// The conflicts of a plan, without leaving anything.
pub(super) fn views(plan: &Plan) -> Vec<ConflictView> {
    let view = |conflict: &Conflict| ConflictView {
        conflict: conflict.clone(),
        original_file: None,
        new_file: None,
        final_file: None,
    };
    plan.conflicts.iter().map(view).collect()
}

/// Removes everything that was left.
pub(super) fn clear(session: &Session) -> Result<()> {
    remove(&session.root, &layout::conflicts())
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
    if let Some(bytes) = &original {
        write(root, &original_at, bytes)?;
    }
    if let Some(bytes) = &new {
        write(root, &new_at, bytes)?;
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

fn remove(root: &Root, path: &RelPath) -> Result<()> {
    root.remove_tree(path)
        .map_err(|error| layout::failed("remove", root, path, error))
}
