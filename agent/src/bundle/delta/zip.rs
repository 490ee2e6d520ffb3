//! A zip archive's directory, as far as a delta needs it. Whoever reads it, on either side, sees the same: that is part
//! of the format. An archive with anything unusual is no archive here, but plain bytes.

use std::io;

use super::Base;
use super::limits;

/// The fields of a directory's record that are predicted alike.
pub(super) const FIELDS: usize = 7;
/// Which field is the general purpose flags.
pub(super) const FLAGS: usize = 2;
/// Which field is the method.
pub(super) const METHOD: usize = 3;
/// Made by, needed, flags, method, date and time, internal and external attributes.
pub(super) type Fields = [u32; FIELDS];

pub(super) const STORED: u32 = 0;
pub(super) const DEFLATED: u32 = 8;

pub(super) const LOCAL: usize = 30;
const RECORD: usize = 46;
const RECORD_MAGIC: [u8; 4] = *b"PK\x01\x02";
const END: usize = 22;
const END_MAGIC: [u8; 4] = *b"PK\x05\x06";
const END64: usize = 56;
const END64_MAGIC: [u8; 4] = *b"PK\x06\x06";
const LOCATOR: usize = 20;
const LOCATOR_MAGIC: [u8; 4] = *b"PK\x06\x07";

/// What the directory says about an entry.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) fields: Fields,
    pub(super) crc: u32,
    pub(super) packed: u32,
    pub(super) size: u32,
    /// Where its header begins in the file.
    pub(super) at: u64,
    /// Where its name is in [`Directory::bytes`].
    name: u32,
    name_len: u16,
    extra_len: u16,
    comment_len: u16,
}

/// The end of an archive, from its directory on.
#[derive(Debug)]
pub(super) struct Directory {
    bytes: Vec<u8>,
    /// Where that begins in the file.
    pub(super) at: u64,
    /// How many of the bytes are the directory.
    pub(super) len: usize,
    /// What offsets are short of: the bytes before an archive that was appended to something.
    pub(super) bias: u64,
    pub(super) records: Vec<Record>,
}

impl Directory {
    pub(super) fn name(&self, record: &Record) -> &[u8] {
        self.text(record, 0, record.name_len)
    }

    pub(super) fn extra(&self, record: &Record) -> &[u8] {
        self.text(record, usize::from(record.name_len), record.extra_len)
    }

    pub(super) fn comment(&self, record: &Record) -> &[u8] {
        let before = usize::from(record.name_len) + usize::from(record.extra_len);
        self.text(record, before, record.comment_len)
    }

    fn text(&self, record: &Record, before: usize, len: u16) -> &[u8] {
        let at = record.name as usize + before;
        self.bytes.get(at..at + usize::from(len)).unwrap_or_default()
    }

    /// How much memory it takes.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + self.records.len() * size_of::<Record>()
    }

    /// What follows the directory, without what can be derived.
    pub(super) fn tail(&self) -> Vec<u8> {
        let mut tail = self.bytes[self.len..].to_vec();
        Totals::of(self).take_from(&mut tail);
        tail
    }

    /// The directory of a whole file; `None` if it is not one that a delta looks into.
    pub(super) fn read(base: &dyn Base) -> io::Result<Option<Self>> {
        let Some(mut directory) = find(base)? else {
            return Ok(None);
        };
        Ok(directory.read_records().map(|()| directory))
    }

    fn read_records(&mut self) -> Option<()> {
        let mut at = 0;
        while at < self.len {
            let (record, next) = record(&self.bytes[..self.len], at, self.bias)?;
            // What is behind the directory is no entry, and a header has its length at least.
            if record.at.checked_add(LOCAL as u64)? > self.at || self.records.len() == limits::ENTRIES {
                return None;
            }
            self.records.push(record);
            at = next;
        }
        (!self.records.is_empty()).then_some(())
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let found = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*found))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let found = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*found))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let found = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*found))
}

fn record(bytes: &[u8], at: usize, bias: u64) -> Option<(Record, usize)> {
    let head = bytes.get(at..at + RECORD)?;
    let short = |at| u16_at(head, at);
    let long = |at| u32_at(head, at);
    let (name_len, extra_len, comment_len) = (short(28)?, short(30)?, short(32)?);
    let offset = long(42)?;
    let numbers = [long(20)?, long(24)?, offset];
    // The numbers of large archives are elsewhere, as are those on other disks.
    if !head.starts_with(&RECORD_MAGIC) || numbers.contains(&u32::MAX) || short(34)? != 0 {
        return None;
    }
    let texts = [name_len, extra_len, comment_len].map(usize::from);
    let next = at + RECORD + texts.iter().sum::<usize>();
    let record = Record {
        fields: [
            u32::from(short(4)?),
            u32::from(short(6)?),
            u32::from(short(8)?),
            u32::from(short(10)?),
            long(12)?,
            u32::from(short(36)?),
            long(38)?,
        ],
        crc: long(16)?,
        packed: numbers[0],
        size: numbers[1],
        at: u64::from(offset).checked_add(bias)?,
        name: u32::try_from(at + RECORD).ok()?,
        name_len,
        extra_len,
        comment_len,
    };
    (next <= bytes.len()).then_some((record, next))
}

