//! Rebuilds a file as its delta says.

use std::io::{self, Read, Write};
use std::rc::Rc;

use flate2::Crc;

use super::deflate::{Deflater, Params};
use super::sources::{Id, Sources};
use super::tree::{Content, Data, Entry, Gap, LocalExtra, Part, Plan, Tail, Text, Zip};
use super::zip::{self, Directory, Totals};
use super::{Base, DeltaError, blocks, limits, place, plan};

pub(super) fn apply(
    base: &dyn Base,
    delta: &mut dyn Read,
    size: u64,
    out: &mut dyn Write,
) -> Result<(), DeltaError> {
    let (blocks, columns) = blocks::Reader::new(delta)?;
    let mut sources = Sources::new(base, limits::work(base.len(), size));
    let plan = plan::read(columns, size, &mut sources)?;
    let mut maker = Maker {
        parts: &plan.parts,
        plan: &plan,
        sources,
        blocks,
        spare: Vec::new(),
    };
    maker.exactly(&plan.content, size, out)?;
    maker.blocks.finish(plan.pieces.len())
}

/// Counts and checks what passes through, and lets no more through than is due.
struct Meter<'a> {
    out: &'a mut dyn Write,
    left: u64,
    passed: u64,
    crc: Crc,
    sums: bool,
}

/// More was made than is due.
#[derive(Debug, thiserror::Error)]
#[error("more than was announced")]
struct Overrun;

impl<'a> Meter<'a> {
    fn new(out: &'a mut dyn Write, left: u64) -> Self {
        Self {
            out,
            left,
            passed: 0,
            crc: Crc::new(),
            sums: false,
        }
    }

    /// One that also computes the checksum.
    fn summing(out: &'a mut dyn Write, left: u64) -> Self {
        Self {
            sums: true,
            ..Self::new(out, left)
        }
    }
}

impl Write for Meter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len() as u64;
        self.left = self
            .left
            .checked_sub(len)
            .ok_or_else(|| io::Error::other(Overrun))?;
        if self.sums {
            self.crc.update(bytes);
        }
        self.out.write_all(bytes)?;
        self.passed += len;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn output(error: io::Error) -> DeltaError {
    match error.get_ref() {
        Some(inner) if inner.is::<Overrun>() => DeltaError::Size,
        _ => DeltaError::Output(error),
    }
}

/// Passes everything on to a deflater.
struct Deflating<'a> {
    deflater: &'a mut Deflater,
    out: &'a mut dyn Write,
}

impl Write for Deflating<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.deflater.write(bytes, self.out)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Maker<'a, 'b> {
    plan: &'a Plan,
    parts: &'a [Part],
    sources: Sources<'b>,
    blocks: blocks::Reader<'b>,
    /// Deflaters that can be used again.
    spare: Vec<Deflater>,
}

/// The archive of the base that an entry is compared with.
type Archive<'a> = Option<&'a (Id, Rc<Directory>)>;

