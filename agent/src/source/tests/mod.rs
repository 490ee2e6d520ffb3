#![expect(
    clippy::disallowed_methods,
    reason = "tests build their trees with plain calls"
)]

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::model::{Digest, Entry, NoProgress};
use ::tar::EntryType;
use build::{deflated, folder, gzip, link, member, put, stored, tar, tar_file, zip, zstd};

pub(super) mod build;
mod fuzz;
mod hostile;
mod told;

pub(super) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

pub(super) fn open_in(dir: &Path, file: &Path) -> Result<Box<dyn Source>> {
    open(file, &Limits::default(), &dir.join("cache"), &NoProgress)
}

/// Content that no compressor shrinks much, so that it is not taken for a bomb.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

const CONFIG: &[u8] = b"port: 8081\n";

/// The pack that every kind of source holds in these tests.
fn files() -> BTreeMap<RelPath, Vec<u8>> {
    BTreeMap::from([
        (path("bin/run.sh"), b"#!/bin/sh\n".to_vec()),
        (path("conf/config.yaml"), CONFIG.to_vec()),
        (path("empty"), Vec::new()),
        (path("lib/a b.jar"), noise(300_000)),
    ])
}

fn the_zip(dir: &Path) -> PathBuf {
    let files = files();
    let data = |name| files[&path(name)].as_slice();
    let parts = [
        stored("pack-1/conf/config.yaml", data("conf/config.yaml")).described_behind(),
        folder("pack-1/"),
        folder("pack-1/bin/"),
        deflated("pack-1/bin/run.sh", data("bin/run.sh")).unix(0o104_755),
        deflated("pack-1/lib/a b.jar", data("lib/a b.jar")).with(|part| part.zip64 = true),
        link("pack-1/lib/run", "../bin/run.sh"),
        stored("pack-1/empty", b""),
    ];
    put(dir, "pack.zip", &zip(&parts))
}

fn the_tar() -> Vec<u8> {
    let files = files();
    let data = |name| files[&path(name)].as_slice();
    tar(&[
        member(EntryType::Directory, "./", 0o755, "", b""),
        member(EntryType::Directory, "./pack-1/", 0o755, "", b""),
        member(EntryType::Directory, "./pack-1/bin/", 0o755, "", b""),
        member(
            EntryType::Regular,
            "./pack-1/bin/run.sh",
            0o4755,
            "",
            data("bin/run.sh"),
        ),
        tar_file("./pack-1/lib/a b.jar", data("lib/a b.jar")),
        member(
            EntryType::Symlink,
            "./pack-1/lib/run",
            0o777,
            "../bin/run.sh",
            b"",
        ),
        tar_file("./pack-1/conf/config.yaml", data("conf/config.yaml")),
        tar_file("./pack-1/empty", b""),
    ])
}

