//! Decided paths → the commit's steps, in an order that always works: files go before their directories, directories
//! come before their files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::api::plan::{Content, FileOp, FileStep, Owner, Why};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::inventory::Mount;
use crate::model::{Class, Entry, Inventory, RelPath};

use super::decide::Decision;
use super::decided::Decided;

/// A change before its owner and mount are known.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub op: FileOp,
    pub path: RelPath,
    pub class: Class,
    pub why: Why,
    pub old: Option<Entry>,
    pub new: Option<Entry>,
    pub content: Option<Content>,
    pub owner: Option<Owner>,
    pub keep_old: bool,
}

/// The changes that the decisions mean, completed by the directories that they need, and warnings.
pub(super) fn changes(
    decided: &BTreeMap<RelPath, Decided>,
    inventory: &Inventory,
) -> (Vec<Change>, Vec<String>) {
    let mut changes: Vec<Change> = decided
        .iter()
        .filter_map(|(path, one)| one.change(path))
        .collect();
    let cleared: Vec<Change> = changes.iter().filter_map(clear_the_way).collect();
    changes.extend(cleared);
    add_missing_parents(&mut changes, decided, inventory);
    add_modes(&mut changes, decided);
    let warnings = drop_filled_directories(&mut changes, decided, inventory);
    (changes, warnings)
}

/// A directory that takes the place of a file needs the file gone first, and the other way round.
fn clear_the_way(change: &Change) -> Option<Change> {
    let op = match (change.op, &change.old) {
        (FileOp::MakeDir, Some(Entry::File { .. } | Entry::Symlink { .. })) => FileOp::Remove,
        (FileOp::Put, Some(Entry::Dir { .. })) => FileOp::RemoveDir,
        _ => return None,
    };
    Some(Change {
        op,
        new: None,
        content: None,
        ..change.clone()
    })
}

/// Whether a directory is empty once the decisions are carried out.
pub(super) fn empties(dir: &RelPath, decided: &BTreeMap<RelPath, Decided>, inventory: &Inventory) -> bool {
    let goes = |below: &RelPath| match decided.get(below) {
        Some(one) if matches!(one.decision, Decision::Remove(_)) => {
            !matches!(one.current, Some(Entry::Dir { .. })) || empties(below, decided, inventory)
        }
        _ => false,
    };
    let names = inventory.names.get(dir);
    names.is_some_and(|names| {
        names
            .iter()
            .all(|name| dir.join(name).is_ok_and(|below| goes(&below)))
    })
}

pub(super) fn add_missing_parents(
    changes: &mut Vec<Change>,
    decided: &BTreeMap<RelPath, Decided>,
    inventory: &Inventory,
) {
    let made: BTreeSet<RelPath> = changes
        .iter()
        .filter(|change| change.op == FileOp::MakeDir)
        .map(|change| change.path.clone())
        .collect();
    let puts = changes.iter().filter(|change| change.op == FileOp::Put);
    let parents: BTreeSet<RelPath> = puts
        .flat_map(|change| change.path.ancestors().collect::<Vec<_>>())
        .collect();
    for path in parents {
        let exists = inventory.entries.contains_key(&path) || inventory.present.contains(&path);
        if exists || made.contains(&path) {
            continue;
        }
        let one = decided.get(&path);
        let shipped = one.and_then(|one| one.new.clone());
        changes.push(Change {
            op: FileOp::MakeDir,
            class: one.map_or(Class::Vendor, |one| one.class),
            why: Why::VendorAdded,
            old: None,
            new: Some(shipped.unwrap_or(Entry::Dir { mode: None })),
            content: None,
            owner: None,
            keep_old: false,
            path,
        });
    }
}

/// Where only the vendor changed permission bits, they follow.
fn add_modes(changes: &mut Vec<Change>, decided: &BTreeMap<RelPath, Decided>) {
    let touched: BTreeSet<RelPath> = changes.iter().map(|change| change.path.clone()).collect();
    for (path, one) in decided {
        let (Some(base), Some(current), Some(new)) = (&one.base, &one.current, &one.new) else {
            continue;
        };
        let follows = matches!(one.class, Class::Vendor | Class::Config) && !touched.contains(path);
        let (from, to) = (base.mode(), new.mode());
        if follows && to.is_some() && from.is_some() && from != to && current.mode() == from {
            changes.push(Change {
                op: FileOp::SetMode,
                path: path.clone(),
                class: one.class,
                why: Why::VendorChanged,
                old: Some(current.clone()),
                new: Some(current.clone().with_mode(to)),
                content: None,
                owner: None,
                keep_old: false,
            });
        }
    }
}