impl<'a> Maker<'a, '_> {
    fn content(&mut self, content: &'a Content, out: &mut dyn Write) -> Result<(), DeltaError> {
        match content {
            Content::Parts(range) => {
                for part in &self.parts[range.clone()] {
                    self.part(*part, out)?;
                }
                Ok(())
            }
            Content::Zip(zip) => self.zip(zip, out),
        }
    }

    fn part(&mut self, part: Part, out: &mut dyn Write) -> Result<(), DeltaError> {
        match part {
            Part::Copy { source, at, len } => self
                .sources
                .copy(source, at, len, &mut |piece| out.write_all(piece).map_err(output)),
            Part::New => {
                let bytes = self.blocks.take(self.plan, &mut self.sources)?;
                out.write_all(bytes).map_err(output)
            }
        }
    }

    fn zip(&mut self, zip: &'a Zip, out: &mut dyn Write) -> Result<(), DeltaError> {
        // Whoever is above limits what may pass.
        let mut out = Meter::new(out, u64::MAX);
        let archive = zip.base.as_ref();
        let mut directory = Vec::new();
        let mut last_extra = Vec::new();
        for entry in &zip.entries {
            self.gap(&entry.gap, &mut out)?;
            let offset = out.passed;
            let numbers = self.entry(entry, archive, &mut last_extra, &mut out)?;
            let texts = [
                self.text(entry.name, entry, archive, Directory::name),
                self.text(entry.extra, entry, archive, Directory::extra),
                self.text(entry.comment, entry, archive, Directory::comment),
            ];
            // Offsets have 32 bits where a delta looks into an archive.
            let offset = offset.wrapping_sub(zip.bias) as u32;
            zip::put_record(&mut directory, &entry.fields, numbers, offset, texts);
            if directory.len() > limits::DIRECTORY {
                return Err(DeltaError::Malformed("the directory of an archive is too large"));
            }
        }
        self.gap(&zip.gap, &mut out)?;
        let totals = Totals {
            entries: zip.entries.len() as u64,
            len: directory.len() as u64,
            offset: out.passed.wrapping_sub(zip.bias),
        };
        let mut tail = match (&zip.tail, archive) {
            (Tail::Own(span), _) => span.of(&self.plan.text).to_vec(),
            (Tail::Base, Some((_, base))) => base.tail(),
            (Tail::Base, None) => Vec::new(),
        };
        totals.add_to(&mut tail);
        out.write_all(&directory).map_err(output)?;
        out.write_all(&tail).map_err(output)
    }

    fn gap(&mut self, gap: &'a Gap, out: &mut dyn Write) -> Result<(), DeltaError> {
        match gap {
            Gap::Own(span) => out.write_all(span.of(&self.plan.text)).map_err(output),
            Gap::Told(content, len) => self.exactly(content, *len, out),
        }
    }

    fn exactly(&mut self, content: &'a Content, len: u64, out: &mut dyn Write) -> Result<(), DeltaError> {
        let mut meter = Meter::new(out, len);
        self.content(content, &mut meter)?;
        if meter.left > 0 {
            Err(DeltaError::Size)
        } else {
            Ok(())
        }
    }

    fn text<'t>(
        &'t self,
        text: Text,
        entry: &Entry,
        archive: Archive<'t>,
        of: fn(&'t Directory, &'t zip::Record) -> &'t [u8],
    ) -> &'t [u8] {
        match (text, archive, entry.base) {
            (Text::Own(span), _, _) => span.of(&self.plan.text),
            (Text::Base, Some((_, directory)), Some(base)) => of(directory, &directory.records[base]),
            _ => &[],
        }
    }

    /// Writes an entry with its header, and tells its numbers.
    fn entry(
        &mut self,
        entry: &'a Entry,
        archive: Archive<'a>,
        last_extra: &mut Vec<u8>,
        out: &mut dyn Write,
    ) -> Result<[u32; 3], DeltaError> {
        match entry.local_extra {
            LocalExtra::Last => {}
            LocalExtra::Central => {
                *last_extra = self.text(entry.extra, entry, archive, Directory::extra).to_vec();
            }
            LocalExtra::Base => {
                let (id, record) = record(archive, entry)?;
                *last_extra = self.sources.local_extra(id, record)?;
            }
            LocalExtra::Own(span) => *last_extra = span.of(&self.plan.text).to_vec(),
        }
        let extra = &*last_extra;
        let told = entry.told.map(|(crc, packed)| [crc, packed, entry.size]);
        let numbers = match told {
            Some(numbers) => {
                self.header(entry, archive, extra, numbers, out)?;
                let made = self.data(entry, archive, out)?;
                if made.is_some_and(|made| made != numbers) {
                    return Err(DeltaError::Malformed("an entry became another than was told"));
                }
                numbers
            }
            None if entry.numbers => {
                let mut buffer = Vec::new();
                let made = self.data(entry, archive, &mut buffer)?.unwrap_or_default();
                self.header(entry, archive, extra, made, out)?;
                out.write_all(&buffer).map_err(output)?;
                made
            }
            None => {
                self.header(entry, archive, extra, [0; 3], out)?;
                self.data(entry, archive, out)?.unwrap_or_default()
            }
        };
        if let Some(descriptor) = entry.descriptor {
            let mut bytes = Vec::new();
            descriptor.put(&mut bytes, numbers);
            out.write_all(&bytes).map_err(output)?;
        }
        Ok(numbers)
    }

    fn header(
        &self,
        entry: &Entry,
        archive: Archive<'_>,
        extra: &[u8],
        numbers: [u32; 3],
        out: &mut dyn Write,
    ) -> Result<(), DeltaError> {
        let numbers = if entry.numbers { numbers } else { [0; 3] };
        let name = self.text(entry.name, entry, archive, Directory::name);
        let mut header = Vec::new();
        place::put_local(&mut header, entry.local, numbers, name, extra);
        out.write_all(&header).map_err(output)
    }

    /// Writes an entry's data. Its numbers, unless they are those that were told.
    fn data(
        &mut self,
        entry: &'a Entry,
        archive: Archive<'_>,
        out: &mut dyn Write,
    ) -> Result<Option<[u32; 3]>, DeltaError> {
        let size = u64::from(entry.size);
        match &entry.data {
            Data::Same => {
                let (id, record) = record(archive, entry)?;
                let (source, at, len) = self.sources.data(id, record)?;
                self.part(Part::Copy { source, at, len }, out)?;
                Ok(None)
            }
            Data::Raw(content) => {
                let len = entry.told.map_or(0, |(_, packed)| u64::from(packed));
                self.exactly(content, len, out)?;
                Ok(None)
            }
            Data::Store(content) => {
                let mut meter = Meter::summing(out, size);
                self.content(content, &mut meter)?;
                let crc = summed(&meter)?;
                Ok(Some([crc, entry.size, entry.size]))
            }
            Data::Deflate(params, content) => {
                let mut out = Meter::new(out, u64::from(u32::MAX));
                let mut deflater = self.deflater(*params).map_err(output)?;
                let mut deflating = Deflating {
                    deflater: &mut deflater,
                    out: &mut out,
                };
                let mut meter = Meter::summing(&mut deflating, size);
                self.content(content, &mut meter)?;
                let crc = summed(&meter)?;
                deflater.finish(&mut out).map_err(output)?;
                self.spare.push(deflater);
                Ok(Some([crc, out.passed as u32, entry.size]))
            }
        }
    }

    fn deflater(&mut self, params: Params) -> io::Result<Deflater> {
        let found = self.spare.iter().position(|spare| spare.params() == params);
        let Some(found) = found else {
            self.spare.truncate(limits::DEPTH);
            return Deflater::new(params);
        };
        let mut deflater = self.spare.swap_remove(found);
        deflater.reset();
        Ok(deflater)
    }
}

/// What the base's directory says about the entry that this one comes from.
fn record<'t>(archive: Archive<'t>, entry: &Entry) -> Result<(Id, &'t zip::Record), DeltaError> {
    let (Some((id, directory)), Some(base)) = (archive, entry.base) else {
        return Err(DeltaError::Malformed("it copies an entry of nothing"));
    };
    Ok((*id, &directory.records[base]))
}

/// The checksum of content that is complete.
fn summed(meter: &Meter<'_>) -> Result<u32, DeltaError> {
    if meter.left > 0 {
        return Err(DeltaError::Size);
    }
    Ok(meter.crc.sum())
}
