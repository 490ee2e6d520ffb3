//! Replays the seeds of the fuzzers, each with many changes, through the functions that the fuzzers call.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "test code"
)]

use std::path::{Path, PathBuf};

use pitstop::merge::Format;

#[path = "../fuzz/src/delta.rs"]
mod delta;
#[path = "../fuzz/src/input.rs"]
mod input;
#[path = "../fuzz/src/laws.rs"]
mod laws;
#[path = "../fuzz/src/readers.rs"]
mod readers;

/// How many times each seed is changed.
const TIMES: u32 = 30;
/// As many bytes as say what is changed, and more.
const SCRIPT: u32 = 64;

fn seeds(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let files = std::fs::read_dir(&folder).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

/// The seed with a script after it, the same each time.
fn inputs(seed: &Path) -> impl Iterator<Item = Vec<u8>> {
    let text = std::fs::read(seed).unwrap();
    (0..TIMES).map(move |time| {
        let mut state = time.wrapping_mul(0x9e37_79b9) ^ 0x5bd1_e995;
        let script = (0..SCRIPT).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        });
        text.iter().copied().chain(script).collect()
    })
}

#[test]
fn what_must_hold_for_merges_holds_for_the_seeds() {
    for (format, target) in Format::ALL {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{target}");
        seeds
            .iter()
            .flat_map(|seed| inputs(seed))
            .for_each(|input| laws::merge(format, &input));
    }
}

#[test]
fn what_must_hold_for_edits_holds_for_the_seeds() {
    let seeds = seeds("edit");
    seeds
        .iter()
        .flat_map(|seed| inputs(seed))
        .for_each(|input| laws::edit(&input));
    assert_eq!(seeds.len(), 6);
}

#[test]
fn what_must_hold_for_readers_holds_for_the_seeds() {
    type Reader = (&'static str, usize, fn(&[u8]));
    let readers: [Reader; 6] = [
        ("bundle", 1, readers::bundle),
        ("index", 1, readers::index),
        ("envelope", 2, readers::envelope),
        ("statement", 5, readers::statement),
        ("junit", 1, readers::junit),
        ("tap", 1, readers::tap),
    ];
    for (target, count, read) in readers {
        let seeds = seeds(target);
        seeds
            .iter()
            .flat_map(|seed| inputs(seed))
            .for_each(|input| read(&input));
        assert_eq!(seeds.len(), count, "{target}");
    }
}

#[test]
fn what_must_hold_for_deltas_holds_for_the_seeds() {
    let seeds = seeds("delta");
    seeds
        .iter()
        .flat_map(|seed| inputs(seed))
        .for_each(|input| delta::apply(&input));
    assert_eq!(seeds.len(), 3);
}
