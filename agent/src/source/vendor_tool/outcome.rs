//! From what the tool did to the copy to what it says about the vendor's files: the pristine tree at the new level, and
//! where the tool showed it, that at the installed level. Pure.
//!
//! | given to the tool | the tool | base | new |
//! |---|---|---|---|
//! | anything | left it alone | as known, else what is there | the same |
//! | anything | showed a conflict | its `.original` | its `.new` |
//! | the vendor's | changed it | the vendor's | what it left |
//! | what was found, no text | changed it | as known, else what is there | what it left |
//! | a marker | replaced it, the tree is known | as known | what it left |
//! | a marker | replaced it, the tree is not known | vendor files: what is there; configuration: nothing, so that a person decides | what it left |
//! | a marker | removed it, the tree is not known | vendor files: what is there; configuration: the marker, so that a person decides | nothing |
//! | a marker | mixed it with something | – | it cannot be told: the candidate is given up |
//! | nothing | added it | as known, else nothing | what it left |

use std::collections::{BTreeMap, BTreeSet};

use super::pieces::{Piece, Trust, marker};
use crate::model::{Class, Digest, Entry, RelPath, TreeManifest};

/// What the tool did to one path.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// What is there now.
    pub after: Option<Entry>,
    /// Whether something of the marker is in it.
    pub holds_marker: bool,
}

/// What the tool showed of a conflict.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Sides {
    /// The vendor's file at the installed level.
    pub original: Option<Vec<u8>>,
    /// The vendor's file at the new level.
    pub new: Option<Vec<u8>>,
}

/// What the tool's work is judged by.
pub(super) struct Work<'a> {
    /// The pristine tree at the installed level, if it is known.
    pub base: Option<&'a TreeManifest>,
    /// What the tool was given.
    pub pieces: &'a BTreeMap<RelPath, Piece>,
    /// What it did.
    pub changes: &'a BTreeMap<RelPath, Change>,
    /// What it showed.
    pub conflicts: &'a BTreeMap<RelPath, Sides>,
    /// Who owns what.
    pub class_of: &'a dyn Fn(&RelPath) -> Class,
}

/// What the tool's work says about the vendor's files.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Outcome {
    /// The pristine tree at the installed level, as far as it is known now.
    pub base: TreeManifest,
    /// The tree at the new level: that one with everything that the update changed.
    pub new: TreeManifest,
    /// The texts of the installed level that the tool showed.
    pub texts: BTreeMap<RelPath, Vec<u8>>,
    /// Vendor texts that are replaced without anybody knowing whether they were customised.
    pub untold: Vec<RelPath>,
    /// What the tool mixed with a marker, so that the vendor's text is not known.
    pub unknown: Vec<RelPath>,
}

/// The table.
pub(super) fn outcome(work: &Work<'_>) -> Outcome {
    let base = work.base.cloned().unwrap_or_else(|| TreeManifest {
        entries: claims(work.pieces),
    });
    let mut outcome = Outcome {
        new: base.clone(),
        base,
        ..Outcome::default()
    };
    let touched: BTreeSet<&RelPath> = work.changes.keys().chain(work.conflicts.keys()).collect();
    for path in touched {
        if (work.class_of)(path) == Class::State || is_empty_dir(work, path) {
            continue;
        }
        if let Some(sides) = work.conflicts.get(path) {
            shown(&mut outcome, work, path, sides);
        } else if let Some(change) = work.changes.get(path) {
            changed(&mut outcome, work, path, change);
        }
    }
    outcome
}

fn claims(pieces: &BTreeMap<RelPath, Piece>) -> BTreeMap<RelPath, Entry> {
    let claim = |(path, piece): (&RelPath, &Piece)| Some((path.clone(), piece.claim.clone()?));
    pieces.iter().filter_map(claim).collect()
}

/// An update delivers files: a directory without any is a leftover of the tool's work.
fn is_empty_dir(work: &Work<'_>, path: &RelPath) -> bool {
    let is_dir = |entry: Option<&Entry>| matches!(entry, Some(Entry::Dir { .. }));
    let changed = work.changes.get(path).and_then(|change| change.after.as_ref());
    let mut below = work.changes.range(path.clone()..).skip(1);
    let mut has_files = || {
        below
            .by_ref()
            .take_while(|(other, _)| other.as_str().starts_with(path.as_str()))
            .any(|(other, change)| {
                other.is_at_or_below(path)
                    && change.after.is_some()
                    && !is_dir(change.after.as_ref())
                    && (work.class_of)(other) != Class::State
            })
    };
    is_dir(changed) && !work.pieces.contains_key(path) && !has_files()
}

fn shown(outcome: &mut Outcome, work: &Work<'_>, path: &RelPath, sides: &Sides) {
    let mode = work
        .pieces
        .get(path)
        .and_then(|piece| piece.claim.as_ref()?.mode());
    let base = sides.original.as_ref().map(|bytes| Entry::File {
        size: bytes.len() as u64,
        sha256: Digest::of(bytes),
        mode,
    });
    let after = work.changes.get(path).and_then(|change| change.after.clone());
    set(&mut outcome.base, path, base);
    set(&mut outcome.new, path, sides.new.as_ref().and(after));
    if let Some(text) = &sides.original {
        outcome.texts.insert(path.clone(), text.clone());
    }
}

fn changed(outcome: &mut Outcome, work: &Work<'_>, path: &RelPath, change: &Change) {
    let class = (work.class_of)(path);
    let is_marked = work
        .pieces
        .get(path)
        .is_some_and(|piece| piece.trust == Trust::Marked);
    if is_marked && change.holds_marker {
        outcome.unknown.push(path.clone());
        return;
    }
    if is_marked && work.base.is_none() {
        match (class, &change.after) {
            (Class::Config, Some(_)) => set(&mut outcome.base, path, None),
            (Class::Config, None) => set(&mut outcome.base, path, Some(marked(path))),
            _ => outcome.untold.push(path.clone()),
        }
    }
    set(&mut outcome.new, path, change.after.clone());
}

