//! What a file has in common with others, without comparing them byte by byte.

use std::io;

use super::Base;
use super::zip::Directory;

/// How many bytes are read at a time.
const READ: usize = 256 << 10;
/// A chunk ends where these bits of the rolling hash are zero: every 2 KiB on average.
const CUT: u64 = 0x7ff << 53;
/// The longest chunk.
const CHUNK: usize = 16 << 10;
/// An entry of the same name is worth this part of its size, whatever is in it.
const NAMED: u32 = 8;

/// Fingerprints of a file's parts: of an archive's entries, or of chunks that are cut where their content says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// Sorted; each with its bytes.
    parts: Vec<(u64, u32)>,
}

impl Sketch {
    /// The fingerprints of a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(file: &dyn Base) -> io::Result<Self> {
        let mut parts = match Directory::read(file)? {
            Some(directory) => entries(&directory),
            None => chunks(file)?,
        };
        parts.sort_unstable();
        parts.dedup_by_key(|(fingerprint, _)| *fingerprint);
        Ok(Self { parts })
    }

    /// How many bytes two files have in common, about.
    #[must_use]
    pub fn shared(&self, other: &Self) -> u64 {
        let mut shared = 0;
        let mut others = other.parts.iter().peekable();
        for (fingerprint, bytes) in &self.parts {
            while others.next_if(|(other, _)| other < fingerprint).is_some() {}
            if let Some((_, other)) = others.next_if(|(other, _)| other == fingerprint) {
                shared += u64::from(*bytes.min(other));
            }
        }
        shared
    }
}

fn entries(directory: &Directory) -> Vec<(u64, u32)> {
    let files = directory.records.iter().filter(|record| record.size > 0);
    files
        .flat_map(|record| {
            let content = u64::from(record.crc) << 32 | u64::from(record.size);
            let name = directory
                .name(record)
                .iter()
                .fold(0, |hash, byte| roll(hash, *byte));
            [
                (mix(content), record.packed),
                (mix(!name), record.packed.div_ceil(NAMED)),
            ]
        })
        .collect()
}

fn chunks(file: &dyn Base) -> io::Result<Vec<(u64, u32)>> {
    let mut parts = Vec::new();
    let (mut rolling, mut whole, mut len) = (0, 0, 0);
    let mut at = 0;
    let mut buffer = vec![0; READ];
    while at < file.len() {
        let count = (file.len() - at).min(READ as u64) as usize;
        file.read_at(at, &mut buffer[..count])?;
        at += count as u64;
        for &byte in &buffer[..count] {
            rolling = roll(rolling, byte);
            whole = mix(whole ^ u64::from(byte));
            len += 1;
            if rolling & CUT == 0 || len as usize == CHUNK {
                parts.push((whole, len));
                (rolling, whole, len) = (0, 0, 0);
            }
        }
    }
    parts.push((whole, len));
    Ok(parts)
}

/// A hash that the last 64 bytes decide.
pub(super) fn roll(hash: u64, byte: u8) -> u64 {
    (hash << 1).wrapping_add(mix(u64::from(byte)))
}

pub(super) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    value ^ (value >> 29)
}
