//! A plan whose paths are decided but whose merges are still open.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::api::plan::{
    Conflict, ConflictKind, FileOp, FileStep, KeyConflict, Plan, RememberedView, Step, Why,
};
use crate::api::report::Action;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::Policy;
use crate::model::{Digest, Entry, Inventory, RelPath, Release};
use crate::product::profile::{DiskRule, HookRule};

use super::decide::{Decision, by_policy};
use super::decided::Decided;
use super::explain::explain;
use super::files;
use super::id;

/// What both kinds of plans need to know.
#[derive(Debug, Clone)]
pub struct Common<'a> {
    /// The verb.
    pub action: Action,
    /// The instance's name.
    pub instance: &'a str,
    /// Its home.
    pub home: &'a Path,
    /// The installed release.
    pub from: &'a Release,
    /// The release to come.
    pub to: &'a Release,
    /// What is on the host.
    pub inventory: &'a Inventory,
    /// What an update may do.
    pub policy: &'a Policy,
    /// Whether the server is running and controlled, so that it is stopped and started again.
    pub restart: bool,
    /// Seconds until the server is killed.
    pub stop_timeout_s: u64,
    /// Seconds until a start counts as failed.
    pub start_timeout_s: u64,
    /// The profile's hooks.
    pub hooks: &'a [HookRule],
    /// The profile's disk rule.
    pub disk: DiskRule,
}

/// Where one side's content lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// Among the texts that were kept, under this digest.
    Kept(Digest),
    /// In the pack.
    Home,
    /// In the update's source.
    Source,
    /// In the snapshot of a transaction.
    Snapshot(String),
}

/// Three sides that must be merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRequest {
    /// The path in the pack.
    pub path: RelPath,
    /// Pristine at the installed level.
    pub base: Side,
    /// The operator's.
    pub current: Side,
    /// The one to come.
    pub new: Side,
}

/// What came of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeOutcome {
    /// A text of this digest and size.
    Merged(Digest, u64),
    /// These places need a person.
    Conflicts(Vec<KeyConflict>),
    /// A side is not text.
    NotText,
    /// The base text is not known any more.
    NoBase,
}

/// A person's answer to the conflicts of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// What shall be there.
    pub resolution: Resolution,
    /// Whether it comes from memory alone.
    pub remembered: bool,
}

/// What shall be where a conflict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Content of this digest and size.
    File(Digest, u64),
    /// The path shall not exist.
    Delete,
    /// The operator's side.
    Ours,
    /// The vendor's side.
    Theirs,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    pub(super) common: Common<'a>,
    pub(super) decided: BTreeMap<RelPath, Decided>,
    pub(super) requests: Vec<MergeRequest>,
    pub(super) warnings: Vec<String>,
    pub(super) remembered: Vec<RememberedView>,
}

