//! The plan of a configuration change: files become what was rendered, and nothing else moves.

use std::collections::BTreeMap;

use crate::api::Result;
use crate::api::plan::{Conflict, ConflictKind, Content, FileOp, KeyConflict, Plan, Step, Why};
use crate::model::{Class, Entry, RelPath};

use super::draft::{Common, Draft};
use super::files::{self, Change};

/// A configured file as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The path in the pack.
    pub path: RelPath,
    /// The file, its mode decided; or so many places in which it cannot be merged into what is there.
    pub content: std::result::Result<Entry, Clash>,
    /// Whether a running server must be restarted when it changes.
    pub restart: bool,
}

/// Why a rendered text cannot be merged into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// What kind of conflict.
    pub kind: ConflictKind,
    /// In words that a person can act on.
    pub message: String,
    /// The keys that were changed on both sides.
    pub keys: Vec<KeyConflict>,
}

/// Plans a configuration. `common.restart` tells whether the server can be restarted; the plan restarts it only if a
/// file that changes needs it.
///
/// # Errors
/// `mount` or `read-only` as for [`Draft::finish`].
pub fn plan(common: &Common<'_>, files: &[Wanted]) -> Result<Plan> {
    let (mut changes, mut conflicts) = (Vec::new(), Vec::new());
    for wanted in files {
        match change(wanted, common.inventory.entry(&wanted.path)) {
            Outcome::Same => {}
            Outcome::Change(change) => changes.push(*change),
            Outcome::Conflict(conflict) => conflicts.push(*conflict),
        }
    }
    let needs_restart = changes.iter().any(|change| {
        let rule = files.iter().find(|wanted| wanted.path == change.path);
        rule.is_none_or(|wanted| wanted.restart)
    });
    let before = changes.len();
    files::add_missing_parents(&mut changes, &BTreeMap::new(), common.inventory);
    for made in &mut changes[before..] {
        made.class = Class::Config;
        made.why = Why::Configured;
    }
    let steps = files::ordered(changes, common.inventory, common.home)?;
    let draft = Draft {
        common: Common {
            restart: common.restart && needs_restart,
            // Hooks are for what a stop surrounds, or for a server that is stopped anyway.
            hooks: if common.restart && !needs_restart {
                &[]
            } else {
                common.hooks
            },
            ..common.clone()
        },
        decided: BTreeMap::new(),
        requests: Vec::new(),
        warnings: Vec::new(),
        remembered: Vec::new(),
    };
    draft.into_plan(steps, conflicts)
}

/// Whether a plan stops the server and starts it again.
pub fn restarts(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step, Step::Stop { .. }))
}

/// What a configured file means for the plan.
enum Outcome {
    Same,
    Change(Box<Change>),
    Conflict(Box<Conflict>),
}

fn change(wanted: &Wanted, current: Option<&Entry>) -> Outcome {
    let conflict = |kind, message: &str, keys: &[KeyConflict], new: Option<&Entry>| {
        Outcome::Conflict(Box::new(Conflict {
            path: wanted.path.clone(),
            class: Class::Config,
            kind,
            message: message.to_owned(),
            keys: keys.to_vec(),
            base: None,
            current: current.cloned(),
            new: new.cloned(),
        }))
    };
    let new = match (&wanted.content, current) {
        (Err(clash), _) => return conflict(clash.kind, &clash.message, &clash.keys, None),
        (Ok(new), Some(Entry::Dir { .. })) => {
            return conflict(ConflictKind::Type, "on disk this is a directory", &[], Some(new));
        }
        (Ok(new), Some(Entry::Symlink { .. })) => {
            let message =
                "on disk this is a symlink, and symlinks are not followed; put the file itself there";
            return conflict(ConflictKind::Type, message, &[], Some(new));
        }
        (Ok(new), _) => new,
    };
    let op = match current {
        Some(current) if current == new => return Outcome::Same,
        Some(current) if current.same_content(new) => FileOp::SetMode,
        _ => FileOp::Put,
    };
    Outcome::Change(Box::new(Change {
        op,
        path: wanted.path.clone(),
        class: Class::Config,
        why: Why::Configured,
        old: current.cloned(),
        new: Some(new.clone()),
        content: (op == FileOp::Put).then_some(Content::Rendered),
        owner: None,
        keep_old: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::api::report::Action;

    fn wanted(path: &str, content: u8, mode: u32, restart: bool) -> Wanted {
        Wanted {
            path: rel(path),
            content: Ok(file(content).with_mode(Some(mode))),
            restart,
        }
    }

    fn planned(current: &Tree, files: &[Wanted]) -> Plan {
        let inventory = inventory(current);
        let policy = Default::default();
        let world = World {
            inventory: &inventory,
            policy: &policy,
            from: release("1"),
            to: release("1"),
        };
        let common = Common {
            restart: true,
            ..world.common(Action::Config)
        };
        plan(&common, files).unwrap()
    }

    #[test]
    fn only_what_differs_changes_and_only_what_needs_it_restarts() {
        let current = tree(&[
            ("conf", Entry::Dir { mode: Some(0o755) }),
            ("conf/same", file(b'a').with_mode(Some(0o640))),
            ("conf/mode", file(b'a').with_mode(Some(0o644))),
            ("conf/other", file(b'a').with_mode(Some(0o644))),
        ]);
        let same = wanted("conf/same", b'a', 0o640, true);
        let plan = planned(&current, std::slice::from_ref(&same));
        assert!(plan.files.is_empty() && plan.steps.is_empty(), "{plan:?}");
        let live = [
            same,
            wanted("conf/mode", b'a', 0o640, false),
            wanted("conf/other", b'b', 0o644, false),
        ];
        let plan = planned(&current, &live);
        let ops: Vec<(&str, FileOp)> = plan
            .files
            .iter()
            .map(|step| (step.path.as_str(), step.op))
            .collect();
        assert_eq!(ops, [("conf/other", FileOp::Put), ("conf/mode", FileOp::SetMode)]);
        assert!(!restarts(&plan));
        let plan = planned(&current, &[wanted("conf/new/deep/x", b'b', 0o640, true)]);
        assert!(restarts(&plan));
        let made: Vec<(&str, Why)> = plan
            .files
            .iter()
            .map(|step| (step.path.as_str(), step.why))
            .collect();
        assert_eq!(
            made,
            [
                ("conf/new", Why::Configured),
                ("conf/new/deep", Why::Configured),
                ("conf/new/deep/x", Why::Configured)
            ]
        );
    }

    #[test]
    fn what_is_no_file_or_cannot_be_merged_needs_a_person() {
        let current = tree(&[
            (
                "link",
                Entry::Symlink {
                    target: "/etc/x".into(),
                },
            ),
            ("dir", Entry::Dir { mode: Some(0o755) }),
        ]);
        let clash = Wanted {
            path: rel("both"),
            content: Err(Clash {
                kind: ConflictKind::Text,
                message: "edited".into(),
                keys: Vec::new(),
            }),
            restart: true,
        };
        let files = [
            wanted("link", b'a', 0o644, true),
            wanted("dir", b'a', 0o644, true),
            clash,
        ];
        let plan = planned(&current, &files);
        let kinds: Vec<ConflictKind> = plan.conflicts.iter().map(|conflict| conflict.kind).collect();
        assert_eq!(
            kinds,
            [ConflictKind::Type, ConflictKind::Type, ConflictKind::Text]
        );
        assert!(plan.files.is_empty());
    }
}
