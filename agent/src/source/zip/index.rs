//! Reads a zip archive's central directory into a safe listing.

use std::fs::File;

use rawzip::{
    CompressionMethod, CreatorSystem, Error, ErrorKind, FileReader, ZipArchive, ZipFileHeaderRecord,
};

use super::{Slot, open_slot};
use crate::api::{Failure, Result};
use crate::config::Limits;
use crate::source::cache::Stamp;
use crate::source::listing::{Collector, Item, Kind, Listing, mode_bits};
use crate::source::refusal::{damaged, reading, unsafe_entry, unsupported};

const LOCAL_HEADER: u64 = 30;
/// A link's text is a path; more than this is none.
const MAX_LINK: u64 = 4096;

const FILE_TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

pub(super) fn read(
    file: File,
    stamp: &Stamp,
    limits: &Limits,
) -> Result<(ZipArchive<FileReader>, Vec<Slot>, Listing)> {
    let failed = |error| zip_error(stamp, error);
    let mut buffer = vec![0; rawzip::MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(failed)?;
    let mut collector = Collector::new(stamp.path(), limits);
    let mut slots = Vec::new();
    let mut records = archive.entries(&mut buffer);
    while let Some(record) = records.next_entry().map_err(failed)? {
        let slot = slot(stamp, &record)?;
        let item = item(&archive, stamp, &record, &slot, slots.len())?;
        collector.add(&slot.name, item, Some(record.compressed_size_hint()))?;
        slots.push(slot);
    }
    check_count(stamp, slots.len() as u64, archive.entries_hint())?;
    bound_slots(stamp, &mut slots, archive.directory_offset())?;
    Ok((archive, slots, collector.finish()?))
}

fn zip_error(stamp: &Stamp, error: Error) -> Failure {
    match error.into_kind() {
        ErrorKind::IO(error) => reading(stamp.path(), None, error),
        ErrorKind::MissingEndOfCentralDirectory => damaged(
            stamp.path(),
            "the zip archive is cut short: its central directory is missing",
        ),
        kind => damaged(stamp.path(), "the zip archive is damaged").because(Error::from(kind)),
    }
}

fn slot(stamp: &Stamp, record: &ZipFileHeaderRecord<'_>) -> Result<Slot> {
    let name = record.file_path().as_bytes();
    let shown = String::from_utf8_lossy(name);
    let shown = shown.escape_debug();
    let (flags, method) = (record.flags(), record.compression_method());
    if flags.is_encrypted()
        || flags.has_strong_encryption()
        || flags.is_masked()
        || method == CompressionMethod::AES
    {
        let what = format!("the entry `{shown}` is encrypted");
        return Err(unsupported(stamp.path(), &what));
    }
    if ![CompressionMethod::STORE, CompressionMethod::DEFLATE].contains(&method) {
        let what = format!("the entry `{shown}` is compressed with the method {method}");
        return Err(unsupported(stamp.path(), &what));
    }
    let stored_differs = record.compressed_size_hint() != record.uncompressed_size_hint();
    if method == CompressionMethod::STORE && stored_differs {
        let what = format!("the entry `{shown}` is stored with two different sizes");
        return Err(damaged(stamp.path(), &what));
    }
    Ok(Slot {
        finder: record.wayfinder(),
        method,
        name: name.into(),
        crc: record.crc32(),
        start: record.local_header_offset(),
        until: 0,
    })
}

/// What the entry is. The file type and the permission bits are known only if the archive was made on Unix.
fn item(
    archive: &ZipArchive<FileReader>,
    stamp: &Stamp,
    record: &ZipFileHeaderRecord<'_>,
    slot: &Slot,
    at: usize,
) -> Result<Item> {
    let shown = String::from_utf8_lossy(&slot.name);
    let refuse = |why| Err(unsafe_entry(stamp.path(), &shown, why));
    let creator = record.version_made_by().creator_system();
    let unix = match creator {
        CreatorSystem::UNIX | CreatorSystem::MACOS => record.external_attributes() >> 16,
        _ => 0,
    };
    let size = record.uncompressed_size_hint();
    let kind = match (unix & FILE_TYPE, record.is_dir()) {
        (0 | FOLDER, true) | (FOLDER, false) if size == 0 => Kind::Dir,
        (0 | FOLDER, true) | (FOLDER, false) => return refuse("is a folder with content"),
        (0 | REGULAR, false) => Kind::File { size, at },
        (LINK, false) => Kind::Symlink(link_text(archive, stamp, slot, size)?),
        (REGULAR | LINK, true) => return refuse("has the name of a folder but is none"),
        _ => return refuse("is a device, a pipe or a socket"),
    };
    // A few tools record the type alone; nobody means a file that nobody may read.
    let bits = unix & 0o7777;
    let mode = (bits != 0).then_some(mode_bits(bits));
    Ok(Item { kind, mode })
}

fn link_text(archive: &ZipArchive<FileReader>, stamp: &Stamp, slot: &Slot, size: u64) -> Result<String> {
    let shown = String::from_utf8_lossy(&slot.name);
    let refuse = |why| unsafe_entry(stamp.path(), &shown, why);
    if size > MAX_LINK {
        return Err(refuse("is a link with a target that is no path"));
    }
    let slot = Slot {
        until: u64::MAX,
        name: slot.name.clone(),
        ..*slot
    };
    let bytes = open_slot(archive, &slot, stamp.path(), &shown)?.head(size + 1)?;
    String::from_utf8(bytes).map_err(|_| refuse("is a link with a target that is not UTF-8"))
}

/// A directory that lists more or less than its end record says was cut or patched. Older tools without zip64 count
/// modulo 65,536.
fn check_count(stamp: &Stamp, found: u64, declared: u64) -> Result<()> {
    if found == declared || (declared <= 0xffff && found & 0xffff == declared) {
        return Ok(());
    }
    let what = format!("the zip archive lists {found} entries but declares {declared}");
    Err(damaged(stamp.path(), &what))
}

/// Finds where each entry must have ended. Entries that share bytes are the trick of the most effective zip bombs.
fn bound_slots(stamp: &Stamp, slots: &mut [Slot], directory: u64) -> Result<()> {
    let mut order: Vec<usize> = (0..slots.len()).collect();
    order.sort_unstable_by_key(|&at| std::cmp::Reverse(slots[at].start));
    let mut until = directory;
    for at in order {
        let slot = &mut slots[at];
        let start = slot.start;
        let least = LOCAL_HEADER + slot.name.len() as u64;
        let end = start
            .checked_add(least)
            .and_then(|end| end.checked_add(slot.finder.compressed_size_hint()));
        if end.is_none_or(|end| end > until) {
            let shown = String::from_utf8_lossy(&slot.name);
            return Err(unsafe_entry(
                stamp.path(),
                &shown,
                "overlaps another entry or the directory",
            ));
        }
        slot.until = until;
        until = start;
    }
    Ok(())
}
