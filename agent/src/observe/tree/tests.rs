#![expect(
    clippy::disallowed_methods,
    reason = "tests build their trees with plain calls"
)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use proptest::prelude::*;

use super::*;
use crate::model::{Digest, NoProgress};
use crate::product::profile::OwnershipRule;
use crate::sys::last_scan::LastScan;

/// What somebody does to a tree between two scans.
#[derive(Debug, Clone)]
enum Deed {
    Write(&'static str, u8),
    /// The same size, and the times put back.
    Forge(&'static str, u8),
    Chmod(&'static str, u32),
    Remove(&'static str),
    Move(&'static str, &'static str),
    Link(&'static str, &'static str),
    Dir(&'static str),
    Chown(&'static str, u32),
}

const PATHS: &[&str] = &[
    "a",
    "b",
    "d",
    "d/a",
    "d/new",
    "d/e",
    "d/e/a",
    "d/e/l",
    "s",
    "s/a",
    "c/mixed.conf",
    "c/own",
];

fn deed() -> impl Strategy<Value = Deed> {
    let path = || proptest::sample::select(PATHS);
    prop_oneof![
        (path(), 0..3_u8).prop_map(|(path, content)| Deed::Write(path, content)),
        (path(), 0..3_u8).prop_map(|(path, content)| Deed::Forge(path, content)),
        (path(), prop_oneof![Just(0o755), Just(0o644), Just(0o700)]).prop_map(|(p, m)| Deed::Chmod(p, m)),
        path().prop_map(Deed::Remove),
        (path(), path()).prop_map(|(from, to)| Deed::Move(from, to)),
        (path(), path()).prop_map(|(path, target)| Deed::Link(path, target)),
        path().prop_map(Deed::Dir),
        (path(), 0..2_u32).prop_map(|(path, owner)| Deed::Chown(path, owner)),
    ]
}

impl Deed {
    /// Does it if it can be done.
    fn run(&self, home: &Path) {
        let at = |path: &str| home.join(path);
        let _ = match self {
            Self::Write(path, content) => fs::write(at(path), [*content; 5]),
            Self::Forge(path, content) => forge(&at(path), *content),
            Self::Chmod(path, mode) => fs::set_permissions(at(path), fs::Permissions::from_mode(*mode)),
            Self::Remove(path) => fs::remove_file(at(path)).or_else(|_| fs::remove_dir_all(at(path))),
            Self::Move(from, to) => fs::rename(at(from), at(to)),
            Self::Link(path, target) => symlink(target, at(path)),
            Self::Dir(path) => fs::create_dir(at(path)),
            Self::Chown(path, owner) => std::os::unix::fs::lchown(at(path), Some(*owner), None),
        };
    }
}

fn forge(path: &Path, content: u8) -> std::io::Result<()> {
    let before = fs::metadata(path)?;
    fs::write(path, [content; 5])?;
    let times = fs::FileTimes::new().set_modified(before.modified()?);
    fs::File::options().write(true).open(path)?.set_times(times)
}

fn build(home: &Path) {
    for dir in ["d/e", "s", "c"] {
        fs::create_dir_all(home.join(dir)).unwrap();
    }
    for file in ["a", "d/a", "d/e/a", "s/a", "c/mixed.conf", "c/own"] {
        fs::write(home.join(file), [1; 5]).unwrap();
    }
    symlink("../a", home.join("d/e/l")).unwrap();
}

fn rules() -> Ownership {
    let rule = |class, path: &str| OwnershipRule::new(class, vec![path.to_owned()]);
    Ownership::new(&[
        rule(Class::State, "s/**"),
        rule(Class::Config, "c/*.conf"),
        rule(Class::Customer, "c/**"),
        rule(Class::Vendor, "**"),
    ])
    .unwrap()
}

/// Files on a local file system: elsewhere, no scan is kept.
fn local_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Waits until whatever happens next has other times than whatever happened before.
fn let_the_clock_tick(folder: &Path) {
    let probe = folder.join("probe");
    let touched = || {
        fs::write(&probe, "").unwrap();
        let found = fs::metadata(&probe).unwrap();
        (found.ctime(), found.ctime_nsec())
    };
    let before = touched();
    while touched() == before {}
}

fn manifest(inventory: &Inventory) -> TreeManifest {
    let entries = inventory.entries.iter();
    TreeManifest {
        entries: entries
            .map(|(path, seen)| (path.clone(), seen.entry.clone()))
            .collect(),
    }
}

/// A home with a kept scan of it.
struct Kept {
    folder: tempfile::TempDir,
    root: Root,
    ownership: Ownership,
    last: LastScan,
    inventory: Inventory,
}

impl Kept {
    fn new() -> Self {
        let folder = local_folder();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        build(&home);
        let_the_clock_tick(folder.path());
        let mut kept = Self {
            root: Root::open(&home).unwrap(),
            ownership: rules(),
            last: LastScan::new(folder.path().join("scan"), Digest::of(b"premise")),
            inventory: Inventory::default(),
            folder,
        };
        // As if it were much later: what changed just now is not kept.
        let (inventory, trace) = kept.scan(now_ns() + 60_000_000_000);
        kept.last.save(&trace.unwrap(), b"found").unwrap();
        kept.inventory = inventory;
        let_the_clock_tick(kept.folder.path());
        kept
    }

    fn scan(&self, now_ns: i64) -> (Inventory, Option<Trace>) {
        let cache = self.folder.path().join("digests");
        let scan = Scan {
            root: &self.root,
            ownership: &self.ownership,
            cache: &cache,
            deep: false,
            progress: &NoProgress,
        };
        scan.traced_at(now_ns).unwrap()
    }

    fn holds(&self) -> bool {
        self.last.finding(&self.root).is_some()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn while_the_last_scan_holds_a_new_one_finds_the_same(deeds in proptest::collection::vec(deed(), 0..4)) {
        let kept = Kept::new();
        for deed in &deeds {
            deed.run(kept.root.path());
        }
        let holds = kept.holds();
        let (now, _) = kept.scan(now_ns());
        let drift = drift(&manifest(&kept.inventory), &now, &kept.ownership);
        prop_assert!(!holds || now == kept.inventory, "{:?}", now);
        prop_assert!(!holds || drift == Drift::default(), "{:?}", drift);
        prop_assert!(holds || !deeds.is_empty());
    }
}

#[test]
fn each_deviation_ends_the_last_scan_and_what_nobody_observes_does_not() {
    let ends = [
        Deed::Write("a", 2),
        Deed::Forge("d/e/a", 2),
        Deed::Chmod("d/a", 0o600),
        Deed::Chmod("d/e", 0o700),
        Deed::Remove("d/e/a"),
        Deed::Remove("d/e/l"),
        Deed::Write("d/new", 1),
        Deed::Link("c/more", "mixed.conf"),
        Deed::Move("d", "f"),
        Deed::Dir("f"),
        Deed::Write("c/mixed.conf", 2),
    ];
    for deed in ends {
        let kept = Kept::new();
        assert!(kept.holds());
        deed.run(kept.root.path());
        assert!(!kept.holds(), "{deed:?}");
    }
    for deed in [
        Deed::Write("s/new", 1),
        Deed::Write("c/own", 2),
        Deed::Remove("s/a"),
    ] {
        let kept = Kept::new();
        deed.run(kept.root.path());
        assert!(kept.holds(), "{deed:?}");
    }
}

#[test]
fn a_scan_right_after_a_change_is_not_kept_and_a_damaged_or_foreign_one_is_none() {
    let kept = Kept::new();
    assert!(kept.scan(now_ns()).1.is_none());
    let file = kept.folder.path().join("scan");
    let other = LastScan::new(file.clone(), Digest::of(b"other premise"));
    assert_eq!(other.finding(&kept.root), None);
    let good = fs::read(&file).unwrap();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&file, bytes).unwrap();
        assert!(!kept.holds(), "byte {at}");
    }
    fs::write(&file, &good[..good.len() / 2]).unwrap();
    assert!(!kept.holds());
    fs::write(&file, &good).unwrap();
    assert_eq!(kept.last.finding(&kept.root).unwrap(), b"found");
}
