//! Bundles: one file that carries updates to hosts, with everything that proves where it comes from and how it was
//! tested. `FORMAT.md` beside this module is the format's description.
//!
//! | module | owns |
//! |---|---|
//! | [`archive`] | the tar archive around it, read strictly and written reproducibly |
//! | [`release`] | what is signed |
//! | [`index`] | which content is where |
//! | [`content`] | one content, from bytes whose digest was checked |
//! | [`delta`] | contents made from other contents |
//! | [`pack`] | makes the content of a bundle |
//! | [`shelf`] | the list of the bundles that a web server offers |
//!
//! No byte is interpreted before its digest was checked against the index, the index's against the release, and the
//! release's signature against the keys of the host. Only the names and sizes of the archive's entries are read before.

pub mod archive;
pub mod content;
pub mod delta;
pub mod index;
pub mod pack;
pub mod release;
pub mod shelf;

/// The version of the format; others are refused.
pub const FORMAT: u32 = 1;
/// Stored bytes of one blob at most: what is held in memory to be checked before it is decoded.
pub const BLOB_BYTES: usize = 8 << 20;
/// Unpacked bytes of one group of small files at most.
pub const GROUP_BYTES: u64 = 4 << 20;

/// Whether a name of at most so many bytes leads nowhere else, neither in an address nor in a folder.
fn is_plain_name(name: &str, most: usize) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.len() <= most && name.chars().all(is_plain)
}
