//! What became of an adopted pack without pitstop: another level, hotfixes whose files are gone. What pitstop has from before
//! leads nowhere then. It only forgets it here; the files stay until a person removes them.

use std::sync::Arc;

use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Class, Entry, Inventory, RelPath, Release, TreeManifest};
use crate::session::Session;
use crate::store::{Hotfix, Snapshot};

use super::super::Run;

/// Forgets the snapshots from before somebody else led the pack to another level: going back would mix the two.
pub(super) fn forget_other_level(run: &mut Run<'_>, session: &mut Session, release: &Release) {
    let known = session.state.installed.as_ref().map(|known| &known.release);
    let Some(before) = known.filter(|known| known.level != release.level) else {
        return;
    };
    if !session.state.snapshots.is_empty() {
        run.warn(format!(
            "something else led from {before} to {release}: there is no going back to what was kept before"
        ));
        session.state.snapshots.clear();
    }
}

/// Forgets the hotfixes whose files somebody took back, from the newest on: each builds on those before it.
pub(super) fn forget_hotfixes(run: &mut Run<'_>, session: &mut Session, inventory: &Inventory) -> Result<()> {
    let Some(installed) = &session.state.installed else {
        return Ok(());
    };
    let hotfixes = installed.hotfixes.clone();
    let trees = hotfixes
        .iter()
        .map(|hotfix| hotfix.below)
        .chain(installed.release.tree);
    let trees = trees
        .map(|tree| session.store.manifest(&tree))
        .collect::<Result<Vec<_>>>()?;
    let seen = Seen {
        hotfixes: &hotfixes,
        trees: &trees,
        inventory,
        is_vendors: &|path| session.ownership.class_of(path) == Class::Vendor,
    };
    let mut on = hotfixes.len();
    while on > 0 && seen.is_gone(on - 1) {
        on -= 1;
    }
    if let Some(path) = seen.strange(on) {
        run.warn(format!(
            "the hotfixes count as on, but {path} is not as they left it: what you know of it decides whether to revert them"
        ));
    }
    let Some(first) = hotfixes.get(on) else {
        return Ok(());
    };
    let gone: Vec<&str> = hotfixes[on..].iter().map(|hotfix| hotfix.name.as_str()).collect();
    run.warn(format!(
        "the files of {} are gone: it is not on any more",
        gone.join(", ")
    ));
    forget_from(session, first, on)
}

fn forget_from(session: &mut Session, first: &Hotfix, on: usize) -> Result<()> {
    let state = &mut session.state;
    let installed = state
        .installed
        .as_mut()
        .ok_or_else(|| Failure::new(ErrorKind::Internal, "hotfixes are on a pack that was not adopted"))?;
    installed.hotfixes.truncate(on);
    installed.release.tree = Some(first.below);
    let taken = |snapshot: &Snapshot| snapshot.transaction == first.transaction;
    if let Some(at) = state.snapshots.iter().position(taken) {
        state.snapshots.truncate(at);
    }
    Ok(())
}

/// The hotfixes that the state tells, and what is there.
struct Seen<'a> {
    hotfixes: &'a [Hotfix],
    /// What each of them was applied to, and at last what they all led to.
    trees: &'a [Arc<TreeManifest>],
    inventory: &'a Inventory,
    /// Others are edited: they may be as nobody left them.
    is_vendors: &'a dyn Fn(&RelPath) -> bool,
}

impl Seen<'_> {
    fn paths(&self, hotfix: usize) -> impl Iterator<Item = &RelPath> {
        self.hotfixes[hotfix]
            .paths
            .iter()
            .filter(|path| (self.is_vendors)(path))
    }

    fn is_as_in(&self, tree: usize, path: &RelPath) -> bool {
        let in_tree = self.trees.get(tree).and_then(|tree| tree.entries.get(path));
        Entry::same(self.inventory.entry(path), in_tree)
    }

    /// Whether what a hotfix replaced is there again, and nothing of what it brought.
    fn is_gone(&self, hotfix: usize) -> bool {
        let is_before = |path: &RelPath| (0..=hotfix).any(|tree| self.is_as_in(tree, path));
        let is_left = self.paths(hotfix).any(|path| self.is_as_in(hotfix + 1, path));
        !is_left && self.paths(hotfix).any(is_before)
    }

    /// A file of the first hotfixes, which are on, that is not as these left it.
    fn strange(&self, on: usize) -> Option<&RelPath> {
        let mut paths = (0..on).flat_map(|hotfix| self.paths(hotfix));
        paths.find(|path| !self.is_as_in(on, path))
    }
}
