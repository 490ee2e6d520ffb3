//! The hotfixes that are on: what is remembered of each, and its file, which is applied again before the next one.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Installed, Snapshot, State};
use crate::api::plan::{HotfixOp, HotfixStep};
use crate::api::report::HotfixView;
use crate::api::{Failure, Result};
use crate::model::{Digest, RelPath};
use crate::sys::fs;

/// A hotfix that is on. What it changed, the snapshot of its transaction holds as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hotfix {
    /// The name of its file.
    pub name: String,
    /// Its place among the hotfixes of the level, from 1.
    pub number: u32,
    /// The digest of its file.
    pub sha256: Digest,
    /// When it was applied, as RFC 3339.
    pub applied: String,
    /// The transaction that it came with.
    pub transaction: String,
    /// The tree that it was applied to: pristine at the level, with the hotfixes before it.
    pub below: Digest,
    /// The vendor's files that it changed.
    pub paths: Vec<RelPath>,
}

impl Hotfix {
    /// What a plan does with it.
    pub fn step(&self, op: HotfixOp) -> HotfixStep {
        HotfixStep {
            op,
            name: self.name.clone(),
            number: self.number,
            sha256: self.sha256,
            paths: self.paths.clone(),
        }
    }
}

impl Installed {
    /// The vendor's tree at the installed level without any hotfix, if it is known.
    pub fn pristine(&self) -> Option<Digest> {
        self.hotfixes
            .first()
            .map(|first| first.below)
            .or(self.release.tree)
    }

    /// The hotfixes that are on, the oldest first, for reports.
    pub fn hotfix_views(&self) -> Vec<HotfixView> {
        let view = |hotfix: &Hotfix| HotfixView {
            name: hotfix.name.clone(),
            number: hotfix.number,
            level: self.release.level.clone(),
            applied: hotfix.applied.clone(),
            transaction: hotfix.transaction.clone(),
            paths: hotfix.paths.clone(),
        };
        self.hotfixes.iter().map(view).collect()
    }

    /// The hotfixes that are on once a hotfix's or an update's transaction is in place of what is installed: an update
    /// leaves the level that they were for.
    #[must_use]
    pub fn hotfixes_after(&self, steps: &[HotfixStep], transaction: &str, began: &str) -> Vec<Hotfix> {
        let applied = steps.iter().find(|step| step.op == HotfixOp::Apply);
        let (Some(step), Some(below)) = (applied, self.release.tree) else {
            return Vec::new();
        };
        let new = Hotfix {
            name: step.name.clone(),
            number: step.number,
            sha256: step.sha256,
            applied: began.to_owned(),
            transaction: transaction.to_owned(),
            below,
            paths: step.paths.clone(),
        };
        self.hotfixes.iter().cloned().chain([new]).collect()
    }
}

impl State {
    /// Every hotfix that is on or comes back with a snapshot.
    pub fn hotfixes(&self) -> impl Iterator<Item = &Hotfix> {
        let snapshots = self.snapshots.iter().map(|snapshot| &snapshot.installed);
        self.installed
            .iter()
            .chain(snapshots)
            .flat_map(|installed| &installed.hotfixes)
    }

    /// Forgets the oldest snapshots but for so many updates. What a hotfix replaced stays as long as the hotfix is on or
    /// may come back, and takes no update's place.
    pub fn forget_snapshots(&mut self, keep: usize) {
        let ids = |hotfixes: &[Hotfix]| -> Vec<String> {
            hotfixes.iter().map(|hotfix| hotfix.transaction.clone()).collect()
        };
        let all: BTreeSet<String> = self.hotfixes().map(|hotfix| hotfix.transaction.clone()).collect();
        let is_update = |snapshot: &&Snapshot| !all.contains(&snapshot.transaction);
        let surplus = self
            .snapshots
            .iter()
            .filter(is_update)
            .count()
            .saturating_sub(keep);
        let mut needed: BTreeSet<String> = self.installed.iter().flat_map(|one| ids(&one.hotfixes)).collect();
        for update in self.snapshots.iter().filter(is_update).skip(surplus) {
            needed.insert(update.transaction.clone());
            needed.extend(ids(&update.installed.hotfixes));
        }
        self.snapshots
            .retain(|snapshot| needed.contains(&snapshot.transaction));
    }
}

