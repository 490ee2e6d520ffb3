//! The instructions of a delta. Values of one kind stand together, which compresses best.

use super::DeltaError;
use super::limits;

/// Which values stand together.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub(super) enum Column {
    /// How a content is told.
    Kind,
    /// How many parts or entries.
    Count,
    /// Where the next part comes from, and how long it is.
    Part,
    /// Where it lies in the base.
    PartAt,
    /// How much of the base it is compared with.
    PartOld,
    /// Which entry of the base an entry comes from.
    Base,
    /// How an entry's data is told.
    Action,
    /// With which parameters it is deflated.
    Deflate,
    /// Its size as content.
    Size,
    /// Its size as data.
    Packed,
    /// Its checksum.
    Crc,
    /// The name, if it is another.
    Name,
    /// The extra field of the directory, if it is another.
    Extra,
    /// The comment, if it is another.
    Comment,
    /// The extra field at the data.
    LocalExtra,
    /// What the header at the data says otherwise.
    Local,
    /// Whether that header has numbers.
    Numbers,
    /// What stands behind the data.
    Descriptor,
    /// Bytes before an entry.
    Gap,
    /// What stands behind the directory.
    Tail,
    /// The characters of names.
    Text,
    /// All other bytes.
    Bytes,
    /// How much is told of a class in which column.
    Class,
    /// Which constants of a class are old ones.
    Runs,
    /// The other constants.
    Constants,
    /// The first of the columns of a header's fields: see `zip::Fields`.
    Field,
}

/// As many as there are, with one for each field of a header.
const COLUMNS: usize = Column::Field as usize + super::zip::FIELDS;

/// A number that may be negative as one that is small if it is near zero.
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The reverse of [`zigzag`].
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Appends a number in groups of seven bits, the lowest first.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Takes a number from the front of `from`.
pub(super) fn take_varint(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The columns as they are filled.
#[derive(Debug, Default)]
pub(super) struct Writer {
    columns: [Vec<u8>; COLUMNS],
}

impl Writer {
    pub(super) fn put(&mut self, column: Column, value: u64) {
        put_varint(&mut self.columns[column as usize], value);
    }

    pub(super) fn field(&mut self, number: usize, value: u64) {
        put_varint(&mut self.columns[Column::Field as usize + number], value);
    }

    pub(super) fn bytes(&mut self, column: Column, bytes: &[u8]) {
        self.columns[column as usize].extend_from_slice(bytes);
    }

    /// The length of each column, then the columns; `None` if that is more than a reader takes.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for column in &self.columns {
            put_varint(&mut out, column.len() as u64);
        }
        out.extend(self.columns.into_iter().flatten());
        (out.len() <= limits::COLUMNS).then_some(out)
    }
}

/// A part of the text of a [`Reader`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) at: u32,
    pub(super) len: u32,
}

impl Span {
    pub(super) fn of(self, text: &[u8]) -> &[u8] {
        let at = self.at as usize;
        text.get(at..at + self.len as usize).unwrap_or_default()
    }
}

/// The columns as they are read.
#[derive(Debug)]
pub(super) struct Reader {
    text: Vec<u8>,
    ends: [(usize, usize); COLUMNS],
}

const SHORT: DeltaError = DeltaError::Malformed("its instructions end early");

impl Reader {
    pub(super) fn new(text: Vec<u8>) -> Result<Self, DeltaError> {
        let mut rest = text.as_slice();
        let mut ends = [(0, 0); COLUMNS];
        for end in &mut ends {
            let len = take_varint(&mut rest).ok_or(SHORT)?;
            end.1 = usize::try_from(len).map_err(|_| SHORT)?;
        }
        let mut at = text.len() - rest.len();
        for end in &mut ends {
            let len = end.1;
            *end = (
                at,
                at.checked_add(len)
                    .filter(|end| *end <= text.len())
                    .ok_or(SHORT)?,
            );
            at = end.1;
        }
        if at != text.len() {
            return Err(DeltaError::Malformed("bytes follow its instructions"));
        }
        Ok(Self { text, ends })
    }

    pub(super) fn get(&mut self, column: Column) -> Result<u64, DeltaError> {
        self.number(column as usize)
    }

    pub(super) fn field(&mut self, number: usize) -> Result<u64, DeltaError> {
        self.number(Column::Field as usize + number)
    }

    /// A number below a limit.
    pub(super) fn limited(&mut self, column: Column, limit: usize) -> Result<usize, DeltaError> {
        let value = usize::try_from(self.get(column)?).ok();
        value
            .filter(|value| *value <= limit)
            .ok_or(DeltaError::Malformed("a number is larger than allowed"))
    }

    pub(super) fn span(&mut self, column: Column, len: usize) -> Result<Span, DeltaError> {
        let (at, end) = &mut self.ends[column as usize];
        if len > *end - *at {
            return Err(SHORT);
        }
        let span = |at: usize| u32::try_from(at).map_err(|_| SHORT);
        let found = Span {
            at: span(*at)?,
            len: span(len)?,
        };
        *at += len;
        Ok(found)
    }

    /// The text that a [`Span`] is a part of; nothing can be read any more.
    pub(super) fn finish(self) -> Result<Vec<u8>, DeltaError> {
        if self.ends.iter().any(|(at, end)| at != end) {
            return Err(DeltaError::Malformed("instructions are left over"));
        }
        Ok(self.text)
    }

    fn number(&mut self, column: usize) -> Result<u64, DeltaError> {
        let (at, end) = &mut self.ends[column];
        let mut rest = &self.text[*at..*end];
        let value = take_varint(&mut rest).ok_or(SHORT)?;
        *at = *end - rest.len();
        Ok(value)
    }
}
