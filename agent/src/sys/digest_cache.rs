//! A cache of the digests of a tree's files on disk: a file whose size, inode and times are as they were need not be
//! read again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::clock;
use super::fs::{self, StatKey};
use crate::api::{Failure, Result};
use crate::model::{Digest, RelPath};

/// The digests of one tree's files.
///
/// A file that changes twice within one tick of its file system's clock keeps its times. So, as in git's index, the
/// digest of a file whose times are not clearly older than the reading is not kept: a later change could be missed.
pub struct DigestCache {
    path: PathBuf,
    /// The file's bytes; `stored` points into them, so that loading allocates nothing per entry.
    bytes: Vec<u8>,
    stored: Vec<Stored>,
    fresh: BTreeMap<RelPath, (StatKey, Digest)>,
    /// When the cache was loaded, in nanoseconds since the epoch.
    now_ns: i64,
    changed: bool,
    /// Where the entry after the one that was found last stands.
    next: usize,
}

/// An entry of the file, in the order of paths.
struct Stored {
    path: Range<usize>,
    seen: bool,
}

const MAGIC: &[u8] = b"pitstop digests 1\n";
const CHECKSUM: usize = 32;
/// Five numbers of the key and the digest.
const FIXED: usize = 5 * 8 + 32;
/// More than the coarsest clock of a file system: FAT counts in steps of two seconds.
const MARGIN_NS: i64 = 2_500_000_000;
const MAX_FILE: u64 = 512 << 20;

impl DigestCache {
    /// Loads the cache of a tree, which must happen before the tree is scanned. A file that is missing, damaged or of
    /// another format is an empty cache.
    pub fn load(path: &Path) -> Self {
        Self::load_at(path, now_ns())
    }

    fn load_at(path: &Path, now_ns: i64) -> Self {
        let bytes = fs::read(path, MAX_FILE).unwrap_or_default();
        let (bytes, stored) = match index(&bytes) {
            Some(stored) => (bytes, stored),
            None => (Vec::new(), Vec::new()),
        };
        Self {
            path: path.to_owned(),
            bytes,
            stored,
            fresh: BTreeMap::new(),
            now_ns,
            changed: false,
            next: 0,
        }
    }

    /// The digest of a file, if nothing tells that it changed.
    pub fn lookup(&mut self, path: &RelPath, key: &StatKey) -> Option<Digest> {
        if let Some((known, digest)) = self.fresh.get(path) {
            return (known == key).then_some(*digest);
        }
        let at = self.find(path)?;
        self.stored[at].seen = true;
        let (known, digest) = self.entry(&self.stored[at])?;
        (known == *key).then_some(digest)
    }

    /// Takes in the digest of a file whose key was read *before* its content.
    pub fn record(&mut self, path: &RelPath, key: StatKey, digest: Digest) {
        if is_settled(&key, self.now_ns) {
            self.changed = true;
            self.fresh.insert(path.clone(), (key, digest));
        }
    }

    /// Drops the entries that were neither looked up nor recorded since the cache was loaded: after a scan of the
    /// whole tree those are files that are gone.
    pub fn forget_unseen(&mut self) {
        let before = self.stored.len();
        self.stored.retain(|stored| stored.seen);
        self.changed |= self.stored.len() != before;
    }

    /// Writes the cache if it changed, readable for its owner only. Makes its folder. It is not synced: what a power
    /// cut leaves of it is damaged at worst, and so empty.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&mut self) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        let failed = |error| Failure::io("write the cache", &self.path, error);
        if let Some(parent) = self.path.parent() {
            fs::make_private_dirs(parent).map_err(failed)?;
        }
        fs::write_whole(&self.path, &self.encode()).map_err(failed)?;
        self.changed = false;
        Ok(())
    }

    /// Whoever looks up a whole tree asks in the order of paths, so the next entry is mostly the one.
    fn find(&mut self, path: &RelPath) -> Option<usize> {
        let wanted = path.as_str().as_bytes();
        let is_wanted = |stored: &Stored| self.bytes[stored.path.clone()] == *wanted;
        let at = match self.stored.get(self.next) {
            Some(stored) if is_wanted(stored) => self.next,
            _ => self
                .stored
                .binary_search_by(|stored| self.bytes[stored.path.clone()].cmp(wanted))
                .ok()?,
        };
        self.next = at + 1;
        Some(at)
    }

    fn entry(&self, stored: &Stored) -> Option<(StatKey, Digest)> {
        decode(self.bytes.get(stored.path.end..stored.path.end + FIXED)?)
    }

    fn encode(&self) -> Vec<u8> {
        let kept = self.stored.iter().filter_map(|stored| {
            let path = std::str::from_utf8(&self.bytes[stored.path.clone()]).ok()?;
            let fresh = self.fresh.contains_key(path);
            (!fresh).then(|| Some((path, self.entry(stored)?)))?
        });
        let fresh = self.fresh.iter().map(|(path, entry)| (path.as_str(), *entry));
        let all: BTreeMap<_, _> = kept.chain(fresh).collect();
        let mut bytes = MAGIC.to_vec();
        for (path, (key, digest)) in all {
            put(&mut bytes, path, &key, &digest);
        }
        let checksum = Digest::of(&bytes);
        bytes.extend_from_slice(&checksum.0);
        bytes
    }
}

