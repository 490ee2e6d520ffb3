//! Which entry of the old archive a new one comes from.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::place::{self, Place};
use super::similar::Similar;
use super::sources::Inflater;
use super::zip::{self, Directory, Record};

/// What a content is compared with.
#[derive(Clone, Copy)]
pub(super) struct Content<'a> {
    pub(super) bytes: &'a [u8],
    /// How much more a host may hold while it reads from this.
    pub(super) room: usize,
}

/// An archive that can be told entry by entry.
pub(super) struct Archive<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) directory: Directory,
    pub(super) places: Vec<Place>,
    pub(super) gap: Range<usize>,
}

impl<'a> Archive<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let directory = Directory::read(&bytes).ok()??;
        let (places, gap) = place::places(bytes, &directory)?;
        Some(Self {
            bytes,
            directory,
            places,
            gap,
        })
    }
}

/// The archive that another is compared with.
pub(super) struct Old<'a> {
    pub(super) directory: &'a Directory,
    pub(super) content: Content<'a>,
    names: HashMap<&'a [u8], usize>,
    contents: HashMap<(u32, u32), usize>,
    /// By the last part of their name: entries whose name is gone.
    moved: HashMap<&'a [u8], usize>,
    /// The contents of those, if there are new names.
    gone: Option<Similar>,
}

impl<'a> Old<'a> {
    pub(super) fn new(directory: &'a Directory, content: Content<'a>, new: &Archive<'_>) -> Self {
        let mut old = Self {
            directory,
            content,
            names: HashMap::new(),
            contents: HashMap::new(),
            moved: HashMap::new(),
            gone: None,
        };
        let kept: HashSet<&[u8]> = new
            .directory
            .records
            .iter()
            .map(|record| new.directory.name(record))
            .collect();
        for (at, record) in directory.records.iter().enumerate() {
            let name = directory.name(record);
            old.names.entry(name).or_insert(at);
            old.contents.entry((record.crc, record.size)).or_insert(at);
            if !kept.contains(name) && record.size > 0 {
                old.moved.entry(last_part(name)).or_insert(at);
            }
        }
        if !kept.iter().all(|name| old.names.contains_key(name)) {
            let gone = (0..)
                .zip(&directory.records)
                .filter(|(_, record)| !kept.contains(directory.name(record)));
            let contents = gone.filter_map(|(at, record)| Some((at, old.plain(record)?.0)));
            old.gone = Some(Similar::of(contents));
        }
        old
    }

    pub(super) fn data(&self, record: &Record) -> Option<&'a [u8]> {
        let at = usize::try_from(record.at).ok()?;
        let head = self.content.bytes.get(at..)?.first_chunk()?;
        let (data, _) = place::data_of(head, record.at)?;
        let at = usize::try_from(data).ok()?;
        self.content
            .bytes
            .get(at..at.checked_add(record.packed as usize)?)
    }

    pub(super) fn local_extra(&self, record: &Record) -> Option<&'a [u8]> {
        let at = usize::try_from(record.at).ok()?;
        let head = self.content.bytes.get(at..)?.first_chunk()?;
        let (_, extra) = place::data_of(head, record.at)?;
        self.content
            .bytes
            .get(usize::try_from(extra.start).ok()?..usize::try_from(extra.end).ok()?)
    }

    /// The content of an entry, and how much more may be held besides.
    pub(super) fn plain(&self, record: &Record) -> Option<(Cow<'a, [u8]>, usize)> {
        let inflated = match record.fields[zip::METHOD] {
            zip::DEFLATED => record.size as usize,
            _ => 0,
        };
        let room = self.content.room.checked_sub(inflated)?;
        Some((plain(record, self.data(record)?)?, room))
    }

    /// Which entry a new one comes from, and whether it has the same data.
    pub(super) fn origin(&self, name: &[u8], fresh: &Fresh<'_>) -> Option<(usize, bool)> {
        let Fresh { record, data, .. } = fresh;
        let named = self.names.get(name).copied();
        let equal = self.contents.get(&(record.crc, record.size)).copied();
        for at in [named, equal].into_iter().flatten() {
            if self.is_same(&self.directory.records[at], record, data) {
                return Some((at, true));
            }
        }
        let found = equal.filter(|_| record.size > 0).or(named);
        let found = found.or_else(|| {
            let gone = self.gone.as_ref().filter(|_| record.size > 0)?;
            Some(gone.closest(fresh.plain()?)? as usize)
        });
        let found = found.or_else(|| self.moved.get(last_part(name)).copied());
        found.map(|at| (at, false))
    }

    fn is_same(&self, old: &Record, new: &Record, data: &[u8]) -> bool {
        let numbers = |record: &Record| (record.crc, record.packed, record.size);
        numbers(old) == numbers(new)
            && old.fields[zip::METHOD] == new.fields[zip::METHOD]
            && self.data(old) == Some(data)
    }
}

/// A new entry and its data.
pub(super) struct Fresh<'d> {
    pub(super) record: &'d Record,
    pub(super) data: &'d [u8],
    plain: OnceCell<Option<Cow<'d, [u8]>>>,
}

impl<'d> Fresh<'d> {
    pub(super) fn new(record: &'d Record, data: &'d [u8]) -> Self {
        Self {
            record,
            data,
            plain: OnceCell::new(),
        }
    }

    /// Its content, inflated only once however often it is asked for.
    pub(super) fn plain(&self) -> Option<&[u8]> {
        let plain = self.plain.get_or_init(|| plain(self.record, self.data));
        plain.as_deref()
    }
}

/// The content of an entry with this data.
fn plain<'d>(record: &Record, data: &'d [u8]) -> Option<Cow<'d, [u8]>> {
    let size = record.size as usize;
    match record.fields[zip::METHOD] {
        zip::STORED if record.size == record.packed => Some(data.into()),
        zip::DEFLATED => Some(inflate(data, size)?.into()),
        _ => None,
    }
}

fn last_part(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'/').next().unwrap_or(name)
}

fn inflate(data: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    // Deflate makes nothing smaller than this.
    if size / 1040 > data.len() {
        return None;
    }
    let mut inflater = Inflater::new(&mut plain, size);
    inflater.take(data).ok()?;
    inflater.finish().ok()?;
    Some(plain)
}
