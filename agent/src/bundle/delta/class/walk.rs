//! Finds what a class refers to its constants with, and its lines.

use super::pool::Pool;

/// How deep annotations lie in each other, and attributes.
const DEPTH: usize = 8;

/// What is done to the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// Each becomes its distance from the one before, and so do the places in the code.
    Tell,
    /// The reverse.
    Make,
}

/// Changes `rest`, which is a class behind its constants, in place: lines, and indexes to those they `moved` to, unless that
/// is none. `None` if it is not what a class is; what was done by then is of no use. Without `moved`, instructions are not
/// looked at: they have no lines.
pub(super) fn walk(rest: &mut [u8], pool: &Pool, head: &[u8], moved: &[u16], lines: Lines) -> Option<()> {
    let mut walker = Walker {
        rest,
        at: 0,
        pool,
        head,
        moved,
        lines,
        line: 0,
    };
    walker.class()?;
    (walker.at == walker.rest.len()).then_some(())
}

struct Walker<'a> {
    rest: &'a mut [u8],
    at: usize,
    pool: &'a Pool,
    head: &'a [u8],
    moved: &'a [u16],
    lines: Lines,
    /// The last line.
    line: u16,
}

impl Walker<'_> {
    fn class(&mut self) -> Option<()> {
        self.skip(2)?;
        self.indexes(2)?;
        self.each(|walker| walker.indexes(1))?;
        self.members()?;
        self.members()?;
        self.attributes(DEPTH)
    }

    /// Fields, or methods.
    fn members(&mut self) -> Option<()> {
        self.each(|walker| {
            walker.skip(2)?;
            walker.indexes(2)?;
            walker.attributes(DEPTH)
        })
    }

    fn attributes(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        self.each(|walker| {
            let name = walker.index()?;
            let name = walker.pool.text(walker.head, name)?;
            let len = walker.u32()?;
            let end = walker.at.checked_add(len)?;
            walker.attribute(name, end, depth)?;
            (walker.at == end && end <= walker.rest.len()).then_some(())
        })
    }

    fn attribute(&mut self, name: &[u8], end: usize, depth: usize) -> Option<()> {
        match name {
            b"Code" => self.code(depth),
            b"ConstantValue" | b"Signature" | b"SourceFile" | b"NestHost" => self.indexes(1),
            b"EnclosingMethod" => self.indexes(2),
            b"Exceptions" | b"NestMembers" | b"PermittedSubclasses" => self.each(|walker| walker.indexes(1)),
            b"InnerClasses" => self.each(|walker| {
                walker.indexes(3)?;
                walker.skip(2)
            }),
            b"LineNumberTable" => self.line_numbers(),
            b"LocalVariableTable" | b"LocalVariableTypeTable" => self.each(|walker| {
                walker.skip(4)?;
                walker.indexes(2)?;
                walker.skip(2)
            }),
            b"StackMapTable" => self.each(Self::frame),
            b"BootstrapMethods" => self.each(|walker| {
                walker.indexes(1)?;
                walker.each(|walker| walker.indexes(1))
            }),
            b"MethodParameters" => self.each_of_few(|walker| {
                walker.indexes(1)?;
                walker.skip(2)
            }),
            b"Record" => self.each(|walker| {
                walker.indexes(2)?;
                walker.attributes(depth)
            }),
            b"AnnotationDefault" => self.value(depth),
            b"RuntimeVisibleAnnotations" | b"RuntimeInvisibleAnnotations" => {
                self.each(|walker| walker.annotation(depth))
            }
            b"RuntimeVisibleParameterAnnotations" | b"RuntimeInvisibleParameterAnnotations" => {
                self.each_of_few(|walker| walker.each(|walker| walker.annotation(depth)))
            }
            _ => self.skip(end - self.at),
        }
    }

    fn code(&mut self, depth: usize) -> Option<()> {
        self.skip(4)?;
        let len = self.u32()?;
        let begin = self.at;
        let end = begin.checked_add(len)?;
        if self.moved.is_empty() {
            self.skip(len)?;
        }
        while self.at < end {
            self.instruction(begin)?;
        }
        if self.at != end {
            return None;
        }
        self.each(|walker| {
            walker.skip(6)?;
            walker.indexes(1)
        })?;
        self.attributes(depth)
    }

    fn instruction(&mut self, begin: usize) -> Option<()> {
        match self.u8()? {
            // ldc
            18 => self.short_index(),
            // ldc_w, ldc2_w, the fields and methods, new, anewarray, checkcast, instanceof
            19 | 20 | 178..=184 | 187 | 189 | 192 | 193 => self.indexes(1),
            // invokeinterface, invokedynamic
            185 | 186 => {
                self.indexes(1)?;
                self.skip(2)
            }
            // multianewarray
            197 => {
                self.indexes(1)?;
                self.skip(1)
            }
            // bipush, those of local variables, newarray
            16 | 21..=25 | 54..=58 | 169 | 188 => self.skip(1),
            // sipush, iinc, jumps
            17 | 132 | 153..=168 | 198 | 199 => self.skip(2),
            // long jumps
            200 | 201 => self.skip(4),
            // wide: of iinc, of others
            196 => match self.u8()? {
                132 => self.skip(4),
                _ => self.skip(2),
            },
            // tableswitch
            170 => {
                self.align(begin)?;
                self.skip(4)?;
                let (low, high) = (self.i32()?, self.i32()?);
                let count = usize::try_from(high.checked_sub(low)?).ok()?.checked_add(1)?;
                self.skip(count.checked_mul(4)?)
            }
            // lookupswitch
            171 => {
                self.align(begin)?;
                self.skip(4)?;
                let count = self.u32()?;
                self.skip(count.checked_mul(8)?)
            }
            0..=201 => Some(()),
            _ => None,
        }
    }

    /// What is told of a switch begins at a multiple of four.
    fn align(&mut self, begin: usize) -> Option<()> {
        self.skip((4 - (self.at - begin) % 4) % 4)
    }

    fn line_numbers(&mut self) -> Option<()> {
        let mut place = 0;
        let mut line = self.line;
        self.each(|walker| {
            walker.distance(&mut place)?;
            walker.distance(&mut line)
        })?;
        self.line = line;
        Some(())
    }

    fn distance(&mut self, last: &mut u16) -> Option<()> {
        let at = self.at;
        let value = self.u16()?;
        let changed = match self.lines {
            Lines::Tell => value.wrapping_sub(*last),
            Lines::Make => value.wrapping_add(*last),
        };
        *last = if self.lines == Lines::Tell { value } else { changed };
        self.rest[at..at + 2].copy_from_slice(&changed.to_be_bytes());
        Some(())
    }

    fn frame(&mut self) -> Option<()> {
        match self.u8()? {
            0..=63 => Some(()),
            64..=127 => self.kind(),
            247 => {
                self.skip(2)?;
                self.kind()
            }
            248..=251 => self.skip(2),
            kind @ 252..=254 => {
                self.skip(2)?;
                (251..kind).try_for_each(|_| self.kind())
            }
            255 => {
                self.skip(2)?;
                self.each(Self::kind)?;
                self.each(Self::kind)
            }
            _ => None,
        }
    }

    /// The kind of a variable, or of a value on the stack.
    fn kind(&mut self) -> Option<()> {
        match self.u8()? {
            7 => self.indexes(1),
            8 => self.skip(2),
            _ => Some(()),
        }
    }

    fn annotation(&mut self, depth: usize) -> Option<()> {
        self.indexes(1)?;
        self.each(|walker| {
            walker.indexes(1)?;
            walker.value(depth)
        })
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.u8()? {
            b'B' | b'C' | b'D' | b'F' | b'I' | b'J' | b'S' | b'Z' | b's' | b'c' => self.indexes(1),
            b'e' => self.indexes(2),
            b'@' => self.annotation(depth),
            b'[' => self.each(|walker| walker.value(depth)),
            _ => None,
        }
    }

    /// A number and as many of something.
    fn each(&mut self, mut one: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        let count = self.u16()?;
        (0..count).try_for_each(|_| one(self))
    }

    /// The same with a number that is one byte.
    fn each_of_few(&mut self, mut one: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        let count = self.u8()?;
        (0..count).try_for_each(|_| one(self))
    }

    fn indexes(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.index().map(drop))
    }

    /// The index of a constant, as it was.
    fn index(&mut self) -> Option<u16> {
        let at = self.at;
        let index = self.u16()?;
        if let Some(moved) = self.moved(index) {
            self.rest[at..at + 2].copy_from_slice(&moved.to_be_bytes());
        }
        Some(index)
    }

    fn short_index(&mut self) -> Option<()> {
        let at = self.at;
        let index = self.u8()?;
        if let Some(moved) = self
            .moved(index.into())
            .and_then(|moved| u8::try_from(moved).ok())
        {
            self.rest[at] = moved;
        }
        Some(())
    }

    fn moved(&self, index: u16) -> Option<u16> {
        let moved = self.moved.get(usize::from(index));
        moved.copied().filter(|moved| *moved > 0)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.rest.len())?;
        Some(())
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let found = *self.rest.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(found)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    fn u32(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.take()?)).ok()
    }
}
