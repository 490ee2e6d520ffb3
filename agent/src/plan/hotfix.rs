//! The rules of hotfixes: which may follow, what one changes, and what a plan says of them.

use std::collections::BTreeSet;

use crate::api::plan::{HotfixOp, HotfixStep, Plan};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Digest, Entry, RelPath, TreeManifest};

use super::id;

/// The plan with what it does with hotfixes.
///
/// # Errors
/// As any plan's id.
pub fn add(plan: Plan, hotfixes: Vec<HotfixStep>) -> Result<Plan> {
    if hotfixes.is_empty() {
        return Ok(plan);
    }
    id::seal(Plan { hotfixes, ..plan })
}

/// The files in which two trees differ.
pub fn changed(old: &TreeManifest, new: &TreeManifest) -> BTreeSet<RelPath> {
    let is_dir = |entry: Option<&Entry>| matches!(entry, Some(Entry::Dir { .. }));
    let differs = |path: &&RelPath| {
        let (old, new) = (old.entries.get(*path), new.entries.get(*path));
        !Entry::same(old, new) && !is_dir(new.or(old))
    };
    let paths = old.entries.keys().chain(new.entries.keys());
    paths.filter(differs).cloned().collect()
}

/// Gives a tree the hotfixes that are the difference between two others.
pub fn carry_over(tree: &mut TreeManifest, pristine: &TreeManifest, hotfixed: &TreeManifest) {
    for path in changed(pristine, hotfixed) {
        match hotfixed.entries.get(&path) {
            Some(entry) => tree.entries.insert(path, entry.clone()),
            None => tree.entries.remove(&path),
        };
    }
}

/// How a hotfix stands to those that are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is on already.
    On,
    /// It is the next one.
    Next,
}

/// Whether it is the turn of a hotfix, by its number and the digest of its file. `on`: those of the ones that are on. They
/// are numbered from 1 without gaps ("Hotfixes" of the vendor's update documentation, and its own script).
///
/// # Errors
/// `hotfix`.
pub fn turn(on: &[(u32, Digest)], number: u32, sha256: Digest) -> Result<Turn> {
    let newest = on.last().map_or(0, |(number, _)| *number);
    match on.iter().find(|(other, _)| *other == number) {
        Some((_, same)) if *same == sha256 => Ok(Turn::On),
        Some(_) => Err(Failure::new(
            ErrorKind::Hotfix,
            format!("another hotfix {number} is on already"),
        )
        .hint("revert it first: `pitstop hotfix revert`, the newest one first")),
        None if number == newest + 1 => Ok(Turn::Next),
        None if newest == 0 => Err(Failure::new(
            ErrorKind::Hotfix,
            format!("hotfix {number} cannot be the first one: no hotfix is on"),
        )
        .hint("apply hotfix 1 first: hotfixes build on one another")),
        None => Err(Failure::new(
            ErrorKind::Hotfix,
            format!("hotfix {number} cannot follow hotfix {newest}"),
        )
        .hint(format!("hotfix {} is the next one", newest + 1))),
    }
}

/// Refuses a plan that ends a hotfix which the vendor is said not to have taken into the new level.
///
/// # Errors
/// `hotfix`.
pub fn refuse_ending(plan: &Plan, not_superseded: &[String]) -> Result<()> {
    let ends = |step: &&HotfixStep| {
        step.op == HotfixOp::End && not_superseded.iter().any(|said| is_called(said, &step.name))
    };
    let Some(step) = plan.hotfixes.iter().find(ends) else {
        return Ok(());
    };
    let message = format!(
        "{} is said not to be superseded by {}, and an update to it would end it",
        step.name, plan.to
    );
    Err(Failure::new(ErrorKind::Hotfix, message).hint(
        "ask the vendor for a level, or for a hotfix of that level, with the same fix; once there is one, take it out of \
         `--not-superseded` and of policy `not_superseded`",
    ))
}

/// Whether somebody means the hotfix of this name: its file's, with or without its end.
pub fn is_called(said: &str, name: &str) -> bool {
    name == said || name.strip_suffix(".zip") == Some(said)
}