fn the_directory(dir: &Path) -> PathBuf {
    let root = dir.join("unpacked");
    for (name, data) in files() {
        put(&root, name.as_str(), &data);
    }
    let mode = |name: &str, mode| {
        std::fs::set_permissions(root.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("bin/run.sh", 0o4755);
    mode("bin", 0o755);
    symlink("../bin/run.sh", root.join("lib/run")).unwrap();
    put(&root, ".pitstop/journal", b"not a part of the pack");
    root
}

fn every_kind(dir: &Path) -> Vec<PathBuf> {
    vec![
        the_zip(dir),
        put(dir, "pack.tar", &the_tar()),
        // The content decides, not the name.
        put(dir, "pack.tar.zst", &gzip(&the_tar())),
        put(dir, "pack.tar.gz", &zstd(&the_tar())),
        the_directory(dir),
    ]
}

#[test]
fn every_kind_of_source_has_the_same_manifest_and_content() {
    let dir = tempfile::tempdir().unwrap();
    for file in every_kind(dir.path()) {
        let mut source = open_in(dir.path(), &file).unwrap();
        let manifest = source.manifest(&NoProgress).unwrap();
        let names: Vec<_> = manifest.entries.keys().map(RelPath::as_str).collect();
        let expected = [
            "bin",
            "bin/run.sh",
            "conf",
            "conf/config.yaml",
            "empty",
            "lib",
            "lib/a b.jar",
            "lib/run",
        ];
        assert_eq!(names, expected, "{}", file.display());
        for (path, data) in files() {
            assert_eq!(manifest.entries[&path].sha256(), Some(Digest::of(&data)));
            assert_eq!(manifest.entries[&path].size(), data.len() as u64);
            assert_eq!(source.read(&path, 1 << 20).unwrap(), data);
        }
        assert_eq!(
            manifest.entries["bin/run.sh"].mode(),
            Some(0o755),
            "no set-user-ID"
        );
        assert_eq!(manifest.entries["bin"].mode(), Some(0o755));
        assert_eq!(
            manifest.entries["lib/run"],
            Entry::Symlink {
                target: "../bin/run.sh".into()
            }
        );
        let wanted = BTreeSet::from([path("lib/a b.jar"), path("conf/config.yaml"), path("empty")]);
        let seen = Mutex::new(BTreeMap::new());
        source
            .extract(&wanted, &|path, content| {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes).unwrap();
                let before = seen.lock().unwrap().insert(path.clone(), bytes);
                assert!(before.is_none(), "once");
                Ok(())
            })
            .unwrap();
        let expected: BTreeMap<_, _> = files()
            .into_iter()
            .filter(|(path, _)| wanted.contains(path))
            .collect();
        assert!(seen.into_inner().unwrap() == expected, "{}", file.display());
    }
}

#[test]
fn detection_sees_names_and_heads_of_every_kind() {
    let dir = tempfile::tempdir().unwrap();
    for file in every_kind(dir.path()) {
        let source = open_in(dir.path(), &file).unwrap();
        let names = |of: &str| {
            let mut names = source.names_in(of).unwrap();
            names.retain(|name| name != ".pitstop");
            names.sort_unstable();
            names
        };
        assert_eq!(names(""), ["bin", "conf", "empty", "lib"]);
        assert_eq!(names("lib"), ["a b.jar", "run"]);
        assert!(names("nowhere").is_empty());
        assert!(names("empty").is_empty());
        assert_eq!(
            source.head_of(&path("conf/config.yaml")).unwrap().unwrap(),
            CONFIG
        );
        for none in ["conf", "lib/run", "nowhere", "conf/config.yaml/x"] {
            assert_eq!(source.head_of(&path(none)).unwrap(), None, "{none}");
        }
    }
}

#[test]
fn modes_that_windows_does_not_record_and_folders_that_are_only_implied_have_none() {
    let dir = tempfile::tempdir().unwrap();
    let windows = |part: build::Part| part.with(|part| part.unix = None);
    let file = put(
        dir.path(),
        "w.zip",
        &zip(&[windows(stored("a/x", b"1")), windows(stored("b", b"2"))]),
    );
    let manifest = open_in(dir.path(), &file).unwrap().manifest(&NoProgress).unwrap();
    let modes: Vec<_> = manifest.entries.values().map(Entry::mode).collect();
    assert_eq!(modes, [None, None, None]);
    assert_eq!(manifest.entries["a"], Entry::Dir { mode: None });
}

#[test]
fn a_sink_that_stops_early_or_fails_is_dealt_with() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = files().into_keys().collect();
    for file in every_kind(dir.path()) {
        let mut source = open_in(dir.path(), &file).unwrap();
        let calls = AtomicUsize::new(0);
        source
            .extract(&wanted, &|_, _| {
                calls.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
            .unwrap();
        assert_eq!(calls.into_inner(), wanted.len());
        let failure = source
            .extract(&wanted, &|_, _| Err(Failure::new(ErrorKind::Space, "full")))
            .unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Space);
    }
}

#[test]
fn a_source_that_changes_after_it_was_opened_is_noticed() {
    for n in 0..5 {
        for vanish in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let file = every_kind(dir.path()).swap_remove(n);
            let mut source = open_in(dir.path(), &file).unwrap();
            source.manifest(&NoProgress).unwrap();
            let victim = if file.is_dir() {
                file.join("conf/config.yaml")
            } else {
                file
            };
            let bytes = std::fs::read(&victim).unwrap();
            std::fs::remove_file(&victim).unwrap();
            if !vanish {
                std::fs::write(&victim, bytes).unwrap();
            }
            let wanted = BTreeSet::from([path("conf/config.yaml")]);
            let failure = source.extract(&wanted, &|_, _| Ok(())).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Source, "{n} {vanish}: {failure}");
            assert!(failure.hint.is_some());
        }
    }
}

