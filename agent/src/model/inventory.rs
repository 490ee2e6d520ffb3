//! What is: everything about a host that a plan depends on, observed once.

use std::collections::{BTreeMap, BTreeSet};

use super::{Class, Digest, Entry, RelPath};
use crate::api::plan::Owner;

/// A pack as it stands on this host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// Everything of the observed classes, and every symlink of the others, with modes.
    pub entries: BTreeMap<RelPath, Seen>,
    /// Paths of the other classes that the target release has too and that exist.
    pub present: BTreeSet<RelPath>,
    /// The names in directories that the vendor no longer has.
    pub names: BTreeMap<RelPath, Vec<String>>,
    /// The home's own owner.
    pub home_owner: Option<Owner>,
    /// What is mounted inside the home.
    pub mounts: Vec<Mount>,
    /// Paths whose names are not UTF-8, made readable.
    pub unreadable_names: Vec<String>,
}

/// One path as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it is; its mode is known.
    pub entry: Entry,
    /// Its owner class.
    pub class: Class,
    /// Its owner and group.
    pub owner: Owner,
}

/// A mount point inside a home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub path: RelPath,
    /// Whether it is mounted read-only.
    pub read_only: bool,
}

impl Inventory {
    /// What stands at an observed path.
    pub fn entry(&self, path: &RelPath) -> Option<&Entry> {
        self.entries.get(path).map(|seen| &seen.entry)
    }

    /// The digest over everything that a decision looks at. Generated files are left out: a running server may
    /// rewrite them at any time, and no decision depends on their content.
    pub fn revision(&self) -> Digest {
        let mut hasher = super::digest::Hasher::default();
        for (path, seen) in self
            .entries
            .iter()
            .filter(|(_, seen)| seen.class != Class::Generated)
        {
            let Seen { entry, owner, .. } = seen;
            hasher.update(path.as_str().as_bytes());
            hasher.update(b"\0");
            let (kind, size, mode) = match entry {
                Entry::File { sha256, size, mode } => {
                    hasher.update(&sha256.0);
                    (1_u8, *size, *mode)
                }
                Entry::Dir { mode } => (2, 0, *mode),
                Entry::Symlink { target } => {
                    hasher.update(target.as_bytes());
                    (3, 0, None)
                }
            };
            hasher.update(&[kind]);
            hasher.update(&size.to_le_bytes());
            for number in [mode.unwrap_or(u32::MAX), owner.uid, owner.gid] {
                hasher.update(&number.to_le_bytes());
            }
        }
        for path in &self.present {
            hasher.update(path.as_str().as_bytes());
            hasher.update(b"\n");
        }
        hasher.finish()
    }
}
