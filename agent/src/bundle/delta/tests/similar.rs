use super::archive::{Archive, Packing, archive, entry};
use super::{delta_of, noise, prose};
use crate::bundle::delta::similar::Similar;

#[test]
fn the_closest_content_shares_most() {
    let part = |seed| noise(4000, seed);
    let contents = [
        [part(1), part(2)].concat(),
        [part(2), part(3), part(4)].concat(),
        part(9),
        Vec::new(),
    ];
    let similar = Similar::of((7..).zip(&contents));
    for (content, closest) in [
        ([part(3), part(2), part(5)].concat(), Some(8)),
        ([part(1), part(2), part(5)].concat(), Some(7)),
        (part(9)[100..].to_vec(), Some(9)),
        // In two of them: the first.
        (part(2), Some(7)),
        // Too little.
        ([part(9), (20..60).flat_map(part).collect()].concat(), None),
        (part(5), None),
        (Vec::new(), None),
    ] {
        assert_eq!(similar.closest(&content), closest, "{}", content.len());
    }
}

#[test]
fn what_all_have_tells_nothing() {
    let common = noise(4000, 1);
    let contents: Vec<_> = (0..20)
        .map(|seed| [&common[..], &noise(500, 100 + seed)].concat())
        .collect();
    let similar = Similar::of((0..).zip(&contents));
    assert_eq!(similar.closest(&common), None);
    let mine = [&noise(500, 113)[..], &common[..1000]].concat();
    assert_eq!(similar.closest(&mine), Some(13));
}

#[test]
fn a_run_of_zeros_is_one_thing_in_common() {
    let zeros = vec![0; 100_000];
    let old = [noise(9000, 1), [&noise(9000, 2)[..], &zeros].concat()];
    let similar = Similar::of((0..).zip(&old));
    assert_eq!(similar.closest(&zeros), Some(1));
    assert_eq!(similar.closest(&[&zeros[..], &noise(9000, 3)].concat()), None);
    assert_eq!(similar.closest(&[&zeros[..], &noise(9000, 1)].concat()), Some(0));
}

/// A host reads the old one whole, each time.
#[test]
fn what_is_much_larger_is_not_compared_with() {
    let old = noise(40_000, 1);
    let similar = Similar::of([(0, &old)].into_iter());
    assert_eq!(similar.closest(&old[..11_000]), Some(0));
    assert_eq!(similar.closest(&old[..5000]), None);
}

/// As web pages are delivered: what is in a file decides its name.
#[test]
fn renamed_entries_are_found_by_their_content() {
    let zip = |names: [&str; 3], edit: &[u8]| -> Archive {
        let content = |seed| [&prose(30_000, seed)[..], &noise(9000, seed), edit].concat();
        let entries = names
            .iter()
            .zip(1..)
            .map(|(name, seed)| entry(name, &content(seed), Packing::Zlib(0)));
        archive(&entries.collect::<Vec<_>>())
    };
    let old = zip(["main.687a.js", "170.33fc.js", "styles.3af3.css"], b"old").bytes();
    let new = zip(["main.ce8f.js", "5444.240e.js", "styles.2511.css"], b"new").bytes();
    let len = delta_of(&old, &new).len();
    assert!(len < 500, "{len}");
}
