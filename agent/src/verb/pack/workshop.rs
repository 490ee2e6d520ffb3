//! Where a pack is built: `.pitstop-build` in the folder that gets it, readable for its owner only. One build at a time; what
//! a killed one left, the next one removes.
//!
//! | path | content |
//! |---|---|
//! | `pack` | the base, unpacked; the vendor's tool works on a copy inside it |
//! | `cache` | what was read of archives |
//! | `output` | all that the tool said; it stays after a failure |

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::api::{ErrorKind, Failure, Result};
use crate::config::Limits;
use crate::model::{Entry, Progress, RelPath, TreeManifest, Work};
use crate::source::{self, Source};
use crate::sys::fs;
use crate::sys::lock::{Lock, try_lock_dir};
use crate::sys::root::Root;

const FOLDER: &str = ".pitstop-build";

/// See the module.
pub(super) struct Workshop {
    out: Root,
    folder: RelPath,
    pack: Root,
    cache: PathBuf,
    output: PathBuf,
    _lock: Lock,
}

impl Workshop {
    /// Opens it in a folder, which is made if need be.
    pub(super) fn open(out: &Path) -> Result<Self> {
        let failed = |error| Failure::io("make the workshop in", out, error);
        let folder = named(FOLDER)?;
        fs::make_dirs(out).map_err(failed)?;
        let root = Root::open(out).map_err(failed)?;
        root.make_private_dirs(&folder).map_err(failed)?;
        let lock = root
            .open_dir(Some(&folder))
            .and_then(try_lock_dir)
            .map_err(failed)?;
        let Some(lock) = lock else {
            let message = format!("another run builds a pack in {}", out.display());
            return Err(Failure::new(ErrorKind::Locked, message)
                .at(out)
                .hint("wait for it, or give another folder"));
        };
        let below = |name: &str| named(&format!("{FOLDER}/{name}"));
        let pack = below("pack")?;
        root.remove_tree(&pack).map_err(failed)?;
        root.make_private_dirs(&pack).map_err(failed)?;
        Ok(Self {
            pack: Root::open(&pack.under(out)).map_err(failed)?,
            cache: below("cache")?.under(out),
            output: below("output")?.under(out),
            out: root,
            folder,
            _lock: lock,
        })
    }

    /// The unpacked pack.
    pub(super) fn root(&self) -> &Root {
        &self.pack
    }

    /// Where what may get lost is kept.
    pub(super) fn cache(&self) -> &Path {
        &self.cache
    }

    /// Where the tool's output is kept.
    pub(super) fn output(&self) -> &Path {
        &self.output
    }

    /// Unpacks a pack, and proves that it is what its manifest says. What was unpacked can be read by path then, in any
    /// order, which archives do not allow.
    pub(super) fn unpack(
        &self,
        source: &mut dyn Source,
        manifest: &TreeManifest,
        limits: &Limits,
        progress: &dyn Progress,
    ) -> Result<Box<dyn Source>> {
        let root = &self.pack;
        let failed = |path: &RelPath, error| Failure::io("unpack", path.under(root.path()), error);
        let _work = Work::begin(progress, "unpacking", manifest.total_bytes());
        for (path, mode) in folders(manifest) {
            root.make_dir(&path, mode | 0o700)
                .map_err(|error| failed(&path, error))?;
        }
        let mut files = BTreeMap::new();
        for (path, entry) in &manifest.entries {
            match entry {
                Entry::Symlink { target } => {
                    root.symlink(target, path).map_err(|error| failed(path, error))?;
                }
                Entry::File { mode, .. } => {
                    files.insert(path, mode.unwrap_or(0o644));
                }
                Entry::Dir { .. } => {}
            }
        }
        let sink = |path: &RelPath, reader: &mut dyn Read| {
            let mut write = || {
                let written = io::copy(reader, &mut root.create(path)?)?;
                progress.advance(written);
                root.set_mode(path, files.get(path).copied().unwrap_or(0o644))
            };
            write().map_err(|error| failed(path, error))
        };
        let wanted = files.keys().map(|path| (*path).clone()).collect();
        source.extract(&wanted, &sink)?;
        self.prove(manifest, limits, progress)
    }

    fn prove(
        &self,
        manifest: &TreeManifest,
        limits: &Limits,
        progress: &dyn Progress,
    ) -> Result<Box<dyn Source>> {
        let place = self.pack.path();
        let mut unpacked = source::open(place, limits, &self.cache, progress)?;
        let found = unpacked.manifest(progress)?;
        let differs = |path: &&RelPath| !Entry::same(found.entries.get(*path), manifest.entries.get(*path));
        let wrong = manifest.entries.keys().chain(found.entries.keys()).find(differs);
        // An archive need not name its folders.
        match wrong.filter(|path| !matches!(found.entries.get(*path), Some(Entry::Dir { .. }))) {
            None => Ok(unpacked),
            Some(path) => {
                let message = format!("{path} is not what the archive says, after it was unpacked");
                Err(Failure::new(ErrorKind::Source, message)
                    .at(path.under(place))
                    .hint("let nothing else write there, check the disk, and run again"))
            }
        }
    }

    /// Removes it after success.
    pub(super) fn close(self) -> Result<()> {
        self.out
            .remove_tree(&self.folder)
            .map_err(|error| Failure::io("remove", self.folder.under(self.out.path()), error))
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // After a failure only what helps to understand it stays. What cannot be removed, the next build removes.
        for name in ["pack", "cache"] {
            let removed = self.folder.join(name).map_err(io::Error::other);
            let _ = removed.and_then(|path| self.out.remove_tree(&path));
        }
    }
}

/// Every folder of a tree, those that the manifest does not name too, the upper ones first.
fn folders(manifest: &TreeManifest) -> BTreeMap<RelPath, u32> {
    let mut folders = BTreeMap::new();
    for (path, entry) in &manifest.entries {
        for above in path.ancestors() {
            folders.entry(above).or_insert(0o755);
        }
        if let Entry::Dir { mode } = entry {
            folders.insert(path.clone(), mode.unwrap_or(0o755));
        }
    }
    folders
}

fn named(text: &str) -> Result<RelPath> {
    RelPath::new(text).map_err(|why| Failure::new(ErrorKind::Internal, format!("{text}: {why}")))
}