impl Draft<'_> {
    /// The paths whose content must be merged before the draft can become a plan.
    pub fn merges(&self) -> &[MergeRequest] {
        &self.requests
    }

    /// Whether a path's three sides have the content of those of a conflict: what was decided of it says nothing of modes.
    pub fn has_sides(&self, conflict: &Conflict) -> bool {
        let told = [&conflict.base, &conflict.current, &conflict.new].map(Option::as_ref);
        let same = |now: [Option<&Entry>; 3]| now.into_iter().zip(told).all(|(a, b)| Entry::same(a, b));
        self.sides(&conflict.path).is_some_and(same)
    }

    /// A path's base, current and new; `None` if nothing is decided about it.
    pub fn sides(&self, path: &RelPath) -> Option<[Option<&Entry>; 3]> {
        let one = self.decided.get(path)?;
        Some([one.base.as_ref(), one.current.as_ref(), one.new.as_ref()])
    }

    /// The plan. `outcomes` holds one outcome per request; `answers` resolves conflicts.
    ///
    /// # Errors
    /// `mount` or `read-only` if a change lies behind a symlink, on a mount point or on a read-only mount.
    pub fn finish(
        mut self,
        outcomes: &BTreeMap<RelPath, MergeOutcome>,
        answers: &BTreeMap<RelPath, Answer>,
    ) -> Result<Plan> {
        for request in std::mem::take(&mut self.requests) {
            self.settle_merge(&request, outcomes.get(&request.path));
        }
        for (path, answer) in answers {
            self.resolve(path, answer);
        }
        self.refuse_filled_directories();
        self.refuse_files_above();
        let conflicts = self.conflicts();
        let (changes, warnings) = files::changes(&self.decided, self.common.inventory);
        self.warnings.extend(warnings);
        let steps = files::ordered(changes, self.common.inventory, self.common.home)?;
        self.into_plan(steps, conflicts)
    }

    fn settle_merge(&mut self, request: &MergeRequest, outcome: Option<&MergeOutcome>) {
        let Some(decided) = self.decided.get_mut(&request.path) else {
            return;
        };
        let decision = match outcome {
            Some(MergeOutcome::Merged(sha256, size)) => {
                decided.take_content(*sha256, *size);
                Decision::TakeNew(Why::Merged)
            }
            Some(MergeOutcome::NotText) => by_policy(
                self.common.policy.binary,
                decided.new.as_ref(),
                ConflictKind::Binary,
            ),
            Some(MergeOutcome::NoBase) | None => Decision::Conflict(ConflictKind::NoBase),
            Some(MergeOutcome::Conflicts(keys)) => {
                decided.keys.clone_from(keys);
                Decision::Conflict(ConflictKind::Text)
            }
        };
        decided.decision = match (decision, self.common.action) {
            // Going back must not wait for a person: the known good file returns, the edited one is kept.
            (Decision::Conflict(_), Action::Rollback) => {
                decided.keep_old = true;
                self.warnings.push(format!(
                    "{} was edited after the update and the edit does not fit the old level; the edited file is kept aside",
                    request.path
                ));
                Decision::TakeNew(Why::Restored)
            }
            (decision, _) => decision,
        };
    }

    fn resolve(&mut self, path: &RelPath, answer: &Answer) {
        let Some(decided) = self.decided.get_mut(path) else {
            return;
        };
        if !matches!(decided.decision, Decision::Conflict(_)) {
            return;
        }
        let why = if answer.remembered {
            Why::Remembered
        } else {
            Why::Resolved
        };
        let is_there = decided.current.is_some();
        decided.decision = match (answer.resolution, &decided.new) {
            (Resolution::File(sha256, size), _) => {
                decided.take_content(sha256, size);
                Decision::TakeNew(why)
            }
            (Resolution::Theirs, Some(_)) => Decision::TakeNew(why),
            (Resolution::Delete | Resolution::Theirs, _) if is_there => Decision::Remove(why),
            (Resolution::Delete | Resolution::Ours | Resolution::Theirs, _) => Decision::Keep,
        };
    }

    /// Says which remembered decisions the outcomes and answers come from.
    pub fn remember(&mut self, remembered: Vec<RememberedView>) {
        self.remembered = remembered;
    }

    /// Adds a warning.
    pub fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// A file can take a directory's place only if everything in the directory goes.
    fn refuse_filled_directories(&mut self) {
        let replaced = self.decided.iter().filter(|(path, one)| {
            let is_replaced = matches!(one.decision, Decision::TakeNew(_))
                && matches!(one.current, Some(Entry::Dir { .. }))
                && !matches!(one.new, Some(Entry::Dir { .. }));
            is_replaced && !files::empties(path, &self.decided, self.common.inventory)
        });
        let filled: Vec<RelPath> = replaced.map(|(path, _)| path.clone()).collect();
        for path in filled {
            if let Some(one) = self.decided.get_mut(&path) {
                one.decision = Decision::Conflict(ConflictKind::Type);
            }
        }
    }

    /// Nothing can be put below a file that stays in a directory's place.
    fn refuse_files_above(&mut self) {
        let is_file = |path: &RelPath| matches!(self.common.inventory.entry(path), Some(Entry::File { .. }));
        let goes = |path: &RelPath| {
            let decision = self.decided.get(path).map(|one| one.decision);
            matches!(decision, Some(Decision::TakeNew(_) | Decision::Remove(_)))
        };
        let put = self
            .decided
            .iter()
            .filter(|(_, one)| matches!(one.decision, Decision::TakeNew(_)));
        let in_the_way: BTreeSet<RelPath> = put
            .flat_map(|(path, _)| {
                path.ancestors()
                    .filter(|above| is_file(above) && !goes(above))
                    .collect::<Vec<_>>()
            })
            .collect();
        for path in in_the_way {
            if let Some(one) = self.decided.get_mut(&path) {
                one.decision = Decision::Conflict(ConflictKind::Type);
            }
        }
    }

    fn conflicts(&self) -> Vec<Conflict> {
        let conflict = |(path, decided): (&RelPath, &Decided)| match decided.decision {
            Decision::Conflict(kind) => Some(Conflict {
                path: path.clone(),
                class: decided.class,
                kind,
                message: explain(kind, decided),
                base: decided.base.clone(),
                current: decided.current.clone(),
                new: decided.new.clone(),
                keys: if kind == ConflictKind::Text {
                    decided.keys.clone()
                } else {
                    Vec::new()
                },
            }),
            _ => None,
        };
        self.decided.iter().filter_map(conflict).collect()
    }

    pub(super) fn into_plan(self, files: Vec<FileStep>, conflicts: Vec<Conflict>) -> Result<Plan> {
        let common = &self.common;
        let staged = files.iter().filter(|file| file.op == FileOp::Put);
        let (count, bytes) = staged.fold((0, 0), |(count, bytes), file| {
            (count + 1, bytes + file.copied_bytes())
        });
        let steps = if files.is_empty() && conflicts.is_empty() && common.from == common.to {
            Vec::new()
        } else {
            common.steps(count, bytes, files.len() as u64)
        };
        id::seal(Plan {
            id: String::new(),
            action: common.action,
            instance: common.instance.to_owned(),
            home: common.home.to_owned(),
            from: common.from.clone(),
            to: common.to.clone(),
            base_revision: common.inventory.revision(),
            steps,
            files,
            conflicts,
            remembered: self.remembered,
            manual: Vec::new(),
            hotfixes: Vec::new(),
            in_place: false,
            warnings: self.warnings,
            required_bytes: match common.action {
                // Files come back as second names and by renames; no server grows into the reserve before it is seen.
                Action::Rollback => bytes,
                _ => required_bytes(common.disk, bytes)?,
            },
        })
    }
}

