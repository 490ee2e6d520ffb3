//! A pack in a directory: it is read where it lies and never written to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::cache::name_for;
use super::content::Content;
use super::listing::{OWN_FOLDER, check_target, mode_bits};
use super::{HEAD_BYTES, Sink, Source, check_read_limit, refusal};
use crate::api::{Failure, Result};
use crate::model::{Digest, Entry, Progress, RelPath, TreeManifest};
use crate::product::TreeView;
use crate::sys::digest_cache::DigestCache;
use crate::sys::fs::{self, StatKey};
use crate::sys::hashing::{ReadTree, Wanted, hash_files, on_all_cores};
use crate::sys::walk::{self, Found, FoundKind, Guide, Visit};

/// A directory that holds a pack's files directly.
pub(super) struct Directory {
    path: PathBuf,
    tree: ReadTree,
    cache_file: PathBuf,
    /// What was seen when the manifest was made.
    keys: BTreeMap<RelPath, StatKey>,
}

impl Directory {
    /// `path` must be canonical.
    pub(super) fn open(path: PathBuf, cache_dir: &Path) -> Result<Self> {
        let tree = ReadTree::open(&path).map_err(|error| Failure::io("read the directory", &path, error))?;
        Ok(Self {
            tree,
            cache_file: cache_dir.join(name_for(&path)).with_extension("digests"),
            keys: BTreeMap::new(),
            path,
        })
    }

    fn refuse(&self, path: &RelPath, why: &str) -> Failure {
        refusal::unsafe_entry(&self.path, path.as_str(), why)
    }

    fn scan(&self) -> Result<Vec<Found<()>>> {
        let walked = walk::walk(&self.path, &NotOurs)?;
        if let Some(name) = walked.not_utf8.first() {
            return Err(refusal::unsafe_entry(
                &self.path,
                name,
                "has a name or a link target that is not UTF-8",
            ));
        }
        for found in &walked.found {
            if found.path.as_str().contains(char::is_control) {
                return Err(self.refuse(&found.path, "has a control character in its name"));
            }
            match &found.kind {
                FoundKind::Symlink(target) => {
                    check_target(&found.path, target).map_err(|why| self.refuse(&found.path, why))?;
                }
                FoundKind::Other => {
                    return Err(self.refuse(&found.path, "is a device, a pipe or a socket"));
                }
                FoundKind::File | FoundKind::Dir => {}
            }
        }
        Ok(walked.found)
    }

    fn digests(&self, found: &[Found<()>], progress: &dyn Progress) -> Result<Vec<Option<Digest>>> {
        let mut cache = DigestCache::load(&self.cache_file);
        let mut digests = vec![None; found.len()];
        let mut unknown = Vec::new();
        for (at, found) in found.iter().enumerate() {
            if found.kind == FoundKind::File {
                digests[at] = cache.lookup(&found.path, &found.key);
                if digests[at].is_none() {
                    unknown.push(at);
                }
            }
        }
        let wanted: Vec<_> = unknown
            .iter()
            .map(|&at| Wanted {
                path: &found[at].path,
                size: found[at].key.size,
            })
            .collect();
        for (&at, digest) in unknown.iter().zip(hash_files(&self.path, &wanted, progress)?) {
            cache.record(&found[at].path, found[at].key, digest);
            digests[at] = Some(digest);
        }
        cache.forget_unseen();
        if let Err(failure) = cache.save() {
            tracing::debug!(%failure, "cannot write the cache");
        }
        Ok(digests)
    }

    fn content<'a>(&'a self, path: &'a RelPath) -> Result<Content<'a, impl Read + use<'a>>> {
        let full = path.under(&self.path);
        let failed = |error| Failure::io("read", &full, error);
        let file = self.tree.file(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => refusal::vanished(&full),
            _ => failed(error),
        })?;
        let key = StatKey::of(&file.metadata().map_err(failed)?);
        if self.keys.get(path).is_some_and(|known| *known != key) {
            return Err(refusal::changed(&full));
        }
        Content::new(file, &self.path, path.as_str(), key.size)
    }

    fn size_of(&self, path: &RelPath) -> Result<u64> {
        let known = self.keys.get(path);
        known
            .map(|key| key.size)
            .ok_or_else(|| refusal::no_such_file(&self.path, path.as_str()))
    }

    fn know_keys(&mut self) -> Result<()> {
        if self.keys.is_empty() {
            let found = self.scan()?;
            self.keys = keys(&found);
        }
        Ok(())
    }
}

fn keys(found: &[Found<()>]) -> BTreeMap<RelPath, StatKey> {
    found
        .iter()
        .filter(|found| found.kind == FoundKind::File)
        .map(|found| (found.path.clone(), found.key))
        .collect()
}

/// Everything but the state that the agent keeps in a home that serves as a source.
struct NotOurs;

impl Guide for NotOurs {
    /// Whether this is the root.
    type At = bool;
    type Tag = ();

    fn root(&self) -> bool {
        true
    }

    fn dir(&self, is_root: &bool, name: &str) -> Visit<bool, ()> {
        if *is_root && name == OWN_FOLDER {
            Visit::Skip
        } else {
            Visit::Enter(false, ())
        }
    }

    fn leaf(&self, _: &bool, _: &str) -> Option<()> {
        Some(())
    }
}

impl TreeView for Directory {
    fn names_in(&self, dir: &str) -> Result<Vec<String>> {
        let path = self.path.join(dir);
        match fs::list_dir(&path) {
            Ok(entries) => Ok(entries
                .iter()
                .filter_map(|entry| entry.file_name().into_string().ok())
                .collect()),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(Vec::new()),
                _ => Err(Failure::io("read the directory", path, error)),
            },
        }
    }

    fn head_of(&self, path: &RelPath) -> Result<Option<Vec<u8>>> {
        // A missing, special or linked file is none to detection; only a file that is there must be readable.
        match fs::symlink_metadata(&path.under(&self.path)) {
            Ok(metadata) if metadata.is_file() => self.content(path)?.head(HEAD_BYTES).map(Some),
            _ => Ok(None),
        }
    }
}

impl Source for Directory {
    fn path(&self) -> &Path {
        &self.path
    }

    fn manifest(&mut self, progress: &dyn Progress) -> Result<TreeManifest> {
        let found = self.scan()?;
        let digests = self.digests(&found, progress)?;
        self.keys = keys(&found);
        let mut manifest = TreeManifest::default();
        for (found, digest) in found.into_iter().zip(digests) {
            let mode = Some(mode_bits(found.mode));
            let entry = match (found.kind, digest) {
                (FoundKind::File, Some(sha256)) => Entry::File {
                    size: found.key.size,
                    sha256,
                    mode,
                },
                (FoundKind::Symlink(target), _) => Entry::Symlink { target },
                _ => Entry::Dir { mode },
            };
            manifest.entries.insert(found.path, entry);
        }
        Ok(manifest)
    }

    fn read(&mut self, path: &RelPath, limit: u64) -> Result<Vec<u8>> {
        self.know_keys()?;
        let size = self.size_of(path)?;
        check_read_limit(&self.path, path, size, limit)?;
        self.content(path)?.head(size.saturating_add(1))
    }

    fn extract(&mut self, wanted: &BTreeSet<RelPath>, sink: &Sink<'_>) -> Result<()> {
        self.know_keys()?;
        let mut files = Vec::with_capacity(wanted.len());
        for path in wanted {
            files.push((std::cmp::Reverse(self.size_of(path)?), path));
        }
        files.sort_unstable();
        on_all_cores(&files, |(_, path)| self.content(path)?.pass_to(path, sink))
    }
}
