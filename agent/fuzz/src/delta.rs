//! What must hold for every delta, whatever its base.

use std::io::{self, Write};

use pitstop::bundle::delta;

use crate::input;

/// Applies what an input stands for: the size of a target, then its base, columns and blocks, each with its length
/// before it, all in two bytes. What follows changes the columns, behind their compression.
///
/// # Panics
/// If a law is broken.
pub fn apply(input: &[u8]) {
    let Some((text, how, which)) = input::parts(input) else {
        return;
    };
    let Some((size, mut rest)) = text.split_first_chunk::<2>() else {
        return;
    };
    let size = u64::from(u16::from_le_bytes(*size));
    let mut next = || {
        let (len, after) = rest.split_first_chunk::<2>()?;
        let (part, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
        rest = after;
        Some(part)
    };
    let (Some(base), Some(columns), Some(blocks)) = (next(), next(), next()) else {
        return;
    };
    let mut columns = columns.to_vec();
    for (at, value) in how.as_chunks::<2>().0.iter().zip(which) {
        // Most seeds are to stay what they are in most places.
        let at = usize::from(u16::from_le_bytes(*at));
        if let Some(byte) = columns.get_mut(at % 1024) {
            *byte = *value;
        }
    }
    let mut all = b"pitd\x02".to_vec();
    let packed = zstd::bulk::compress(&columns, 1).expect("columns can be compressed");
    for len in [columns.len(), packed.len()] {
        all.extend([len as u8 | 0x80, (len >> 7) as u8 | 0x80, (len >> 14) as u8]);
    }
    all.extend(packed);
    all.extend(blocks);
    let mut out = Counted(0);
    let end = delta::apply(&base, &mut all.as_slice(), size, &mut out);
    assert!(out.0 <= size, "more is written than announced");
    assert!(end.is_err() || out.0 == size, "less is written than announced");
    delta::Sketch::of(&base).expect("bytes can be read");
    against(base, &columns);
}

/// Two files, whatever they are.
fn against(old: &[u8], new: &[u8]) {
    if let Some(delta) = delta::encode(&old, &new).expect("bytes can be read") {
        let mut out = Vec::new();
        delta::apply(&old, &mut delta.as_slice(), new.len() as u64, &mut out).expect("an honest delta");
        assert_eq!(out, new, "another file");
    }
}

/// Writes that are counted and forgotten.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
