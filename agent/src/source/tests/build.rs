//! Builds archives byte by byte, so that they can lie.
#![expect(
    clippy::disallowed_methods,
    reason = "tests write their archives with plain calls"
)]

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use tar::{EntryType, Header};

/// An entry of a zip archive, with what its two headers claim.
#[derive(Clone)]
pub struct Part {
    pub name: Vec<u8>,
    pub local_name: Option<Vec<u8>>,
    /// File type and permission bits; without them the archive was made on Windows.
    pub unix: Option<u32>,
    pub method: u16,
    pub flags: u16,
    pub size: u32,
    pub crc: u32,
    pub body: Vec<u8>,
    /// Sizes in the zip64 extra field instead of the header.
    pub zip64: bool,
}

const DESCRIPTOR: u16 = 8;

pub fn stored(name: &str, data: &[u8]) -> Part {
    Part {
        name: name.into(),
        local_name: None,
        unix: Some(0o100_644),
        method: 0,
        flags: 0,
        size: u32::try_from(data.len()).unwrap(),
        crc: rawzip::crc32(data),
        body: data.to_vec(),
        zip64: false,
    }
}

pub fn deflated(name: &str, data: &[u8]) -> Part {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    Part {
        method: 8,
        body: encoder.finish().unwrap(),
        ..stored(name, data)
    }
}

pub fn folder(name: &str) -> Part {
    stored(name, b"").unix(0o040_755)
}

pub fn link(name: &str, target: &str) -> Part {
    stored(name, target.as_bytes()).unix(0o120_777)
}

impl Part {
    pub fn unix(mut self, mode: u32) -> Self {
        self.unix = Some(mode);
        self
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn described_behind(self) -> Self {
        self.with(|part| part.flags |= DESCRIPTOR)
    }

    fn packed(&self) -> u32 {
        u32::try_from(self.body.len()).unwrap()
    }

    fn numbers(&self, local: bool) -> [u32; 3] {
        match (local && self.flags & DESCRIPTOR != 0, self.zip64) {
            (true, _) => [0; 3],
            (false, true) => [self.crc, u32::MAX, u32::MAX],
            (false, false) => [self.crc, self.packed(), self.size],
        }
    }

    fn extra(&self) -> Vec<u8> {
        let mut extra = Vec::new();
        if self.zip64 {
            put16(&mut extra, &[1, 16]);
            extra.extend_from_slice(&u64::from(self.size).to_le_bytes());
            extra.extend_from_slice(&u64::from(self.packed()).to_le_bytes());
        }
        extra
    }
}

fn put16(to: &mut Vec<u8>, numbers: &[u16]) {
    numbers
        .iter()
        .for_each(|n| to.extend_from_slice(&n.to_le_bytes()));
}

fn put32(to: &mut Vec<u8>, numbers: &[u32]) {
    numbers
        .iter()
        .for_each(|n| to.extend_from_slice(&n.to_le_bytes()));
}

fn len16(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap()
}

pub fn zip(parts: &[Part]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for part in parts {
        let start = u32::try_from(bytes.len()).unwrap();
        let name = part.local_name.as_ref().unwrap_or(&part.name);
        let extra = part.extra();
        put32(&mut bytes, &[0x0403_4b50]);
        put16(&mut bytes, &[20, part.flags, part.method, 0, 0x21]);
        put32(&mut bytes, &part.numbers(true));
        put16(&mut bytes, &[len16(name), len16(&extra)]);
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(&extra);
        bytes.extend_from_slice(&part.body);
        if part.flags & DESCRIPTOR != 0 {
            put32(&mut bytes, &[0x0807_4b50, part.crc, part.packed(), part.size]);
        }

        let (maker, attributes) = part.unix.map_or((20, 0), |mode| (3 << 8 | 20, mode << 16));
        put32(&mut directory, &[0x0201_4b50]);
        put16(&mut directory, &[maker, 20, part.flags, part.method, 0, 0x21]);
        put32(&mut directory, &part.numbers(false));
        put16(&mut directory, &[len16(&part.name), len16(&extra), 0, 0, 0]);
        put32(&mut directory, &[attributes, start]);
        directory.extend_from_slice(&part.name);
        directory.extend_from_slice(&extra);
    }
    let count = u16::try_from(parts.len()).unwrap();
    let start = u32::try_from(bytes.len()).unwrap();
    let size = u32::try_from(directory.len()).unwrap();
    bytes.extend_from_slice(&directory);
    put32(&mut bytes, &[0x0605_4b50]);
    put16(&mut bytes, &[0, 0, count, count]);
    put32(&mut bytes, &[size, start]);
    put16(&mut bytes, &[0]);
    bytes
}

/// A member of a tar archive; the name and the target are written as they are.
pub fn member(kind: EntryType, name: &str, mode: u32, target: &str, data: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(data.len() as u64);
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name.as_bytes());
    old.linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub fn tar_file(name: &str, data: &[u8]) -> Vec<u8> {
    member(EntryType::Regular, name, 0o644, "", data)
}

pub fn tar(members: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = members.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Writes a file and its folders.
pub fn put(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}
