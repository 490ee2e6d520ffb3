//! Whole plans over random trees, carried out on a model of a file system that is as strict as a real one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;

use super::rollback::{self, Undone};
use super::update::{self, Input};
use super::{Common, MergeOutcome};
use crate::api::plan::{Content, FileOp, FileStep, Owner, Plan};
use crate::api::report::Action;
use crate::config::{OnBoth, Policy};
use crate::model::inventory::{Inventory, Mount, Seen};
use crate::model::{Class, Digest, Entry, Level, RelPath, Release, TreeManifest};
use crate::product::Ownership;
use crate::product::profile::{DiskRule, OwnershipRule};

pub(super) type Tree = BTreeMap<RelPath, Entry>;

pub(super) fn rel(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

pub(super) fn file(content: u8) -> Entry {
    Entry::File {
        size: 1,
        sha256: Digest::of(&[content]),
        mode: Some(0o644),
    }
}

/// Files at random places; their directories follow. Names clash on purpose: a file in one tree is a directory in
/// another.
fn any_tree() -> impl Strategy<Value = Tree> {
    let path = proptest::collection::vec("[ab]", 1..4).prop_map(|parts| parts.join("/"));
    proptest::collection::btree_map(path, b'x'..b'z', 0..8).prop_map(|files| {
        let mut tree = Tree::new();
        for (path, content) in files {
            let path = rel(&path);
            let blocked = path
                .ancestors()
                .any(|above| matches!(tree.get(&above), Some(Entry::File { .. })));
            if blocked || tree.contains_key(&path) {
                continue;
            }
            tree.extend(
                path.ancestors()
                    .map(|above| (above, Entry::Dir { mode: Some(0o755) })),
            );
            tree.insert(path, file(content));
        }
        tree
    })
}

/// Base, current and new: mostly alike, as releases are.
fn any_sides() -> impl Strategy<Value = (Tree, Tree, Tree)> {
    let mix = |a: Tree, b: Tree, pick: Vec<bool>| -> Tree {
        let mut mixed = Tree::new();
        let picked = a
            .iter()
            .zip(pick.iter().cycle())
            .filter(|(_, pick)| **pick)
            .map(|(one, _)| one);
        for (path, entry) in picked.chain(&b) {
            let above: Vec<RelPath> = path.ancestors().collect();
            let blocked = above
                .iter()
                .any(|dir| matches!(mixed.get(dir), Some(Entry::File { .. })));
            if !blocked && !mixed.contains_key(path) {
                mixed.extend(
                    above
                        .into_iter()
                        .map(|dir| (dir, Entry::Dir { mode: Some(0o755) })),
                );
                mixed.insert(path.clone(), entry.clone());
            }
        }
        mixed
    };
    let picks = || proptest::collection::vec(any::<bool>(), 1..9);
    (any_tree(), any_tree(), any_tree(), picks(), picks()).prop_map(move |(base, a, b, pick_a, pick_b)| {
        (base.clone(), mix(base.clone(), a, pick_a), mix(base, b, pick_b))
    })
}

pub(super) fn inventory(tree: &Tree) -> Inventory {
    let owner = Owner { uid: 7, gid: 8 };
    let seen = |entry: &Entry| Seen {
        entry: entry.clone(),
        class: Class::Vendor,
        owner,
    };
    let mut names: BTreeMap<RelPath, Vec<String>> = BTreeMap::new();
    for (path, entry) in tree {
        if matches!(entry, Entry::Dir { .. }) {
            names.entry(path.clone()).or_default();
        }
        if let Some(parent) = path.parent() {
            names.entry(parent).or_default().push(path.file_name().to_owned());
        }
    }
    Inventory {
        entries: tree
            .iter()
            .map(|(path, entry)| (path.clone(), seen(entry)))
            .collect(),
        names,
        home_owner: Some(owner),
        ..Inventory::default()
    }
}

pub(super) fn release(level: &str) -> Release {
    Release {
        product: "p".into(),
        level: Level::new(level),
        tree: Some(Digest::of(level.as_bytes())),
    }
}

fn ownership() -> Ownership {
    Ownership::new(&[OwnershipRule::new(Class::Vendor, vec!["**".into()])]).unwrap()
}

pub(super) struct World<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) policy: &'a Policy,
    pub(super) from: Release,
    pub(super) to: Release,
}

