//! Where it is written down whom this host believes:
//!
//! | path | content |
//! |---|---|
//! | `<config-dir>/trust/trust.yaml` | the anchor, as whoever configures the host lays it |
//! | `<state-dir>/trust/<version>.json` | signed trust documents that lead on from it |
//! | `<state-dir>/trust/seen.json` | the highest version that was ever believed here, and every key that was revoked |
//! | `<state-dir>/trust/clock.json` | the latest moment that anything verified was made at |
//! | `<state-dir>/trust/lock` | the lock of whoever writes |
//!
//! The highest version counts: documents are followed from the anchor on, each verified again. An anchor that is newer than
//! they are begins anew. A version below the highest seen is refused, and a revoked key stays revoked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::anchor::Trust;
use super::dsse::Envelope;
use super::json;
use super::keys::{KeyId, PublicKey};
use super::predicate::Document;
use super::predicate::document::Key;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::guard::refuse_exposed;
use crate::config::{TrustDirs, yaml};
use crate::sys::lock::{Lock, lock_within};
use crate::sys::{clock, fs};

/// What the store keeps is small.
const LIMIT: u64 = 4 << 20;
/// How long to wait for somebody else who writes: nobody takes longer than a few small files.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where whom this host believes is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustStore {
    /// `<config-dir>/trust`.
    pub anchor: PathBuf,
    /// `<state-dir>/trust`.
    pub kept: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Seen {
    version: u64,
    #[serde(default)]
    revoked: BTreeSet<KeyId>,
}

