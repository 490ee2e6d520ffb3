//! Class files of the Java virtual machine. One constant more moves the indexes of all that follow, and one line more
//! the numbers of all lines: much of a class is other bytes although nothing changed. So constants are told as runs of the old
//! ones, the old class gets the new indexes before the new one is compared with it, and lines are told by their distance.
//!
//! Structure and instructions: The Java Virtual Machine Specification, Java SE 21, chapters 4 and 6.

use std::collections::{HashMap, VecDeque};

use super::columns::{put_varint, take_varint, unzigzag, zigzag};
use super::{DeltaError, limits};
use pool::{Constant, Pool, UTF8};
use walk::{Lines, walk};

mod pool;
mod walk;

/// A class as it is told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Which constants are those of the old class.
    pub(super) runs: Vec<u8>,
    /// What the others are.
    pub(super) constants: Vec<u8>,
    /// The new bytes that are left.
    pub(super) new: Vec<u8>,
    /// The old bytes that these are compared with.
    pub(super) old: Vec<u8>,
    /// How much it counts in its block.
    pub(super) weight: usize,
}

impl Told {
    /// How much of the columns it takes.
    pub(super) fn columns(&self) -> usize {
        self.runs.len() + self.constants.len()
    }
}

const NO_CLASS: DeltaError = DeltaError::Malformed("it compares a class with what is none");
const BROKEN: DeltaError = DeltaError::Malformed("it tells a class that is none");

/// How often it is looked whether constants refer to what they should, at most.
const ROUNDS: usize = 8;

/// Tells a class; `None` if one of the two is none, or has anything unusual.
pub(super) fn tell(new: &[u8], old: &[u8]) -> Option<Told> {
    let (pool, old_pool) = (Pool::read(new)?, Pool::read(old)?);
    let mut told = Told::default();
    told.new.extend(&new[pool::VERSION]);
    let origins = origins(&pool, new, &old_pool, old)?;
    let mut expected = 1;
    for run in origins.chunk_by(|(_, one), (_, next)| match (one, next) {
        (Some(one), Some(next)) => old_pool.after(*one) == Some(*next),
        _ => one.is_none() && next.is_none(),
    }) {
        let len = run.len() as u64;
        if let (Some(first), Some(last)) = (run[0].1, run[run.len() - 1].1) {
            put_varint(&mut told.runs, len << 1);
            put_varint(&mut told.runs, zigzag(i64::from(first) - i64::from(expected)));
            expected = old_pool.after(last)?;
        } else {
            put_varint(&mut told.runs, len << 1 | 1);
            for (index, _) in run {
                tell_constant(&mut told, *index, pool.get(*index)?, new);
            }
        }
    }
    let mut rest = new[pool.end..].to_vec();
    walk(&mut rest, &pool, new, &[], Lines::Tell)?;
    told.new.extend(rest);
    told.old.extend(old);
    let change = Change::begin(&mut told.old, &told.runs, &told.constants).ok()?;
    told.weight = change.weight();
    let mut made = Vec::new();
    change.make(&told.new, &told.old, new.len(), &mut made).ok()?;
    (made == new).then_some(told)
}

/// The constants of the new class, and which old ones they can be made of.
fn origins(pool: &Pool, new: &[u8], old_pool: &Pool, old: &[u8]) -> Option<Vec<(u16, Option<u16>)>> {
    let mut known = HashMap::new();
    let mut olds: HashMap<_, VecDeque<u16>> = HashMap::new();
    for (index, identity) in old_pool.identities(old, &mut known)? {
        olds.entry(identity).or_default().push_back(index);
    }
    let news = pool.identities(new, &mut known)?.into_iter();
    let mut origins: Vec<_> = news
        .map(|(index, identity)| (index, olds.get_mut(&identity).and_then(VecDeque::pop_front)))
        .collect();
    // Where constants stand twice, one may refer to the other of two. It is none of the old ones then, nor is, in the next
    // round, what refers to it.
    for _ in 0..ROUNDS {
        let copied = origins.iter().filter_map(|(new, old)| Some((*new, (*old)?)));
        let moved = moved(old_pool, copied);
        let refers_alike = |new: u16, old: u16| {
            let others = old_pool.get(old)?.others().iter();
            let others = others.map(|other| moved.get(usize::from(*other)).copied());
            Some(others.eq(pool.get(new)?.others().iter().copied().map(Some)))
        };
        let wrong = origins
            .iter_mut()
            .filter(|(new, old)| old.is_some_and(|old| refers_alike(*new, old) != Some(true)))
            .map(|(_, old)| *old = None);
        if wrong.count() == 0 {
            return Some(origins);
        }
    }
    None
}

/// The new index of each old constant by those that are copied, 0 for one that is gone. A class that stands twice in the
/// old ones, as compilers make them, is where the last copied one is.
fn moved(old_pool: &Pool, copied: impl Iterator<Item = (u16, u16)>) -> Vec<u16> {
    let mut moved = vec![0; old_pool.len()];
    let mut classes = vec![0; old_pool.len()];
    for (new, old) in copied {
        moved[usize::from(old)] = new;
        if let Some(text) = old_pool.class(old) {
            classes[usize::from(text)] = new;
        }
    }
    for (old, moved) in (0..=u16::MAX).zip(&mut moved) {
        if let Some(text) = old_pool.class(old).filter(|_| *moved == 0) {
            *moved = classes[usize::from(text)];
        }
    }
    moved
}