/// The clock as the caches compare it with the times of files, in nanoseconds since the epoch.
pub fn now_ns() -> i64 {
    i64::try_from(clock::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// Whether a file whose key was read at `now_ns` cannot change any more without changing its times.
pub fn is_settled(key: &StatKey, now_ns: i64) -> bool {
    key.mtime_ns.max(key.ctime_ns) < now_ns.saturating_sub(MARGIN_NS)
}

fn put(bytes: &mut Vec<u8>, path: &str, key: &StatKey, digest: &Digest) {
    // No file system has paths of 4 GiB; one that had would only miss the cache.
    let Ok(length) = u32::try_from(path.len()) else {
        return;
    };
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(path.as_bytes());
    for number in [key.size, key.ino, key.dev] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    for number in [key.mtime_ns, key.ctime_ns] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&digest.0);
}

/// The entries of a file; `None` if it is not one of ours, or damaged.
fn index(bytes: &[u8]) -> Option<Vec<Stored>> {
    let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
    if !body.starts_with(MAGIC) || Digest::of(body).0 != checksum {
        return None;
    }
    let mut stored: Vec<Stored> = Vec::with_capacity(body.len() / 128);
    let mut at = MAGIC.len();
    while at < body.len() {
        let length = u32::from_le_bytes(body.get(at..at + 4)?.try_into().ok()?) as usize;
        let path = at + 4..at + 4 + length;
        at = path.end + FIXED;
        stored.push(Stored { path, seen: false });
    }
    (at == body.len()).then_some(stored)
}

fn decode(bytes: &[u8]) -> Option<(StatKey, Digest)> {
    let number = |n: usize| Some(u64::from_le_bytes(bytes.get(n * 8..n * 8 + 8)?.try_into().ok()?));
    let key = StatKey {
        size: number(0)?,
        ino: number(1)?,
        dev: number(2)?,
        mtime_ns: number(3)?.cast_signed(),
        ctime_ns: number(4)?.cast_signed(),
    };
    Some((key, Digest(bytes.get(40..FIXED)?.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests damage the file with plain calls")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: i64 = 1_000_000_000_000;

    fn path(n: u64) -> RelPath {
        RelPath::new(&format!("lib/{n:05}.jar")).unwrap()
    }

    fn key(n: u64) -> StatKey {
        StatKey {
            size: n,
            ino: 7 + n,
            dev: 1,
            mtime_ns: -5,
            ctime_ns: 1000,
        }
    }

    fn digest(n: u64) -> Digest {
        Digest::of(&n.to_le_bytes())
    }

    fn filled(file: &Path, count: u64) -> DigestCache {
        let mut cache = DigestCache::load_at(file, NOW);
        for n in 0..count {
            cache.record(&path(n), key(n), digest(n));
        }
        cache
    }

    #[test]
    fn what_was_recorded_is_found_again_until_the_file_changes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cache/x.digests");
        filled(&file, 300).save().unwrap();
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let mut cache = DigestCache::load_at(&file, NOW);
        for n in 0..300 {
            assert_eq!(cache.lookup(&path(n), &key(n)), Some(digest(n)));
            let changes: [fn(&mut StatKey); 5] = [
                |k| k.size += 1,
                |k| k.ino += 1,
                |k| k.dev += 1,
                |k| k.mtime_ns += 1,
                |k| k.ctime_ns += 1,
            ];
            for change in changes {
                let mut other = key(n);
                change(&mut other);
                assert_eq!(cache.lookup(&path(n), &other), None);
            }
        }
        assert_eq!(cache.lookup(&path(300), &key(300)), None);
    }

    #[test]
    fn the_file_is_written_only_if_something_changed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x");
        filled(&file, 3).save().unwrap();
        let before = std::fs::metadata(&file).unwrap();
        let mut cache = DigestCache::load_at(&file, NOW);
        cache.lookup(&path(1), &key(1));
        cache.save().unwrap();
        let ino = |m: &std::fs::Metadata| std::os::unix::fs::MetadataExt::ino(m);
        assert_eq!(ino(&std::fs::metadata(&file).unwrap()), ino(&before));

        cache.forget_unseen();
        cache.record(&path(2), key(9), digest(9));
        cache.save().unwrap();
        let mut cache = DigestCache::load_at(&file, NOW);
        assert_eq!(cache.lookup(&path(0), &key(0)), None);
        assert_eq!(cache.lookup(&path(1), &key(1)), Some(digest(1)));
        assert_eq!(cache.lookup(&path(2), &key(9)), Some(digest(9)));
    }

    #[test]
    fn a_file_that_changed_just_before_the_scan_is_not_trusted() {
        let mut cache = DigestCache::load_at(Path::new("/nonexistent"), NOW);
        for (times, trusted) in [
            ((NOW - MARGIN_NS - 1, 0), true),
            ((0, NOW - MARGIN_NS - 1), true),
            ((NOW - MARGIN_NS, 0), false),
            ((0, NOW - MARGIN_NS), false),
            ((0, NOW + 1), false),
        ] {
            let key = StatKey {
                mtime_ns: times.0,
                ctime_ns: times.1,
                ..key(1)
            };
            cache.fresh.clear();
            cache.record(&path(1), key, digest(1));
            assert_eq!(cache.lookup(&path(1), &key).is_some(), trusted, "{times:?}");
        }
    }

    #[test]
    fn a_damaged_or_foreign_file_is_an_empty_cache() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x");
        filled(&file, 5).save().unwrap();
        let good = std::fs::read(&file).unwrap();
        let mut damaged: Vec<Vec<u8>> = vec![vec![], b"{}".to_vec(), good[..good.len() / 2].to_vec()];
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            damaged.push(bytes);
        }
        for bytes in damaged {
            std::fs::write(&file, bytes).unwrap();
            let mut cache = DigestCache::load_at(&file, NOW);
            assert_eq!(cache.lookup(&path(1), &key(1)), None);
        }
    }
}
