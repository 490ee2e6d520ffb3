//! Finds which of many contents one is most like, by samples of their bytes.

use std::collections::HashMap;

use super::sketch::{mix, roll};

/// A sample is taken where these bits of the mixed hash are zero: at one of 64 places.
const TAKEN: u64 = 0x3f << 58;
/// A sample that is in more contents tells nothing.
const COMMON: usize = 8;
/// An old content is like a new one if it has at least a share of this of the new one's samples.
const ALIKE: usize = 16;
/// And is not so many times as large: a host has to read it whole.
const LARGER: usize = 4;

/// The samples of contents.
pub(super) struct Similar {
    /// Sorted, each with the number of its content.
    samples: Vec<(u32, u32)>,
    sizes: HashMap<u32, usize>,
}

impl Similar {
    /// Of contents, by the numbers that they come with.
    pub(super) fn of<Content: AsRef<[u8]>>(contents: impl Iterator<Item = (u32, Content)>) -> Self {
        let mut similar = Self {
            samples: Vec::new(),
            sizes: HashMap::new(),
        };
        for (number, content) in contents {
            let content = content.as_ref();
            similar.sizes.insert(number, content.len());
            let samples = samples(content).into_iter();
            similar.samples.extend(samples.map(|sample| (sample, number)));
        }
        similar.samples.sort_unstable();
        similar
    }

    /// The number of the content that has most samples of this one, unless that is few.
    pub(super) fn closest(&self, content: &[u8]) -> Option<u32> {
        let mut shared = HashMap::new();
        let samples = samples(content);
        for sample in &samples {
            let begin = self.samples.partition_point(|(other, _)| other < sample);
            let found = self.samples[begin..]
                .iter()
                .take_while(|(other, _)| other == sample);
            if found.clone().nth(COMMON).is_none() {
                found.for_each(|(_, number)| *shared.entry(*number).or_insert(0) += 1);
            }
        }
        shared.retain(|number, _| self.sizes[number] / LARGER <= content.len());
        // Of two, the first.
        let most = shared
            .into_iter()
            .max_by_key(|(number, shared)| (*shared, u32::MAX - number));
        most.filter(|(_, shared)| shared * ALIKE >= samples.len())
            .map(|(number, _)| number)
    }
}

/// Hashes of the 32 bytes before some places, sorted, each once. The bytes themselves decide which places.
fn samples(content: &[u8]) -> Vec<u32> {
    let mut hash = 0;
    let mut last = None;
    let hashes = content.iter().map(|byte| {
        hash = roll(hash, *byte);
        // The lower half, which the last 32 bytes decide.
        hash as u32
    });
    let mut samples: Vec<u32> = hashes
        .skip(31)
        .filter(|hash| mix(u64::from(*hash)) & TAKEN == 0)
        // A long run of one byte is one sample, and takes no memory.
        .filter(|hash| last.replace(*hash) != Some(*hash))
        .collect();
    samples.sort_unstable();
    samples.dedup();
    samples
}