fn marked(path: &RelPath) -> Entry {
    let text = marker(path);
    Entry::File {
        size: text.len() as u64,
        sha256: Digest::of(&text),
        mode: None,
    }
}

fn set(tree: &mut TreeManifest, path: &RelPath, entry: Option<Entry>) {
    match entry {
        Some(entry) => tree.entries.insert(path.clone(), entry),
        None => tree.entries.remove(path),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> Entry {
        Entry::File {
            size: content.len() as u64,
            sha256: Digest::of(content.as_bytes()),
            mode: Some(0o644),
        }
    }

    fn class_of(path: &RelPath) -> Class {
        match path.as_str() {
            path if path.starts_with("conf/") => Class::Config,
            path if path.starts_with("log") => Class::State,
            _ => Class::Vendor,
        }
    }

    /// Base and new of a path as the contents that they stand for. `known`: the content at the installed level, if the
    /// tree is known; `given`: P(ristine), A(s found), M(arked), or nothing; `after`: a content, nothing, or `mix`.
    fn told(path: &str, known: Option<&str>, given: &str, after: Option<&str>) -> (Outcome, RelPath) {
        let path = RelPath::new(path).unwrap();
        let entry = known.map_or_else(|| file("there"), file);
        let base = known.map(|_| TreeManifest {
            entries: [(path.clone(), entry.clone())].into(),
        });
        let trust = match given {
            "P" => Trust::Pristine,
            "M" => Trust::Marked,
            _ => Trust::AsFound,
        };
        let piece = Piece {
            trust,
            claim: Some(entry),
            ..Piece::default()
        };
        let pieces = match given {
            "" => BTreeMap::new(),
            _ => BTreeMap::from([(path.clone(), piece)]),
        };
        let change = Change {
            after: after.map(file),
            holds_marker: after == Some("mix"),
        };
        let outcome = outcome(&Work {
            base: base.as_ref(),
            pieces: &pieces,
            changes: &BTreeMap::from([(path.clone(), change)]),
            conflicts: &BTreeMap::new(),
            class_of: &class_of,
        });
        (outcome, path)
    }

    #[test]
    fn the_table() {
        let table = [
            ("bin/a", Some("old"), "P", Some("new"), Some("old"), Some("new")),
            ("bin/a", Some("old"), "P", None, Some("old"), None),
            ("bin/a", Some("old"), "A", Some("new"), Some("old"), Some("new")),
            ("bin/a", Some("old"), "M", Some("new"), Some("old"), Some("new")),
            ("bin/a", Some("old"), "", Some("new"), Some("old"), Some("new")),
            ("bin/a", None, "A", Some("new"), Some("there"), Some("new")),
            ("bin/a", None, "M", Some("new"), Some("there"), Some("new")),
            ("bin/a", None, "M", None, Some("there"), None),
            ("bin/a", None, "", Some("new"), None, Some("new")),
            ("conf/a", None, "M", Some("new"), None, Some("new")),
            ("log/a", None, "", Some("new"), None, None),
        ];
        for (path, known, given, after, base, new) in table {
            let (outcome, at) = told(path, known, given, after);
            let context = format!("{path} {known:?} {given} {after:?}");
            assert_eq!(
                outcome.base.entries.get(&at),
                base.map(file).as_ref(),
                "base of {context}"
            );
            assert_eq!(
                outcome.new.entries.get(&at),
                new.map(file).as_ref(),
                "new of {context}"
            );
            let is_untold = known.is_none() && given == "M" && path == "bin/a";
            assert_eq!(!outcome.untold.is_empty(), is_untold, "{context}");
        }
        let (outcome, at) = told("conf/a", None, "M", None);
        assert_eq!(
            outcome.base.entries.get(&at),
            Some(&marked(&at)),
            "never what is there"
        );
        let (outcome, at) = told("bin/a", Some("old"), "M", Some("mix"));
        assert_eq!(outcome.unknown, [at]);
    }

    #[test]
    fn a_conflict_shows_both_sides_and_leftover_folders_are_none() {
        let path = |text: &str| RelPath::new(text).unwrap();
        let dir = || Change {
            after: Some(Entry::Dir { mode: None }),
            holds_marker: false,
        };
        let put = |content: &str| Change {
            after: Some(file(content)),
            holds_marker: false,
        };
        let sides = |original: &str, new: Option<&str>| Sides {
            original: Some(original.as_bytes().to_vec()),
            new: new.map(|new| new.as_bytes().to_vec()),
        };
        let outcome = outcome(&Work {
            base: None,
            pieces: &BTreeMap::new(),
            changes: &BTreeMap::from([
                (path("conf/a"), put("new")),
                (path("conf/b"), put("kept by the tool")),
                (path("tmp-1"), dir()),
                (path("tmp-1/half"), dir()),
                (path("lib"), dir()),
                (path("lib/x"), put("x")),
            ]),
            conflicts: &BTreeMap::from([
                (path("conf/a"), sides("old", Some("new"))),
                (path("conf/b"), sides("gone", None)),
            ]),
            class_of: &class_of,
        });
        let names = |tree: &TreeManifest| tree.entries.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&outcome.base), ["conf/a", "conf/b"]);
        assert_eq!(names(&outcome.new), ["conf/a", "lib", "lib/x"]);
        assert_eq!(outcome.texts[&path("conf/a")], b"old");
    }
}
