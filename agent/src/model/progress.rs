//! How long work tells how far it is.

/// Receives the progress of long work. Implementations decide whether and how to show it.
pub trait Progress: Sync {
    /// A new piece of work begins; `total` is in `Progress::advance`'s unit (bytes), 0 if unknown.
    fn begin(&self, label: &str, total: u64);
    /// This many more bytes are done.
    fn advance(&self, bytes: u64);
    /// The piece of work is done.
    fn end(&self);
}

/// Shows nothing.
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
}
