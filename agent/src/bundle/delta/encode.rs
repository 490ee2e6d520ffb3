//! Finds the delta of a file.

use std::io::{self, Write};

use super::columns::{Column, Writer, zigzag};
use super::deflate::{Params, params_of};
use super::origin::{Archive, Content, Fresh, Old};
use super::place::Place;
use super::predict::{Predictor, action, kind};
use super::sources::read_all;
use super::zip::{self, Directory, FIELDS, Fields, Record};
use super::{Base, anchors, apply, blocks, class, limits};

pub(super) fn encode(base: &dyn Base, target: &dyn Base) -> io::Result<Option<Vec<u8>>> {
    if base.len().max(target.len()) > limits::FILE {
        return Ok(None);
    }
    let (old, new) = (read_all(base)?, read_all(target)?);
    // Where an archive's delta goes beyond a limit, that of its bytes may not.
    let depths = [0, limits::DEPTH];
    let mut deltas = depths.iter().filter_map(|depth| build(&old, &new, *depth));
    Ok(deltas.find(|delta| delta.len() < new.len() && rebuilds(&old, delta, &new)))
}

fn build(old: &[u8], new: &[u8], depth: usize) -> Option<Vec<u8>> {
    let mut encoder = Encoder {
        columns: Writer::default(),
        blocks: blocks::Writer::default(),
        params: None,
        room: limits::CLASS_COLUMNS,
    };
    let base = Content {
        bytes: old,
        room: limits::HELD,
    };
    encoder.content(new, Some(base), depth)?;
    let columns = encoder.columns.finish()?;
    encoder.blocks.finish(&columns)
}

fn rebuilds(old: &[u8], mut delta: &[u8], new: &[u8]) -> bool {
    let mut rest = Same(new);
    apply::apply(&old, &mut delta, new.len() as u64, &mut rest).is_ok() && rest.0.is_empty()
}

/// Takes only what is expected.
struct Same<'a>(&'a [u8]);

impl Write for Same<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Encoder {
    columns: Writer,
    blocks: blocks::Writer,
    /// Those of the last entry.
    params: Option<Params>,
    /// How much of the columns is left to classes.
    room: usize,
}

impl Encoder {
    fn content(&mut self, new: &[u8], old: Option<Content<'_>>, depth: usize) -> Option<()> {
        if let Some(old) = old
            && old.bytes == new
        {
            self.columns.put(Column::Kind, kind::SAME);
            return Some(());
        }
        if depth < limits::DEPTH
            && let Some(archive) = Archive::read(new)
        {
            return self.zip(&archive, old, depth);
        }
        let bytes = old.map_or(&[][..], |old| old.bytes);
        if new.len().max(bytes.len()) <= limits::PIECE {
            let told = class::tell(new, bytes).filter(|told| told.columns() <= self.room);
            if let Some(told) = told {
                return self.class(&told, new.len());
            }
            self.columns.put(Column::Kind, kind::PIECE);
            return self.blocks.add(new, bytes);
        }
        self.columns.put(Column::Kind, kind::PARTS);
        let parts = anchors::parts(new, bytes);
        self.columns.put(Column::Count, parts.len() as u64);
        let mut expected = 0;
        for part in parts {
            let (at, old) = (part.old.start, part.old.len());
            let len = part.new.len() as u64;
            self.columns
                .put(Column::Part, len << 1 | u64::from(!part.is_copy));
            self.columns
                .put(Column::PartAt, zigzag(at as i64 - expected as i64));
            expected = part.old.end;
            if !part.is_copy {
                self.columns.put(Column::PartOld, old as u64);
                self.blocks.add(&new[part.new], &bytes[part.old])?;
            }
        }
        Some(())
    }

