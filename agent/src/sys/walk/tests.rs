#![expect(
    clippy::disallowed_methods,
    reason = "tests build their trees with plain calls"
)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use nix::unistd::mkfifo;

use super::*;

fn paths<T>(walked: &Walked<T>) -> Vec<&str> {
    walked.found.iter().map(|found| found.path.as_str()).collect()
}

fn tree(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    dir
}

#[test]
fn everything_is_found_once_sorted_and_no_link_is_followed() {
    let dir = tree(&["a/b/c.txt", "a/b.txt", "a-b", "z"]);
    let outside = tree(&["secret"]);
    symlink(outside.path(), dir.path().join("a/out")).unwrap();
    symlink("missing", dir.path().join("dangling")).unwrap();
    mkfifo(&dir.path().join("pipe"), Mode::S_IRUSR).unwrap();
    fs::set_permissions(dir.path().join("z"), fs::Permissions::from_mode(0o4750)).unwrap();

    let walked = walk(dir.path(), &Everything).unwrap();

    let expected = [
        "a",
        "a-b",
        "a/b",
        "a/b.txt",
        "a/b/c.txt",
        "a/out",
        "dangling",
        "pipe",
        "z",
    ];
    assert_eq!(paths(&walked), expected);
    let kind = |path: &str| &walked.found[expected.iter().position(|p| *p == path).unwrap()].kind;
    assert_eq!(*kind("a"), FoundKind::Dir);
    assert_eq!(*kind("pipe"), FoundKind::Other);
    assert_eq!(*kind("dangling"), FoundKind::Symlink("missing".into()));
    let z = walked.found.last().unwrap();
    let real = fs::metadata(dir.path().join("z")).unwrap();
    assert_eq!((z.mode, z.nlink, z.key), (0o4750, 1, StatKey::of(&real)));
    assert_eq!(walked.mounts().count(), 0);
}

#[test]
fn many_directories_are_all_read_by_all_threads() {
    let names: Vec<String> = (0..2000)
        .map(|n| format!("d{}/e{}/f{n}", n % 7, n % 131))
        .collect();
    let dir = tree(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let walked = walk(dir.path(), &Everything).unwrap();
    let mut files: Vec<_> = names.iter().map(String::as_str).collect();
    files.sort_unstable();
    let found: Vec<_> = walked
        .found
        .iter()
        .filter(|f| f.kind == FoundKind::File)
        .map(|f| f.path.as_str())
        .collect();
    assert_eq!(found, files);
    assert!(walked.found.is_sorted_by(|a, b| a.path < b.path));
}

#[test]
fn names_and_link_texts_that_are_not_utf8_are_told_apart() {
    let dir = tree(&["sub/ok"]);
    fs::write(dir.path().join("sub").join(OsStr::from_bytes(b"caf\xe9")), "").unwrap();
    symlink(OsStr::from_bytes(b"\xff"), dir.path().join("link")).unwrap();
    let walked = walk(dir.path(), &Everything).unwrap();
    assert_eq!(paths(&walked), ["sub", "sub/ok"]);
    assert_eq!(walked.not_utf8, ["link", "sub/caf\u{fffd}"]);
}

/// Does not look into `state`, reports `data` without what is in it, and counts the depth.
struct Choosy;

impl Guide for Choosy {
    type At = usize;
    type Tag = usize;

    fn root(&self) -> usize {
        0
    }

    fn dir(&self, at: &usize, name: &str) -> Visit<usize, usize> {
        match name {
            "state" => Visit::Skip,
            "data" => Visit::Report(*at),
            _ => Visit::Enter(at + 1, *at),
        }
    }

    fn leaf(&self, at: &usize, name: &str) -> Option<usize> {
        (name != "core").then_some(*at)
    }
}

#[test]
fn the_guide_decides_what_is_seen_and_entered() {
    let dir = tree(&["state/x", "data/x", "lib/deep/x", "core", "lib/core"]);
    fs::set_permissions(dir.path().join("state"), fs::Permissions::from_mode(0o000)).unwrap();
    let walked = walk(dir.path(), &Choosy).unwrap();
    let tags: Vec<_> = walked.found.iter().map(|f| (f.path.as_str(), f.tag)).collect();
    assert_eq!(
        tags,
        [("data", 0), ("lib", 0), ("lib/deep", 1), ("lib/deep/x", 2)]
    );
}

#[test]
fn a_root_that_cannot_be_read_is_named() {
    let dir = tree(&["file"]);
    for name in ["missing", "file"] {
        let failure = walk(&dir.path().join(name), &Everything).unwrap_err();
        assert_eq!(failure.path.unwrap(), dir.path().join(name));
    }
}

/// Reports what lies directly in the root.
struct Shallow;

impl Guide for Shallow {
    type At = ();
    type Tag = ();

    fn root(&self) {}

    fn dir(&self, (): &(), _: &str) -> Visit<(), ()> {
        Visit::Report(())
    }

    fn leaf(&self, (): &(), _: &str) -> Option<()> {
        None
    }
}

#[test]
fn a_mount_shows_by_its_device() {
    let walked = walk(Path::new("/"), &Shallow).unwrap();
    assert!(walked.mounts().any(|found| found.path.as_str() == "proc"));
}
