//! What a delta says, as a tree.

use std::ops::Range;
use std::rc::Rc;

use super::columns::Span;
use super::deflate::Params;
use super::place::Descriptor;
use super::sources::Id;
use super::zip::{Directory, Fields};

/// New bytes, and the old ones that they are compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) source: Option<Id>,
    pub(super) at: u64,
    pub(super) old: usize,
    pub(super) new: usize,
    /// How the new bytes are told if they are a class.
    pub(super) class: Option<Class>,
}

/// A class, and what of it is among the new bytes of its block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Class {
    pub(super) told: usize,
    pub(super) runs: Span,
    pub(super) constants: Span,
}

impl Piece {
    /// How many of the new bytes of its block belong to it.
    pub(super) fn told(&self) -> usize {
        self.class.map_or(self.new, |class| class.told)
    }
}

/// A part of a content.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// It stands in a source.
    Copy { source: Id, at: u64, len: u64 },
    /// It is the next piece.
    New,
}

/// How a content is made.
#[derive(Debug)]
pub(super) enum Content {
    Parts(Range<usize>),
    Zip(Box<Zip>),
}

/// How an archive is made.
#[derive(Debug)]
pub(super) struct Zip {
    pub(super) base: Option<(Id, Rc<Directory>)>,
    pub(super) entries: Vec<Entry>,
    pub(super) gap: Gap,
    pub(super) bias: u64,
    pub(super) tail: Tail,
}

/// Bytes that belong to no entry.
#[derive(Debug)]
pub(super) enum Gap {
    /// A few, mostly none.
    Own(Span),
    /// A program before the archive, or a signature.
    Told(Box<Content>, u64),
}

/// What stands behind an archive's directory.
#[derive(Debug)]
pub(super) enum Tail {
    Base,
    Own(Span),
}

/// A text of a header.
#[derive(Debug, Clone, Copy)]
pub(super) enum Text {
    /// That of the base's entry.
    Base,
    Own(Span),
}

/// The extra field of the header at an entry's data.
#[derive(Debug, Clone, Copy)]
pub(super) enum LocalExtra {
    /// That of the entry before.
    Last,
    /// That of the directory.
    Central,
    /// That of the base's entry at its data.
    Base,
    Own(Span),
}

/// How an entry's data is made.
#[derive(Debug)]
pub(super) enum Data {
    Same,
    Deflate(Params, Content),
    Store(Content),
    Raw(Content),
}

/// How an entry is made.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) base: Option<usize>,
    pub(super) data: Data,
    pub(super) fields: Fields,
    /// Needed, flags, method, date and time of the header at the data.
    pub(super) local: [u32; 4],
    pub(super) name: Text,
    pub(super) extra: Text,
    pub(super) comment: Text,
    pub(super) local_extra: LocalExtra,
    pub(super) numbers: bool,
    pub(super) descriptor: Option<Descriptor>,
    pub(super) gap: Gap,
    pub(super) size: u32,
    /// Checksum and size of the data, where they cannot be known when they are needed.
    pub(super) told: Option<(u32, u32)>,
}

/// All that a delta says.
pub(super) struct Plan {
    pub(super) content: Content,
    pub(super) parts: Vec<Part>,
    pub(super) pieces: Vec<Piece>,
    /// What [`Span`]s are parts of.
    pub(super) text: Vec<u8>,
}
