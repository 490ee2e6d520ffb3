//! The constants of a class.

use std::collections::HashMap;
use std::ops::Range;

pub(super) const MAGIC: [u8; 4] = *b"\xca\xfe\xba\xbe";
/// Where the version of the format stands; the number of constants and they follow.
pub(super) const VERSION: Range<usize> = 4..8;

/// Text, with its length before it.
pub(super) const UTF8: u8 = 1;
const LONG: u8 = 5;
const DOUBLE: u8 = 6;
const CLASS: u8 = 7;

/// Other constants that one refers to, at most.
const OTHERS: usize = 2;
/// A constant refers to others that refer to others, not more often than this: a handle to a method to its name to text.
const HEIGHT: usize = 4;

/// How many bytes of a constant are no indexes, and how many indexes of others follow. A text has a length instead.
fn shape(tag: u8) -> Option<(u16, u8)> {
    Some(match tag {
        UTF8 => (0, 0),
        // Integer, Float
        3 | 4 => (4, 0),
        LONG | DOUBLE => (8, 0),
        // String, MethodType, Module, Package besides
        CLASS | 8 | 16 | 19 | 20 => (0, 1),
        // Fieldref, Methodref, InterfaceMethodref, NameAndType
        9..=12 => (0, 2),
        // MethodHandle
        15 => (1, 1),
        // Dynamic, InvokeDynamic
        17 | 18 => (2, 1),
        _ => return None,
    })
}

/// A constant.
#[derive(Debug, Clone)]
pub(super) struct Constant {
    pub(super) tag: u8,
    /// Where the bytes begin that are no indexes, and how many they are.
    at: u32,
    len: u16,
    others: [u16; OTHERS],
    count: u8,
}

impl Constant {
    /// One whose indexes are to follow: it begins at a place in some bytes. `len` says how long a text is, and is not asked
    /// for anything else.
    pub(super) fn new(tag: u8, at: usize, len: impl FnOnce() -> Option<u16>) -> Option<Self> {
        let (fixed, count) = shape(tag)?;
        Some(Self {
            tag,
            at: u32::try_from(at).ok()?,
            len: if tag == UTF8 { len()? } else { fixed },
            others: [0; OTHERS],
            count,
        })
    }

    /// The bytes that are no indexes.
    pub(super) fn plain(&self) -> Range<usize> {
        let at = self.at as usize;
        at..at + usize::from(self.len)
    }

    /// The indexes of the constants that it refers to.
    pub(super) fn others(&self) -> &[u16] {
        &self.others[..usize::from(self.count)]
    }

    pub(super) fn others_mut(&mut self) -> &mut [u16] {
        &mut self.others[..usize::from(self.count)]
    }

    /// How many indexes it takes.
    pub(super) fn width(&self) -> u16 {
        if matches!(self.tag, LONG | DOUBLE) { 2 } else { 1 }
    }

    /// Appends it; `bytes` is what it has its plain bytes from.
    pub(super) fn put(&self, bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let plain = bytes.get(self.plain())?;
        out.push(self.tag);
        if self.tag == UTF8 {
            out.extend(self.len.to_be_bytes());
        }
        out.extend(plain);
        out.extend(self.others().iter().flat_map(|other| other.to_be_bytes()));
        Some(())
    }
}

/// All constants of a class, by their indexes.
#[derive(Debug)]
pub(super) struct Pool {
    /// None has the index 0, or one behind a constant that takes two.
    constants: Vec<Option<Constant>>,
    /// Where they end in the class.
    pub(super) end: usize,
}

impl Pool {
    /// The constants at the beginning of a class.
    pub(super) fn read(class: &[u8]) -> Option<Self> {
        if !class.starts_with(&MAGIC) {
            return None;
        }
        let count = u16_at(class, VERSION.end)?.into();
        let mut constants = Vec::with_capacity(count);
        constants.push(None);
        let mut at = VERSION.end + 2;
        while constants.len() < count {
            let tag = *class.get(at)?;
            let begin = if tag == UTF8 { at + 3 } else { at + 1 };
            let mut constant = Constant::new(tag, begin, || u16_at(class, at + 1))?;
            at = constant.plain().end;
            for other in constant.others_mut() {
                *other = u16_at(class, at)?;
                at += 2;
            }
            let width = constant.width();
            constants.push(Some(constant));
            constants.resize(constants.len() + usize::from(width - 1), None);
        }
        (constants.len() == count && at <= class.len()).then_some(Self { constants, end: at })
    }

    pub(super) fn len(&self) -> usize {
        self.constants.len()
    }

    pub(super) fn get(&self, index: u16) -> Option<&Constant> {
        self.constants.get(usize::from(index))?.as_ref()
    }

    /// The index behind a constant.
    pub(super) fn after(&self, index: u16) -> Option<u16> {
        index.checked_add(self.get(index)?.width())
    }

    /// The text that names a class.
    pub(super) fn class(&self, index: u16) -> Option<u16> {
        let constant = self.get(index).filter(|constant| constant.tag == CLASS)?;
        let text = constant.others[0];
        (usize::from(text) < self.len()).then_some(text)
    }

    /// The text with an index.
    pub(super) fn text<'a>(&self, class: &'a [u8], index: u16) -> Option<&'a [u8]> {
        let constant = self.get(index).filter(|constant| constant.tag == UTF8)?;
        class.get(constant.plain())
    }

    /// The index of each constant and its identity, which it has in common with those that are the same whatever the indexes
    /// in them. `None` if some refer to nothing, or to each other.
    pub(super) fn identities<'a>(
        &self,
        class: &'a [u8],
        known: &mut Identities<'a>,
    ) -> Option<Vec<(u16, usize)>> {
        let mut found = vec![None; self.len()];
        for _ in 0..HEIGHT {
            for (index, constant) in self.constants.iter().enumerate() {
                let Some(constant) = constant.as_ref().filter(|_| found[index].is_none()) else {
                    continue;
                };
                let mut others = [None; OTHERS];
                for (identity, other) in others.iter_mut().zip(constant.others()) {
                    *identity = *found.get(usize::from(*other))?;
                }
                if others[..usize::from(constant.count)].iter().all(Option::is_some) {
                    let next = known.len();
                    let key = (constant.tag, class.get(constant.plain())?, others);
                    found[index] = Some(*known.entry(key).or_insert(next));
                }
            }
        }
        (0..=u16::MAX)
            .zip(&self.constants)
            .filter(|(_, constant)| constant.is_some())
            .map(|(index, _)| Some((index, found[usize::from(index)]?)))
            .collect()
    }
}

/// Identities of constants by what they are.
pub(super) type Identities<'a> = HashMap<(u8, &'a [u8], [Option<usize>; OTHERS]), usize>;

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let found = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*found))
}
