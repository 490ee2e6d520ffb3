//! What merges and edits leave beside files of the pack.

use super::Tree;
use crate::api::finding::{Finding, FindingKind, and_more};
use crate::model::{RelPath, TreeManifest};

/// One finding for all that lies beside a file whose name it completes and that the vendor did not ship.
pub(super) fn lint(ends: &[String], tree: &Tree<'_>, pristine: Option<&TreeManifest>) -> Option<Finding> {
    let is_stray = |path: &&&RelPath| {
        let beside = ends
            .iter()
            .find_map(|end| path.as_str().strip_suffix(end.as_str()));
        let beside = beside.and_then(|text| RelPath::new(text).ok());
        beside.is_some_and(|one| tree.paths.contains(&one))
            && pristine.is_none_or(|pristine| !pristine.entries.contains_key(**path))
    };
    let strays: Vec<&RelPath> = tree.paths.iter().filter(is_stray).copied().collect();
    let first = strays.first()?;
    let message = format!(
        "an unfinished or forgotten merge left something beside files of the pack: {}",
        and_more(first, strays.len())
    );
    Some(
        Finding::wanted(FindingKind::StrayFile, message)
            .at(strays.into_iter().cloned())
            .hint(
                "if an update of the vendor's own tool waits for its conflicts, finish or revert it first; else remove \
                 them",
            ),
    )
}
