//! What a delta copies from: the base, its entries, and the entries of archives in it.

use std::io;
use std::rc::Rc;

use flate2::{Decompress, FlushDecompress, Status};

use super::zip::{self, Directory, Record};
use super::{Base, DeltaError, limits, place};

/// A file is read in pieces of this size.
const WINDOW: usize = 64 << 10;
const OUTSIDE: DeltaError = DeltaError::Malformed("it refers to what the base does not have");

/// Which source.
pub(super) type Id = usize;
/// The base itself.
pub(super) const WHOLE: Id = 0;

#[derive(Debug, Clone, Copy)]
enum Source {
    Whole,
    /// A part of another, as it is.
    Range {
        parent: Id,
        at: u64,
        len: u64,
    },
    /// A part of another, inflated.
    Inflated {
        parent: Id,
        at: u64,
        len: u64,
        size: usize,
    },
}

/// All sources, and the inflated ones that are held.
pub(super) struct Sources<'a> {
    base: &'a dyn Base,
    list: Vec<Source>,
    /// The one that was used last is at the end.
    held: Vec<(Id, Rc<Vec<u8>>)>,
    /// How many more bytes may be read or inflated.
    work: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl<'a> Sources<'a> {
    pub(super) fn new(base: &'a dyn Base, work: u64) -> Self {
        Self {
            base,
            list: vec![Source::Whole],
            held: Vec::new(),
            work,
            window: Vec::new(),
            window_at: 0,
        }
    }

    pub(super) fn len(&self, id: Id) -> u64 {
        match self.list[id] {
            Source::Whole => self.base.len(),
            Source::Range { len, .. } => len,
            Source::Inflated { size, .. } => size as u64,
        }
    }

    /// The content of an entry of an archive as a source.
    pub(super) fn content(&mut self, archive: Id, record: &Record) -> Result<Id, DeltaError> {
        let (parent, at, len) = self.data(archive, record)?;
        let size = record.size as usize;
        self.add(match record.fields[zip::METHOD] {
            zip::STORED if record.size == record.packed => Source::Range { parent, at, len },
            zip::DEFLATED => Source::Inflated {
                parent,
                at,
                len,
                size,
            },
            _ => return Err(OUTSIDE),
        })
    }

    /// The data of an entry of an archive as a source.
    pub(super) fn raw(&mut self, archive: Id, record: &Record) -> Result<Id, DeltaError> {
        let (parent, at, len) = self.data(archive, record)?;
        self.add(Source::Range { parent, at, len })
    }

    fn add(&mut self, source: Source) -> Result<Id, DeltaError> {
        if self.list.len() > limits::ENTRIES {
            return Err(DeltaError::Malformed("it refers to too many entries"));
        }
        self.list.push(source);
        // An archive is held while an entry of it is inflated.
        if self.inflated_len(self.list.len() - 1) > limits::HELD as u64 {
            return Err(DeltaError::Malformed(
                "an entry of the base is too large to be held",
            ));
        }
        Ok(self.list.len() - 1)
    }

    fn inflated_len(&self, id: Id) -> u64 {
        match self.list[id] {
            Source::Whole => 0,
            Source::Range { parent, .. } => self.inflated_len(parent),
            Source::Inflated { parent, size, .. } => size as u64 + self.inflated_len(parent),
        }
    }

    /// Where an entry's data is: in what, from where, how much.
    pub(super) fn data(&mut self, archive: Id, record: &Record) -> Result<(Id, u64, u64), DeltaError> {
        let head = self.head(archive, record)?;
        let (at, _) = place::data_of(&head, record.at).ok_or(OUTSIDE)?;
        let len = u64::from(record.packed);
        self.check(archive, at, len)?;
        Ok((archive, at, len))
    }

    /// The extra field at an entry's data.
    pub(super) fn local_extra(&mut self, archive: Id, record: &Record) -> Result<Vec<u8>, DeltaError> {
        let head = self.head(archive, record)?;
        let (_, extra) = place::data_of(&head, record.at).ok_or(OUTSIDE)?;
        let mut bytes = Vec::new();
        self.copy(archive, extra.start, extra.end - extra.start, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    fn head(&mut self, archive: Id, record: &Record) -> Result<[u8; zip::LOCAL], DeltaError> {
        let mut head = [0; zip::LOCAL];
        let mut at = 0;
        self.copy(archive, record.at, zip::LOCAL as u64, &mut |piece| {
            head[at..at + piece.len()].copy_from_slice(piece);
            at += piece.len();
            Ok(())
        })?;
        Ok(head)
    }

    /// The directory of a source that is an archive.
    pub(super) fn directory(&mut self, id: Id) -> Result<Directory, DeltaError> {
        let found = match self.list[id] {
            Source::Whole => Directory::read(self.base),
            Source::Range { parent, at, len } => {
                let bytes = self.range(parent, at, len)?;
                Directory::read(&bytes.as_slice())
            }
            Source::Inflated { .. } => Directory::read(&self.inflated(id)?.as_slice()),
        };
        found
            .map_err(DeltaError::Base)?
            .ok_or(DeltaError::Malformed("it takes the base for an archive"))
    }

    /// A stored archive within another, which is held while its directory is read.
    fn range(&mut self, parent: Id, at: u64, len: u64) -> Result<Vec<u8>, DeltaError> {
        if len > limits::HELD as u64 {
            return Err(DeltaError::Malformed("an archive in the base is too large"));
        }
        let mut bytes = Vec::with_capacity(len as usize);
        self.copy(parent, at, len, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    fn check(&self, id: Id, at: u64, len: u64) -> Result<(), DeltaError> {
        let end = at.checked_add(len).ok_or(OUTSIDE)?;
        if end > self.len(id) { Err(OUTSIDE) } else { Ok(()) }
    }

    fn spend(&mut self, bytes: u64) -> Result<(), DeltaError> {
        self.work = self.work.checked_sub(bytes).ok_or(DeltaError::Malformed(
            "it takes more work than any encoder asks for",
        ))?;
        Ok(())
    }

    /// Passes a part of a source on, piece by piece.
    pub(super) fn copy(
        &mut self,
        id: Id,
        at: u64,
        len: u64,
        to: &mut dyn FnMut(&[u8]) -> Result<(), DeltaError>,
    ) -> Result<(), DeltaError> {
        self.check(id, at, len)?;
        self.spend(len)?;
        match self.list[id] {
            Source::Whole => self.copy_whole(at, len, to),
            Source::Range {
                parent, at: start, ..
            } => self.copy(parent, start + at, len, to),
            Source::Inflated { .. } => {
                let held = self.inflated(id)?;
                to(&held[at as usize..(at + len) as usize])
            }
        }
    }

    fn copy_whole(
        &mut self,
        mut at: u64,
        mut len: u64,
        to: &mut dyn FnMut(&[u8]) -> Result<(), DeltaError>,
    ) -> Result<(), DeltaError> {
        while len > 0 {
            let end = self.window_at + self.window.len() as u64;
            if !(self.window_at..end).contains(&at) {
                let size = (self.base.len() - at).min(WINDOW as u64) as usize;
                self.window.resize(size, 0);
                self.window_at = at;
                if let Err(error) = self.base.read_at(at, &mut self.window) {
                    self.window.clear();
                    return Err(DeltaError::Base(error));
                }
            }
            let start = (at - self.window_at) as usize;
            let piece = &self.window[start..];
            let piece = &piece[..piece.len().min(usize::try_from(len).unwrap_or(usize::MAX))];
            to(piece)?;
            at += piece.len() as u64;
            len -= piece.len() as u64;
        }
        Ok(())
    }

    /// Appends a part of a source. What is needed once and whole is not held.
    pub(super) fn gather(
        &mut self,
        id: Id,
        at: u64,
        len: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), DeltaError> {
        if let Source::Inflated { size, .. } = self.list[id]
            && (at, len) == (0, size)
            && self.held.iter().all(|(held, _)| *held != id)
        {
            return self.inflate(id, into);
        }
        self.copy(id, at, len as u64, &mut |piece| {
            into.extend_from_slice(piece);
            Ok(())
        })
    }

    /// An inflated source as a whole.
    fn inflated(&mut self, id: Id) -> Result<Rc<Vec<u8>>, DeltaError> {
        if let Some(found) = self.held.iter().position(|(held, _)| *held == id) {
            self.held[found..].rotate_left(1);
        } else {
            let mut bytes = Vec::new();
            self.inflate(id, &mut bytes)?;
            self.make_room(bytes.len())?;
            self.held.push((id, Rc::new(bytes)));
        }
        let last = self.held.last().ok_or(OUTSIDE)?;
        Ok(Rc::clone(&last.1))
    }

    /// Lets go of what was used longest ago. The archive that a source is in stays, as it is in use.
    fn make_room(&mut self, size: usize) -> Result<(), DeltaError> {
        let room = limits::HELD.checked_sub(size).ok_or(DeltaError::Malformed(
            "an entry of the base is too large to be held",
        ))?;
        while self.held.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > room {
            self.held.remove(0);
        }
        Ok(())
    }

    /// Appends an inflated source.
    fn inflate(&mut self, id: Id, into: &mut Vec<u8>) -> Result<(), DeltaError> {
        let Source::Inflated {
            parent,
            at,
            len,
            size,
        } = self.list[id]
        else {
            return Err(OUTSIDE);
        };
        self.make_room(size)?;
        self.spend(size as u64)?;
        let mut inflater = Inflater::new(into, size);
        self.copy(parent, at, len, &mut |piece| inflater.take(piece))?;
        inflater.finish()
    }
}

/// Inflates exactly as many bytes as an entry is said to have.
pub(super) struct Inflater<'a> {
    state: Decompress,
    into: &'a mut Vec<u8>,
    end: usize,
    ended: bool,
}

const DAMAGED: DeltaError = DeltaError::Malformed("an entry of the base is damaged");

impl<'a> Inflater<'a> {
    pub(super) fn new(into: &'a mut Vec<u8>, size: usize) -> Self {
        // One byte more shows what is too long.
        into.reserve_exact(size + 1);
        Self {
            state: Decompress::new(false),
            end: into.len() + size,
            into,
            ended: false,
        }
    }

    pub(super) fn take(&mut self, mut input: &[u8]) -> Result<(), DeltaError> {
        while !input.is_empty() {
            if self.ended {
                return Err(DAMAGED);
            }
            let before = self.state.total_in();
            let status = self
                .state
                .decompress_vec(input, self.into, FlushDecompress::None)
                .map_err(|_| DAMAGED)?;
            let used = (self.state.total_in() - before) as usize;
            self.ended = status == Status::StreamEnd;
            if self.into.len() > self.end || (used == 0 && !self.ended) {
                return Err(DAMAGED);
            }
            input = &input[used..];
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), DeltaError> {
        if self.ended && self.into.len() == self.end {
            Ok(())
        } else {
            Err(DAMAGED)
        }
    }
}

/// All of a file.
pub(super) fn read_all(base: &dyn Base) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(base.len()).map_err(|_| io::ErrorKind::FileTooLarge)?];
    base.read_at(0, &mut bytes)?;
    Ok(bytes)
}
