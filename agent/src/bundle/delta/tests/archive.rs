//! Writes zip archives as different tools do.

use std::io::Write;

use flate2::write::DeflateEncoder;

use crate::bundle::delta::deflate::{Deflater, Params};

/// How an entry's data is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Stored,
    /// By zlib, with one of the parameters that a delta knows.
    Zlib(usize),
    /// By a deflater that makes other bytes than zlib.
    Other,
    /// Not to be read by anybody.
    Encrypted,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
    pub(super) packing: Packing,
    pub(super) time: u32,
    pub(super) extra: Vec<u8>,
    pub(super) local_extra: Vec<u8>,
    pub(super) comment: Vec<u8>,
    /// Which descriptor stands behind: signed, or wide.
    pub(super) descriptor: Option<(bool, bool)>,
    /// Bytes before the entry that belong to none.
    pub(super) gap: Vec<u8>,
    /// What the header at the data says otherwise.
    pub(super) needed: u16,
}

pub(super) fn entry(name: &str, content: &[u8], packing: Packing) -> Entry {
    Entry {
        name: name.to_owned(),
        content: content.to_vec(),
        packing,
        time: 0x5a21_0000,
        extra: Vec::new(),
        local_extra: Vec::new(),
        comment: Vec::new(),
        descriptor: None,
        gap: Vec::new(),
        needed: 20,
    }
}

impl Entry {
    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn packed(&self) -> (u16, u16, Vec<u8>) {
        match self.packing {
            Packing::Stored => (0, 0, self.content.clone()),
            Packing::Encrypted => (0, 1, self.content.clone()),
            Packing::Zlib(which) => (8, 0, zlib(&self.content, which)),
            Packing::Other => {
                let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
                encoder.write_all(&self.content).unwrap();
                (8, 0, encoder.finish().unwrap())
            }
        }
    }
}

/// As many parameters as zlib is tried with.
pub(super) const PARAMS: usize = 18;

pub(super) fn zlib(content: &[u8], which: usize) -> Vec<u8> {
    let params = Params::all().nth(which).unwrap();
    let mut deflater = Deflater::new(params).unwrap();
    let mut packed = Vec::new();
    deflater.write(content, &mut packed).unwrap();
    deflater.finish(&mut packed).unwrap();
    packed
}

/// An archive of entries, and what stands before and behind it.
#[derive(Debug, Clone, Default)]
pub(super) struct Archive {
    pub(super) entries: Vec<Entry>,
    pub(super) before: Vec<u8>,
    /// Whether offsets count from the start of the archive, not of the file.
    pub(super) is_appended: bool,
    /// Bytes between the last entry and the directory, as signatures are.
    pub(super) block: Vec<u8>,
    pub(super) comment: Vec<u8>,
    /// The end in the records of zip64, too.
    pub(super) wide: bool,
}

pub(super) fn archive(entries: &[Entry]) -> Archive {
    Archive {
        entries: entries.to_vec(),
        ..Archive::default()
    }
}

fn short(to: &mut Vec<u8>, numbers: &[usize]) {
    let numbers = numbers.iter().map(|number| u16::try_from(*number).unwrap());
    to.extend(numbers.flat_map(u16::to_le_bytes));
}

fn long(to: &mut Vec<u8>, numbers: &[u32]) {
    to.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

impl Archive {
    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.before.clone();
        let bias = if self.is_appended { bytes.len() } else { 0 };
        let mut directory = Vec::new();
        for entry in &self.entries {
            bytes.extend(&entry.gap);
            let at = bytes.len() - bias;
            put(entry, at, &mut bytes, &mut directory);
        }
        bytes.extend(&self.block);
        let at = (bytes.len() - bias) as u64;
        bytes.extend(&directory);
        let (count, len) = (self.entries.len(), directory.len() as u64);
        if self.wide {
            let end = (bytes.len() - bias) as u64;
            long(&mut bytes, &[0x0606_4b50, 44, 0]);
            short(&mut bytes, &[45, 45]);
            long(&mut bytes, &[0, 0]);
            for number in [count as u64, count as u64, len, at] {
                bytes.extend(number.to_le_bytes());
            }
            long(&mut bytes, &[0x0706_4b50, 0]);
            bytes.extend(end.to_le_bytes());
            long(&mut bytes, &[1]);
        }
        long(&mut bytes, &[0x0605_4b50, 0]);
        short(&mut bytes, &[count, count]);
        long(&mut bytes, &[len as u32, at as u32]);
        short(&mut bytes, &[self.comment.len()]);
        bytes.extend(&self.comment);
        bytes
    }
}

fn put(entry: &Entry, at: usize, bytes: &mut Vec<u8>, directory: &mut Vec<u8>) {
    let (method, encrypted, data) = entry.packed();
    let flags = encrypted | if entry.descriptor.is_some() { 8 } else { 0 };
    let (method, flags) = (usize::from(method), usize::from(flags));
    let numbers = [
        rawzip::crc32(&entry.content),
        data.len() as u32,
        entry.content.len() as u32,
    ];
    long(bytes, &[0x0403_4b50]);
    short(bytes, &[usize::from(entry.needed), flags, method]);
    let told = if entry.descriptor.is_some() {
        [0; 3]
    } else {
        numbers
    };
    long(bytes, &[entry.time, told[0], told[1], told[2]]);
    short(bytes, &[entry.name.len(), entry.local_extra.len()]);
    bytes.extend(entry.name.as_bytes());
    bytes.extend(&entry.local_extra);
    bytes.extend(&data);
    if let Some((signed, wide)) = entry.descriptor {
        if signed {
            long(bytes, &[0x0807_4b50]);
        }
        long(bytes, &numbers[..1]);
        for number in &numbers[1..] {
            long(bytes, &[*number, 0][..if wide { 2 } else { 1 }]);
        }
    }
    long(directory, &[0x0201_4b50]);
    short(directory, &[0x314, 20, flags, method]);
    long(directory, &[entry.time, numbers[0], numbers[1], numbers[2]]);
    let lengths = [entry.name.len(), entry.extra.len(), entry.comment.len(), 0, 0];
    short(directory, &lengths);
    long(directory, &[0o100_644 << 16, at as u32]);
    directory.extend(entry.name.as_bytes());
    directory.extend(&entry.extra);
    directory.extend(&entry.comment);
}
