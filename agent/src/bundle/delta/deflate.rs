//! Deflates as zlib does, bit for bit: what a Java build packed is packed the same way again. zlib-rs, which inflates
//! for us, finds other matches.

#![allow(unsafe_code, reason = "zlib itself is C")]

use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::ptr;

use libz_sys as zlib;

/// The parameters that decide what zlib makes of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Params {
    level: u8,
    memory: u8,
}

impl Params {
    /// What nearly everybody uses comes first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let levels = [6, 9, 1, 2, 3, 4, 5, 7, 8];
        [8, 9]
            .into_iter()
            .flat_map(move |memory| levels.map(|level| Self { level, memory }))
    }

    /// As a delta has them.
    pub(super) fn code(self) -> u64 {
        u64::from(self.level) | u64::from(self.memory - 8) << 4
    }

    pub(super) fn from_code(code: u64) -> Option<Self> {
        Self::all().find(|params| params.code() == code)
    }
}

/// A deflater that is used for one stream after the other.
pub(super) struct Deflater {
    /// Boxed because zlib's state points back to it.
    stream: Box<zlib::z_stream>,
    params: Params,
    buffer: Vec<u8>,
}

/// Output is passed on in pieces of this size.
const BUFFER: usize = 64 << 10;

impl Deflater {
    pub(super) fn new(params: Params) -> io::Result<Self> {
        let mut stream = Box::new(MaybeUninit::<zlib::z_stream>::zeroed());
        // SAFETY: the stream is zeroed, which asks zlib for its own allocator, and stays where it is until Drop.
        let code = unsafe {
            zlib::deflateInit2_(
                stream.as_mut_ptr(),
                i32::from(params.level),
                zlib::Z_DEFLATED,
                -15,
                i32::from(params.memory),
                zlib::Z_DEFAULT_STRATEGY,
                zlib::zlibVersion(),
                size_of::<zlib::z_stream>() as i32,
            )
        };
        if code != zlib::Z_OK {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        Ok(Self {
            // SAFETY: deflateInit2_ succeeded, so all its fields are set.
            stream: unsafe { stream.assume_init() },
            params,
            buffer: vec![0; BUFFER],
        })
    }

    pub(super) fn params(&self) -> Params {
        self.params
    }

    /// Forgets the stream and begins another.
    pub(super) fn reset(&mut self) {
        // SAFETY: the stream was initialised in `new`.
        unsafe { zlib::deflateReset(&mut *self.stream) };
    }

    /// Deflates more of the input.
    pub(super) fn write(&mut self, input: &[u8], out: &mut dyn Write) -> io::Result<()> {
        for input in input.chunks(1 << 30) {
            self.run(input, zlib::Z_NO_FLUSH, out)?;
        }
        Ok(())
    }

    /// Ends the stream.
    pub(super) fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.run(&[], zlib::Z_FINISH, out)
    }

    fn run(&mut self, input: &[u8], flush: i32, out: &mut dyn Write) -> io::Result<()> {
        self.stream.next_in = input.as_ptr().cast_mut();
        self.stream.avail_in = input.len() as u32;
        loop {
            self.stream.next_out = self.buffer.as_mut_ptr();
            self.stream.avail_out = BUFFER as u32;
            // SAFETY: the stream is initialised; input and buffer are valid for the lengths given, and zlib does not
            // write to its input.
            let code = unsafe { zlib::deflate(&mut *self.stream, flush) };
            let left = self.stream.avail_out as usize;
            out.write_all(&self.buffer[..BUFFER - left])?;
            let done = match code {
                zlib::Z_STREAM_END => true,
                // No progress was possible: all input is taken.
                zlib::Z_OK | zlib::Z_BUF_ERROR => flush == zlib::Z_NO_FLUSH && left > 0,
                _ => return Err(io::Error::other("zlib refused its own state")),
            };
            if done {
                self.stream.next_in = ptr::null_mut();
                return Ok(());
            }
        }
    }
}

impl Drop for Deflater {
    fn drop(&mut self) {
        // SAFETY: the stream was initialised in `new` and is not used afterwards.
        unsafe { zlib::deflateEnd(&mut *self.stream) };
    }
}

/// The parameters with which zlib makes `packed` of `plain`. What it was last time is tried first.
pub(super) fn params_of(plain: &[u8], packed: &[u8], last: Option<Params>) -> Option<Params> {
    let others = Params::all().filter(|params| Some(*params) != last);
    last.into_iter()
        .chain(others)
        .find(|params| makes(*params, plain, packed).unwrap_or(false))
}

fn makes(params: Params, plain: &[u8], packed: &[u8]) -> io::Result<bool> {
    let mut rest = Expect(packed);
    let mut deflater = Deflater::new(params)?;
    for piece in plain.chunks(BUFFER) {
        deflater.write(piece, &mut rest)?;
    }
    deflater.finish(&mut rest)?;
    Ok(rest.0.is_empty())
}

/// Fails at the first byte that is not what is expected.
struct Expect<'a>(&'a [u8]);

impl Write for Expect<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
