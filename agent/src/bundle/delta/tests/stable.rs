//! What hosts rely on: another zlib that packs otherwise would break every delta that is on its way.

use super::archive::{PARAMS, archive, entry, zlib};
use super::{delta_of, prose};
use crate::bundle::delta::tests::archive::Packing;
use crate::model::Digest;

#[test]
fn zlib_packs_as_it_always_did() {
    let content = prose(300_000, 42);
    let all: Vec<u8> = (0..PARAMS).flat_map(|which| zlib(&content, which)).collect();
    let told = Digest::of(&all).to_string();
    assert_eq!(
        told,
        "3b5d4974c19f347e52f528ba526a47bb982d4503d0442f8f85515297ef581285"
    );
}

#[test]
fn the_same_files_give_the_same_delta() {
    let zip = |seed| {
        let entries: Vec<_> = (0..50u64)
            .map(|number| {
                let content = prose(3000, number * seed);
                entry(&format!("{number}"), &content, Packing::Zlib(0))
            })
            .collect();
        archive(&entries).bytes()
    };
    let (old, new) = (zip(1), zip(2));
    let first = delta_of(&old, &new);
    let others: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| delta_of(&old, &new))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(others.iter().all(|other| *other == first));
}