impl Seen {
    fn holds(&self, trust: &Trust) -> bool {
        self.version >= trust.version && self.revoked.is_superset(&trust.revoked)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Clock {
    latest: Timestamp,
}

impl TrustStore {
    /// The store in these folders, which need not exist yet.
    pub fn new(dirs: &TrustDirs) -> Self {
        Self {
            anchor: dirs.anchor.clone(),
            kept: dirs.kept.clone(),
        }
    }

    /// Whom this host believes now.
    ///
    /// # Errors
    /// `trust` or `signature`: the anchor or a document is damaged, or older than what was believed before.
    pub fn load(&self) -> Result<Trust> {
        let trust = self.followed()?;
        self.refuse_older(&trust)?;
        Ok(trust)
    }

    /// What the documents lead to, with every key left out that was ever revoked here.
    fn followed(&self) -> Result<Trust> {
        let mut trust = self.anchor()?;
        trust.now = self.now()?;
        trust.drop_revoked();
        for (version, path) in self.documents()? {
            if version > trust.version {
                let what = format!("the trust document {}", path.display());
                let next = Envelope::read(&path).and_then(|envelope| trust.next(&envelope, &what));
                trust = next.map_err(|failure| self.broken(failure, &path))?.0;
            }
        }
        trust.revoked.extend(self.seen()?.revoked);
        trust.drop_revoked();
        Ok(trust)
    }

    fn refuse_older(&self, trust: &Trust) -> Result<()> {
        let seen = self.seen()?.version;
        if trust.version >= seen {
            return Ok(());
        }
        let message = format!(
            "whom this host believes went back from version {seen} to {}",
            trust.version
        );
        Err(Failure::new(ErrorKind::Trust, message)
            .at(self.anchor_file())
            .hint("lay a trust.yaml with a higher version, or bring the trust document with `pitstop trust update`"))
    }

    /// Follows a signed trust document from now on. Returns what is believed then, and whether that is new.
    ///
    /// # Errors
    /// `signature`, `trust`, or writing failed.
    pub fn update(&self, file: &Path) -> Result<(Trust, bool)> {
        let envelope = Envelope::read(file)?;
        let _alone = self.lock()?;
        let before = self.followed()?;
        let bytes = envelope.to_bytes()?;
        if self.document(before.version).is_some_and(|kept| kept == bytes) {
            self.refuse_older(&before)?;
            return Ok((before, false));
        }
        let what = file.display().to_string();
        let (next, document) = before
            .next(&envelope, &what)
            .map_err(|failure| failure.at(file))?;
        self.refuse_older(&next)?;
        let path = self.document_file(document.version);
        fs::write_atomic(&path, &bytes)
            .map_err(|error| Failure::io("keep the trust document in", &path, error))?;
        self.add(&next)?;
        Ok((next, true))
    }

    /// Writes down that this was believed, so that nothing older is again.
    ///
    /// # Errors
    /// Reading or writing failed; `locked`.
    pub fn remember(&self, trust: &Trust) -> Result<()> {
        if self.seen()?.holds(trust) {
            return Ok(());
        }
        let _alone = self.lock()?;
        self.add(trust)
    }

    /// Only under the lock: what somebody else adds between reading and writing would be forgotten.
    fn add(&self, trust: &Trust) -> Result<()> {
        let mut seen = self.seen()?;
        seen.version = seen.version.max(trust.version);
        seen.revoked.extend(&trust.revoked);
        self.write("seen.json", &seen)
    }

    /// The present: what the clock shows, unless something verified was made later.
    ///
    /// # Errors
    /// Reading failed.
    pub fn now(&self) -> Result<Timestamp> {
        let latest = self.read::<Clock>("clock.json")?.map(|clock| clock.latest);
        let now = clock::now();
        Ok(latest.map_or(now, |latest| latest.max(now)))
    }

    /// Writes down when something verified was made: the present is not before it, whatever the clock shows.
    ///
    /// # Errors
    /// Reading or writing failed; `locked`.
    pub fn saw(&self, latest: Timestamp) -> Result<()> {
        let is_known = || -> Result<bool> {
            let clock = self.read::<Clock>("clock.json")?;
            Ok(clock.is_some_and(|clock| clock.latest >= latest))
        };
        if is_known()? {
            return Ok(());
        }
        let _alone = self.lock()?;
        match is_known()? {
            true => Ok(()),
            false => self.write("clock.json", &Clock { latest }),
        }
    }

    fn anchor_file(&self) -> PathBuf {
        self.anchor.join("trust.yaml")
    }

    fn anchor(&self) -> Result<Trust> {
        // Also where nothing lies in it: who takes the file away decides as well.
        if fs::metadata(&self.anchor).is_ok() {
            refuse_exposed(&self.anchor, ErrorKind::Trust)?;
        }
        let path = self.anchor_file();
        let text = fs::read_text_if_exists(&path).map_err(|error| Failure::io("read", &path, error))?;
        let Some(text) = text else {
            return Trust::of_document(&Document::default());
        };
        refuse_exposed(&path, ErrorKind::Trust)?;
        Trust::new(&self.document_in(&text)?, |key| self.key(key)).map_err(|mut failure| {
            if failure.path.is_none() {
                failure.message = format!("{}: {}", path.display(), failure.message);
                failure.path = Some(path.clone());
            }
            failure
        })
    }

    fn document_in(&self, text: &str) -> Result<Document> {
        yaml::parse(text, &self.anchor_file()).map_err(|mut failure| {
            failure.kind = ErrorKind::Trust;
            failure
        })
    }

    /// A trust document made of a file like `trust.yaml`, with the keys in it that the file only names.
    ///
    /// # Errors
    /// The file or one of its keys cannot be read, or is not valid.
    pub fn draft(file: &Path) -> Result<Document> {
        let folder = file.parent().unwrap_or(Path::new("."));
        let store = Self {
            anchor: folder.to_owned(),
            kept: PathBuf::new(),
        };
        let bytes = fs::read(file, LIMIT).map_err(|error| Failure::io("read", file, error))?;
        let mut document: Document = yaml::parse(&String::from_utf8_lossy(&bytes), file)?;
        let roles = &mut document.roles;
        let fixed = [&mut roles.trust, &mut roles.release, &mut roles.approval];
        let all = fixed.into_iter().flatten().chain(roles.evidence.values_mut());
        for key in all.flat_map(|role| &mut role.keys) {
            let (public, name) = store.key(key)?;
            let text = public.to_pem()?;
            *key = match name {
                Some(name) => Key::Named(super::predicate::document::NamedKey { name, key: text }),
                None => Key::Plain(text),
            };
        }
        Trust::of_document(&document)?;
        Ok(document)
    }

    /// A key of `trust.yaml`: itself, or a file beside it.
    fn key(&self, key: &Key) -> Result<(PublicKey, Option<String>)> {
        let (text, name) = match key {
            Key::Plain(text) => (text, None),
            Key::Named(named) => (&named.key, Some(named.name.clone())),
        };
        if text.starts_with("-----BEGIN") || text.starts_with("ssh-") {
            return Ok((PublicKey::parse(text)?, name));
        }
        let path = self.anchor.join(text);
        refuse_exposed(&path, ErrorKind::Trust)?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        Ok((PublicKey::read(&path)?, name.or(stem)))
    }

    fn broken(&self, failure: Failure, path: &Path) -> Failure {
        let message = format!(
            "{} does not lead on from {}",
            path.display(),
            self.anchor_file().display()
        );
        Failure::new(ErrorKind::Trust, message)
            .at(path)
            .hint("lay a trust.yaml with a version that is higher than that of the documents")
            .because(failure)
    }

    /// Versions of the documents that are kept, rising.
    fn documents(&self) -> Result<Vec<(u64, PathBuf)>> {
        let listed = match fs::list_dir(&self.kept) {
            Ok(listed) => listed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::io("list", &self.kept, error)),
        };
        let version = |path: PathBuf| {
            let stem = path.file_name()?.to_str()?.strip_suffix(".json")?.parse().ok()?;
            Some((stem, path))
        };
        let mut found: Vec<_> = listed.iter().filter_map(|entry| version(entry.path())).collect();
        found.sort();
        Ok(found)
    }

    fn document_file(&self, version: u64) -> PathBuf {
        self.kept.join(format!("{version}.json"))
    }

    fn document(&self, version: u64) -> Option<Vec<u8>> {
        fs::read(&self.document_file(version), super::dsse::LIMIT).ok()
    }

    fn seen(&self) -> Result<Seen> {
        Ok(self.read("seen.json")?.unwrap_or_default())
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.kept.join(name);
        match fs::read(&path, LIMIT) {
            Ok(bytes) => json::parse(&bytes).map(Some).map_err(|error| {
                let message = format!("cannot understand {}", path.display());
                Failure::new(ErrorKind::Trust, message)
                    .at(&path)
                    .hint("restore it from a backup")
                    .because(error)
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::io("read", &path, error)),
        }
    }

    fn lock(&self) -> Result<Lock> {
        fs::make_private_dirs(&self.kept)
            .map_err(|error| Failure::io("make the folder", &self.kept, error))?;
        let path = self.kept.join("lock");
        lock_within(&path, PATIENCE)
            .map_err(|error| Failure::io("lock", &path, error))?
            .held(&path, |by| {
                format!("whom this host believes is being written down by {by}")
            })
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let path = self.kept.join(name);
        let bytes = serde_json::to_vec(value).map_err(|error| {
            Failure::new(ErrorKind::Internal, "cannot write down whom this host believes").because(error)
        })?;
        fs::write_atomic(&path, &bytes).map_err(|error| Failure::io("write", &path, error))
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
