//! Whatever the files are, a delta makes the one of the other.

use proptest::collection::vec;
use proptest::prelude::*;

use super::archive::{Archive, Entry, PARAMS, Packing, archive, entry};
use super::{delta_of, noise, prose};
use crate::bundle::delta::{apply, encode};

fn packing() -> impl Strategy<Value = Packing> {
    prop_oneof![
        2 => Just(Packing::Zlib(0)),
        2 => (0..PARAMS).prop_map(Packing::Zlib),
        1 => Just(Packing::Stored),
        1 => Just(Packing::Other),
        1 => Just(Packing::Encrypted),
    ]
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0..4000usize, 0..5u64).prop_map(|(len, seed)| prose(len, seed)),
        (0..4000usize, 0..5u64).prop_map(|(len, seed)| noise(len, seed)),
        vec(any::<u8>(), 0..40),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let small = || vec(any::<u8>(), 0..6);
    let descriptor = proptest::option::weighted(0.3, any::<(bool, bool)>());
    (
        ("[a-c]{0,2}", content(), packing(), any::<u32>()),
        (small(), small(), small(), descriptor, 0..3usize),
    )
        .prop_map(
            |((name, content, packing, time), (extra, local_extra, comment, descriptor, gap))| {
                entry(&name, &content, packing).with(|entry| {
                    entry.time = time;
                    entry.extra = extra;
                    entry.local_extra = local_extra;
                    entry.comment = comment;
                    entry.descriptor = descriptor;
                    entry.gap = vec![0; gap];
                })
            },
        )
}

fn any_archive() -> impl Strategy<Value = Archive> {
    let small = || vec(any::<u8>(), 0..9);
    (
        vec(any_entry(), 0..8),
        small(),
        small(),
        small(),
        any::<(bool, bool)>(),
    )
        .prop_map(|(entries, before, block, comment, (is_appended, wide))| {
            archive(&entries).with(|archive| {
                archive.before = before;
                archive.block = block;
                archive.comment = comment;
                archive.is_appended = is_appended;
                archive.wide = wide;
            })
        })
}

/// What somebody does to an archive from one build to the next.
#[derive(Debug, Clone)]
enum Edit {
    Content(usize, usize, Vec<u8>),
    Repack(usize, Packing),
    Time(usize, u32),
    Rename(usize, String),
    Swap(usize, usize),
    Remove(usize),
    Add(usize, Box<Entry>),
    /// An archive with itself as an entry.
    Nest(Packing),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = || any::<usize>();
    prop_oneof![
        3 => (at(), at(), vec(any::<u8>(), 0..9)).prop_map(|(at, place, bytes)| Edit::Content(at, place, bytes)),
        1 => (at(), packing()).prop_map(|(at, packing)| Edit::Repack(at, packing)),
        1 => (at(), any::<u32>()).prop_map(|(at, time)| Edit::Time(at, time)),
        1 => (at(), "[a-c/]{0,3}").prop_map(|(at, name)| Edit::Rename(at, name)),
        1 => (at(), at()).prop_map(|(a, b)| Edit::Swap(a, b)),
        1 => at().prop_map(Edit::Remove),
        1 => (at(), any_entry()).prop_map(|(at, entry)| Edit::Add(at, Box::new(entry))),
        1 => packing().prop_map(Edit::Nest),
    ]
}

fn edited(archive: &Archive, edits: Vec<Edit>) -> Archive {
    let mut new = archive.clone();
    for edit in edits {
        let len = new.entries.len();
        match edit {
            Edit::Add(at, entry) => new.entries.insert(at % (len + 1), *entry),
            Edit::Nest(packing) => {
                let inner = new.bytes();
                new.entries.push(entry("inner.jar", &inner, packing));
            }
            _ if len == 0 => {}
            Edit::Content(at, place, bytes) => {
                let content = &mut new.entries[at % len].content;
                let place = place % (content.len() + 1);
                content.splice(place..place, bytes);
            }
            Edit::Repack(at, packing) => new.entries[at % len].packing = packing,
            Edit::Time(at, time) => new.entries[at % len].time = time,
            Edit::Rename(at, name) => new.entries[at % len].name = name,
            Edit::Swap(a, b) => new.entries.swap(a % len, b % len),
            Edit::Remove(at) => drop(new.entries.remove(at % len)),
        }
    }
    new
}

/// A delta that is none because it would be larger is fine; one that is another file is not.
fn comes_back(old: &[u8], new: &[u8]) -> Result<(), TestCaseError> {
    if let Some(delta) = encode(&old, &new).unwrap() {
        let mut out = Vec::new();
        apply(&old, &mut delta.as_slice(), new.len() as u64, &mut out).unwrap();
        prop_assert!(out == new);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_edited_archive_comes_back(old in any_archive(), edits in vec(edit(), 0..6)) {
        let new = edited(&old, edits);
        comes_back(&old.bytes(), &new.bytes())?;
    }

    #[test]
    fn unrelated_archives_come_back(old in any_archive(), new in any_archive()) {
        comes_back(&old.bytes(), &new.bytes())?;
    }

    #[test]
    fn bytes_come_back(old in content(), new in content()) {
        comes_back(&old, &new)?;
    }

    /// There always is one: it tells archives as archives, whatever their form.
    #[test]
    fn a_touched_archive_is_told_by_its_entries(old in any_archive(), time in any::<u32>()) {
        let mut old = old;
        old.entries.push(entry("large", &noise(50_000, 7), Packing::Zlib(0)));
        let mut new = old.clone();
        new.entries.iter_mut().for_each(|entry| entry.time = time);
        prop_assert!(delta_of(&old.bytes(), &new.bytes()).len() < 600);
    }
}
