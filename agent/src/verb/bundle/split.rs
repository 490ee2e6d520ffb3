//! `bundle split` and `bundle join`: for media that are smaller than a bundle. The list of the parts says what each must be,
//! so that a part that was damaged on its way is named.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::api::bundle::BundleReport;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Digest, Progress, Work};
use crate::sys::fs::{self, NewFile};
use crate::sys::hashing::hash;

use super::{Opened, looked_at, written};

const HEADER: &str = "pitstop-parts 1";
const LIST_BYTES: u64 = 4 << 20;

/// Cuts a bundle into `FILE.001`, `FILE.002`, … of at most `size` bytes, with the list `FILE.parts`.
///
/// # Errors
/// `source`: it is no bundle. `usage`: more parts than a list names. Reading or writing failed.
pub(super) fn split(path: &Path, size: u64, progress: &dyn Progress) -> Result<BundleReport> {
    let opened = Opened::unproven(path)?;
    let whole = opened.bundle.archive.size();
    let count = whole.div_ceil(size.max(1));
    if count > 999 {
        let message = format!("{} would fall into {count} parts", path.display());
        return Err(Failure::new(ErrorKind::Usage, message)
            .hint("give parts of a larger --size: at most 999 are made"));
    }
    let _work = Work::begin(progress, "splitting", whole);
    let mut file = fs::open(path).map_err(|error| Failure::io("read the bundle", path, error))?;
    let mut list = format!("{HEADER}\n{whole}\n");
    let mut parts = Vec::new();
    for number in 1..=count {
        let part = beside(path, &format!("{number:03}"));
        let failed = |error| Failure::io("write the part", &part, error);
        let mut out = NewFile::create(&part).map_err(failed)?;
        let (bytes, digest) = copy(&mut (&mut file).take(size), &mut out, progress).map_err(failed)?;
        out.put_in_place().map_err(failed)?;
        list.push_str(&format!("{digest} {bytes} {}\n", name_of(&part)));
        parts.push(part);
    }
    let index = beside(path, "parts");
    fs::write_page(&index, list.as_bytes()).map_err(|error| Failure::io("write the list", &index, error))?;
    parts.push(index);
    Ok(BundleReport {
        changed: true,
        parts,
        ..looked_at(path, &opened, &format!("is cut into {count} parts"))?
    })
}

/// Puts the parts that a list names together; they lie beside it.
///
/// # Errors
/// `digest`: a part is not what the list says. `source`: the list or a part cannot be read. Or writing failed.
pub(super) fn join(list: &Path, out: &Path, progress: &dyn Progress) -> Result<BundleReport> {
    let bad = |why: &str| {
        Failure::new(
            ErrorKind::Source,
            format!("cannot read the list of parts {}: {why}", list.display()),
        )
        .at(list)
        .hint("name the file that ends in .parts")
    };
    let bytes = fs::read(list, LIST_BYTES).map_err(|error| Failure::io("read the list", list, error))?;
    let text = String::from_utf8(bytes).map_err(|_| bad("it is not text"))?;
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err(bad("it is of another kind"));
    }
    let whole: u64 = lines
        .next()
        .and_then(|line| line.parse().ok())
        .ok_or_else(|| bad("it has no size"))?;
    let _work = Work::begin(progress, "joining", whole);
    let failed = |error| Failure::io("write the bundle", out, error);
    let mut file = NewFile::create(out).map_err(failed)?;
    let mut joined: u64 = 0;
    for line in lines {
        let (digest, size, part) =
            part_of(list, line).ok_or_else(|| bad("a line is not `digest size name`"))?;
        let reader = fs::open(&part).map_err(|error| Failure::io("read the part", &part, error))?;
        let mut limited = reader.take(size.saturating_add(1));
        let (bytes, found) = copy(&mut limited, &mut file, progress).map_err(failed)?;
        if bytes != size || found != digest {
            let message = format!("{} is not the part that {} names", part.display(), list.display());
            return Err(Failure::new(ErrorKind::Digest, message)
                .at(&part)
                .hint("copy this part again; the others need not be"));
        }
        joined = joined.saturating_add(bytes);
    }
    if joined != whole {
        return Err(bad("it does not name all parts"));
    }
    file.put_in_place().map_err(failed)?;
    written(out, format!("{} is put together", out.display()))
}

/// A part's digest, size and place. Its name is a plain one: it cannot lead elsewhere.
fn part_of(list: &Path, line: &str) -> Option<(Digest, u64, PathBuf)> {
    let mut fields = line.splitn(3, ' ');
    let (digest, size, name) = (fields.next()?, fields.next()?, fields.next()?);
    let is_plain = !name.is_empty() && !name.contains('/') && name != "..";
    is_plain.then(|| {
        Some((
            digest.parse().ok()?,
            size.parse().ok()?,
            list.with_file_name(name),
        ))
    })?
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    path.with_file_name(format!("{}.{suffix}", name_of(path)))
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Copies all of one to the other; returns how much that was, and its digest.
fn copy(from: &mut dyn Read, to: &mut dyn Write, progress: &dyn Progress) -> io::Result<(u64, Digest)> {
    let mut passing = Passing { from, to, bytes: 0 };
    let digest = hash(&mut passing, &mut vec![0; 256 << 10], progress)?;
    Ok((passing.bytes, digest))
}

/// Writes what is read of it.
struct Passing<'a> {
    from: &'a mut dyn Read,
    to: &'a mut dyn Write,
    bytes: u64,
}

impl Read for Passing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(into)?;
        self.to.write_all(&into[..n])?;
        self.bytes += n as u64;
        Ok(n)
    }
}
