//! Archives as tools make them, and what is none.

use super::archive::{Archive, Entry, PARAMS, Packing, archive, entry, zlib};
use super::{delta_of, noise, prose};

const ZLIB: Packing = Packing::Zlib(0);

/// More than enough for a delta that only says what changed, far less than any entry.
const SMALL: usize = 700;

fn entries(packing: Packing) -> Vec<Entry> {
    (0..6)
        .map(|number| entry(&format!("a/{number}.class"), &prose(20_000, number), packing))
        .collect()
}

/// The entries, one of them with a few other bytes, and all of them later.
fn changed(entries: &[Entry]) -> Vec<Entry> {
    let mut entries = entries.to_vec();
    for entry in &mut entries {
        entry.time += 77;
    }
    entries[2].content.splice(9000..9003, *b"changed");
    entries
}

#[test]
fn every_form_of_an_archive_is_told_by_its_entries() {
    let text = b"UT\x05\x00\x03\x00\x00\x00\x00".to_vec();
    type Change = Box<dyn Fn(&mut Archive)>;
    let each = |change: fn(&mut Entry)| -> Change {
        Box::new(move |archive| archive.entries.iter_mut().for_each(change))
    };
    let table: Vec<(&str, Change)> = vec![
        ("plain", Box::new(|_| {})),
        ("stored", each(|entry| entry.packing = Packing::Stored)),
        (
            "signed descriptors",
            each(|entry| entry.descriptor = Some((true, false))),
        ),
        (
            "descriptors",
            each(|entry| entry.descriptor = Some((false, false))),
        ),
        (
            "wide descriptors",
            each(|entry| entry.descriptor = Some((true, true))),
        ),
        (
            "wide unsigned descriptors",
            each(|entry| entry.descriptor = Some((false, true))),
        ),
        ("zip64", Box::new(|archive| archive.wide = true)),
        (
            "a comment",
            Box::new(|archive| archive.comment = b"PK\x05\x06 and more".to_vec()),
        ),
        (
            "prepended",
            Box::new(|archive| archive.before = b"#!/bin/sh\nexec java -jar $0\n".to_vec()),
        ),
        (
            "appended",
            Box::new(|archive| {
                archive.before = noise(3000, 9);
                archive.is_appended = true;
            }),
        ),
        ("a signature", Box::new(|archive| archive.block = noise(500, 8))),
        (
            "comments",
            each(|entry| entry.comment = entry.name.clone().into_bytes()),
        ),
        (
            "extra fields",
            Box::new(move |archive| {
                for entry in &mut archive.entries {
                    entry.extra.clone_from(&text);
                    entry.local_extra = [&text[..], b"more"].concat();
                }
            }),
        ),
        (
            "the mark of a jar",
            Box::new(|archive| archive.entries[0].local_extra = b"\xfe\xca\0\0".to_vec()),
        ),
        (
            "alignment",
            each(|entry| entry.gap = vec![0; entry.name.len() % 4]),
        ),
        ("another version", each(|entry| entry.needed = 10)),
        (
            "folders",
            Box::new(|archive| archive.entries.insert(0, entry("a/", b"", Packing::Stored))),
        ),
        (
            "duplicates",
            Box::new(|archive| {
                archive
                    .entries
                    .push(entry("a/2.class", b"again", Packing::Stored))
            }),
        ),
    ];
    for (what, change) in table {
        let old = archive(&entries(ZLIB)).with(&change);
        let mut new = old.clone();
        new.entries = changed(&new.entries);
        let delta = delta_of(&old.bytes(), &new.bytes());
        assert!(delta.len() < SMALL, "{what}: {}", delta.len());
    }
}

#[test]
fn every_level_of_zlib_is_found() {
    for which in 0..PARAMS {
        let old = entries(Packing::Zlib(which));
        let delta = delta_of(&archive(&old).bytes(), &archive(&changed(&old)).bytes());
        assert!(delta.len() < SMALL, "{which}: {}", delta.len());
    }
}

#[test]
fn packing_alone_costs_nothing() {
    let packings = [
        Packing::Stored,
        ZLIB,
        Packing::Zlib(1),
        Packing::Zlib(2),
        Packing::Other,
    ];
    for old in packings {
        for new in &packings[..4] {
            let delta = delta_of(&archive(&entries(old)).bytes(), &archive(&entries(*new)).bytes());
            assert!(delta.len() < SMALL, "{old:?} {new:?}: {}", delta.len());
        }
    }
}

#[test]
fn what_zlib_did_not_pack_and_what_is_encrypted_travels_as_it_is() {
    for packing in [Packing::Other, Packing::Encrypted] {
        let old = entries(packing);
        let new = archive(&changed(&old)).bytes();
        let delta = delta_of(&archive(&old).bytes(), &new);
        assert!(delta.len() < new.len() / 5, "{packing:?}: {}", delta.len());
    }
}

