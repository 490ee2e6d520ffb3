//! The only code that touches the operating system: files, locks, processes, the clock, users.

pub mod clock;
pub mod digest_cache;
pub mod fault;
pub mod follow;
pub mod fs;
pub mod hashing;
pub mod host;
pub mod http;
pub mod interrupt;
pub mod journal;
pub mod last_scan;
pub mod lock;
pub mod process;
pub mod procfs;
pub mod random;
pub mod root;
pub mod scratch;
pub mod socket;
pub mod terminal;
pub mod unlinked;
pub mod walk;
