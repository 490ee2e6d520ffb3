//! Finds which of many contents one is most like, by samples of their bytes.

use std::collections::HashMap;

use super::sketch::{mix, roll};

/// A sample is taken where these bits of the mixed hash are zero: at one of 64 places.
const TAKEN: u64 = 0x3f << 58;
/// A sample that is in more contents tells nothing.
const COMMON: usize = 8;
/// Two contents are alike if one has at least one of so many samples of the other.
const ALIKE: usize = 16;

/// The samples of contents.
pub(super) struct Similar {
    /// Sorted, each with the number of its content.
    samples: Vec<(u32, u32)>,
}

impl Similar {
    /// Of contents, by the numbers that they come with.
    pub(super) fn of<Content: AsRef<[u8]>>(contents: impl Iterator<Item = (u32, Content)>) -> Self {
        let mut all = Vec::new();
        for (number, content) in contents {
            all.extend(samples(content.as_ref()).map(|sample| (sample, number)));
        }
        all.sort_unstable();
        all.dedup();
        Self { samples: all }
    }

    /// The number of the content that has most samples of this one, unless that is few.
    pub(super) fn closest(&self, content: &[u8]) -> Option<u32> {
        let mut shared = HashMap::new();
        let mut all = 0;
        for sample in samples(content) {
            all += 1;
            let begin = self.samples.partition_point(|(other, _)| *other < sample);
            let found = self.samples[begin..]
                .iter()
                .take_while(|(other, _)| *other == sample);
            if found.clone().nth(COMMON).is_none() {
                found.for_each(|(_, number)| *shared.entry(*number).or_insert(0) += 1);
            }
        }
        // Of two, the first.
        let most = shared
            .into_iter()
            .max_by_key(|(number, shared)| (*shared, u32::MAX - number));
        most.filter(|(_, shared)| shared * ALIKE >= all)
            .map(|(number, _)| number)
    }
}

/// Hashes of the 32 bytes before some places. The bytes themselves decide which places.
fn samples(content: &[u8]) -> impl Iterator<Item = u32> {
    let mut hash = 0;
    let hashes = content.iter().map(move |byte| {
        hash = roll(hash, *byte);
        // The lower half, which the last 32 bytes decide.
        hash as u32
    });
    hashes.skip(31).filter(|hash| mix(u64::from(*hash)) & TAKEN == 0)
}
