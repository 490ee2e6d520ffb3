//! Deltas that somebody made to do harm, and bases that are not what they should be.

use proptest::prelude::*;

use super::archive::{Packing, archive, entry};
use super::class::small;
use super::{applied, delta_of, noise, prose};
use crate::bundle::delta::columns::{Column, Writer, put_varint, zigzag};
use crate::bundle::delta::predict::kind;
use crate::bundle::delta::{Base, DeltaError, apply, blocks, limits};

/// Two archives with all that a delta can say.
pub(super) fn files(len: usize) -> (Vec<u8>, Vec<u8>) {
    let zlib = Packing::Zlib(0);
    let inner = |seed| archive(&[entry("x", &prose(len, seed), zlib), entry("y", b"y", zlib)]).bytes();
    let old = vec![
        entry("same", &prose(len, 1), zlib),
        entry("changed", &prose(len, 2), zlib),
        entry("raw", &prose(len, 3), Packing::Other),
        entry("inner.jar", &inner(4), zlib),
        entry("stored.jar", &inner(5), Packing::Stored),
        entry("Changed.class", &small(0), zlib),
    ];
    let mut new = old.clone();
    new[1].content.splice(7..9, *b"other");
    new[2].content.splice(7..9, *b"other");
    new[3].content = inner(6);
    new[4].content = inner(7);
    new[5].content = small(2);
    new.push(entry("new", &noise(100, 1), zlib).with(|entry| entry.descriptor = Some((true, false))));
    (archive(&old).bytes(), archive(&new).bytes())
}

/// Writes that are counted and forgotten.
struct Count(u64);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// However it ends, no more than the size is written.
fn stays_within(old: &[u8], mut delta: &[u8], size: usize) {
    let mut out = Count(0);
    let end = apply(&old, &mut delta, size as u64, &mut out);
    assert!(out.0 <= size as u64);
    assert!(end.is_err() || out.0 == size as u64);
}

#[test]
fn every_cut_is_noticed() {
    let (old, new) = files(300);
    let delta = delta_of(&old, &new);
    for end in 0..delta.len() {
        let found = applied(&old, &delta[..end], new.len());
        assert!(matches!(found, Err(DeltaError::Malformed(_))), "{end}: {found:?}");
    }
    let longer = [&delta[..], b"\0"].concat();
    assert!(applied(&old, &longer, new.len()).is_err());
}

#[test]
fn a_flipped_bit_does_no_harm() {
    let (old, new) = files(300);
    let delta = delta_of(&old, &new);
    for at in 0..delta.len() {
        for bit in 0..8 {
            let mut delta = delta.clone();
            delta[at] ^= 1 << bit;
            stays_within(&old, &delta, new.len());
        }
    }
}

#[test]
fn another_size_is_noticed() {
    let (old, new) = files(2000);
    let delta = delta_of(&old, &new);
    for size in [0, 1, new.len() - 1, new.len() + 1, usize::MAX >> 1] {
        assert!(applied(&old, &delta, size).is_err(), "{size}");
    }
}

#[test]
fn another_base_does_no_harm() {
    let (old, new) = files(2000);
    let delta = delta_of(&old, &new);
    for end in (0..old.len()).step_by(37) {
        stays_within(&old[..end], &delta, new.len());
    }
    for at in (0..old.len()).step_by(3) {
        let mut old = old.clone();
        old[at] ^= 0x55;
        stays_within(&old, &delta, new.len());
    }
}

#[test]
fn a_base_that_cannot_be_read_is_no_damage_of_the_delta() {
    struct Broken(u64);
    impl Base for Broken {
        fn len(&self) -> u64 {
            self.0
        }
        fn read_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<()> {
            Err(std::io::Error::other("a bad sector"))
        }
    }
    let (old, new) = files(2000);
    let delta = delta_of(&old, &new);
    let broken = Broken(old.len() as u64);
    let end = apply(&broken, &mut delta.as_slice(), new.len() as u64, &mut Vec::new());
    assert!(matches!(end, Err(DeltaError::Base(_))), "{end:?}");
}

#[test]
fn an_output_that_is_full_is_no_damage_of_the_delta() {
    let (old, new) = files(2000);
    let delta = delta_of(&old, &new);
    for room in [0, 10, new.len() - 1] {
        let mut out = vec![0; room];
        let end = apply(
            &&old[..],
            &mut delta.as_slice(),
            new.len() as u64,
            &mut out.as_mut_slice(),
        );
        assert!(matches!(end, Err(DeltaError::Output(_))), "{room}: {end:?}");
    }
}

/// A delta with these columns and no blocks.
fn with_columns(columns: &[u8]) -> Vec<u8> {
    blocks::Writer::default().finish(columns).unwrap()
}

#[test]
fn lengths_are_checked_before_memory_is_taken() {
    let (old, new) = files(2000);
    let head = &delta_of(&old, &new)[..5];
    let with = |numbers: &[u64]| {
        let mut delta = head.to_vec();
        numbers.iter().for_each(|number| put_varint(&mut delta, *number));
        delta
    };
    let large = limits::COLUMNS as u64;
    for delta in [
        with(&[u64::MAX, 9]),
        with(&[large + 1, 9]),
        with(&[large, large * 2]),
        with(&[9, u64::MAX]),
        with_columns(&[0xff; 100]),
        with_columns(&[0; 100]),
        with_columns(&[]),
    ] {
        let end = applied(&old, &delta, new.len());
        assert!(matches!(end, Err(DeltaError::Malformed(_))), "{end:?}");
    }
}

#[test]
fn work_that_makes_nothing_ends() {
    let base = noise(1 << 20, 1);
    // Pieces without new bytes, each against all of the base.
    let count = limits::work(base.len() as u64, 0) / base.len() as u64 + 1;
    let mut columns = Writer::default();
    columns.put(Column::Kind, kind::PARTS);
    columns.put(Column::Count, count);
    for number in 0..count {
        columns.put(Column::Part, 1);
        let back = -i64::try_from(base.len()).unwrap();
        columns.put(Column::PartAt, zigzag(if number == 0 { 0 } else { back }));
        columns.put(Column::PartOld, base.len() as u64);
    }
    let mut delta = with_columns(&columns.finish().unwrap());
    let frame = blocks::compress(&[], &base).unwrap();
    for _ in 0..count {
        put_varint(&mut delta, 1);
        put_varint(&mut delta, frame.len() as u64);
        delta.extend(&frame);
    }
    let end = applied(&base, &delta, 0);
    assert!(
        matches!(end, Err(DeltaError::Malformed(why)) if why.contains("work")),
        "{end:?}"
    );
}

proptest! {
    #[test]
    fn any_columns_do_no_harm(values in proptest::collection::vec((0..60usize, any::<u8>()), 0..40)) {
        let (old, new) = files(300);
        stays_within(&old, &with_columns(&mutated(&old, &new, &values)), new.len());
    }
}

/// The columns of an honest delta with a few other bytes: behind the compression, where flipped bits do not get.
fn mutated(old: &[u8], new: &[u8], values: &[(usize, u8)]) -> Vec<u8> {
    let delta = delta_of(old, new);
    let mut rest = delta.as_slice();
    let (_, mut columns) = blocks::Reader::new(&mut rest).unwrap();
    let len = columns.len();
    for (at, value) in values {
        columns[at * 7919 % len] = *value;
    }
    columns
}
