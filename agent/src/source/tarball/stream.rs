//! One pass over a tar archive.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use tar::{Archive, EntryType};

use super::meter::{Gauge, Meter, Packed};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::Limits;
use crate::model::Progress;
use crate::source::cache::Stamp;
use crate::source::content::Content;
use crate::source::listing::{Kind, mode_bits};
use crate::source::refusal::{damaged, reading, unsafe_entry, unsupported};
use crate::sys::fs;

/// How the tar archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// A member of the archive while the pass stands at it.
pub(super) struct Member<'m, 'a, 'p> {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) mode: Option<u32>,
    pub(super) content: Content<'m, &'m mut tar::Entry<'a, Stream<'p>>>,
}

/// The unpacked archive; `'p` is that of whoever is told how far reading it is.
pub(super) type Stream<'p> = Meter<Box<dyn Read + 'p>>;

/// Size of a tar archive's headers in bytes.
pub(crate) const TAR_BLOCK: usize = 512;

/// 2^25 bytes is what decompression may hold in memory; all usual levels need at most a quarter of it.
const ZSTD_WINDOW_LOG: u32 = 25;

/// Passes every member to `visit` in the archive's order, until it breaks off. Only if it never does is the archive
/// read and checked to its end. `progress` is told of the archive's own bytes, whose number is known beforehand.
pub(super) fn for_each(
    stamp: &Stamp,
    packing: Packing,
    limits: &Limits,
    progress: &dyn Progress,
    visit: &mut dyn FnMut(Member<'_, '_, '_>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let source = stamp.path();
    let failed = |error| reading(source, None, error);
    let file = fs::open(source).map_err(failed)?;
    let gauge = Rc::new(Gauge::default());
    let stream = begin(unpack(file, packing, &gauge, progress).map_err(failed)?, stamp)?;
    let mut archive = Archive::new(Meter {
        inner: stream,
        gauge: Rc::clone(&gauge),
        source: source.to_owned(),
        ratio: match packing {
            Packing::Plain => u64::MAX,
            Packing::Gzip | Packing::Zstd => limits.ratio,
        },
    });
    let mut entries = archive.entries().map_err(failed)?;
    loop {
        gauge.header_begins();
        let entry = entries.next();
        gauge.header_ends();
        let mut entry = match entry {
            None => break,
            Some(Ok(entry)) => entry,
            Some(Err(error)) => return Err(failed(error)),
        };
        if visit_entry(stamp, &mut entry, visit)?.is_break() {
            return Ok(());
        }
    }
    if gauge.ended() {
        let what = "the tar archive is cut short: its end marker is missing";
        return Err(damaged(source, what));
    }
    // What follows is padding, and behind it the compression's check sum.
    io::copy(&mut archive.into_inner(), &mut io::sink())
        .map(drop)
        .map_err(failed)
}

fn unpack<'p>(
    file: File,
    packing: Packing,
    gauge: &Rc<Gauge>,
    progress: &'p dyn Progress,
) -> io::Result<Box<dyn Read + 'p>> {
    let packed = Packed {
        inner: file,
        gauge: Rc::clone(gauge),
        progress,
    };
    let buffered = BufReader::with_capacity(128 << 10, packed);
    Ok(match packing {
        Packing::Plain => Box::new(buffered),
        Packing::Gzip => Box::new(BufReader::with_capacity(64 << 10, MultiGzDecoder::new(buffered))),
        Packing::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(buffered)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(BufReader::with_capacity(64 << 10, decoder))
        }
    })
}

/// Puts back what is read to see whether this is a tar archive at all.
fn begin<'p>(mut stream: Box<dyn Read + 'p>, stamp: &Stamp) -> Result<Box<dyn Read + 'p>> {
    let mut head = Vec::with_capacity(TAR_BLOCK);
    (&mut stream)
        .take(TAR_BLOCK as u64)
        .read_to_end(&mut head)
        .map_err(|error| first_error(stamp, error))?;
    if is_tar_header(&head) {
        return Ok(Box::new(io::Cursor::new(head).chain(stream)));
    }
    let message = format!("{} does not hold a tar archive", stamp.path().display());
    Err(Failure::new(ErrorKind::NotAPack, message)
        .at(stamp.path())
        .hint("pass a pack as a zip, .tar, .tar.gz or .tar.zst archive or as a directory"))
}

