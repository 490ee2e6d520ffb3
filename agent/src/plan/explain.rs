//! Conflicts in words that a person can act on.

use crate::api::plan::{ConflictKind, KeyConflict};
use crate::model::Entry;

use super::decided::Decided;

/// Why a path needs a person.
pub(super) fn explain(kind: ConflictKind, decided: &Decided) -> String {
    match (kind, &decided.current, &decided.new) {
        (ConflictKind::Text, ..) => text(&decided.keys),
        (ConflictKind::Binary, ..) => {
            "you and the vendor changed this file and it cannot be merged; policy `binary` can decide it".to_owned()
        }
        (ConflictKind::Deleted, None, _) => {
            "you deleted this file and the vendor changed it; policy `deleted` can decide it".to_owned()
        }
        (ConflictKind::Deleted, ..) => {
            "you changed this file and the vendor removed it; policy `deleted` can decide it".to_owned()
        }
        (ConflictKind::NoBase, ..) => {
            "your file differs from the vendor's and the vendor's original is not known; adopt with --pristine to know it"
                .to_owned()
        }
        (ConflictKind::Type, current, new) => {
            format!("on disk this is {}, the vendor ships {}", kind_name(current.as_ref()), kind_name(new.as_ref()))
        }
    }
}

/// How many keys are named.
const NAMED: usize = 3;

fn text(keys: &[KeyConflict]) -> String {
    if keys.is_empty() {
        return "your and the vendor's changes do not touch, but the file with both of them cannot be read"
            .to_owned();
    }
    let open: Vec<&KeyConflict> = keys.iter().filter(|one| one.answer.is_none()).collect();
    let named: Vec<&str> = open.iter().filter_map(|one| one.key.as_deref()).collect();
    if named.is_empty() {
        return "you and the vendor changed the same lines".to_owned();
    }
    let shown = named.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match open.len() - named.len().min(NAMED) {
        0 => format!("you and the vendor both changed {shown}"),
        more => format!("you and the vendor both changed {shown} and {more} more"),
    }
}

fn kind_name(entry: Option<&Entry>) -> &'static str {
    match entry {
        None => "nothing",
        Some(Entry::File { .. }) => "a file",
        Some(Entry::Dir { .. }) => "a directory",
        Some(Entry::Symlink { .. }) => "a symlink",
    }
}