/// The end of a file from its directory on, with no records read yet.
fn find(base: &dyn Base) -> io::Result<Option<Directory>> {
    let file_len = base.len();
    let most = file_len.min((END + usize::from(u16::MAX) + END64 + LOCATOR) as u64);
    let mut last = vec![0; usize::try_from(most).unwrap_or(0)];
    base.read_at(file_len - most, &mut last)?;
    let Some((at, len, offset)) = find_end(&last) else {
        return Ok(None);
    };
    let end = file_len - most + at as u64;
    let total = len.saturating_add((last.len() - at) as u64);
    if len > end || offset > end - len || total > limits::DIRECTORY as u64 {
        return Ok(None);
    }
    let (start, len) = (end - len, len as usize);
    let mut bytes = vec![0; len];
    base.read_at(start, &mut bytes)?;
    bytes.extend_from_slice(&last[at..]);
    Ok(Some(Directory {
        bytes,
        at: start,
        len,
        bias: start - offset,
        records: Vec::new(),
    }))
}

/// Where the records of the end begin in the last bytes of a file; the length and the offset of the directory by them.
fn find_end(last: &[u8]) -> Option<(usize, u64, u64)> {
    let at = (0..=last.len().checked_sub(END)?).rev().find(|&at| {
        last[at..].starts_with(&END_MAGIC)
            && u16_at(last, at + 20).map(usize::from) == Some(last.len() - at - END)
    })?;
    let (len, offset) = (u32_at(last, at + 12)?, u32_at(last, at + 16)?);
    let located = at
        .checked_sub(LOCATOR + END64)
        .filter(|at64| is_end64(&last[*at64..]));
    match located {
        Some(at64) => {
            let (len, offset) = (u64_at(last, at64 + 40)?, u64_at(last, at64 + 48)?);
            Some((at64, len, offset))
        }
        None if len == u32::MAX || offset == u32::MAX => None,
        None => Some((at, len.into(), offset.into())),
    }
}

fn is_end64(tail: &[u8]) -> bool {
    tail.starts_with(&END64_MAGIC) && tail.get(END64..).is_some_and(|at| at.starts_with(&LOCATOR_MAGIC))
}

/// What the end of an archive says about the rest of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Totals {
    pub(super) entries: u64,
    pub(super) len: u64,
    pub(super) offset: u64,
}

impl Totals {
    fn of(directory: &Directory) -> Self {
        Self {
            entries: directory.records.len() as u64,
            len: directory.len as u64,
            offset: directory.at - directory.bias,
        }
    }

    /// Makes the numbers in a tail differences to what they should be, which is mostly zero.
    fn take_from(self, tail: &mut [u8]) {
        self.change(tail, u64::wrapping_sub);
    }

    /// The reverse of [`Directory::tail`].
    pub(super) fn add_to(self, tail: &mut [u8]) {
        self.change(tail, u64::wrapping_add);
    }

    fn change(self, tail: &mut [u8], by: fn(u64, u64) -> u64) {
        let end = if is_end64(tail) {
            for (at, value) in [
                (24, self.entries),
                (32, self.entries),
                (40, self.len),
                (48, self.offset),
                (END64 + 8, self.offset.wrapping_add(self.len)),
            ] {
                change(&mut tail[at..at + 8], value, by);
            }
            END64 + LOCATOR
        } else {
            0
        };
        if tail.len() < end + END {
            return;
        }
        let tail = &mut tail[end..];
        for (range, value) in [
            (8..10, self.entries),
            (10..12, self.entries),
            (12..16, self.len),
            (16..20, self.offset),
        ] {
            change(&mut tail[range], value, by);
        }
    }
}

fn change(bytes: &mut [u8], value: u64, by: fn(u64, u64) -> u64) {
    let mut number = [0; 8];
    number[..bytes.len()].copy_from_slice(bytes);
    let changed = by(u64::from_le_bytes(number), value).to_le_bytes();
    bytes.copy_from_slice(&changed[..bytes.len()]);
}

/// Appends a record of the directory.
pub(super) fn put_record(
    out: &mut Vec<u8>,
    fields: &Fields,
    numbers: [u32; 3],
    offset: u32,
    texts: [&[u8]; 3],
) {
    out.extend(RECORD_MAGIC);
    for short in &fields[..4] {
        out.extend(&short.to_le_bytes()[..2]);
    }
    out.extend(fields[4].to_le_bytes());
    out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    put_lengths(out, &texts);
    out.extend([0, 0]);
    out.extend(&fields[5].to_le_bytes()[..2]);
    out.extend(fields[6].to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend(texts.concat());
}

pub(super) fn put_lengths(out: &mut Vec<u8>, texts: &[&[u8]]) {
    for text in texts {
        out.extend(&text.len().to_le_bytes()[..2]);
    }
}