impl Common<'_> {
    fn steps(&self, files: u64, bytes: u64, paths: u64) -> Vec<Step> {
        use crate::api::plan::Hook;
        let hooks = |when: Hook| {
            let of_kind = self.hooks.iter().filter(move |hook| hook.when == when);
            of_kind.map(|hook| Step::Hook {
                hook: hook.when,
                command: hook.command.clone(),
            })
        };
        let mut steps = vec![Step::Stage { files, bytes }];
        if self.restart {
            steps.extend(hooks(Hook::BeforeStop));
            steps.push(Step::Stop {
                timeout_s: self.stop_timeout_s,
            });
        }
        steps.push(Step::Commit { paths });
        steps.extend(hooks(Hook::AfterCommit));
        if self.restart {
            steps.push(Step::Start {
                timeout_s: self.start_timeout_s,
            });
            steps.extend(hooks(Hook::AfterStart));
        }
        steps.extend([
            Step::Verify {
                running: self.restart,
            },
            Step::Seal,
        ]);
        steps
    }
}

fn required_bytes(disk: DiskRule, staged: u64) -> Result<u64> {
    // Sizes are far below 2^53, so the product is exact enough for a rule of thumb.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "checked to be finite and not negative"
    )]
    let scaled = if disk.factor.is_finite() && disk.factor >= 0.0 {
        (staged as f64 * disk.factor).ceil() as u64
    } else {
        return Err(Failure::new(
            ErrorKind::Settings,
            format!("the disk rule's factor {} is not a size", disk.factor),
        ));
    };
    Ok(scaled.saturating_add(disk.extra_bytes))
}
