//! Reads what a delta says, as a whole, before any of it is done: blocks need to know what comes.

use std::rc::Rc;

use super::columns::{Column, Reader, unzigzag};
use super::deflate::Params;
use super::place::Descriptor;
use super::predict::{Predictor, action, kind};
use super::sources::{Id, Sources, WHOLE};
use super::tree::{Class, Content, Data, Entry, Gap, LocalExtra, Part, Piece, Plan, Tail, Text, Zip};
use super::zip::{Directory, FIELDS, Fields, Record};
use super::{DeltaError, limits};

/// Reads the columns of a delta that makes `size` bytes.
pub(super) fn read(columns: Vec<u8>, size: u64, sources: &mut Sources<'_>) -> Result<Plan, DeltaError> {
    let mut planner = Planner {
        reader: Reader::new(columns)?,
        sources,
        parts: Vec::new(),
        pieces: Vec::new(),
        entries: 0,
        directories: limits::DIRECTORIES,
    };
    let content = planner.content(size, Some(WHOLE), 0)?;
    Ok(Plan {
        content,
        parts: planner.parts,
        pieces: planner.pieces,
        text: planner.reader.finish()?,
    })
}

struct Planner<'a, 'b> {
    reader: Reader,
    sources: &'a mut Sources<'b>,
    parts: Vec<Part>,
    pieces: Vec<Piece>,
    entries: usize,
    /// How much more memory the base's directories may take.
    directories: usize,
}

/// What the entries of an archive are predicted from.
#[derive(Default)]
struct Last {
    base: i64,
    fields: [Predictor; FIELDS],
    entry: Fields,
}

/// A text of a header has no more bytes.
const TEXT: usize = u16::MAX as usize;
/// How data is made, the size of its content, and what is told of it.
type Made = (Data, u32, Option<(u32, u32)>);

const NO_BASE: DeltaError = DeltaError::Malformed("it refers to an entry where there is none");

impl Planner<'_, '_> {
    fn content(&mut self, size: u64, source: Option<Id>, depth: usize) -> Result<Content, DeltaError> {
        let begin = self.parts.len();
        match self.reader.get(Column::Kind)? {
            kind::SAME => {
                let source = source.ok_or(NO_BASE)?;
                let len = self.sources.len(source);
                self.parts.push(Part::Copy { source, at: 0, len });
            }
            kind::PIECE => {
                let old = source.map_or(0, |source| self.sources.len(source));
                self.piece(source, 0, old, size, None)?;
            }
            kind::CLASS => {
                let source = source.ok_or(NO_BASE)?;
                let class = self.class()?;
                self.piece(Some(source), 0, self.sources.len(source), size, Some(class))?;
            }
            kind::PARTS => self.parts(source)?,
            kind @ (kind::ZIP | kind::ZIP_ALONE) if depth < limits::DEPTH => {
                let source = source.filter(|_| kind == kind::ZIP);
                if kind == kind::ZIP && source.is_none() {
                    return Err(NO_BASE);
                }
                return Ok(Content::Zip(Box::new(self.zip(source, depth)?)));
            }
            _ => return Err(DeltaError::Malformed("it has a content of an unknown kind")),
        }
        Ok(Content::Parts(begin..self.parts.len()))
    }

    fn class(&mut self) -> Result<Class, DeltaError> {
        let mut next = || self.reader.limited(Column::Class, limits::BLOCK);
        let [told, runs, constants] = [next()?, next()?, next()?];
        Ok(Class {
            told,
            runs: self.reader.span(Column::Runs, runs)?,
            constants: self.reader.span(Column::Constants, constants)?,
        })
    }

    fn piece(
        &mut self,
        source: Option<Id>,
        at: u64,
        old: u64,
        new: u64,
        class: Option<Class>,
    ) -> Result<(), DeltaError> {
        let small = |len: u64| {
            let len = usize::try_from(len).ok().filter(|len| *len <= limits::BLOCK);
            len.ok_or(DeltaError::Malformed("a piece is larger than allowed"))
        };
        if source.is_none() && old > 0 {
            return Err(NO_BASE);
        }
        self.parts.push(Part::New);
        self.pieces.push(Piece {
            source,
            at,
            old: small(old)?,
            new: small(new)?,
            class,
        });
        Ok(())
    }

