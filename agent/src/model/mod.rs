//! Pure nouns of the domain: paths, digests, levels, trees, ownership classes. Does no I/O.

pub mod class;
pub mod digest;
pub mod inventory;
pub mod level;
pub mod path;
pub mod progress;
pub mod severity;
pub mod tree;

pub use class::Class;
pub use digest::Digest;
pub use inventory::{Inventory, Seen};
pub use level::{Level, LevelOrder, Release};
pub use path::RelPath;
pub use progress::{NoProgress, Progress, Work};
pub use tree::{Entry, TreeManifest};
