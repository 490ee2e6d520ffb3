//! What stands around the data of a zip archive's entries.

use std::ops::Range;

use super::zip::{Directory, FLAGS, LOCAL, Record, put_lengths, u16_at, u32_at};

const LOCAL_MAGIC: [u8; 4] = *b"PK\x03\x04";
const DESCRIPTOR_MAGIC: [u8; 4] = *b"PK\x07\x08";
/// The numbers stand behind the data.
const DESCRIPTOR_FLAG: u32 = 8;

/// Where an entry's data begins and its local extra field, by its local header.
pub(super) fn data_of(head: &[u8; LOCAL], at: u64) -> Option<(u64, Range<u64>)> {
    let (name, extra) = (u16_at(head, 26)?, u16_at(head, 28)?);
    if !head.starts_with(&LOCAL_MAGIC) {
        return None;
    }
    let extra_at = at.checked_add(LOCAL as u64)?.checked_add(u64::from(name))?;
    let data = extra_at.checked_add(u64::from(extra))?;
    Some((data, extra_at..data))
}

/// Appends the header that stands before an entry's data. `local` has needed, flags, method, date and time.
pub(super) fn put_local(out: &mut Vec<u8>, local: [u32; 4], numbers: [u32; 3], name: &[u8], extra: &[u8]) {
    out.extend(LOCAL_MAGIC);
    for short in &local[..3] {
        out.extend(&short.to_le_bytes()[..2]);
    }
    out.extend(local[3].to_le_bytes());
    out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    put_lengths(out, &[name, extra]);
    out.extend([name, extra].concat());
}

/// How the numbers behind an entry's data are written: with or without a signature, in 32 or 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Descriptor {
    signed: bool,
    wide: bool,
}

impl Descriptor {
    pub(super) const ALL: [Self; 4] = [
        Self::new(true, false),
        Self::new(false, false),
        Self::new(true, true),
        Self::new(false, true),
    ];

    const fn new(signed: bool, wide: bool) -> Self {
        Self { signed, wide }
    }

    pub(super) fn put(self, out: &mut Vec<u8>, [crc, packed, size]: [u32; 3]) {
        if self.signed {
            out.extend(DESCRIPTOR_MAGIC);
        }
        out.extend(crc.to_le_bytes());
        for number in [packed, size] {
            out.extend(number.to_le_bytes());
            if self.wide {
                out.extend([0; 4]);
            }
        }
    }
}

/// What stands around the data of an entry, where it stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Bytes that belong to no entry.
    pub(super) gap: Range<usize>,
    pub(super) extra: Range<usize>,
    pub(super) data: Range<usize>,
    /// Needed, flags, method, date and time, as the local header has them.
    pub(super) local: [u32; 4],
    /// Whether that header has the numbers, or zeros.
    pub(super) numbers: bool,
    /// Which of [`Descriptor::ALL`] stands behind the data.
    pub(super) descriptor: Option<usize>,
}

/// The places of all entries and the gap before the directory, if they stand in its order, one behind the other.
pub(super) fn places(file: &[u8], directory: &Directory) -> Option<(Vec<Place>, Range<usize>)> {
    let mut places = Vec::with_capacity(directory.records.len());
    let directory_at = usize::try_from(directory.at).ok()?;
    let mut end = 0;
    for (number, record) in directory.records.iter().enumerate() {
        let next = directory
            .records
            .get(number + 1)
            .map_or(directory_at, |next| usize::try_from(next.at).unwrap_or(0));
        let place = place(file.get(..next)?, directory, record, end)?;
        end = place.data.end;
        if let Some(which) = place.descriptor {
            let mut bytes = Vec::new();
            Descriptor::ALL[which].put(&mut bytes, [0; 3]);
            end += bytes.len();
        }
        places.push(place);
    }
    let gap = end..directory_at;
    (gap.start <= gap.end).then_some((places, gap))
}

/// An entry within a file that was cut where the next one begins.
fn place(file: &[u8], directory: &Directory, record: &Record, before: usize) -> Option<Place> {
    let at = usize::try_from(record.at).ok()?;
    let head: &[u8; LOCAL] = file.get(at..)?.first_chunk()?;
    let (data, extra) = data_of(head, record.at)?;
    let (data, extra) = (
        usize::try_from(data).ok()?,
        usize::try_from(extra.start).ok()?..usize::try_from(extra.end).ok()?,
    );
    let data = data..data.checked_add(record.packed as usize)?;
    let short = |at| u16_at(head, at).map(u32::from);
    let found = [u32_at(head, 14)?, u32_at(head, 18)?, u32_at(head, 22)?];
    let told = [record.crc, record.packed, record.size];
    let flagged = record.fields[FLAGS] & DESCRIPTOR_FLAG != 0;
    let numbers = match (found == told, found == [0; 3]) {
        (true, true) => !flagged,
        (true, false) => true,
        (false, true) => false,
        (false, false) => return None,
    };
    let name = file.get(at + LOCAL..extra.start)?;
    if before > at || data.end > file.len() || name != directory.name(record) {
        return None;
    }
    let behind = &file[data.end..];
    let descriptor = flagged
        .then(|| {
            Descriptor::ALL.iter().position(|descriptor| {
                let mut bytes = Vec::new();
                descriptor.put(&mut bytes, told);
                behind == bytes
            })
        })
        .flatten();
    Some(Place {
        gap: before..at,
        extra,
        data,
        local: [short(4)?, short(6)?, short(8)?, u32_at(head, 10)?],
        numbers,
        descriptor,
    })
}