    fn class(&mut self, told: &class::Told, size: usize) -> Option<()> {
        self.room -= told.columns();
        self.columns.put(Column::Kind, kind::CLASS);
        for len in [told.new.len(), told.runs.len(), told.constants.len()] {
            self.columns.put(Column::Class, len as u64);
        }
        self.columns.bytes(Column::Runs, &told.runs);
        self.columns.bytes(Column::Constants, &told.constants);
        self.blocks.add_class(told, size)
    }

    fn zip(&mut self, new: &Archive<'_>, old: Option<Content<'_>>, depth: usize) -> Option<()> {
        let directory = old.and_then(|old| Directory::read(&old.bytes).ok().flatten());
        let base = match (&directory, old) {
            (Some(directory), Some(content)) => Some(Old::new(directory, content, new)),
            _ => None,
        };
        let kind = if base.is_some() {
            kind::ZIP
        } else {
            kind::ZIP_ALONE
        };
        self.columns.put(Column::Kind, kind);
        self.columns.put(Column::Count, new.places.len() as u64);
        let mut last = Last::default();
        for (record, place) in new.directory.records.iter().zip(&new.places) {
            self.entry(new, record, place, base.as_ref(), &mut last, depth)?;
        }
        self.gap(
            &new.bytes[new.gap.clone()],
            base.as_ref().map(|base| base.content),
        )?;
        self.columns.put(Column::Gap, new.directory.bias);
        let tail = new.directory.tail();
        if base.as_ref().is_some_and(|base| base.directory.tail() == tail) {
            self.columns.put(Column::Tail, 0);
        } else {
            self.columns.put(Column::Tail, tail.len() as u64 + 1);
            self.columns.bytes(Column::Bytes, &tail);
        }
        Some(())
    }

    fn gap(&mut self, bytes: &[u8], old: Option<Content<'_>>) -> Option<()> {
        let is_told = bytes.len() > limits::GAP;
        self.columns
            .put(Column::Gap, (bytes.len() as u64) << 1 | u64::from(is_told));
        if is_told {
            return self.content(bytes, old, limits::DEPTH);
        }
        self.columns.bytes(Column::Bytes, bytes);
        Some(())
    }

    fn entry(
        &mut self,
        new: &Archive<'_>,
        record: &Record,
        place: &Place,
        base: Option<&Old<'_>>,
        last: &mut Last,
        depth: usize,
    ) -> Option<()> {
        let fresh = Fresh::new(record, &new.bytes[place.data.clone()]);
        let origin = base.and_then(|base| base.origin(new.directory.name(record), &fresh));
        let code = match origin {
            Some((at, _)) => {
                let code = zigzag(at as i64 - last.base) + 1;
                last.base = at as i64 + 1;
                code
            }
            None => 0,
        };
        self.columns.put(Column::Base, code);
        let found = origin.and_then(|(at, _)| Some((base?, &base?.directory.records[at])));
        let predicted = found.map_or(last.entry, |(_, record)| record.fields);
        for (number, value) in record.fields.iter().enumerate() {
            let code = last.fields[number].code(*value, predicted[number]);
            self.columns.field(number, code);
        }
        last.entry = record.fields;
        self.texts(new, record, place, found, last);
        self.local(record, place);
        self.columns.put(Column::Numbers, u64::from(!place.numbers));
        let descriptor = place.descriptor.map_or(0, |which| which as u64 + 1);
        self.columns.put(Column::Descriptor, descriptor);
        self.gap(&new.bytes[place.gap.clone()], base.map(|base| base.content))?;
        if let Some((_, true)) = origin {
            self.columns.put(Column::Action, action::SAME);
            return Some(());
        }
        self.data(&fresh, place, found, depth)
    }

