//! The tree of a home: classified while it is walked, hashed where the digest cache does not know.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

use crate::api::plan::Owner;
use crate::api::report::{Drift, DriftKind, DriftView};
use crate::api::{Failure, Result};
use crate::model::inventory::{Inventory, Seen};
use crate::model::{Class, Entry, Progress, RelPath, TreeManifest};
use crate::product::{Cursor, Ownership};
use crate::sys::digest_cache::{DigestCache, now_ns};
use crate::sys::hashing::{Wanted, hash_files};
use crate::sys::last_scan::Trace;
use crate::sys::root::{Kind, Root, Stat};
use crate::sys::walk::{Found, FoundKind, Guide, Visit, walk};

/// The folder in a home, and on every mount inside it, that holds staged files and snapshots.
pub const OWN_FOLDER: &str = ".pitstop";
/// What lies in that of the home: the copies that the vendor's update tool works on.
pub const CANDIDATES: &str = "candidates";

/// How a tree is read.
pub struct Scan<'a> {
    /// The home.
    pub root: &'a Root,
    /// Who owns what.
    pub ownership: &'a Ownership,
    /// Where digests are cached.
    pub cache: &'a Path,
    /// Whether the cache is ignored and everything is read.
    pub deep: bool,
    /// Receives the progress of hashing.
    pub progress: &'a dyn Progress,
}

struct Classes<'a>(&'a Ownership);

impl Guide for Classes<'_> {
    type At = Cursor;
    type Tag = Class;

    fn root(&self) -> Cursor {
        self.0.root()
    }

    fn dir(&self, at: &Cursor, name: &str) -> Visit<Cursor, Class> {
        if name == OWN_FOLDER {
            return Visit::Skip;
        }
        let inside = self.0.enter(at, name);
        match self.0.uniform(&inside) {
            Some(class) if !class.is_observed() => Visit::Skip,
            _ => Visit::Enter(inside, self.0.class_in(at, name)),
        }
    }

    fn leaf(&self, at: &Cursor, name: &str) -> Option<Class> {
        Some(self.0.class_in(at, name))
    }
}

