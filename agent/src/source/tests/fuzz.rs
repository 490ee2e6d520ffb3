//! Whatever the bytes are: no panic, and no manifest with a path or a link that leads out.

use proptest::prelude::*;

use super::*;
use crate::source::listing::{check_target, plain_name};

fn survives(bytes: &[u8]) -> std::result::Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let file = put(dir.path(), "archive", bytes);
    let limits = Limits {
        entries: 1000,
        total_bytes: 8 << 20,
        file_bytes: 8 << 20,
        ratio: 200,
    };
    let Ok(mut source) = open(&file, &limits, &dir.path().join("cache"), &NoProgress) else {
        return Ok(());
    };
    let Ok(manifest) = source.manifest(&NoProgress) else {
        return Ok(());
    };
    for (path, entry) in &manifest.entries {
        let same = plain_name(path.as_str().as_bytes()) == Ok(Some(path.clone()));
        prop_assert!(same, "{path:?}");
        for above in path.ancestors() {
            let is_dir = matches!(manifest.entries.get(&above), Some(Entry::Dir { .. }));
            prop_assert!(is_dir, "{above} of {path}");
        }
        match entry {
            Entry::Symlink { target } => prop_assert_eq!(check_target(path, target), Ok(())),
            Entry::File { size, sha256, .. } => {
                let bytes = source.read(path, *size).unwrap();
                prop_assert_eq!(Digest::of(&bytes), *sha256);
            }
            Entry::Dir { .. } => {}
        }
    }
    Ok(())
}

fn valid() -> Vec<Vec<u8>> {
    let small = [
        folder("p/"),
        stored("p/a", b"one").described_behind(),
        deflated("p/b/c", b"two two two two"),
        deflated("p/b/d", b"three").with(|part| part.zip64 = true),
        link("p/b/l", "../a"),
    ];
    let members = [
        member(EntryType::Directory, "p/", 0o755, "", b""),
        tar_file("p/a", b"one"),
        tar_file("p/b/c", b"two"),
        member(EntryType::Symlink, "p/b/l", 0o777, "../a", b""),
    ];
    let tar = tar(&members);
    vec![zip(&small), gzip(&tar), zstd(&tar), tar]
}

/// Overwrites, inserts and removes bytes.
fn mutate(bytes: &mut Vec<u8>, changes: &[(usize, u8, u8)]) {
    for &(at, value, how) in changes {
        let at = at % bytes.len().max(1);
        match how % 8 {
            0 => bytes.insert(at.min(bytes.len()), value),
            1 if !bytes.is_empty() => drop(bytes.remove(at)),
            2 => bytes.truncate(at.max(4)),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
        }
    }
}

/// A tar header stays readable only if its check sum is right again.
fn repair_tar(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512) {
        if block[257..262] == *b"ustar" {
            let mut header = ::tar::Header::new_old();
            header.as_mut_bytes().copy_from_slice(block);
            header.set_cksum();
            block.copy_from_slice(header.as_bytes());
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_behind_every_magic(
        magic in prop::sample::select(vec![&b"PK\x03\x04"[..], b"PK\x05\x06", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b""]),
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        survives(&[magic, &bytes].concat())?;
    }

    #[test]
    fn random_changes_to_valid_archives(
        which in 0_usize..4,
        changes in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = valid().swap_remove(which);
        mutate(&mut bytes, &changes);
        survives(&bytes)?;
    }

    #[test]
    fn random_changes_to_tar_headers_with_right_check_sums(
        changes in prop::collection::vec((0_usize..2048, any::<u8>()), 1..8),
        packing in 0_u8..3,
    ) {
        let mut bytes = valid().swap_remove(3);
        for (at, value) in changes {
            bytes[at] = value;
        }
        repair_tar(&mut bytes);
        let bytes = match packing { 0 => bytes, 1 => gzip(&bytes), _ => zstd(&bytes) };
        survives(&bytes)?;
    }

    #[test]
    fn random_names_in_well_formed_archives(
        names in prop::collection::vec("(\\./|/|[ab]/){0,2}(\\.\\.|[aAb\\\\:.]{1,3})/?", 1..6),
        targets in prop::collection::vec("(\\.\\./|a/|/){0,3}[ab.]{0,2}", 6),
    ) {
        let mut parts: Vec<_> = names.iter().map(|name| stored(name, b"x")).collect();
        for (part, target) in parts.iter_mut().zip(&targets).step_by(2) {
            *part = link(&String::from_utf8_lossy(&part.name), target);
        }
        survives(&zip(&parts))?;
    }
}