impl World<'_> {
    pub(super) fn common(&self, action: Action) -> Common<'_> {
        Common {
            action,
            instance: "a",
            home: Path::new("/srv/a"),
            from: &self.from,
            to: &self.to,
            inventory: self.inventory,
            policy: self.policy,
            restart: false,
            stop_timeout_s: 1,
            start_timeout_s: 1,
            hooks: &[],
            disk: DiskRule::default(),
        }
    }
}

/// The vendor wins wherever a person would be asked, as far as there is a policy for it.
fn take_new() -> Policy {
    Policy {
        binary: OnBoth::TakeNew,
        deleted: OnBoth::TakeNew,
        ..Policy::default()
    }
}

fn plan_update(base: &Tree, current: &Tree, new: &Tree, policy: &Policy) -> Plan {
    let inventory = inventory(current);
    let world = World {
        inventory: &inventory,
        policy,
        from: release("1"),
        to: release("2"),
    };
    let (base, new) = (
        TreeManifest {
            entries: base.clone(),
        },
        TreeManifest { entries: new.clone() },
    );
    let ownership = ownership();
    let input = Input {
        common: world.common(Action::Update),
        base: Some(&base),
        new: &new,
        ownership: &ownership,
    };
    let draft = update::draft(&input);
    let outcomes = draft
        .merges()
        .iter()
        .map(|request| (request.path.clone(), MergeOutcome::NotText))
        .collect();
    draft.finish(&outcomes, &BTreeMap::new()).unwrap()
}

fn plan_rollback(update: &Plan, current: &Tree) -> Plan {
    let (inventory, policy) = (inventory(current), Policy::default());
    let world = World {
        inventory: &inventory,
        policy: &policy,
        from: release("2"),
        to: release("1"),
    };
    let undone = [Undone {
        transaction: "000001-x".into(),
        plan: update.clone(),
    }];
    let draft = rollback::draft(&world.common(Action::Rollback), &undone);
    assert!(
        draft.merges().is_empty(),
        "nothing was edited meanwhile: {:?}",
        draft.merges()
    );
    draft.finish(&BTreeMap::new(), &BTreeMap::new()).unwrap()
}