impl Scan<'_> {
    /// Observes the home.
    ///
    /// # Errors
    /// A directory or a file of an observed class cannot be read.
    pub fn run(&self) -> Result<Inventory> {
        Ok(self.scan(|_, _| None)?.0)
    }

    /// Observes the home and tells by what a later change of it would show, if it would.
    ///
    /// # Errors
    /// As [`Scan::run`].
    pub fn run_traced(&self) -> Result<(Inventory, Option<Trace>)> {
        self.traced_at(now_ns())
    }

    fn traced_at(&self, now_ns: i64) -> Result<(Inventory, Option<Trace>)> {
        self.scan(|own, found| {
            let counts = |found: &Found<Class>| match found.kind {
                FoundKind::File => found.tag.is_observed(),
                FoundKind::Dir | FoundKind::Symlink(_) => true,
                FoundKind::Other => false,
            };
            Trace::of(self.root, own, found, counts, now_ns)
        })
    }

    fn scan(
        &self,
        trace: impl FnOnce(&Stat, &[Found<Class>]) -> Option<Trace>,
    ) -> Result<(Inventory, Option<Trace>)> {
        let home = self.root.path();
        let own = self
            .root
            .stat_self()
            .map_err(|error| Failure::io("read", home, error))?;
        let mut cache = DigestCache::load(self.cache);
        let walked = walk(home, &Classes(self.ownership))?;
        let trace = trace(&own, &walked.found);
        let mut inventory = Inventory {
            home_owner: Some(Owner {
                uid: own.uid,
                gid: own.gid,
            }),
            mounts: super::mounts::mounts_in(home)?,
            unreadable_names: walked.not_utf8,
            ..Inventory::default()
        };
        let mut entries = Vec::with_capacity(walked.found.len());
        let mut unknown = Vec::new();
        for found in walked.found {
            match self.known_entry(&found, &mut cache) {
                Known::Entry(entry) => entries.push(seen(found, entry)),
                Known::MustHash => unknown.push(found),
                Known::LeftOut => {}
            }
        }
        entries.extend(self.hash(unknown, &mut cache)?);
        inventory.entries = entries.into_iter().collect();
        cache.forget_unseen();
        // A cache that cannot be written only costs time: a user who may look but not write still gets an answer.
        if let Err(failure) = cache.save() {
            tracing::debug!("{failure}");
        }
        Ok((inventory, trace))
    }

    /// What stands at certain paths, their content included.
    ///
    /// # Errors
    /// A path cannot be looked at or read.
    pub fn look<'p>(&self, paths: impl Iterator<Item = &'p RelPath>) -> Result<BTreeMap<RelPath, Entry>> {
        let mut cache = DigestCache::load(self.cache);
        let (mut entries, mut unknown) = (BTreeMap::new(), Vec::new());
        for path in paths {
            let failed = |error| Failure::io("look at", path.under(self.root.path()), error);
            let Some(stat) = self.root.stat(path).map_err(failed)? else {
                continue;
            };
            let mode = Some(stat.mode);
            let entry = match stat.kind {
                Kind::Dir => Entry::Dir { mode },
                Kind::Symlink => Entry::Symlink {
                    target: self.root.read_link(path).map_err(failed)?,
                },
                Kind::Other => continue,
                Kind::File => match cache.lookup(path, &stat.key) {
                    Some(sha256) => Entry::File {
                        size: stat.key.size,
                        sha256,
                        mode,
                    },
                    None => {
                        unknown.push((path, stat));
                        continue;
                    }
                },
            };
            entries.insert(path.clone(), entry);
        }
        let wanted: Vec<Wanted<'_>> = unknown
            .iter()
            .map(|(path, stat)| Wanted {
                path,
                size: stat.key.size,
            })
            .collect();
        let digests = hash_files(self.root.path(), &wanted, self.progress)?;
        for ((path, stat), sha256) in unknown.into_iter().zip(digests) {
            let entry = Entry::File {
                size: stat.key.size,
                sha256,
                mode: Some(stat.mode),
            };
            entries.insert(path.clone(), entry);
        }
        Ok(entries)
    }

    fn known_entry(&self, found: &Found<Class>, cache: &mut DigestCache) -> Known {
        let mode = Some(found.mode);
        match &found.kind {
            FoundKind::Symlink(target) => Known::Entry(Entry::Symlink {
                target: target.clone(),
            }),
            FoundKind::Dir => Known::Entry(Entry::Dir { mode }),
            FoundKind::Other => Known::LeftOut,
            FoundKind::File if !found.tag.is_observed() => Known::LeftOut,
            FoundKind::File => match cache.lookup(&found.path, &found.key) {
                Some(sha256) if !self.deep => Known::Entry(Entry::File {
                    size: found.key.size,
                    sha256,
                    mode,
                }),
                _ => Known::MustHash,
            },
        }
    }

    fn hash(&self, files: Vec<Found<Class>>, cache: &mut DigestCache) -> Result<Vec<(RelPath, Seen)>> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<Wanted<'_>> = files
            .iter()
            .map(|found| Wanted {
                path: &found.path,
                size: found.key.size,
            })
            .collect();
        let digests = hash_files(self.root.path(), &wanted, self.progress)?;
        let hashed = files.into_iter().zip(digests).map(|(found, sha256)| {
            cache.record(&found.path, found.key, sha256);
            let entry = Entry::File {
                size: found.key.size,
                sha256,
                mode: Some(found.mode),
            };
            seen(found, entry)
        });
        Ok(hashed.collect())
    }
}

fn seen(found: Found<Class>, entry: Entry) -> (RelPath, Seen) {
    let owner = Owner {
        uid: found.uid,
        gid: found.gid,
    };
    (
        found.path,
        Seen {
            entry,
            class: found.tag,
            owner,
        },
    )
}