/// What a rollback does with hotfixes: those that are on now, and those that are on then.
pub fn steps_back(now: &[HotfixStep], then: &[HotfixStep]) -> Vec<HotfixStep> {
    let is_in =
        |steps: &[HotfixStep], step: &HotfixStep| steps.iter().any(|other| other.sha256 == step.sha256);
    let with = |op: HotfixOp| move |step: &HotfixStep| HotfixStep { op, ..step.clone() };
    let ends = now
        .iter()
        .filter(|step| !is_in(then, step))
        .map(with(HotfixOp::End));
    let returns = then
        .iter()
        .filter(|step| !is_in(now, step))
        .map(with(HotfixOp::Return));
    ends.chain(returns).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str) -> HotfixStep {
        HotfixStep {
            op: HotfixOp::Apply,
            name: format!("{name}.zip"),
            number: 1,
            sha256: Digest::of(name.as_bytes()),
            paths: Vec::new(),
        }
    }

    #[test]
    fn hotfixes_follow_one_another_without_gaps() {
        let file = |letter: char| Digest::of(letter.to_string().as_bytes());
        // What is on, as letters of files numbered from 1; number and file of the one to come.
        let table = [
            ("", 1, 'a', Some(Turn::Next)),
            ("", 2, 'b', None),
            ("a", 1, 'a', Some(Turn::On)),
            ("a", 1, 'x', None),
            ("a", 2, 'b', Some(Turn::Next)),
            ("a", 3, 'c', None),
            ("ab", 1, 'a', Some(Turn::On)),
            ("ab", 3, 'c', Some(Turn::Next)),
        ];
        for (on, number, letter, expected) in table {
            let on: Vec<_> = (1..).zip(on.chars().map(file)).collect();
            let found = turn(&on, number, file(letter));
            if let Err(failure) = &found {
                assert_eq!(failure.kind, ErrorKind::Hotfix);
            }
            assert_eq!(found.ok(), expected, "{on:?} {number}");
        }
    }

    #[test]
    fn a_rollback_tells_which_hotfixes_go_and_which_come_back() {
        let (a, b) = (step("a"), step("b"));
        let told = |now: &[HotfixStep], then: &[HotfixStep]| {
            let steps = steps_back(now, then);
            steps
                .into_iter()
                .map(|step| (step.name, step.op))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            told(&[a.clone(), b.clone()], std::slice::from_ref(&a)),
            [("b.zip".to_owned(), HotfixOp::End)]
        );
        assert_eq!(
            told(&[], std::slice::from_ref(&a)),
            [("a.zip".to_owned(), HotfixOp::Return)]
        );
        let same = std::slice::from_ref(&a);
        assert_eq!(told(same, same), []);
        assert!(is_called("b", "b.zip") && is_called("b.zip", "b.zip") && !is_called("b.z", "b.zip"));
    }

    #[test]
    fn what_differs_is_told_by_content_and_without_folders() {
        let file = |content: &str, mode| Entry::File {
            size: 1,
            sha256: Digest::of(content.as_bytes()),
            mode: Some(mode),
        };
        let tree = |entries: &[(&str, Entry)]| TreeManifest {
            entries: entries
                .iter()
                .map(|(path, entry)| (RelPath::new(path).unwrap(), entry.clone()))
                .collect(),
        };
        let old = tree(&[
            ("a", file("1", 0o644)),
            ("b", file("1", 0o644)),
            ("c", file("1", 0o644)),
        ]);
        let new = tree(&[
            ("a", file("1", 0o600)),
            ("b", file("2", 0o644)),
            ("d", Entry::Dir { mode: None }),
            ("d/e", file("1", 0o644)),
        ]);
        let found: Vec<_> = changed(&old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["b", "c", "d/e"]);
        let mut shown = tree(&[
            ("a", file("shown", 0o644)),
            ("b", file("1", 0o644)),
            ("c", file("1", 0o644)),
        ]);
        carry_over(&mut shown, &old, &new);
        let expected = [
            ("a", file("shown", 0o644)),
            ("b", file("2", 0o644)),
            ("d/e", file("1", 0o644)),
        ];
        assert_eq!(shown, tree(&expected));
    }
}