fn first_error(stamp: &Stamp, error: io::Error) -> Failure {
    // The library tells this error by its text only.
    if error.to_string().contains("too much memory") {
        let what = "its zstd window is larger than 32 MiB, as `--long` and `--ultra` make it";
        return unsupported(stamp.path(), what);
    }
    reading(stamp.path(), None, error)
}

/// The check sum of the header's bytes with its own field as blanks; archives older than POSIX have no other mark.
pub(crate) fn is_tar_header(block: &[u8]) -> bool {
    const FIELD: std::ops::Range<usize> = 148..156;
    let Some(field) = block.get(FIELD).filter(|_| block.len() == TAR_BLOCK) else {
        return false;
    };
    let digits = String::from_utf8_lossy(field);
    let declared = u64::from_str_radix(digits.trim_matches([' ', '\0']), 8);
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| if FIELD.contains(&at) { 32 } else { u64::from(*byte) })
        .sum();
    declared == Ok(sum)
}

fn visit_entry(
    stamp: &Stamp,
    entry: &mut tar::Entry<'_, Stream<'_>>,
    visit: &mut dyn FnMut(Member<'_, '_, '_>) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    let source = stamp.path();
    let kind_byte = entry.header().entry_type();
    let name = entry.path_bytes().into_owned();
    let shown = String::from_utf8_lossy(&name).into_owned();
    check_extensions(stamp, entry, &shown)?;
    let size = entry.size();
    let kind = match kind_byte {
        EntryType::XGlobalHeader => None,
        _ => Some(kind_of(stamp, entry, &shown)?),
    };
    let mode = entry.header().mode().ok().map(mode_bits);
    let flow = match kind {
        None => ControlFlow::Continue(()),
        Some(kind) => visit(Member {
            name,
            kind,
            mode,
            content: Content::new(&mut *entry, source, &shown, size)?,
        })?,
    };
    if flow.is_continue() {
        // What is left unread here would count as the next header.
        io::copy(entry, &mut io::sink()).map_err(|error| reading(source, Some(&shown), error))?;
    }
    Ok(flow)
}

fn check_extensions(stamp: &Stamp, entry: &mut tar::Entry<'_, Stream<'_>>, shown: &str) -> Result<()> {
    let failed = |error| reading(stamp.path(), Some(shown), error);
    let Some(extensions) = entry.pax_extensions().map_err(failed)? else {
        return Ok(());
    };
    for extension in extensions {
        let extension = extension.map_err(failed)?;
        if extension.key_bytes().starts_with(b"GNU.sparse") {
            return Err(sparse(stamp, shown));
        }
    }
    Ok(())
}

fn kind_of(stamp: &Stamp, entry: &tar::Entry<'_, Stream<'_>>, shown: &str) -> Result<Kind> {
    let refuse = |why| Err(unsafe_entry(stamp.path(), shown, why));
    let size = entry.size();
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous if shown.ends_with('/') && size > 0 => {
            refuse("is a folder with content")
        }
        // Archives from before 1988 mark folders by the slash alone.
        EntryType::Regular | EntryType::Continuous if shown.ends_with('/') => Ok(Kind::Dir),
        EntryType::Regular | EntryType::Continuous => Ok(Kind::File { size, at: 0 }),
        EntryType::Directory => Ok(Kind::Dir),
        EntryType::Symlink => match entry.link_name_bytes().map(|target| target.into_owned()) {
            Some(target) => String::from_utf8(target)
                .map(Kind::Symlink)
                .or_else(|_| refuse("is a link with a target that is not UTF-8")),
            None => refuse("is a link without a target"),
        },
        EntryType::Link => {
            let what = format!("the entry `{}` is a hard link", shown.escape_debug());
            Err(unsupported(stamp.path(), &what))
        }
        EntryType::GNUSparse => Err(sparse(stamp, shown)),
        EntryType::Char | EntryType::Block | EntryType::Fifo => refuse("is a device or a pipe"),
        _ => {
            let what = format!("the entry `{}` is of an unknown kind", shown.escape_debug());
            Err(unsupported(stamp.path(), &what))
        }
    }
}

fn sparse(stamp: &Stamp, shown: &str) -> Failure {
    let what = format!("the entry `{}` is a sparse file", shown.escape_debug());
    unsupported(stamp.path(), &what)
}
