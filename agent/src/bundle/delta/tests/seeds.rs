//! What the fuzzer begins with: `PITSTOP_RECORD=1 cargo test --lib bundle::delta` writes it anew.
#![expect(clippy::disallowed_methods, reason = "seeds are files")]

use std::path::Path;

use super::class::whole;
use super::hostile::files;
use super::{delta_of, prose};
use crate::bundle::delta::blocks;

/// As `fuzz/src/delta.rs` reads it.
fn seed(old: &[u8], new: &[u8]) -> Vec<u8> {
    let delta = delta_of(old, new);
    let mut rest = delta.as_slice();
    let (_, columns) = blocks::Reader::new(&mut rest).unwrap();
    let mut seed = u16::try_from(new.len()).unwrap().to_le_bytes().to_vec();
    for part in [old, &columns, rest] {
        seed.extend(u16::try_from(part.len()).unwrap().to_le_bytes());
        seed.extend(part);
    }
    seed
}

#[test]
fn the_seeds_of_the_fuzzer_are_deltas_of_today() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/delta");
    let (old, new) = files(200);
    let text = prose(500, 1);
    for (name, seed) in [
        ("archive", seed(&old, &new)),
        ("class", seed(&whole(1, 100), &whole(0, 107))),
        ("bytes", seed(&text, &[&text[100..], &text[..200]].concat())),
    ] {
        let path = folder.join(name);
        if std::env::var_os("PITSTOP_RECORD").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &seed).unwrap();
        }
        assert!(
            std::fs::read(&path).unwrap() == seed,
            "{} is of another format",
            path.display()
        );
    }
}