#[test]
fn what_is_asked_for_but_not_there_or_too_large_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for file in every_kind(dir.path()) {
        let mut source = open_in(dir.path(), &file).unwrap();
        for missing in ["nowhere", "conf"] {
            let failure = source.read(&path(missing), 10).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Source);
            let wanted = BTreeSet::from([path(missing)]);
            let failure = source.extract(&wanted, &|_, _| Ok(())).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Source);
        }
        let failure = source.read(&path("conf/config.yaml"), 3).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Limits);
    }
}

#[test]
fn a_settled_archive_is_remembered_and_a_changed_one_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = put(dir.path(), "p.tar.gz", &gzip(&the_tar()));
    let stamp = |file: &Path| {
        let metadata = std::fs::metadata(file).unwrap();
        Stamp::new(file.to_owned(), StatKey::of(&metadata))
    };
    let manifest = open_in(dir.path(), &file).unwrap().manifest(&NoProgress).unwrap();
    let fresh = Cache::new(&dir.path().join("cache"), &stamp(&file));
    assert!(
        fresh.manifest().is_none(),
        "an archive that was just written may still change"
    );

    let settled = fresh.settled();
    settled.save_manifest(&manifest, Some("pack-1"));
    assert_eq!(settled.manifest(), Some((manifest, Some("pack-1".to_owned()))));
    settled.save_head(&path("a"), b"head");
    assert_eq!(settled.head(&path("a")).unwrap(), b"head");
    assert_eq!(settled.head(&path("b")), None);
    assert!(
        open_in(dir.path(), &file)
            .unwrap()
            .read(&path("conf/config.yaml"), 99)
            .is_ok()
    );

    for entry in std::fs::read_dir(dir.path().join("cache")).unwrap() {
        let entry = entry.unwrap().path();
        let mut bytes = std::fs::read(&entry).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&entry, bytes).unwrap();
    }
    assert!(
        settled.manifest().is_none() && settled.head(&path("a")).is_none(),
        "damaged"
    );

    std::fs::write(&file, gzip(&tar(&[tar_file("x/y", b"z")]))).unwrap();
    assert!(
        Cache::new(&dir.path().join("cache"), &stamp(&file))
            .manifest()
            .is_none()
    );
}

#[test]
fn a_change_in_a_directory_shows_in_its_next_manifest() {
    let dir = tempfile::tempdir().unwrap();
    let root = the_directory(dir.path());
    let first = open_in(dir.path(), &root).unwrap().manifest(&NoProgress).unwrap();
    std::fs::write(root.join("conf/config.yaml"), b"port: 8082\n").unwrap();
    let second = open_in(dir.path(), &root).unwrap().manifest(&NoProgress).unwrap();
    let differ: Vec<_> = first
        .entries
        .iter()
        .filter(|(path, entry)| second.entries[*path] != **entry)
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(differ, ["conf/config.yaml"]);
}

#[test]
fn long_names_and_global_headers_of_tar_are_understood() {
    let deep = format!("p/{}/x", "d".repeat(200));
    let mut builder = ::tar::Builder::new(Vec::new());
    let mut header = ::tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o640);
    // With the GNU extension, which the builder chooses by itself.
    builder
        .append_data(&mut header.clone(), &deep, &b"1"[..])
        .unwrap();
    let other = format!("{deep}y");
    builder
        .append_pax_extensions([("path", other.as_bytes()), ("mtime", b"1.5")])
        .unwrap();
    header.set_path("short").unwrap();
    header.set_cksum();
    builder.append(&header, &b"2"[..]).unwrap();
    let members = builder.into_inner().unwrap();
    let comment = member(
        EntryType::XGlobalHeader,
        "pax_global_header",
        0o666,
        "",
        b"18 comment=abcdef\n",
    );
    let dir = tempfile::tempdir().unwrap();
    let file = put(dir.path(), "t.tar.gz", &gzip(&[comment, members].concat()));
    let mut source = open_in(dir.path(), &file).unwrap();
    let manifest = source.manifest(&NoProgress).unwrap();
    let below = deep.strip_prefix("p/").unwrap();
    let names: Vec<_> = manifest.entries.keys().map(RelPath::as_str).collect();
    assert_eq!(names, ["d".repeat(200), below.to_owned(), format!("{below}y")]);
    assert_eq!(manifest.entries[below].mode(), Some(0o640));
    assert_eq!(source.read(&path(&format!("{below}y")), 9).unwrap(), b"2");
}
