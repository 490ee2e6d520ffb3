//! Watches an unpacked stream: how much it grows over its packed form, how much of it a header may take, and whether it
//! ended before the archive did.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::PathBuf;
use std::rc::Rc;

use crate::api::Failure;
use crate::model::Progress;
use crate::source::refusal::{damaged, over_limit};

/// Counters that the stream's layers share.
#[derive(Default)]
pub(super) struct Gauge {
    packed: Cell<u64>,
    unpacked: Cell<u64>,
    header_left: Cell<Option<u64>>,
    ended: Cell<bool>,
}

/// Long names and extended attributes stand in headers, and a reader keeps them in memory as a whole.
const MAX_HEADER: u64 = 1 << 20;
/// Below this size a high ratio is no danger and quite normal.
const SMALL: u64 = 1 << 20;

impl Gauge {
    pub(super) fn header_begins(&self) {
        self.header_left.set(Some(MAX_HEADER));
    }

    pub(super) fn header_ends(&self) {
        self.header_left.set(None);
    }

    /// Whether somebody asked for more after the last byte.
    pub(super) fn ended(&self) -> bool {
        self.ended.get()
    }
}

/// Counts the packed bytes.
pub(super) struct Packed<'p, R> {
    pub(super) inner: R,
    pub(super) gauge: Rc<Gauge>,
    pub(super) progress: &'p dyn Progress,
}

impl<R: Read> Read for Packed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.gauge.packed.set(self.gauge.packed.get() + n as u64);
        self.progress.advance(n as u64);
        Ok(n)
    }
}

/// Counts the unpacked bytes and enforces the limits.
pub(super) struct Meter<R> {
    pub(super) inner: R,
    pub(super) gauge: Rc<Gauge>,
    pub(super) source: PathBuf,
    pub(super) ratio: u64,
}

impl<R: Read> Meter<R> {
    fn check(&self, n: u64) -> Result<(), Failure> {
        let gauge = &self.gauge;
        if let Some(left) = gauge.header_left.get() {
            let left = left
                .checked_sub(n)
                .ok_or_else(|| damaged(&self.source, "a header of the tar archive is larger than 1 MiB"))?;
            gauge.header_left.set(Some(left));
        }
        let unpacked = gauge.unpacked.get() + n;
        gauge.unpacked.set(unpacked);
        if unpacked > SMALL && unpacked / self.ratio.max(1) > gauge.packed.get() {
            let what = format!(
                "it unpacks to more than {} times its size, as a zip bomb does",
                self.ratio
            );
            return Err(over_limit(&self.source, &what));
        }
        Ok(())
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if n == 0 && !buffer.is_empty() {
            self.gauge.ended.set(true);
        }
        self.check(n as u64).map_err(io::Error::other)?;
        Ok(n)
    }
}