#[test]
fn archives_in_archives_are_told_by_their_entries() {
    for packings in [
        [ZLIB, ZLIB],
        [Packing::Stored, ZLIB],
        [ZLIB, Packing::Stored],
        [ZLIB, Packing::Zlib(1)],
    ] {
        let war = |inner: &[Entry]| {
            let inner = archive(inner).bytes();
            let middle = archive(&[entry("lib/inner.jar", &inner, packings[0])]).bytes();
            archive(&[entry("a.txt", b"x", ZLIB), entry("b.war", &middle, packings[1])]).bytes()
        };
        let old = entries(ZLIB);
        let delta = delta_of(&war(&old), &war(&changed(&old)));
        assert!(delta.len() < SMALL, "{packings:?}: {}", delta.len());
    }
}

#[test]
fn an_archive_may_lie_deeper_than_is_looked() {
    let nest = |inner: &[Entry]| {
        (0..6).fold(archive(inner).bytes(), |inner, _| {
            archive(&[entry("inner.zip", &inner, Packing::Stored)]).bytes()
        })
    };
    let old = entries(ZLIB);
    let new = nest(&changed(&old));
    assert!(delta_of(&nest(&old), &new).len() < new.len() / 3);
}

#[test]
fn a_moved_entry_is_compared_with_what_it_was() {
    let old = entries(ZLIB);
    let mut new = changed(&old);
    for entry in &mut new {
        entry.name.insert_str(0, "shaded/");
    }
    assert!(delta_of(&archive(&old).bytes(), &archive(&new).bytes()).len() < SMALL);
}

#[test]
fn entries_come_go_and_change_places() {
    let old = entries(ZLIB);
    let mut new = changed(&old);
    new.swap(0, 5);
    new.remove(1);
    new.insert(3, entry("new.txt", b"new", ZLIB));
    assert!(delta_of(&archive(&old).bytes(), &archive(&new).bytes()).len() < SMALL);
}

#[test]
fn large_entries_are_taken_in_parts() {
    let base = noise(5 << 20, 3);
    let mut content = base.clone();
    content.splice(1_000_000..1_000_100, *b"shorter");
    content.splice(3_000_000..3_000_000, noise(1000, 4));
    for packing in [Packing::Stored, ZLIB, Packing::Other] {
        let zip = |content: &[u8]| archive(&[entry("data", content, packing)]).bytes();
        let delta = delta_of(&zip(&base), &zip(&content));
        assert!(delta.len() < 3000, "{packing:?}: {}", delta.len());
    }
}

#[test]
fn large_files_are_taken_in_parts() {
    let base = noise(9 << 20, 5);
    let mut content = [&base[6 << 20..], &base[..7 << 20]].concat();
    content.splice(1_000_000..1_000_100, *b"shorter");
    assert!(delta_of(&base, &content).len() < 1000);
    assert!(delta_of(&[], &vec![7; 9 << 20]).len() < 1500);
}

#[test]
fn damaged_archives_are_bytes() {
    let old = archive(&entries(ZLIB)).bytes();
    let new = archive(&changed(&entries(ZLIB))).bytes();
    let end = new.len() - 22;
    let mut swapped = archive(&changed(&entries(ZLIB)));
    swapped.is_appended = true;
    let cases = [
        ("cut", new[..end].to_vec()),
        ("without an entry", [&new[..100], &new[2000..]].concat()),
        ("with bytes behind", [&new[..], b"more"].concat()),
        ("twice", [&new[..], &new[..]].concat()),
        ("empty", archive(&[]).bytes()),
        ("a wrong checksum", {
            let mut new = new.clone();
            new[14] ^= 1;
            new
        }),
    ];
    for (what, new) in cases {
        if what == "empty" {
            assert!(super::encode(&&old[..], &&new[..]).unwrap().is_none(), "{what}");
        } else {
            let delta = delta_of(&old, &new);
            assert!(delta.len() < new.len(), "{what}");
        }
        // The other way round, the base is none.
        assert!(delta_of(&new, &old).len() < old.len(), "{what}");
    }
}

#[test]
fn an_archive_is_smaller_told_by_what_is_in_it() {
    let new = archive(&entries(ZLIB)).bytes();
    let whole = zstd::bulk::compress(&new, 19).unwrap();
    let delta = delta_of(&[], &new);
    assert!(
        delta.len() < whole.len() * 9 / 10,
        "{} {}",
        delta.len(),
        whole.len()
    );
}

#[test]
fn what_saves_nothing_is_no_delta() {
    for (old, new) in [
        (&b""[..], &b""[..]),
        (b"a", b""),
        (b"", b"b"),
        (b"", &noise(5000, 1)),
    ] {
        assert_eq!(super::encode(&old, &new).unwrap(), None);
    }
}

#[test]
fn a_file_that_stays_costs_a_few_bytes() {
    let file = noise(5 << 20, 1);
    assert!(delta_of(&file, &file).len() < 70);
    let file = archive(&entries(ZLIB)).bytes();
    assert!(delta_of(&file, &file).len() < 70);
}

#[test]
fn zlib_is_the_one_that_packed() {
    assert_ne!(zlib(&prose(20_000, 1), 0), {
        use std::io::Write;
        let mut other = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
        other.write_all(&prose(20_000, 1)).unwrap();
        other.finish().unwrap()
    });
}
