//! How long work tells how far it is.

/// Receives the progress of long work. Implementations decide whether and how to show it.
pub trait Progress: Sync {
    /// A new piece of work begins, as a part of the one under way; `total` is in `Progress::advance`'s unit (bytes), 0
    /// if unknown.
    fn begin(&self, label: &str, total: u64);
    /// This many more bytes of the last piece that began are done.
    fn advance(&self, bytes: u64);
    /// The last piece of work that began is done, or has failed.
    fn end(&self);
}

/// A piece of work, which ends when this is dropped: also on the way out of a failure.
pub struct Work<'a>(&'a dyn Progress);

impl<'a> Work<'a> {
    /// Begins it; see [`Progress::begin`].
    pub fn begin(progress: &'a dyn Progress, label: &str, total: u64) -> Self {
        progress.begin(label, total);
        Self(progress)
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Shows nothing.
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
}
