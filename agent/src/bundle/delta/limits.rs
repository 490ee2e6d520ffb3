//! What a delta may ask for. An encoder stays within, so that a host needs at most about 150 MB for a file.

/// New bytes in a block, and old bytes that they are compared with.
pub(super) const BLOCK: usize = 8 << 20;
/// Constants in the classes of a block, old and new; each class counts as [`CLASS`] more.
pub(super) const CONSTANTS: usize = 1 << 20;
/// What a class takes besides its constants.
pub(super) const CLASS: usize = 16;
/// Inflated entries of the base that are held at a time.
pub(super) const HELD: usize = 64 << 20;
/// The columns of a delta.
pub(super) const COLUMNS: usize = 8 << 20;
/// How much of them an encoder spends on classes: without the rest, an archive cannot be told at all.
pub(super) const CLASS_COLUMNS: usize = 6 << 20;
/// Entries of a zip archive.
pub(super) const ENTRIES: usize = 1 << 17;
/// The central directory of a zip archive and all that follows it.
pub(super) const DIRECTORY: usize = 16 << 20;
/// All directories of the base's archives that are looked into.
pub(super) const DIRECTORIES: usize = 24 << 20;
/// Parts of contents, besides those of entries that are one piece.
pub(super) const PARTS: usize = 1 << 18;
/// Bytes between entries that are told one by one; more of them are a content.
pub(super) const GAP: usize = 64;
/// How deep archives lie in archives.
pub(super) const DEPTH: usize = 3;
/// Content that is compared as one piece.
pub(super) const PIECE: usize = 4 << 20;
/// Entries up to this size are put together in memory, so that their header can say what they became.
pub(super) const BUFFERED: usize = 1 << 20;
/// Files that an encoder reads.
pub(super) const FILE: u64 = 1 << 30;

/// Bytes that applying may inflate or gather. An honest delta reads each piece of the base a few times.
pub(super) fn work(base: u64, size: u64) -> u64 {
    (256u64 << 20)
        .saturating_add(base.saturating_mul(32))
        .saturating_add(size.saturating_mul(8))
}
