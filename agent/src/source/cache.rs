//! What is remembered of an archive, so that the next run need not read it again: valid as long as the archive's size,
//! inode and times stay the same, and written by the same version of the agent, whose rules it passed.

use std::path::{Path, PathBuf};

use super::refusal;
use crate::api::{Failure, Result};
use crate::model::{Digest, RelPath, TreeManifest};
use crate::sys::digest_cache::{is_settled, now_ns};
use crate::sys::fs::{self, StatKey};

/// An archive as it was when it was opened.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    path: PathBuf,
    key: StatKey,
}

impl Stamp {
    pub(super) fn new(path: PathBuf, key: StatKey) -> Self {
        Self { path, key }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The archive's size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.key.size
    }

    /// # Errors
    /// The archive is not the one that was opened any more.
    pub(super) fn check(&self) -> Result<()> {
        match fs::metadata(&self.path) {
            Ok(metadata) if StatKey::of(&metadata) == self.key => Ok(()),
            Ok(_) => Err(refusal::changed(&self.path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(refusal::vanished(&self.path)),
            Err(error) => Err(Failure::io("read", &self.path, error)),
        }
    }
}

/// The files in the cache folder that belong to one archive. Failing to write them costs time only, so it is not an
/// error.
#[derive(Debug)]
pub(super) struct Cache {
    base: PathBuf,
    header: String,
    settled: bool,
}

const MAX_BYTES: u64 = 1 << 30;

impl Cache {
    pub(super) fn new(folder: &Path, stamp: &Stamp) -> Self {
        let StatKey {
            size,
            ino,
            dev,
            mtime_ns,
            ctime_ns,
        } = stamp.key;
        let version = env!("CARGO_PKG_VERSION");
        Self {
            base: folder.join(name_for(&stamp.path)),
            header: format!("pitstop source {version} {size} {ino} {dev} {mtime_ns} {ctime_ns}"),
            settled: is_settled(&stamp.key, now_ns()),
        }
    }

    /// The manifest and the top-level folder that was taken off.
    pub(super) fn manifest(&self) -> Option<(TreeManifest, Option<String>)> {
        let bytes = self.load("manifest")?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let (top, manifest) = text.split_once('\n')?;
        let top = (!top.is_empty()).then(|| top.to_owned());
        Some((TreeManifest::parse(manifest).ok()?, top))
    }

    pub(super) fn save_manifest(&self, manifest: &TreeManifest, top: Option<&str>) {
        let text = format!("{}\n{}", top.unwrap_or_default(), manifest.encode());
        self.save("manifest", text.as_bytes());
    }

    /// The first bytes of a file that detection asked for before.
    pub(super) fn head(&self, path: &RelPath) -> Option<Vec<u8>> {
        self.load(&head_name(path))
    }

    pub(super) fn save_head(&self, path: &RelPath, bytes: &[u8]) {
        self.save(&head_name(path), bytes);
    }

    #[cfg(test)]
    pub(super) fn settled(mut self) -> Self {
        self.settled = true;
        self
    }

    fn load(&self, suffix: &str) -> Option<Vec<u8>> {
        let bytes = fs::read(&self.base.with_extension(suffix), MAX_BYTES).ok()?;
        let header = bytes.strip_prefix(self.header.as_bytes())?.strip_prefix(b" ")?;
        let (digest, body) = header.split_at_checked(64)?;
        let body = body.strip_prefix(b"\n")?;
        (Digest::of(body).to_string().as_bytes() == digest).then(|| body.to_vec())
    }

    fn save(&self, suffix: &str, body: &[u8]) {
        if !self.settled {
            return;
        }
        let path = self.base.with_extension(suffix);
        let mut bytes = format!("{} {}\n", self.header, Digest::of(body)).into_bytes();
        bytes.extend_from_slice(body);
        let folder = path.parent().map_or(Ok(()), fs::make_private_dirs);
        // Not synced: what a power cut leaves of it does not have its digest.
        if let Err(error) = folder.and_then(|()| fs::write_whole(&path, &bytes)) {
            tracing::debug!(path = %path.display(), %error, "cannot write the cache");
        }
    }
}

/// The name of the cache for a path: the path's own could be too long or mean something.
pub(super) fn name_for(path: &Path) -> String {
    Digest::of(path.as_os_str().as_encoded_bytes()).to_string()[..24].to_owned()
}

fn head_name(path: &RelPath) -> String {
    format!("head-{}", Digest::of(path.as_str().as_bytes()).short())
}
