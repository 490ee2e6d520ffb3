//! The plan of an update.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::plan::{Content, Why};
use crate::model::{Class, Entry, RelPath, TreeManifest};
use crate::product::Ownership;

use super::decide::{Base, Case, Decision, decide};
use super::decided::Decided;
use super::draft::{Common, Draft, MergeRequest, Side};

/// What an update is planned from.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// See there.
    pub common: Common<'a>,
    /// The pristine tree at the installed level; `None` if the pack was adopted without it.
    pub base: Option<&'a TreeManifest>,
    /// The pristine tree at the target level.
    pub new: &'a TreeManifest,
    /// The profile's rules.
    pub ownership: &'a Ownership,
}

/// Decides every path of an update.
pub fn draft<'a>(input: &Input<'a>) -> Draft<'a> {
    let replaced = input.base.is_none().then(|| replaceable_names(input));
    let paths: BTreeSet<&RelPath> = input.base.map_or_else(
        || {
            input
                .common
                .inventory
                .entries
                .keys()
                .chain(input.new.entries.keys())
                .collect()
        },
        |base| base.entries.keys().chain(input.new.entries.keys()).collect(),
    );
    let mut decided = BTreeMap::new();
    let mut requests = Vec::new();
    for path in paths {
        let one = decide_path(input, path, replaced.as_ref());
        if one.decision == Decision::Merge {
            requests.push(request(path, &one));
        }
        decided.insert(path.clone(), one);
    }
    let warnings = warnings(input, &decided);
    Draft {
        common: input.common.clone(),
        decided,
        requests,
        warnings,
        remembered: Vec::new(),
    }
}

fn decide_path(input: &Input<'_>, path: &RelPath, replaceable: Option<&BTreeSet<String>>) -> Decided {
    let seen = input.common.inventory.entries.get(path);
    let class = seen.map_or_else(|| input.ownership.class_of(path), |seen| seen.class);
    let known = input.base.and_then(|base| base.entries.get(path));
    let new = input.new.entries.get(path);
    // Of what is never read only its existence is known; for that the vendor's entry stands in.
    let present = || {
        input
            .common
            .inventory
            .present
            .contains(path)
            .then(|| new.or(known))
            .flatten()
    };
    let current = seen.map(|seen| &seen.entry).or_else(present);
    let base = match replaceable {
        None => Base::Known(known),
        Some(names) => Base::Unknown {
            replaced: names.contains(&path.without_version()),
        },
    };
    let mut decision = decide(
        &Case {
            class,
            base,
            current,
            new,
        },
        input.common.policy,
    );
    let is_dir = |entry: Option<&Entry>| matches!(entry, Some(Entry::Dir { .. }));
    // What a script of the product's removed is not brought back.
    if current.is_none() && known.is_some() && input.ownership.is_optional(path) {
        decision = Decision::Keep;
    }
    // What an operator put in a directory's place stays, whether or not the vendor still has the directory.
    let was_dir = is_dir(known) && (new.is_none() || is_dir(new));
    if was_dir && current.is_some() && !is_dir(current) {
        decision = Decision::Keep;
    }
    Decided {
        class,
        decision,
        base: known.cloned(),
        current: current.cloned(),
        new: new.cloned(),
        content: Content::Source,
        owner: None,
        keep_old: false,
        keys: Vec::new(),
    }
}

fn request(path: &RelPath, decided: &Decided) -> MergeRequest {
    let base = decided
        .base
        .as_ref()
        .and_then(Entry::sha256)
        .map_or(Side::Source, Side::Kept);
    MergeRequest {
        path: path.clone(),
        base,
        current: Side::Home,
        new: Side::Source,
    }
}

/// The names, less their versions, of files that the target release adds: an unknown file of such a name is its
/// predecessor.
fn replaceable_names(input: &Input<'_>) -> BTreeSet<String> {
    let added = input.new.entries.iter().filter(|(path, entry)| {
        matches!(entry, Entry::File { .. }) && !input.common.inventory.entries.contains_key(*path)
    });
    added.map(|(path, _)| path.without_version()).collect()
}

fn warnings(input: &Input<'_>, decided: &BTreeMap<RelPath, Decided>) -> Vec<String> {
    let mut warnings = Vec::new();
    if input.base.is_none() {
        let count = |wanted: fn(&Decided) -> bool| decided.values().filter(|one| wanted(one)).count();
        let replaced =
            count(|one| one.class == Class::Vendor && one.decision == Decision::TakeNew(Why::VendorChanged));
        let kept = count(|one| {
            one.class == Class::Vendor
                && one.new.is_none()
                && matches!(one.current, Some(Entry::File { .. }))
                && one.decision == Decision::Keep
        });
        warnings.push(format!(
            "the vendor's original files of level {} are not known: {replaced} vendor files that differ are replaced \
             without telling whether you changed them (the snapshot keeps them), {kept} that the new level does not \
             have are kept; from this update on the originals are known",
            input.common.from.level
        ));
    }
    for name in &input.common.inventory.unreadable_names {
        warnings.push(format!("{name} is not a UTF-8 name; it is left alone"));
    }
    warnings
}
