//! Texts that later merges need as their base, by digest. A text is kept once, whatever its path.

use std::path::PathBuf;
use std::sync::PoisonError;

use crate::api::{ErrorKind, Failure, Result};
use crate::merge::text::{LIMIT, is_text};
use crate::model::{Digest, RelPath};
use crate::sys::fs;

/// Names that are never text: reading them only to find out would cost more than all else.
const BINARY_SUFFIXES: &[&str] = &[
    ".jar", ".war", ".car", ".ear", ".zip", ".gz", ".class", ".so", ".png", ".jpg", ".gif", ".ico", ".woff",
    ".woff2", ".ttf", ".jks", ".p12", ".db", ".pdf",
];

/// Whether a file of this name and size may be a text that is worth keeping.
pub fn may_be_text(path: &RelPath, size: u64) -> bool {
    let name = path.file_name();
    size <= LIMIT && !BINARY_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

impl super::Store {
    fn text_file(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.dir
            .join("texts")
            .join(&name[..2])
            .join(format!("{name}.zst"))
    }

    /// Keeps a text; anything that is none is left out. Durable only after [`Store::sync_texts`](super::Store::sync_texts).
    ///
    /// # Errors
    /// Writing failed.
    pub fn keep_text(&self, digest: &Digest, bytes: &[u8]) -> Result<()> {
        let path = self.text_file(digest);
        let _alone = self.keeping.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_text(bytes) || self.kept_text(digest)?.is_some() {
            return Ok(());
        }
        let packed = zstd::bulk::compress(bytes, 1)
            .map_err(|error| Failure::new(ErrorKind::Internal, "cannot compress a text").because(error))?;
        let write = || {
            path.parent().map_or(Ok(()), fs::make_private_dirs)?;
            fs::write_whole(&path, &packed)
        };
        write().map_err(|error| Failure::io("keep a text in", &path, error))
    }

    /// Makes every kept text survive a power cut.
    ///
    /// # Errors
    /// Writing failed.
    pub fn sync_texts(&self) -> Result<()> {
        let dir = self.dir.join("texts");
        fs::sync_file_system(&dir).map_err(|error| Failure::io("sync", &dir, error))
    }

    /// A kept text; `None` if it was not kept or is damaged.
    ///
    /// # Errors
    /// Reading failed.
    pub fn text(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let presumed = self.presumed.lock().unwrap_or_else(PoisonError::into_inner);
        let presumed = presumed.get(digest).cloned();
        presumed.map_or_else(|| self.kept_text(digest), |text| Ok(Some(text)))
    }

    fn kept_text(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let path = self.text_file(digest);
        let packed = match fs::read(&path, LIMIT) {
            Ok(packed) => packed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::io("read a kept text", &path, error)),
        };
        let capacity = usize::try_from(LIMIT).unwrap_or(usize::MAX);
        let plain = zstd::bulk::decompress(&packed, capacity).ok();
        Ok(plain.filter(|plain| Digest::of(plain) == *digest))
    }

    /// Forgets every text whose digest is not wanted.
    ///
    /// # Errors
    /// Removing failed.
    pub fn sweep_texts(&self, wanted: &std::collections::HashSet<Digest>) -> Result<()> {
        let texts = self.dir.join("texts");
        let failed = |error| Failure::io("sweep", &texts, error);
        for folder in fs::list_dir(&texts).map_err(failed)? {
            for file in fs::list_dir(&folder.path()).map_err(failed)? {
                let name = file.file_name().to_string_lossy().into_owned();
                let digest = name
                    .strip_suffix(".zst")
                    .and_then(|hex| hex.parse::<Digest>().ok());
                if !digest.is_some_and(|digest| wanted.contains(&digest)) {
                    fs::remove_if_exists(&file.path()).map_err(failed)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn a_text_comes_back_and_a_damaged_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        store.prepare().unwrap();
        let (text, digest) = (b"a=1\n".to_vec(), Digest::of(b"a=1\n"));
        store.keep_text(&digest, &text).unwrap();
        store.sync_texts().unwrap();
        assert_eq!(store.text(&digest).unwrap(), Some(text));
        let binary = Digest::of(b"\0");
        store.keep_text(&binary, b"\0").unwrap();
        assert_eq!(store.text(&binary).unwrap(), None);
        fs::write_atomic(&store.text_file(&digest), b"rubbish").unwrap();
        assert_eq!(store.text(&digest).unwrap(), None);
        store.sweep_texts(&std::collections::HashSet::new()).unwrap();
        assert!(!store.text_file(&digest).exists());
    }
}