    fn texts(
        &mut self,
        new: &Archive<'_>,
        record: &Record,
        place: &Place,
        found: Option<(&Old<'_>, &Record)>,
        last: &mut Last,
    ) {
        type Of = for<'t> fn(&'t Directory, &'t Record) -> &'t [u8];
        let texts: [(Column, Column, Of); 3] = [
            (Column::Name, Column::Text, Directory::name),
            (Column::Extra, Column::Bytes, Directory::extra),
            (Column::Comment, Column::Bytes, Directory::comment),
        ];
        for (column, bytes, of) in texts {
            let text = of(&new.directory, record);
            let predicted = found.map_or(&[][..], |(base, record)| of(base.directory, record));
            if text == predicted {
                self.columns.put(column, 0);
            } else {
                self.columns.put(column, text.len() as u64 + 1);
                self.columns.bytes(bytes, text);
            }
        }
        let extra = &new.bytes[place.extra.clone()];
        let base = found.and_then(|(base, record)| base.local_extra(record));
        if extra == last.extra {
            self.columns.put(Column::LocalExtra, 0);
        } else if extra == new.directory.extra(record) {
            self.columns.put(Column::LocalExtra, 1);
        } else if Some(extra) == base {
            self.columns.put(Column::LocalExtra, 2);
        } else {
            self.columns.put(Column::LocalExtra, extra.len() as u64 + 3);
            self.columns.bytes(Column::Bytes, extra);
        }
        last.extra = extra.to_vec();
    }

    fn local(&mut self, record: &Record, place: &Place) {
        let central = &record.fields[1..=place.local.len()];
        let differs = central != place.local;
        self.columns.put(Column::Local, u64::from(differs));
        if differs {
            for field in place.local {
                self.columns.put(Column::Local, field.into());
            }
        }
    }

    /// An entry whose data is not there already.
    fn data(
        &mut self,
        fresh: &Fresh<'_>,
        place: &Place,
        found: Option<(&Old<'_>, &Record)>,
        depth: usize,
    ) -> Option<()> {
        let Fresh { record, data, .. } = *fresh;
        let what = self.understand(fresh);
        self.columns.put(Column::Action, what);
        let old_size = found.map_or(0, |(_, record)| i64::from(record.size));
        self.columns
            .put(Column::Size, zigzag(i64::from(record.size) - old_size));
        if what == action::RAW || (place.numbers && record.size as usize > limits::BUFFERED) {
            self.columns.put(Column::Crc, record.crc.into());
            self.columns.put(Column::Packed, record.packed.into());
        }
        if what == action::RAW {
            let old = found.and_then(|(base, record)| {
                Some(Content {
                    bytes: base.data(record)?,
                    room: base.content.room,
                })
            });
            return self.content(data, old, limits::DEPTH);
        }
        if what == action::DEFLATE {
            self.columns
                .put(Column::Deflate, self.params.map_or(0, Params::code));
        }
        let plain = match what {
            action::DEFLATE => fresh.plain()?,
            _ => data,
        };
        let Some((base, record)) = found else {
            return self.content(plain, None, depth + 1);
        };
        let old = base.plain(record);
        self.columns.put(Column::PartOld, u64::from(old.is_none()));
        let old = old.as_ref().map(|(bytes, room)| Content { bytes, room: *room });
        self.content(plain, old, depth + 1)
    }

    /// What an entry is, as far as its data can be made again from its content.
    fn understand(&mut self, fresh: &Fresh<'_>) -> u64 {
        let Fresh { record, data, .. } = *fresh;
        match record.fields[zip::METHOD] {
            zip::STORED if record.size == record.packed && crc(data) == record.crc => action::STORE,
            zip::DEFLATED => {
                let Some(plain) = fresh.plain() else {
                    return action::RAW;
                };
                match params_of(plain, data, self.params) {
                    Some(params) if crc(plain) == record.crc => {
                        self.params = Some(params);
                        action::DEFLATE
                    }
                    _ => action::RAW,
                }
            }
            _ => action::RAW,
        }
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// What the entries of an archive are predicted from.
#[derive(Default)]
struct Last {
    base: i64,
    fields: [Predictor; FIELDS],
    entry: Fields,
    extra: Vec<u8>,
}
