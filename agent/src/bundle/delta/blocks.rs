//! New bytes travel in blocks, each compressed with the old bytes that belong to them as its prefix.

use std::io::Read;

use zstd::zstd_safe::{CCtx, CParameter, DCtx};

use super::class::{Change, Told};
use super::columns::put_varint;
use super::limits;
use super::sources::Sources;
use super::tree::{Piece, Plan};
use super::{DeltaError, MAGIC};

/// The best there is short of levels that need gigabytes.
const LEVEL: i32 = 19;

/// Compresses `new` with `old` before it.
pub(super) fn compress(new: &[u8], old: &[u8]) -> Option<Vec<u8>> {
    let total = (new.len() + old.len()).max(1 << 10);
    let window = total.next_power_of_two().trailing_zeros();
    let mut context = CCtx::create();
    let parameters = [
        CParameter::CompressionLevel(LEVEL),
        CParameter::WindowLog(window),
        // Room for every position, or the start of the old bytes is forgotten.
        CParameter::ChainLog((window + 1).min(26)),
        CParameter::HashLog(window.min(24)),
        CParameter::SearchLog(9),
        CParameter::TargetLength(512),
        CParameter::EnableLongDistanceMatching(window > 20),
        CParameter::ContentSizeFlag(false),
    ];
    for parameter in parameters {
        context.set_parameter(parameter).ok()?;
    }
    context.ref_prefix(old).ok()?;
    let mut out = Vec::with_capacity(zstd::zstd_safe::compress_bound(new.len()));
    context.compress2(&mut out, new).ok()?;
    Some(out)
}

/// The reverse of [`compress`]; exactly `len` bytes.
fn decompress(packed: &[u8], old: &[u8], len: usize) -> Result<Vec<u8>, DeltaError> {
    let damaged = |_| DeltaError::Malformed("its compressed data is damaged");
    let mut context = DCtx::create();
    context.ref_prefix(old).map_err(damaged)?;
    let mut new = Vec::with_capacity(len);
    context.decompress(&mut new, packed).map_err(damaged)?;
    if new.len() != len {
        return Err(DeltaError::Malformed("a block has another size"));
    }
    Ok(new)
}

/// The blocks as they are filled.
#[derive(Default)]
pub(super) struct Writer {
    pieces: u64,
    old: Vec<u8>,
    new: Vec<u8>,
    /// How many bytes the new ones become.
    made: usize,
    /// How much its classes count.
    weight: usize,
    done: Vec<u8>,
}

impl Writer {
    /// Adds a piece. Both sides are within the limits.
    pub(super) fn add(&mut self, new: &[u8], old: &[u8]) -> Option<()> {
        self.add_weighed(new, old, new.len(), 0)
    }

    /// Adds a class that becomes `made` bytes.
    pub(super) fn add_class(&mut self, told: &Told, made: usize) -> Option<()> {
        self.add_weighed(&told.new, &told.old, made, told.weight)
    }

    fn add_weighed(&mut self, new: &[u8], old: &[u8], made: usize, weight: usize) -> Option<()> {
        let is_full = self.made + made > limits::BLOCK
            || self.old.len() + old.len() > limits::BLOCK
            || self.weight + weight > limits::CONSTANTS;
        if is_full {
            self.flush()?;
        }
        self.pieces += 1;
        self.made += made;
        self.weight += weight;
        self.new.extend_from_slice(new);
        self.old.extend_from_slice(old);
        Some(())
    }

    fn flush(&mut self) -> Option<()> {
        if self.pieces > 0 {
            let packed = compress(&self.new, &self.old)?;
            put_varint(&mut self.done, self.pieces);
            put_varint(&mut self.done, packed.len() as u64);
            self.done.extend(packed);
        }
        self.pieces = 0;
        self.made = 0;
        self.weight = 0;
        self.new.clear();
        self.old.clear();
        Some(())
    }

    /// The whole delta.
    pub(super) fn finish(mut self, columns: &[u8]) -> Option<Vec<u8>> {
        self.flush()?;
        let packed = compress(columns, &[])?;
        let mut delta = MAGIC.to_vec();
        put_varint(&mut delta, columns.len() as u64);
        put_varint(&mut delta, packed.len() as u64);
        delta.extend(packed);
        delta.extend(self.done);
        Some(delta)
    }
}