/// Takes back the removal of directories in which something stays.
fn drop_filled_directories(
    changes: &mut Vec<Change>,
    decided: &BTreeMap<RelPath, Decided>,
    inventory: &Inventory,
) -> Vec<String> {
    let mut warnings = Vec::new();
    changes.retain(|change| {
        let stays = change.op == FileOp::RemoveDir && !empties(&change.path, decided, inventory);
        if stays && !inventory.names.get(&change.path).is_some_and(Vec::is_empty) {
            let path = &change.path;
            warnings.push(format!(
                "the directory {path} stays because something else is in it"
            ));
        }
        !stays
    });
    warnings
}

/// The commit's steps.
///
/// # Errors
/// `mount` or `read-only`: see [`Draft::finish`](super::Draft::finish).
pub(super) fn ordered(mut changes: Vec<Change>, inventory: &Inventory, home: &Path) -> Result<Vec<FileStep>> {
    let rank = |op: FileOp| match op {
        FileOp::Remove => 0,
        FileOp::RemoveDir => 1,
        FileOp::MakeDir => 2,
        FileOp::Put => 3,
        FileOp::SetMode => 4,
    };
    changes.sort_by(|a, b| {
        let depth_order = match a.op {
            FileOp::RemoveDir => b.path.depth().cmp(&a.path.depth()),
            _ => std::cmp::Ordering::Equal,
        };
        rank(a.op)
            .cmp(&rank(b.op))
            .then(depth_order)
            .then_with(|| a.path.cmp(&b.path))
    });
    changes
        .into_iter()
        .map(|change| step(change, inventory, home))
        .collect()
}

fn step(change: Change, inventory: &Inventory, home: &Path) -> Result<FileStep> {
    let mount = mount_of(&change.path, inventory, home)?;
    refuse_symlinked_parent(&change.path, inventory, home)?;
    let owner = match (&change.content, change.op) {
        (Some(Content::Snapshot { .. }), _) | (_, FileOp::Remove | FileOp::SetMode) => None,
        _ => change.owner.or_else(|| owner_of(&change.path, inventory)),
    };
    let default_mode = default_mode(&change.path, change.new.as_ref());
    let new = change.new.map(|new| {
        let mode = new.mode().or(default_mode);
        new.with_mode(mode)
    });
    Ok(FileStep {
        op: change.op,
        path: change.path,
        class: change.class,
        why: change.why,
        old: change.old,
        new,
        content: change.content,
        owner,
        mount,
        keep_old: change.keep_old,
    })
}

/// Archives made without permission bits still have scripts in them.
fn default_mode(path: &RelPath, new: Option<&Entry>) -> Option<u32> {
    match new? {
        Entry::Dir { .. } => Some(0o755),
        Entry::File { .. } if path.file_name().ends_with(".sh") => Some(0o755),
        Entry::File { .. } => Some(0o644),
        Entry::Symlink { .. } => None,
    }
}

fn owner_of(path: &RelPath, inventory: &Inventory) -> Option<Owner> {
    let above: Vec<RelPath> = path.ancestors().collect();
    let nearest = std::iter::once(path).chain(above.iter().rev());
    nearest
        .filter_map(|path| inventory.entries.get(path))
        .map(|seen| seen.owner)
        .next()
        .or(inventory.home_owner)
}

fn mount_of(path: &RelPath, inventory: &Inventory, home: &Path) -> Result<Option<RelPath>> {
    let deepest = |mount: &&Mount| mount.path.depth();
    let Some(mount) = inventory
        .mounts
        .iter()
        .filter(|mount| path.is_at_or_below(&mount.path))
        .max_by_key(deepest)
    else {
        return Ok(None);
    };
    let at = mount.path.under(home);
    if mount.path == *path {
        let message = format!(
            "cannot replace {}: something is mounted on it",
            path.under(home).display()
        );
        return Err(Failure::new(ErrorKind::Mount, message)
            .at(at)
            .hint("unmount it for the update"));
    }
    if mount.read_only {
        let message = format!(
            "cannot write {}: {} is mounted read-only",
            path.under(home).display(),
            at.display()
        );
        return Err(Failure::new(ErrorKind::ReadOnly, message)
            .at(at)
            .hint("remount it read-write for the update"));
    }
    Ok(Some(mount.path.clone()))
}

fn refuse_symlinked_parent(path: &RelPath, inventory: &Inventory, home: &Path) -> Result<()> {
    let linked = path
        .ancestors()
        .find(|above| matches!(inventory.entry(above), Some(Entry::Symlink { .. })));
    let Some(link) = linked else { return Ok(()) };
    let message = format!(
        "cannot change {}: {} is a symlink and symlinks are not followed",
        path.under(home).display(),
        link.under(home).display()
    );
    let hint = "put the directory itself in place of the link for the update, or give its files another owner class; where \
                several nodes share it, stop all of them first and link it again when all are updated";
    Err(Failure::new(ErrorKind::Mount, message)
        .at(link.under(home))
        .hint(hint))
}
