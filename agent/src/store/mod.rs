//! What pitstop remembers of an instance between runs, under `<state-dir>/instances/<name>`:
//!
//! | path | content |
//! |---|---|
//! | `state.json` | [`State`]: the installed release, snapshots, holds |
//! | `manifests/<digest>` | pristine tree manifests |
//! | `texts/<xx>/<digest>.zst` | pristine and committed texts, the base of later merges |
//! | `hotfixes/<digest>` | the files of hotfixes that are on or may come back |
//! | `snapshots/<transaction>.json` | the plan that a rollback takes back |
//! | `journal.jsonl` | the transaction under way |
//! | `history.jsonl` | one record per transaction |
//! | `told.jsonl`, `last-report.json` | what the last run tells or told, and how it ended |
//! | `lock`, `serving-stopped` | the lock; the guard that keeps a unit from starting in the middle |
//!
//! Everything is readable for its owner only: configuration holds secrets.

pub mod config;
pub mod history;
pub mod hotfix;
pub mod memory;
pub mod rollout;
pub mod state;
pub mod texts;
pub mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::{ErrorKind, Failure, Plan, Result};
use crate::model::{Digest, TreeManifest};
use crate::sys::fs;

pub use config::{ConfigChange, ConfigFile, ConfigHold, ConfigState};
pub use hotfix::Hotfix;
pub use memory::MemoryStore;
pub use rollout::HeldLock;
pub use state::{Installed, Pending, Snapshot, State};

/// What a file of the state may hold, in bytes. What names each path of a large pack is large, too, and whatever was written has to
/// be read again.
const LIMIT: u64 = 1 << 30;

/// The folder of one instance's state.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    /// The manifests that were read already: a run needs the same two several times.
    manifests: Mutex<BTreeMap<Digest, Arc<TreeManifest>>>,
    /// Texts that only this run knows.
    presumed: Mutex<BTreeMap<Digest, Vec<u8>>>,
    /// Held while a text is kept: two paths may have the same text.
    keeping: Mutex<()>,
}

