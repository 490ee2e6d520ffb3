use std::io::Write;

use super::*;
use crate::api::plan::{Content, Why};
use crate::model::{Class, Digest};

fn step(op: FileOp, class: Class) -> FileStep {
    FileStep {
        op,
        path: RelPath::new("x").unwrap(),
        class,
        why: Why::VendorAdded,
        old: None,
        new: Some(Entry::File {
            size: 3,
            sha256: Digest::of(b"new"),
            mode: None,
        }),
        content: Some(Content::Source),
        owner: None,
        mount: None,
        keep_old: false,
    }
}

/// A home in which `x` is staged, and holds something else.
struct Home {
    root: Root,
    step: FileStep,
    _dir: tempfile::TempDir,
}

impl Home {
    fn new(class: Class) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Self {
            root: Root::open(dir.path()).unwrap(),
            step: step(FileOp::Put, class),
            _dir: dir,
        };
        let [old, new] = home.commit().places(&home.step);
        for folder in [&new, &old].map(|path| path.parent().unwrap()) {
            home.root.make_private_dirs(&folder).unwrap();
        }
        home.write(&new, b"new");
        home.write(&home.step.path, b"own");
        home
    }

    fn commit(&self) -> Commit<'_> {
        Commit {
            root: &self.root,
            transaction: "000001-x",
        }
    }

    fn write(&self, path: &RelPath, bytes: &[u8]) {
        self.root.create(path).unwrap().write_all(bytes).unwrap();
    }

    fn read(&self, path: &RelPath) -> Option<String> {
        self.root.stat(path).unwrap()?;
        Some(String::from_utf8(self.root.read(path, 9).unwrap()).unwrap())
    }

    /// What is at the path, among the old files, and among the staged ones.
    fn state(&self) -> [Option<String>; 3] {
        let [old, new] = self.commit().places(&self.step);
        [&self.step.path, &old, &new].map(|path| self.read(path))
    }

    fn forward(&self) -> [Option<String>; 3] {
        self.commit().forward(&self.step).unwrap();
        self.state()
    }

    fn backward(&self) -> [Option<String>; 3] {
        self.commit().backward(&self.step).unwrap();
        self.state()
    }
}

fn holding(texts: [&str; 3]) -> [Option<String>; 3] {
    texts.map(|text| (!text.is_empty()).then(|| text.to_owned()))
}

/// Somebody wrote `x` after it was planned to be put where nothing was. What is there after the commit and after
/// its inverse.
fn committed_and_undone(class: Class) -> [String; 2] {
    let home = Home::new(class);
    let [forward, ..] = home.forward();
    let [backward, ..] = home.backward();
    [forward, backward].map(Option::unwrap)
}

#[test]
fn a_directory_may_stay_only_where_nothing_needs_its_place() {
    let filled = io::Error::from(io::ErrorKind::DirectoryNotEmpty);
    let table = [
        (&[FileOp::RemoveDir][..], true),
        (&[FileOp::MakeDir], true),
        (&[FileOp::RemoveDir, FileOp::Put], false),
        (&[FileOp::Put], false),
    ];
    for (ops, expected) in table {
        let files: Vec<FileStep> = ops.iter().map(|op| step(*op, Class::Vendor)).collect();
        assert_eq!(may_stay(&filled, &files[0], &files), expected, "{ops:?}");
        let refused = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(!may_stay(&refused, &files[0], &files), "{ops:?}");
    }
}

#[test]
fn a_file_that_came_meanwhile_is_never_lost() {
    assert_eq!(committed_and_undone(Class::Customer), ["own", "own"]);
    assert_eq!(committed_and_undone(Class::Generated), ["new", "own"]);
}

#[test]
fn from_wherever_a_replacement_was_left_it_goes_on_and_back() {
    let [there, back] = [["new", "own", ""], ["own", "", "new"]].map(holding);
    /// What was done when it was left.
    type Left = fn(&Home, &RelPath, &RelPath, &RelPath);
    let table: [(&str, Left); 4] = [
        ("nothing", |_, _, _, _| {}),
        ("set aside", |home, path, old, _| {
            home.root.link(path, old).unwrap()
        }),
        ("moved aside", |home, path, old, _| {
            home.root.rename(path, old).unwrap()
        }),
        ("done", |home, path, old, new| {
            home.root.link(path, old).unwrap();
            home.root.rename_over(new, path).unwrap();
        }),
    ];
    for (name, left) in table {
        let begun = || {
            let home = Home::new(Class::Vendor);
            let [old, new] = home.commit().places(&home.step);
            left(&home, &home.step.path, &old, &new);
            home
        };
        assert_eq!(
            [begun().forward(), begun().backward()],
            [there.clone(), back.clone()],
            "{name}"
        );
    }
    // The way back was left when what was put had a second name among the staged files.
    let home = Home::new(Class::Vendor);
    home.forward();
    let [_, new] = home.commit().places(&home.step);
    home.root.link(&home.step.path, &new).unwrap();
    assert_eq!([home.backward(), home.backward()], [back.clone(), back]);
}

#[test]
fn what_somebody_put_in_the_place_of_a_file_that_was_set_aside_is_not_replaced() {
    let home = Home::new(Class::Vendor);
    let [old, _] = home.commit().places(&home.step);
    home.root.rename(&home.step.path, &old).unwrap();
    home.write(&home.step.path, b"came");
    assert!(home.commit().forward(&home.step).is_err());
    assert_eq!(home.state(), holding(["came", "own", "new"]));
}