    fn parts(&mut self, source: Option<Id>) -> Result<(), DeltaError> {
        let mut expected: u64 = 0;
        let room = limits::PARTS - self.parts.len().min(limits::PARTS);
        for _ in 0..self.reader.limited(Column::Count, room)? {
            let code = self.reader.get(Column::Part)?;
            let (is_new, len) = (code & 1 == 1, code >> 1);
            let shift = unzigzag(self.reader.get(Column::PartAt)?);
            let at = expected.wrapping_add_signed(shift);
            if is_new {
                let old = self.reader.get(Column::PartOld)?;
                self.piece(source, at, old, len, None)?;
                expected = at.wrapping_add(old);
            } else {
                let source = source.ok_or(NO_BASE)?;
                self.parts.push(Part::Copy { source, at, len });
                expected = at.wrapping_add(len);
            }
        }
        Ok(())
    }

    fn zip(&mut self, source: Option<Id>, depth: usize) -> Result<Zip, DeltaError> {
        let base = match source {
            Some(source) => {
                let directory = self.sources.directory(source)?;
                self.directories = self
                    .directories
                    .checked_sub(directory.memory())
                    .ok_or(DeltaError::Malformed("it looks into too many archives"))?;
                Some((source, Rc::new(directory)))
            }
            None => None,
        };
        let count = self
            .reader
            .limited(Column::Count, limits::ENTRIES - self.entries)?;
        self.entries += count;
        let mut last = Last::default();
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(self.entry(base.as_ref(), &mut last, depth)?);
        }
        let gap = self.gap(source)?;
        let bias = self.reader.get(Column::Gap)?;
        let tail = match self.reader.limited(Column::Tail, limits::DIRECTORY)? {
            0 => Tail::Base,
            len => Tail::Own(self.reader.span(Column::Bytes, len - 1)?),
        };
        Ok(Zip {
            base,
            entries,
            gap,
            bias,
            tail,
        })
    }

    fn gap(&mut self, archive: Option<Id>) -> Result<Gap, DeltaError> {
        let code = self.reader.get(Column::Gap)?;
        let len = code >> 1;
        if code & 1 == 1 {
            let content = self.content(len, archive, limits::DEPTH)?;
            return Ok(Gap::Told(Box::new(content), len));
        }
        let len = usize::try_from(len).map_err(|_| DeltaError::Malformed("a gap is larger than allowed"))?;
        self.reader.span(Column::Bytes, len).map(Gap::Own)
    }

    fn entry(
        &mut self,
        archive: Option<&(Id, Rc<Directory>)>,
        last: &mut Last,
        depth: usize,
    ) -> Result<Entry, DeltaError> {
        let base = self.base(last)?;
        let record = match (base, archive) {
            (None, _) => None,
            (Some(base), Some((source, directory))) => {
                Some((*source, directory.records.get(base).ok_or(NO_BASE)?))
            }
            (Some(_), None) => return Err(NO_BASE),
        };
        let predicted = record.map_or(last.entry, |(_, record)| record.fields);
        let mut fields = predicted;
        for (number, field) in fields.iter_mut().enumerate() {
            let code = self.reader.field(number)?;
            *field = last.fields[number].value(code, predicted[number])?;
        }
        last.entry = fields;
        let name = self.text(Column::Name, Column::Text)?;
        let extra = self.text(Column::Extra, Column::Bytes)?;
        let comment = self.text(Column::Comment, Column::Bytes)?;
        let local_extra = self.local_extra()?;
        let local = self.local(&fields)?;
        let numbers = self.reader.get(Column::Numbers)? == 0;
        let descriptor = match self.reader.limited(Column::Descriptor, Descriptor::ALL.len())? {
            0 => None,
            which => Some(Descriptor::ALL[which - 1]),
        };
        let gap = self.gap(archive.map(|(source, _)| *source))?;
        let (data, size, told) = self.data(record, numbers, depth)?;
        Ok(Entry {
            base,
            data,
            fields,
            local,
            name,
            extra,
            comment,
            local_extra,
            numbers,
            descriptor,
            gap,
            size,
            told,
        })
    }

    fn base(&mut self, last: &mut Last) -> Result<Option<usize>, DeltaError> {
        let Some(code) = self.reader.get(Column::Base)?.checked_sub(1) else {
            return Ok(None);
        };
        let base = unzigzag(code).checked_add(last.base);
        let base = base.and_then(|base| usize::try_from(base).ok()).ok_or(NO_BASE)?;
        // Small enough to be told one more.
        last.base = i64::try_from(base)
            .ok()
            .and_then(|base| base.checked_add(1))
            .ok_or(NO_BASE)?;
        Ok(Some(base))
    }

    fn text(&mut self, column: Column, bytes: Column) -> Result<Text, DeltaError> {
        // A length has 16 bits, and one code comes before it.
        match self.reader.limited(column, TEXT + 1)? {
            0 => Ok(Text::Base),
            len => self.reader.span(bytes, len - 1).map(Text::Own),
        }
    }

    fn local_extra(&mut self) -> Result<LocalExtra, DeltaError> {
        match self.reader.limited(Column::LocalExtra, TEXT + 3)? {
            0 => Ok(LocalExtra::Last),
            1 => Ok(LocalExtra::Central),
            2 => Ok(LocalExtra::Base),
            len => self.reader.span(Column::Bytes, len - 3).map(LocalExtra::Own),
        }
    }

    fn local(&mut self, fields: &Fields) -> Result<[u32; 4], DeltaError> {
        let mut local = [fields[1], fields[2], fields[3], fields[4]];
        if self.reader.get(Column::Local)? != 0 {
            for field in &mut local {
                *field = self.number(Column::Local)?;
            }
        }
        Ok(local)
    }

    fn number(&mut self, column: Column) -> Result<u32, DeltaError> {
        let value = self.reader.get(column)?;
        u32::try_from(value).map_err(|_| DeltaError::Malformed("a field of a header is too large"))
    }

    fn data(
        &mut self,
        record: Option<(Id, &Record)>,
        numbers: bool,
        depth: usize,
    ) -> Result<Made, DeltaError> {
        let what = self.reader.get(Column::Action)?;
        if what == action::SAME {
            let (_, record) = record.ok_or(NO_BASE)?;
            return Ok((Data::Same, record.size, Some((record.crc, record.packed))));
        }
        let old_size = record.map_or(0, |(_, record)| i64::from(record.size));
        let size = unzigzag(self.reader.get(Column::Size)?).checked_add(old_size);
        let size = size.and_then(|size| u32::try_from(size).ok());
        let size = size.ok_or(DeltaError::Malformed("an entry is too large"))?;
        let must_tell = what == action::RAW || (numbers && size as usize > limits::BUFFERED);
        let told = match must_tell {
            true => Some((self.number(Column::Crc)?, self.number(Column::Packed)?)),
            false => None,
        };
        let data = match what {
            action::RAW => {
                let source = match record {
                    Some((archive, record)) => Some(self.sources.raw(archive, record)?),
                    None => None,
                };
                let len = told.map_or(0, |(_, packed)| u64::from(packed));
                Data::Raw(self.content(len, source, limits::DEPTH)?)
            }
            action::STORE => Data::Store(self.inner(record, size, depth)?),
            action::DEFLATE => {
                let params = Params::from_code(self.reader.get(Column::Deflate)?)
                    .ok_or(DeltaError::Malformed("it deflates with unknown parameters"))?;
                Data::Deflate(params, self.inner(record, size, depth)?)
            }
            _ => return Err(DeltaError::Malformed("it does something unknown with an entry")),
        };
        Ok((data, size, told))
    }

    /// The content of an entry; the base's entry may be none that can be inflated.
    fn inner(
        &mut self,
        record: Option<(Id, &Record)>,
        size: u32,
        depth: usize,
    ) -> Result<Content, DeltaError> {
        let source = match record {
            Some((archive, record)) if self.reader.get(Column::PartOld)? == 0 => {
                Some(self.sources.content(archive, record)?)
            }
            _ => None,
        };
        self.content(u64::from(size), source, depth + 1)
    }
}