impl Store {
    /// The store in a folder, which need not exist yet.
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            manifests: Mutex::default(),
            presumed: Mutex::default(),
            keeping: Mutex::default(),
        }
    }

    /// Makes the folder.
    ///
    /// # Errors
    /// Writing failed.
    pub fn prepare(&self) -> Result<()> {
        for dir in [
            self.dir.clone(),
            self.dir.join("manifests"),
            self.dir.join("snapshots"),
            self.dir.join("texts"),
            self.dir.join("hotfixes"),
        ] {
            fs::make_private_dirs(&dir).map_err(|error| {
                Failure::io("make the state folder", &dir, error)
                    .hint("run as root or name another folder with --state-dir")
            })?;
        }
        Ok(())
    }

    /// The lock file.
    pub fn lock_file(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// The journal of the transaction under way.
    pub fn journal_file(&self) -> PathBuf {
        self.dir.join("journal.jsonl")
    }

    /// What a run under way tells those who follow it.
    pub fn told_file(&self) -> PathBuf {
        self.dir.join("told.jsonl")
    }

    /// The file that exists while the server must not start.
    pub fn guard_file(&self) -> PathBuf {
        self.dir.join("serving-stopped")
    }

    /// The state; empty if the instance is not adopted.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn load(&self) -> Result<State> {
        let path = self.state_file();
        let text =
            fs::read_text_up_to(&path, LIMIT).map_err(|error| Failure::io("read the state", &path, error))?;
        let hint = "restore the file from a backup, or move the folder away and adopt the pack again";
        text.map_or(Ok(State::default()), |text| parse(&path, &text, hint))
    }

    /// Replaces the state durably.
    ///
    /// # Errors
    /// Writing failed.
    pub fn save(&self, state: &State) -> Result<()> {
        self.write_json(&self.state_file(), state)
    }

    fn state_file(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    /// How large the state is, in bytes.
    pub fn state_bytes(&self) -> u64 {
        fs::metadata(&self.state_file()).map_or(0, |found| found.len())
    }

    /// A pristine manifest.
    ///
    /// # Errors
    /// It is missing or damaged.
    pub fn manifest(&self, tree: &Digest) -> Result<Arc<TreeManifest>> {
        let mut known = self.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(manifest) = known.get(tree) {
            return Ok(Arc::clone(manifest));
        }
        let manifest = Arc::new(self.read_manifest(tree)?);
        known.insert(*tree, Arc::clone(&manifest));
        Ok(manifest)
    }

    fn read_manifest(&self, tree: &Digest) -> Result<TreeManifest> {
        let path = self.dir.join("manifests").join(tree.to_string());
        let damaged = |why: anyhow::Error| {
            Failure::new(
                ErrorKind::Io,
                format!("cannot read the manifest {}", path.display()),
            )
            .at(&path)
            .hint("run `pitstop adopt` with --pristine again")
            .because(why)
        };
        let bytes = fs::read(&path, LIMIT).map_err(|error| damaged(error.into()))?;
        if Digest::of(&bytes) != *tree {
            return Err(damaged(anyhow::anyhow!("its digest is not its name")));
        }
        let text = std::str::from_utf8(&bytes).map_err(|error| damaged(error.into()))?;
        TreeManifest::parse(text).map_err(|error| damaged(error.into()))
    }

    /// Keeps a pristine manifest.
    ///
    /// # Errors
    /// Writing failed.
    pub fn keep_manifest(&self, manifest: &TreeManifest) -> Result<Digest> {
        let text = manifest.encode();
        let digest = Digest::of(text.as_bytes());
        let path = self.dir.join("manifests").join(digest.to_string());
        if !path.exists() {
            fs::write_atomic(&path, text.as_bytes())
                .map_err(|error| Failure::io("write the manifest", &path, error))?;
        }
        Ok(digest)
    }

    /// Lets this run know a pristine manifest and texts of it as if they had been kept.
    pub fn presume(&self, manifest: TreeManifest, texts: impl IntoIterator<Item = Vec<u8>>) -> Digest {
        let tree = manifest.digest();
        let mut known = self.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(tree, Arc::new(manifest));
        let mut presumed = self.presumed.lock().unwrap_or_else(PoisonError::into_inner);
        presumed.extend(texts.into_iter().map(|text| (Digest::of(&text), text)));
        tree
    }

    /// The plan that a snapshot came from.
    ///
    /// # Errors
    /// It is missing or damaged.
    pub fn snapshot_plan(&self, transaction: &str) -> Result<Plan> {
        let path = self.snapshot_file(transaction);
        let bytes =
            fs::read(&path, LIMIT).map_err(|error| Failure::io("read the snapshot's plan", &path, error))?;
        let text = String::from_utf8_lossy(&bytes);
        let hint = "restore the file from a backup; without it this change cannot be taken back";
        parse(&path, &text, hint)
    }

    /// Keeps the plan that a snapshot came from.
    ///
    /// # Errors
    /// Writing failed.
    pub fn keep_snapshot_plan(&self, transaction: &str, plan: &Plan) -> Result<()> {
        self.write_json(&self.snapshot_file(transaction), plan)
    }

    /// Forgets what the state no longer refers to; tells whether a pristine tree was among it.
    ///
    /// # Errors
    /// Removing failed.
    pub fn sweep(&self, state: &State) -> Result<bool> {
        let plans: Vec<String> = state
            .kept_transactions()
            .map(|transaction| format!("{transaction}.json"))
            .collect();
        self.keep_only("snapshots", &plans)?;
        let files: Vec<String> = state.hotfixes().map(|hotfix| hotfix.sha256.to_string()).collect();
        self.keep_only("hotfixes", &files)?;
        let trees: Vec<String> = state.trees().map(ToString::to_string).collect();
        self.keep_only("manifests", &trees)
    }

    fn keep_only(&self, folder: &str, names: &[String]) -> Result<bool> {
        let dir = self.dir.join(folder);
        let listed = fs::list_dir(&dir).map_err(|error| Failure::io("list", &dir, error))?;
        let mut removed = false;
        for entry in listed {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !names.contains(&name) {
                let path = entry.path();
                fs::remove_if_exists(&path).map_err(|error| Failure::io("remove", &path, error))?;
                removed = true;
            }
        }
        Ok(removed)
    }

    fn snapshot_file(&self, transaction: &str) -> PathBuf {
        self.dir.join("snapshots").join(format!("{transaction}.json"))
    }

    fn write_json(&self, path: &Path, value: &impl serde::Serialize) -> Result<()> {
        let bytes = serde_json::to_vec(value).map_err(|error| {
            Failure::new(ErrorKind::Internal, "cannot write down the state").because(error)
        })?;
        fs::write_atomic(path, &bytes).map_err(|error| Failure::io("write the state", path, error))
    }
}

/// `hint` says what becomes of a file that is damaged.
fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &str, hint: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        Failure::new(
            ErrorKind::Io,
            format!("cannot understand the state in {}", path.display()),
        )
        .at(path)
        .hint(hint)
        .because(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Entry, Level, RelPath, Release};

    #[test]
    fn what_becomes_of_a_damaged_file_is_said_of_that_file() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        store.prepare().unwrap();
        for name in ["state.json", "last-report.json", "snapshots/000001-a.json"] {
            fs::write_atomic(&dir.path().join(name), b"{").unwrap();
        }
        let hint = |failure: Failure| failure.hint.unwrap_or_default();
        assert!(hint(store.load().unwrap_err()).contains("adopt the pack again"));
        assert!(hint(store.last_report().unwrap_err()).starts_with("remove the file"));
        let plan = hint(store.snapshot_plan("000001-a").unwrap_err());
        assert!(
            plan.contains("restore the file") && !plan.contains("adopt"),
            "{plan}"
        );
    }

    #[test]
    fn the_state_of_a_large_pack_of_unknown_origin_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        store.prepare().unwrap();
        let file = Some(Entry::File {
            mode: Some(0o644),
            size: 1,
            sha256: Digest::of(b"a"),
        });
        let path = |number| RelPath::new(&format!("{}/{number}.jar", "plugins".repeat(20))).unwrap();
        let state = State {
            installed: Some(Installed {
                release: Release {
                    product: "lab".to_owned(),
                    level: Level::new("1.0.0"),
                    tree: None,
                },
                since: "2026-01-01T00:00:00Z".to_owned(),
                verified: true,
                accepted: (0..80_000).map(|number| (path(number), file.clone())).collect(),
                hotfixes: Vec::new(),
            }),
            ..State::default()
        };
        store.save(&state).unwrap();
        assert!(store.state_bytes() > 16 << 20);
        assert!(store.load().unwrap() == state);
    }
}