fn tell_constant(told: &mut Told, index: u16, constant: &Constant, new: &[u8]) {
    put_varint(&mut told.constants, constant.tag.into());
    if constant.tag == UTF8 {
        put_varint(&mut told.constants, constant.plain().len() as u64);
    }
    told.new.extend(&new[constant.plain()]);
    for other in constant.others() {
        put_varint(&mut told.constants, zigzag(i64::from(*other) - i64::from(index)));
    }
}

/// How a class is made of another.
pub(super) struct Change {
    pool: Pool,
    layout: Layout,
}

impl Change {
    /// Changes the old class to what the new one is compared with. Its constants stay as they are.
    ///
    /// # Errors
    /// It is no class, or none of which this is told.
    pub(super) fn begin(old: &mut [u8], runs: &[u8], constants: &[u8]) -> Result<Self, DeltaError> {
        let pool = Pool::read(old).ok_or(NO_CLASS)?;
        let layout = Layout::read(&pool, runs, constants).ok_or(BROKEN)?;
        let (head, rest) = old.split_at_mut(pool.end);
        walk(rest, &pool, head, &layout.moved, Lines::Tell).ok_or(NO_CLASS)?;
        Ok(Self { pool, layout })
    }

    /// How much it counts in its block: its constants, old and new, and what it takes besides.
    pub(super) fn weight(&self) -> usize {
        self.pool.len() + usize::from(self.layout.count) + limits::CLASS
    }

    /// Appends the class of `size` bytes, of what is told and the old class.
    ///
    /// # Errors
    /// There is none, or it has another size.
    pub(super) fn make(
        &self,
        new: &[u8],
        old: &[u8],
        size: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DeltaError> {
        let begin = out.len();
        self.put(new, old, size, out).ok_or(BROKEN)?;
        let made = &mut out[begin..];
        let pool = Pool::read(made).ok_or(BROKEN)?;
        let (head, rest) = made.split_at_mut(pool.end);
        walk(rest, &pool, head, &[], Lines::Make).ok_or(BROKEN)
    }

    /// Appends it with its lines as they are told.
    fn put(&self, new: &[u8], old: &[u8], size: usize, out: &mut Vec<u8>) -> Option<()> {
        let end = out.len().checked_add(size)?;
        let Layout { slots, moved, .. } = &self.layout;
        out.extend(pool::MAGIC);
        out.extend(new.get(..pool::VERSION.len())?);
        out.extend(self.layout.count.to_be_bytes());
        for (_, slot) in slots {
            match slot {
                Slot::Old(index) => {
                    let mut constant = self.pool.get(*index)?.clone();
                    for other in constant.others_mut() {
                        *other = *moved.get(usize::from(*other)).filter(|moved| **moved > 0)?;
                    }
                    constant.put(old, out)?;
                }
                Slot::New(constant) => constant.put(new, out)?,
            }
            if out.len() > end {
                return None;
            }
        }
        let rest = new.get(self.layout.used..)?;
        if out.len() + rest.len() != end {
            return None;
        }
        out.extend(rest);
        Some(())
    }
}

/// A constant of the new class.
enum Slot {
    /// That of the old class with this index.
    Old(u16),
    /// One of its own; what is no index is in the new bytes.
    New(Constant),
}

/// The constants of the new class as they are told.
struct Layout {
    /// With their indexes.
    slots: Vec<(u16, Slot)>,
    /// The new index of each old constant; 0 if it is gone.
    moved: Vec<u16>,
    /// How many indexes there are, with 0, which no constant has.
    count: u16,
    /// How many of the new bytes belong to constants.
    used: usize,
}

impl Layout {
    fn read(pool: &Pool, mut runs: &[u8], mut constants: &[u8]) -> Option<Self> {
        let mut layout = Self {
            slots: Vec::new(),
            moved: Vec::new(),
            count: 1,
            used: pool::VERSION.len(),
        };
        let mut expected: u16 = 1;
        while !runs.is_empty() {
            let code = take_varint(&mut runs)?;
            let (len, is_new) = (code >> 1, code & 1 == 1);
            if !is_new {
                let shift = unzigzag(take_varint(&mut runs)?);
                expected = u16::try_from(shift.checked_add(expected.into())?).ok()?;
            }
            for _ in 0..len {
                if is_new {
                    layout.add_new(&mut constants)?;
                } else {
                    layout.add_old(pool, expected)?;
                    expected = pool.after(expected)?;
                }
            }
        }
        let copied = layout.slots.iter().filter_map(|(index, slot)| match slot {
            Slot::Old(old) => Some((*index, *old)),
            Slot::New(_) => None,
        });
        layout.moved = moved(pool, copied);
        layout.slots.shrink_to_fit();
        constants.is_empty().then_some(layout)
    }

    fn add_old(&mut self, pool: &Pool, old: u16) -> Option<()> {
        self.slots.push((self.count, Slot::Old(old)));
        self.count = self.count.checked_add(pool.get(old)?.width())?;
        Some(())
    }

    fn add_new(&mut self, constants: &mut &[u8]) -> Option<()> {
        let tag = u8::try_from(take_varint(constants)?).ok()?;
        let len = || take_varint(constants).and_then(|len| u16::try_from(len).ok());
        let mut constant = Constant::new(tag, self.used, len)?;
        for other in constant.others_mut() {
            let distance = unzigzag(take_varint(constants)?);
            *other = u16::try_from(distance.checked_add(self.count.into())?).ok()?;
        }
        self.used = constant.plain().end;
        let width = constant.width();
        self.slots.push((self.count, Slot::New(constant)));
        self.count = self.count.checked_add(width)?;
        Some(())
    }
}
