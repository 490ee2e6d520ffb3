//! Finds long runs of a large file in another, as far as they are worth a copy of their own.

use std::ops::Range;

use super::limits;

/// A part of the new bytes and where it is, or what it is compared with, in the old ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) new: Range<usize>,
    pub(super) old: Range<usize>,
    pub(super) is_copy: bool,
}

/// Bytes that are looked up.
const SAMPLE: usize = 32;
/// Shorter runs are better left to the compression.
const RUN: usize = 512;
/// Old bytes that the new ones between two runs are compared with at most, besides as many as there are new.
const CONTEXT: usize = 64 << 10;

/// The new bytes as parts, in order.
pub(super) fn parts(new: &[u8], old: &[u8]) -> Vec<Part> {
    let index = Index::new(old);
    let mut parts = Vec::new();
    let (mut done, mut at, mut old_end) = (0, 0, 0);
    while at + SAMPLE <= new.len() {
        let run = index
            .find(&new[at..])
            .map(|found| extend(new, old, at, found, done));
        match run {
            Some((new_run, old_run)) if new_run.len() >= RUN => {
                let old_next = old_run.start;
                gap(
                    &mut parts,
                    done..new_run.start,
                    old_end,
                    Some(old_next),
                    old.len(),
                );
                (done, at, old_end) = (new_run.end, new_run.end, old_run.end);
                parts.push(Part {
                    new: new_run,
                    old: old_run,
                    is_copy: true,
                });
            }
            _ => at += 1,
        }
    }
    gap(&mut parts, done..new.len(), old_end, None, old.len());
    parts
}

/// What lies between two runs, against what lies between them in the old bytes, if that is near.
fn gap(parts: &mut Vec<Part>, new: Range<usize>, from: usize, to: Option<usize>, old_len: usize) {
    let room = (new.len() + CONTEXT).min(limits::PIECE);
    let context = match to {
        Some(to) if to >= from && to - from <= room => from..to,
        _ => from..old_len.min(from + room),
    };
    let mut at = new.start;
    while at < new.end {
        let end = new.end.min(at + limits::PIECE);
        let old = if at == new.start {
            context.clone()
        } else {
            context.end..context.end
        };
        parts.push(Part {
            new: at..end,
            old,
            is_copy: false,
        });
        at = end;
    }
}

fn extend(new: &[u8], old: &[u8], at: usize, found: usize, done: usize) -> (Range<usize>, Range<usize>) {
    let before = new[done..at]
        .iter()
        .rev()
        .zip(old[..found].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let after = new[at..]
        .iter()
        .zip(&old[found..])
        .take_while(|(a, b)| a == b)
        .count();
    (at - before..at + after, found - before..found + after)
}

/// Where the samples of the old bytes are.
struct Index<'a> {
    old: &'a [u8],
    /// One more than the number of a sample; 0 where there is none.
    slots: Vec<u32>,
}

impl<'a> Index<'a> {
    fn new(old: &'a [u8]) -> Self {
        let samples = old.len() / SAMPLE;
        let mut index = Self {
            old,
            slots: vec![0; (samples * 2).next_power_of_two()],
        };
        for (number, sample) in old.chunks_exact(SAMPLE).enumerate() {
            let slot = index.slot(sample);
            if index.slots[slot] == 0 {
                index.slots[slot] = number as u32 + 1;
            }
        }
        index
    }

    fn slot(&self, sample: &[u8]) -> usize {
        let mut hash: u64 = 0;
        for word in sample.as_chunks::<8>().0 {
            hash = (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        (hash >> 32) as usize & (self.slots.len() - 1)
    }

    /// Where the sample that these bytes begin with is.
    fn find(&self, new: &[u8]) -> Option<usize> {
        let sample = &new[..SAMPLE];
        let number = self.slots[self.slot(sample)].checked_sub(1)?;
        let at = number as usize * SAMPLE;
        (self.old[at..at + SAMPLE] == *sample).then_some(at)
    }
}