enum Known {
    Entry(Entry),
    MustHash,
    LeftOut,
}

/// Completes an inventory by what only a certain change needs to know: which of `wanted` exist although they are not
/// observed, and what is in the directories that may go.
///
/// # Errors
/// Reading failed.
pub fn complete<'a>(
    inventory: &mut Inventory,
    root: &Root,
    wanted: impl Iterator<Item = &'a RelPath>,
    leaving_dirs: impl Iterator<Item = &'a RelPath>,
) -> Result<()> {
    let failed = |path: &RelPath, error| Failure::io("look at", path.under(root.path()), error);
    for path in wanted.filter(|path| !inventory.entries.contains_key(*path)) {
        let behind_link = path
            .ancestors()
            .any(|above| matches!(inventory.entry(&above), Some(Entry::Symlink { .. })));
        if !behind_link && root.stat(path).map_err(|error| failed(path, error))?.is_some() {
            inventory.present.insert(path.clone());
        }
    }
    for dir in leaving_dirs {
        let is_dir = root
            .stat(dir)
            .map_err(|error| failed(dir, error))?
            .is_some_and(|stat| stat.kind == Kind::Dir);
        if is_dir {
            let names = root.names_in(Some(dir)).map_err(|error| failed(dir, error))?;
            inventory.names.insert(dir.clone(), names);
        }
    }
    Ok(())
}

/// How the tree deviates from a pristine one.
pub fn drift(base: &TreeManifest, inventory: &Inventory, ownership: &Ownership) -> Drift {
    drift_of(base, inventory, ownership, Class::counts_as_drift)
}

/// How the classes that count deviate from a pristine tree.
pub fn drift_of(
    base: &TreeManifest,
    inventory: &Inventory,
    ownership: &Ownership,
    counts: impl Fn(Class) -> bool,
) -> Drift {
    let paths = both(&base.entries, &inventory.entries).filter_map(|(path, pristine, seen)| {
        let class = seen.map_or_else(|| ownership.class_of(path), |seen| seen.class);
        let change = deviation(pristine, seen.map(|seen| &seen.entry))?;
        if change == DriftKind::Missing && ownership.is_optional(path) {
            return None;
        }
        counts(class).then(|| DriftView {
            path: path.clone(),
            class,
            change,
            configured: false,
        })
    });
    let mut paths: Vec<DriftView> = paths.collect();
    let count = paths.len() as u64;
    paths.truncate(Drift::LIST_LIMIT);
    Drift { count, paths }
}

fn deviation(pristine: Option<&Entry>, found: Option<&Entry>) -> Option<DriftKind> {
    match (pristine, found) {
        (Some(_), None) => Some(DriftKind::Missing),
        (None, Some(Entry::Dir { .. })) | (None, None) => None,
        (None, Some(_)) => Some(DriftKind::Extra),
        (Some(pristine), Some(found)) if !found.same_content(pristine) => Some(DriftKind::Modified),
        (Some(pristine), Some(found)) => {
            (pristine.mode().is_some() && found.mode() != pristine.mode()).then_some(DriftKind::Mode)
        }
    }
}

/// Two maps side by side, in the order of paths: far cheaper than to look up each path of one in the other.
pub fn both<'a, A, B>(
    a: &'a BTreeMap<RelPath, A>,
    b: &'a BTreeMap<RelPath, B>,
) -> impl Iterator<Item = (&'a RelPath, Option<&'a A>, Option<&'a B>)> {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (a.peek(), b.peek()) {
            (Some((left, _)), Some((right, _))) => left.cmp(right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let left = if order.is_le() { a.next() } else { None };
        let right = if order.is_ge() { b.next() } else { None };
        let path = left.map(|(path, _)| path).or(right.map(|(path, _)| path))?;
        Some((path, left.map(|(_, value)| value), right.map(|(_, value)| value)))
    })
}

#[cfg(test)]
mod tests;
