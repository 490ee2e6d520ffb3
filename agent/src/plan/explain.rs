//! Conflicts in words that a person can act on.

use crate::api::plan::ConflictKind;
use crate::model::Entry;

use super::draft::Decided;

/// Why a path needs a person.
pub(super) fn explain(kind: ConflictKind, decided: &Decided) -> String {
    match (kind, &decided.current, &decided.new) {
        (ConflictKind::Text, ..) => "you and the vendor changed the same lines".to_owned(),
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

fn kind_name(entry: Option<&Entry>) -> &'static str {
    match entry {
        None => "nothing",
        Some(Entry::File { .. }) => "a file",
        Some(Entry::Dir { .. }) => "a directory",
        Some(Entry::Symlink { .. }) => "a symlink",
    }
}