/// Carries out steps; panics where a real file system would refuse.
fn carry_out(tree: &mut Tree, steps: &[FileStep]) {
    for step in steps {
        let path = &step.path;
        let is_dir = |entry: Option<&Entry>| matches!(entry, Some(Entry::Dir { .. }));
        let parent_is_dir = path.parent().is_none_or(|parent| is_dir(tree.get(&parent)));
        let has_children = tree
            .keys()
            .any(|other| other != path && other.is_at_or_below(path));
        match step.op {
            FileOp::Remove => {
                assert!(
                    tree.contains_key(path) && !is_dir(tree.get(path)),
                    "remove {path}"
                );
                tree.remove(path);
            }
            FileOp::RemoveDir => {
                assert!(is_dir(tree.get(path)) && !has_children, "rmdir {path}");
                tree.remove(path);
            }
            FileOp::MakeDir => {
                assert!(parent_is_dir && !tree.contains_key(path), "mkdir {path}");
                tree.insert(path.clone(), step.new.clone().unwrap());
            }
            FileOp::Put => {
                assert!(parent_is_dir && !is_dir(tree.get(path)), "put {path}");
                tree.insert(path.clone(), step.new.clone().unwrap());
            }
            FileOp::SetMode => {
                assert!(tree.contains_key(path), "chmod {path}");
                tree.insert(path.clone(), step.new.clone().unwrap());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn a_plan_can_be_carried_out_leads_to_the_new_release_and_back((base, current, new) in any_sides()) {
        let plan = plan_update(&base, &current, &new, &take_new());
        prop_assume!(plan.conflicts.is_empty());
        let mut tree = current.clone();
        carry_out(&mut tree, &plan.files);
        let content = |tree: &Tree, path: &RelPath| tree.get(path).and_then(Entry::sha256);
        let paths: BTreeSet<&RelPath> = base.keys().chain(new.keys()).chain(current.keys()).collect();
        for path in paths {
            let vendor_changed = content(&base, path) != content(&new, path);
            let expected = if vendor_changed { content(&new, path) } else { content(&current, path) };
            let replaced_by_dir = matches!(tree.get(path), Some(Entry::Dir { .. }));
            prop_assert!(content(&tree, path) == expected || replaced_by_dir, "{path} in {plan:?}");
        }
        let back = plan_rollback(&plan, &tree);
        carry_out(&mut tree, &back.files);
        prop_assert_eq!(tree, current);
    }

    #[test]
    fn a_plan_to_what_is_there_changes_nothing((base, _, _) in any_sides()) {
        prop_assert_eq!(plan_update(&base, &base, &base, &Policy::default()).files, vec![]);
    }

    #[test]
    fn the_same_sides_give_the_same_id_and_others_another((base, current, new) in any_sides()) {
        let plan = plan_update(&base, &current, &new, &Policy::default());
        prop_assert_eq!(&plan.id, &plan_update(&base, &current, &new, &Policy::default()).id);
        let mut other = current.clone();
        other.insert(rel("zz"), file(b'!'));
        prop_assert_ne!(&plan.id, &plan_update(&base, &other, &new, &Policy::default()).id);
    }
}

pub(super) fn tree(entries: &[(&str, Entry)]) -> Tree {
    entries
        .iter()
        .map(|(path, entry)| (rel(path), entry.clone()))
        .collect()
}

fn finish_with(inventory: &Inventory, base: &Tree, new: &Tree) -> crate::api::Result<Plan> {
    let policy = Policy::default();
    let world = World {
        inventory,
        policy: &policy,
        from: release("1"),
        to: release("2"),
    };
    let (base, new) = (
        TreeManifest {
            entries: base.clone(),
        },
        TreeManifest { entries: new.clone() },
    );
    let ownership = ownership();
    let input = Input {
        common: world.common(Action::Update),
        base: Some(&base),
        new: &new,
        ownership: &ownership,
    };
    update::draft(&input).finish(&BTreeMap::new(), &BTreeMap::new())
}

#[test]
fn changes_behind_links_and_on_mounts_are_refused_or_placed() {
    use crate::api::ErrorKind;
    let dir = Entry::Dir { mode: Some(0o755) };
    let base = tree(&[("d", dir.clone()), ("d/f", file(b'1'))]);
    let new = tree(&[("d", dir), ("d/f", file(b'2'))]);
    let mounted = |path: &str, read_only| {
        let mut inventory = inventory(&base);
        inventory.mounts = vec![Mount {
            path: rel(path),
            read_only,
        }];
        inventory
    };
    let plan = finish_with(&mounted("d", false), &base, &new).unwrap();
    assert_eq!(plan.files[0].mount, Some(rel("d")));
    assert_eq!(plan.files[0].content, Some(Content::Source));
    assert_eq!(
        finish_with(&mounted("d", true), &base, &new).unwrap_err().kind,
        ErrorKind::ReadOnly
    );
    assert_eq!(
        finish_with(&mounted("d/f", false), &base, &new).unwrap_err().kind,
        ErrorKind::Mount
    );
    let mut linked = inventory(&base);
    linked.entries.get_mut("d").unwrap().entry = Entry::Symlink {
        target: "/elsewhere".into(),
    };
    assert_eq!(
        finish_with(&linked, &base, &new).unwrap_err().kind,
        ErrorKind::Mount
    );
}

#[test]
fn a_file_that_came_where_an_update_removed_one_is_kept_by_a_rollback() {
    let shipped = tree(&[("x", file(b'x'))]);
    let update = plan_update(&shipped, &shipped, &Tree::new(), &Policy::default());
    let back = plan_rollback(&update, &tree(&[("x", file(b'y'))]));
    let [step] = &back.files[..] else {
        panic!("{:?}", back.files)
    };
    assert_eq!((step.op, &step.new), (FileOp::Put, &Some(file(b'x'))));
    assert!(step.keep_old);
    assert!(back.warnings[0].contains("kept aside"), "{:?}", back.warnings);
}