/// The blocks as they are read.
pub(super) struct Reader<'a> {
    delta: &'a mut dyn Read,
    /// How many pieces begin in this block or earlier.
    pieces: usize,
    taken: usize,
    new: Vec<u8>,
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads what stands before the blocks: the columns.
    pub(super) fn new(delta: &'a mut dyn Read) -> Result<(Self, Vec<u8>), DeltaError> {
        let mut reader = Self {
            delta,
            pieces: 0,
            taken: 0,
            new: Vec::new(),
            at: 0,
        };
        let mut magic = MAGIC;
        reader.fill(&mut magic)?;
        if magic != MAGIC {
            return Err(DeltaError::Malformed("it is no delta of a version that is known"));
        }
        let len = reader.number(limits::COLUMNS)?;
        let packed = reader.packed(len)?;
        let columns = decompress(&packed, &[], len)?;
        Ok((reader, columns))
    }

    /// The bytes of the next piece.
    pub(super) fn take(&mut self, plan: &Plan, sources: &mut Sources<'_>) -> Result<&[u8], DeltaError> {
        if self.taken == self.pieces {
            self.load(&plan.pieces[self.taken..], &plan.text, sources)?;
        }
        let start = self.at;
        let piece = plan.pieces.get(self.taken);
        self.taken += 1;
        self.at += piece.map_or(0, |piece| piece.new);
        self.new
            .get(start..self.at)
            .ok_or(DeltaError::Malformed("a block is too short"))
    }

    /// Nothing may follow the last piece.
    pub(super) fn finish(self, pieces: usize) -> Result<(), DeltaError> {
        let more = self.delta.read(&mut [0]).map_err(DeltaError::Delta)?;
        if more > 0 || self.taken != pieces {
            return Err(DeltaError::Malformed("it has more data than it uses"));
        }
        Ok(())
    }

    fn load(
        &mut self,
        following: &[Piece],
        text: &[u8],
        sources: &mut Sources<'_>,
    ) -> Result<(), DeltaError> {
        // What was used goes before more is needed.
        self.new = Vec::new();
        self.at = 0;
        let count = self.number(following.len())?;
        let pieces = &following[..count];
        let sum = |of: fn(&Piece) -> usize| pieces.iter().map(|piece| of(piece) as u64).sum::<u64>();
        let (new, told, old) = (sum(|piece| piece.new), sum(Piece::told), sum(|piece| piece.old));
        if count == 0 || new.max(told).max(old) > limits::BLOCK as u64 {
            return Err(DeltaError::Malformed("a block is larger than allowed"));
        }
        self.pieces += count;
        let packed = self.packed(told as usize)?;
        let mut prefix = Vec::with_capacity(old as usize);
        let mut changes = Vec::new();
        let mut weight = 0;
        for piece in pieces {
            let begin = prefix.len();
            if let Some(source) = piece.source {
                sources.gather(source, piece.at, piece.old, &mut prefix)?;
            }
            if let Some(told) = piece.class {
                let (runs, constants) = (told.runs.of(text), told.constants.of(text));
                let change = Change::begin(&mut prefix[begin..], runs, constants)?;
                weight += change.weight();
                if weight > limits::CONSTANTS {
                    return Err(DeltaError::Malformed("a block has more constants than allowed"));
                }
                changes.push(change);
            }
        }
        self.new = decompress(&packed, &prefix, told as usize)?;
        if !changes.is_empty() {
            self.new = with_classes(pieces, &changes, &self.new, &prefix)?;
        }
        Ok(())
    }

    /// A length and as many compressed bytes, which are not more than any encoder needs for `len`.
    fn packed(&mut self, len: usize) -> Result<Vec<u8>, DeltaError> {
        let len = self.number(zstd::zstd_safe::compress_bound(len))?;
        let mut packed = vec![0; len];
        self.fill(&mut packed)?;
        Ok(packed)
    }

    fn number(&mut self, limit: usize) -> Result<usize, DeltaError> {
        let mut bytes = [0; 10];
        for end in 0..bytes.len() {
            self.fill(&mut bytes[end..=end])?;
            if let Some(value) = super::columns::take_varint(&mut &bytes[..=end]) {
                return usize::try_from(value)
                    .ok()
                    .filter(|value| *value <= limit)
                    .ok_or(DeltaError::Malformed("a length is larger than allowed"));
            }
        }
        Err(DeltaError::Malformed("a length is no number"))
    }

    fn fill(&mut self, into: &mut [u8]) -> Result<(), DeltaError> {
        self.delta.read_exact(into).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => DeltaError::Malformed("it ends early"),
            _ => DeltaError::Delta(error),
        })
    }
}

/// The new bytes of a block with its classes made.
fn with_classes(
    pieces: &[Piece],
    changes: &[Change],
    mut told: &[u8],
    mut old: &[u8],
) -> Result<Vec<u8>, DeltaError> {
    let mut new = Vec::with_capacity(pieces.iter().map(|piece| piece.new).sum());
    let mut changes = changes.iter();
    for piece in pieces {
        let (own, rest) = told.split_at(piece.told());
        let (base, bases) = old.split_at(piece.old);
        match piece.class.and_then(|_| changes.next()) {
            Some(change) => change.make(own, base, piece.new, &mut new)?,
            None => new.extend(own),
        }
        (told, old) = (rest, bases);
    }
    Ok(new)
}
