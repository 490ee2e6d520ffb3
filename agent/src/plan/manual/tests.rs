use super::*;
use crate::api::report::Action;
use crate::config::Policy;
use crate::model::inventory::Mount;
use crate::model::{Class, Entry};
use crate::plan::tests::{Tree, World, file, inventory, rel, release};
use crate::plan::update;
use crate::product::profile::OwnershipRule;

fn tree(files: &[(&str, u8)]) -> Tree {
    let mut tree = Tree::new();
    for (path, content) in files {
        let above: Vec<RelPath> = rel(path).ancestors().collect();
        tree.extend(
            above
                .into_iter()
                .map(|dir| (dir, Entry::Dir { mode: Some(0o755) })),
        );
        tree.insert(rel(path), file(*content));
    }
    tree
}

fn rule(text: &str) -> ManualRule {
    serde_yaml::from_str(&format!("name: step\ntext: Do it.\n{text}")).unwrap()
}

/// The three trees of an update, and what is beside them.
struct Case<'a> {
    base: Option<&'a Tree>,
    current: &'a Tree,
    new: &'a Tree,
    mount: Option<&'a str>,
    present: &'a [&'a str],
    acknowledge: Option<bool>,
    level: &'a str,
}

impl Case<'_> {
    /// The plan of the update with the steps of one rule.
    fn plan(&self, rule: &ManualRule) -> Plan {
        let mut inventory = inventory(self.current);
        inventory.mounts.extend(self.mount.map(|path| Mount {
            path: rel(path),
            read_only: false,
        }));
        let manifest = |tree: &Tree| TreeManifest {
            entries: tree.clone(),
        };
        let (base, new) = (self.base.map(manifest), manifest(self.new));
        let world = World {
            inventory: &inventory,
            policy: &Policy::default(),
            from: release("1"),
            to: release(self.level),
        };
        let ownership = Ownership::new(&[OwnershipRule::new(Class::Vendor, vec!["**".into()])]).unwrap();
        let draft = update::draft(&update::Input {
            common: world.common(Action::Update),
            base: base.as_ref(),
            new: &new,
            ownership: &ownership,
        });
        let plan = draft.finish(&BTreeMap::new(), &BTreeMap::new()).unwrap();
        let input = Input {
            base: base.as_ref(),
            new: &new,
            inventory: &inventory,
            migration: false,
            rules: vec![(rule, self.present.iter().map(|path| rel(path)).collect())],
            acknowledge: self.acknowledge,
        };
        add(plan, &input).unwrap()
    }

    fn paths(&self, text: &str) -> Option<String> {
        let plan = self.plan(&rule(text));
        let step = plan.manual.first()?;
        let paths: Vec<&str> = step.paths.iter().map(RelPath::as_str).collect();
        assert_eq!(step.count, paths.len() as u64);
        Some(paths.join(" "))
    }
}

#[test]
fn every_condition_of_a_rule_must_hold() {
    let base = tree(&[("db/a.sql", 1), ("db/gone.sql", 1), ("db/same.sql", 1), ("x", 1)]);
    let new = tree(&[("db/a.sql", 2), ("db/added.sql", 2), ("db/same.sql", 1), ("x", 2)]);
    let current = tree(&[
        ("db/a.sql", 7),
        ("db/gone.sql", 1),
        ("db/same.sql", 1),
        ("db/own.sql", 7),
        ("x", 1),
        ("srv/y", 1),
    ]);
    let case = Case {
        base: Some(&base),
        current: &current,
        new: &new,
        mount: None,
        present: &["h2.db"],
        acknowledge: None,
        level: "2",
    };
    let changed = "db/a.sql db/added.sql db/gone.sql";
    let table = [
        ("changed: ['db/**']", Some(changed)),
        ("changed: ['db/same.sql', 'none/**']", None),
        (
            "changed: ['db/**']\npresent: [h2.db]",
            Some("db/a.sql db/added.sql db/gone.sql h2.db"),
        ),
        ("changed: ['none/**']\npresent: [h2.db]", None),
        ("extra: ['db/*']", Some("db/own.sql")),
        ("extra: ['web/*']", None),
        ("extra: ['web/*']\nchanged: ['db/**']", None),
        ("mounted: [db]", None),
        ("present: [h2.db]", Some("h2.db")),
    ];
    for (text, expected) in table {
        assert_eq!(case.paths(text).as_deref(), expected, "{text}");
    }
    let absent = Case { present: &[], ..case };
    assert_eq!(absent.paths("changed: ['db/**']\npresent: [h2.db]"), None);
    let unknown = Case { base: None, ..absent };
    // What the operator has stands for what the vendor had.
    assert_eq!(
        unknown.paths("changed: ['db/a*']").as_deref(),
        Some("db/a.sql db/added.sql")
    );
    assert_eq!(unknown.paths("extra: ['db/*']"), None, "whose it is nobody knows");
}

#[test]
fn a_mount_counts_only_if_the_update_writes_to_it() {
    let base = tree(&[("srv/web/a", 1), ("srv/data/b", 1)]);
    let new = tree(&[("srv/web/a", 2), ("srv/data/b", 1)]);
    let on = |mount| Case {
        base: Some(&base),
        current: &base,
        new: &new,
        mount: Some(mount),
        present: &[],
        acknowledge: None,
        level: "2",
    };
    assert_eq!(
        on("srv/web").paths("mounted: ['srv/*']").as_deref(),
        Some("srv/web")
    );
    assert_eq!(on("srv/data").paths("mounted: ['srv/*']"), None);
}

#[test]
fn an_id_names_what_the_vendor_changed_and_nothing_of_the_host() {
    let (base, new, other) = (tree(&[("db/a", 1)]), tree(&[("db/a", 2)]), tree(&[("db/a", 3)]));
    let edited = tree(&[("db/a", 9), ("mine", 1)]);
    let of = |current, new, level, text| {
        let case = Case {
            base: Some(&base),
            current,
            new,
            mount: None,
            present: &["p"],
            acknowledge: None,
            level,
        };
        case.plan(&rule(text)).manual[0].id.clone()
    };
    let delta = "changed: ['db/*']";
    let id = of(&base, &new, "2", delta);
    assert_eq!(
        id,
        of(&edited, &new, "2", delta),
        "the same delta on another host"
    );
    assert_eq!(
        id,
        of(&base, &new, "3", delta),
        "the same delta under another level"
    );
    assert_ne!(id, of(&base, &other, "2", delta));
    assert!(id.starts_with("step-") && id.len() == 17, "{id}");
    let standing = "present: [p]";
    assert_ne!(
        of(&base, &new, "2", standing),
        of(&base, &new, "3", standing),
        "each update is acknowledged"
    );
}

#[test]
fn the_policy_overrules_the_profile_and_a_plan_is_named_with_its_steps() {
    let (base, new) = (tree(&[("db/a", 1)]), tree(&[("db/a", 2)]));
    for (said, policy, expected) in [
        ("false", None, false),
        ("true", None, true),
        ("true", Some(false), false),
        ("false", Some(true), true),
    ] {
        let case = Case {
            base: Some(&base),
            current: &base,
            new: &new,
            mount: None,
            present: &[],
            acknowledge: policy,
            level: "2",
        };
        let with = case.plan(&rule(&format!("changed: ['db/*']\nacknowledge: {said}")));
        let without = case.plan(&rule("changed: ['none']"));
        assert_eq!(with.manual[0].acknowledge, expected, "{said} {policy:?}");
        assert_ne!(with.id, without.id);
    }
}
