//! Holds an entry's local header against the central directory. Readers that trust one or the other would see
//! different archives, which is how malicious content passes a check.

use std::path::Path;

use rawzip::{ErrorKind, FileReader, ZipArchive, ZipEntry, ZipLocalFileHeader};

use super::Slot;
use crate::api::Result;
use crate::source::refusal::{damaged, reading, unsafe_entry};

/// Room for the usual extra fields; a larger header is read with a second try.
const USUAL_EXTRA: usize = 1024;

pub(super) fn check<'a>(
    archive: &'a ZipArchive<FileReader>,
    slot: &Slot,
    source: &Path,
    entry: &str,
) -> Result<ZipEntry<'a, FileReader>> {
    let failed = |error: rawzip::Error| match error.into_kind() {
        ErrorKind::IO(error) => reading(source, Some(entry), error),
        kind => {
            let what = format!("the entry `{}` is damaged", entry.escape_debug());
            damaged(source, &what).because(rawzip::Error::from(kind))
        }
    };
    let found = archive.get_entry(slot.finder).map_err(failed)?;
    let mut buffer = vec![0; slot.name.len() + USUAL_EXTRA];
    let agrees = match found.local_header(&mut buffer) {
        Ok(header) => agrees(&header, slot),
        Err(error) => match *error.kind() {
            ErrorKind::BufferTooSmall { required } => {
                buffer.resize(required, 0);
                agrees(&found.local_header(&mut buffer).map_err(failed)?, slot)
            }
            _ => return Err(failed(error)),
        },
    };
    if !agrees {
        let why = "is described differently at its place and in the directory";
        return Err(unsafe_entry(source, entry, why));
    }
    if found.compressed_data_range().1 > slot.until {
        return Err(unsafe_entry(
            source,
            entry,
            "overlaps another entry or the directory",
        ));
    }
    Ok(found)
}

fn agrees(local: &ZipLocalFileHeader<'_>, slot: &Slot) -> bool {
    let flags = local.flags();
    // With a data descriptor the numbers stand behind the content and are zero here.
    let numbers = flags.has_data_descriptor()
        || (local.compressed_size_hint() == slot.finder.compressed_size_hint()
            && local.uncompressed_size_hint() == slot.finder.uncompressed_size_hint()
            && local.crc32() == slot.crc);
    numbers
        && !flags.is_encrypted()
        && local.compression_method() == slot.method
        && local.file_path().as_bytes() == &*slot.name
}
