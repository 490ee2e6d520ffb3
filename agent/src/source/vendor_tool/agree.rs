//! Whether the tree that the tool left agrees with itself: the little that tells an update that did not fully happen from
//! one that did. Pure. The [lint](crate::lint) judges a tree by the vendor's of its level, which nobody knows here yet: this
//! judges what the tool changed.

use std::collections::BTreeSet;

use crate::model::RelPath;

/// A list of the bundles that the server loads, before and after.
pub(super) struct List<'a> {
    pub path: &'a RelPath,
    pub before: &'a str,
    pub after: &'a str,
}

/// The first disagreement, as the end of a sentence about the tool. `before` and `after` are the files of the copy.
pub(super) fn disagreement(
    lists: &[List<'_>],
    before: &BTreeSet<RelPath>,
    after: &BTreeSet<RelPath>,
) -> Option<String> {
    missing(lists, after).or_else(|| left_beside(lists, before, after))
}

/// A jar that was added to a list has to be there.
fn missing(lists: &[List<'_>], after: &BTreeSet<RelPath>) -> Option<String> {
    let names: BTreeSet<&str> = after.iter().map(RelPath::file_name).collect();
    lists.iter().find_map(|list| {
        let known: BTreeSet<&str> = jars(list.before).collect();
        let added = jars(list.after).find(|jar| !known.contains(jar) && !names.contains(jar));
        added.map(|jar| format!("left a pack whose {} lists {jar}, which is not there", list.path))
    })
}

/// A jar that a list names by another version now must not stay beside its successor: the server would load both.
fn left_beside(lists: &[List<'_>], before: &BTreeSet<RelPath>, after: &BTreeSet<RelPath>) -> Option<String> {
    let listed: BTreeSet<&str> = lists.iter().flat_map(|list| jars(list.after)).collect();
    let is_listed = |path: &RelPath| listed.contains(path.file_name());
    let added = after.difference(before).filter(|path| is_listed(path));
    let stayed = || {
        before
            .intersection(after)
            .filter(|path| path.as_str().ends_with(".jar") && !is_listed(path))
    };
    added.into_iter().find_map(|new| {
        let alike = new.without_version();
        let old = stayed().find(|old| old.parent() == new.parent() && old.without_version() == alike)?;
        Some(format!("left {old} beside {new}, which takes its place"))
    })
}

/// The names of the jars in a list, whatever its fields are.
fn jars(list: &str) -> impl Iterator<Item = &str> {
    let fields = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split([',', ' ', '\t']));
    fields
        .map(|field| field.rsplit('/').next().unwrap_or(field))
        .filter(|name| name.ends_with(".jar"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &str) -> BTreeSet<RelPath> {
        names
            .split_whitespace()
            .map(|name| RelPath::new(name).unwrap())
            .collect()
    }

    #[test]
    fn a_list_and_its_jars_belong_together() {
        let line = |version: &str| format!("a.b,{version},../plugins/a.b_{version}.jar,4,true\n");
        let (one, two) = (line("1.0.0"), line("1.0.0.1"));
        let old = "p/a.b_1.0.0.jar";
        let new = "p/a.b_1.0.0.1.jar";
        let table = [
            (one.clone(), two.clone(), old.to_owned(), new.to_owned(), None),
            (one.clone(), one.clone(), old.to_owned(), old.to_owned(), None),
            (
                one.clone(),
                two.clone(),
                old.to_owned(),
                old.to_owned(),
                Some("is not there"),
            ),
            (
                one.clone(),
                two.clone(),
                old.to_owned(),
                format!("{old} {new}"),
                Some("left p/a.b_1.0.0.jar beside p/a.b_1.0.0.1.jar"),
            ),
            (
                one.clone(),
                format!("{one}{two}"),
                old.to_owned(),
                format!("{old} {new}"),
                None,
            ),
            // What was missing before is not the update's fault.
            (
                format!("{one}x,1,../plugins/x_1.jar"),
                format!("{one}x,1,../plugins/x_1.jar"),
                old.to_owned(),
                old.to_owned(),
                None,
            ),
        ];
        let path = RelPath::new("bundles.info").unwrap();
        for (list_before, list_after, before, after, expected) in table {
            let list = List {
                path: &path,
                before: &list_before,
                after: &list_after,
            };
            let found = disagreement(&[list], &files(&before), &files(&after));
            match expected {
                None => assert_eq!(found, None),
                Some(text) => assert!(
                    found.as_ref().is_some_and(|found| found.contains(text)),
                    "{found:?}"
                ),
            }
        }
    }
}
