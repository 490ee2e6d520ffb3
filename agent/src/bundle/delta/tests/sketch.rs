use super::archive::{Packing, archive, entry};
use super::{noise, prose};
use crate::bundle::delta::Sketch;

fn sketch(bytes: &[u8]) -> Sketch {
    Sketch::of(&bytes).unwrap()
}

#[test]
fn the_nearest_archive_shares_most() {
    let zip = |seeds: std::ops::Range<u64>| {
        let entries: Vec<_> = seeds
            .map(|seed| entry(&format!("{seed}"), &prose(2000, seed), Packing::Zlib(0)))
            .collect();
        sketch(&archive(&entries).bytes())
    };
    let target = zip(0..20);
    let shared: Vec<u64> = [zip(0..19), zip(5..20), zip(19..40), zip(30..60)]
        .iter()
        .map(|other| target.shared(other))
        .collect();
    assert!(shared.is_sorted_by(|a, b| a > b), "{shared:?}");
    assert_eq!(shared[3], 0);
}

#[test]
fn entries_of_the_same_name_count_although_all_changed() {
    let zip = |name: &str, seed| {
        let entries: Vec<_> = (0..9u64)
            .map(|number| {
                entry(
                    &format!("{name}{number}"),
                    &prose(2000, seed + number),
                    Packing::Stored,
                )
            })
            .collect();
        sketch(&archive(&entries).bytes())
    };
    let target = zip("a", 100);
    assert!(target.shared(&zip("a", 200)) > target.shared(&zip("b", 300)));
}

#[test]
fn files_share_what_moved() {
    let file = noise(100_000, 1);
    let moved = [&noise(777, 2), &file[..60_000], &noise(40_000, 3)].concat();
    let shared = sketch(&file).shared(&sketch(&moved));
    assert!((40_000..=60_000).contains(&shared), "{shared}");
    assert_eq!(sketch(&file).shared(&sketch(&noise(100_000, 4))), 0);
    assert_eq!(sketch(&file).shared(&sketch(&file)), 100_000);
}