impl super::Store {
    /// Where the file of a hotfix is kept.
    pub fn hotfix_file(&self, sha256: &Digest) -> PathBuf {
        self.dir.join("hotfixes").join(sha256.to_string())
    }

    /// Keeps the file of a hotfix, and says where.
    ///
    /// # Errors
    /// Writing failed.
    pub fn keep_hotfix(&self, bytes: &[u8]) -> Result<PathBuf> {
        let kept = self.hotfix_file(&Digest::of(bytes));
        if !kept.exists() {
            fs::write_atomic(&kept, bytes)
                .map_err(|error| Failure::io("keep the hotfix in", &kept, error))?;
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Level, Release};

    fn hotfix(transaction: &str) -> Hotfix {
        Hotfix {
            name: format!("p-1.0.0-{transaction}-hf1.zip"),
            number: 1,
            sha256: Digest::of(transaction.as_bytes()),
            applied: String::new(),
            transaction: transaction.to_owned(),
            below: Digest::of(b"below"),
            paths: Vec::new(),
        }
    }

    /// Words `transaction` or `transaction:hotfix,hotfix`: what was on before it.
    fn snapshots(text: &str) -> Vec<Snapshot> {
        let snapshot = |word: &str| {
            let (transaction, on) = word.split_once(':').unwrap_or((word, ""));
            Snapshot {
                transaction: transaction.to_owned(),
                installed: installed(on),
                taken: String::new(),
            }
        };
        text.split_whitespace().map(snapshot).collect()
    }

    fn installed(hotfixes: &str) -> Installed {
        let names = hotfixes.split(',').filter(|name| !name.is_empty());
        Installed {
            release: Release {
                product: "p".to_owned(),
                level: Level::new("1.0.0.1"),
                tree: Some(Digest::of(hotfixes.as_bytes())),
            },
            since: String::new(),
            verified: true,
            accepted: Default::default(),
            hotfixes: names.map(hotfix).collect(),
        }
    }

    #[test]
    fn what_a_hotfix_replaced_is_kept_as_long_as_it_can_be_reverted() {
        // Before, what is on, and what is left where two updates stay.
        let table = [
            ("u1 u2 u3", "", "u2 u3"),
            ("u1 u2 a b:a", "a,b", "u1 u2 a b"),
            ("u1 u2 a b:a u3:a,b", "", "u2 a b u3"),
            ("u1 a u2:a u3 u4", "", "u3 u4"),
            ("u1 a u2:a b u3:b u4", "", "b u3 u4"),
            ("a b:a u1:a,b u2 u3", "", "u2 u3"),
        ];
        for (before, on, expected) in table {
            let mut state = State {
                snapshots: snapshots(before),
                installed: Some(installed(on)),
                ..State::default()
            };
            state.forget_snapshots(2);
            let left: Vec<_> = state
                .snapshots
                .iter()
                .map(|one| one.transaction.as_str())
                .collect();
            assert_eq!(left.join(" "), expected, "{before}, on: {on}");
        }
    }

    #[test]
    fn an_update_ends_hotfixes_and_a_hotfix_follows_the_others() {
        let on = installed("a");
        assert_eq!(
            on.hotfixes_after(&[on.hotfixes[0].step(HotfixOp::End)], "t", ""),
            []
        );
        let after = on.hotfixes_after(&[hotfix("b").step(HotfixOp::Apply)], "t", "now");
        let names: Vec<_> = after.iter().map(|one| one.transaction.as_str()).collect();
        assert_eq!(names, ["a", "t"]);
        assert_eq!(after[1].below, on.release.tree.unwrap());
        assert_eq!(on.pristine(), Some(Digest::of(b"below")));
    }
}
