//! Where decisions about conflicts lie: this host's own under `<state-dir>/resolutions`, what was shipped to it under
//! `<config-dir>/resolutions.d`.
//!
//! | path | content |
//! |---|---|
//! | `resolutions/<product>/<id>.json` | one decision |
//! | `resolutions/key` | the key under which secrets are told apart |
//! | `resolutions/lock` | the lock of whoever writes |
//! | `resolutions.d/*.json` | one decision or an exported document; only read |

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::api::{ErrorKind, Failure, Result};
use crate::config::MemoryDirs;
use crate::config::guard::exposed;
use crate::memory::document::{LIMIT, parse};
use crate::memory::{HostKey, Memory, Remembered};
use crate::model::Digest;
use crate::sys::lock::{Lock, lock_within};
use crate::sys::{fs, process, random};

/// The decisions of a host.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    dirs: MemoryDirs,
}

/// What came of remembering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// Conflicts about which nothing was remembered before.
    pub new: u64,
    /// Decisions that were remembered already.
    pub known: u64,
    /// Decisions that took the place of a contrary one.
    pub replaced: u64,
}

/// How long a run waits for another one that writes.
const PATIENCE: Duration = Duration::from_secs(10);

impl MemoryStore {
    /// The decisions in these folders, which need not exist.
    pub fn new(dirs: &MemoryDirs) -> Self {
        Self { dirs: dirs.clone() }
    }

    /// Everything that is remembered. A file that cannot be used is left out, and why is said: a decision that is missing
    /// only means that a person is asked.
    pub fn load(&self) -> (Memory, Vec<String>) {
        let mut warnings = Vec::new();
        let mut warn = |path: &Path, why: &str| {
            warnings.push(format!("{} is not used: {why}", path.display()));
        };
        let key = self.host_key().unwrap_or_else(|failure| {
            warn(&self.key_file(), &failure.full_message());
            None
        });
        let mut memory = Memory::new(key);
        for (path, is_own) in self.files() {
            match read(&path, is_own) {
                Ok(entries) => {
                    for entry in entries {
                        // The key of another host tells nothing here.
                        if is_own || !entry.secret {
                            memory.add(entry, (!is_own).then(|| path.clone()));
                        }
                    }
                }
                Err(why) => warn(&path, &why),
            }
        }
        (memory, warnings)
    }

    /// The files that there are, and whether each is this host's own.
    fn files(&self) -> Vec<(PathBuf, bool)> {
        let json_in = |dir: &Path| {
            let listed = fs::list_dir(dir).unwrap_or_default();
            let paths = listed.into_iter().map(|entry| entry.path());
            let is_json = |path: &PathBuf| {
                let hidden = path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with('.'));
                !hidden && path.extension().is_some_and(|extension| extension == "json")
            };
            paths.filter(is_json).collect::<Vec<_>>()
        };
        let products = fs::list_dir(&self.dirs.own).unwrap_or_default();
        let own = products.iter().flat_map(|product| json_in(&product.path()));
        let shipped = json_in(&self.dirs.shipped).into_iter().map(|path| (path, false));
        own.map(|path| (path, true)).chain(shipped).collect()
    }

    /// Remembers decisions. One about the same conflict takes the place of an earlier one.
    ///
    /// # Errors
    /// Writing failed; `locked` if another run writes for long.
    pub fn remember(&self, entries: &[Remembered]) -> Result<Kept> {
        let mut kept = Kept::default();
        if entries.is_empty() {
            return Ok(kept);
        }
        let _lock = self.lock()?;
        for entry in entries {
            let path = self.file(entry);
            match read(&path, true).ok().and_then(|found| found.into_iter().next()) {
                Some(old) if old.decides_as(entry) && !adds(&old, entry) => {
                    kept.known += 1;
                    continue;
                }
                Some(old) if old.decides_as(entry) => kept.known += 1,
                Some(_) => kept.replaced += 1,
                None => kept.new += 1,
            }
            write(&path, entry)?;
        }
        Ok(kept)
    }

    /// Forgets this host's own decisions of these ids. Returns how many there were.
    ///
    /// # Errors
    /// As [`MemoryStore::remember`].
    pub fn forget(&self, entries: &[&Remembered]) -> Result<u64> {
        if entries.is_empty() {
            return Ok(0);
        }
        let _lock = self.lock()?;
        let mut count = 0;
        for entry in entries {
            let path = self.file(entry);
            let failed = |error| Failure::io("forget", &path, error);
            count += u64::from(path.exists());
            fs::remove_if_exists(&path).map_err(failed)?;
            path.parent()
                .map_or(Ok(()), fs::remove_dir_if_empty)
                .map_err(failed)?;
        }
        Ok(count)
    }

    /// This host's key, made if there is none yet.
    ///
    /// # Errors
    /// Reading or writing failed.
    pub fn make_host_key(&self) -> Result<HostKey> {
        let _lock = self.lock()?;
        if let Some(key) = self.host_key()? {
            return Ok(key);
        }
        let path = self.key_file();
        let bytes = random::bytes().map_err(|error| {
            Failure::new(
                ErrorKind::Io,
                format!("cannot make the key {}: {error}", path.display()),
            )
        })?;
        let text = Digest(bytes).to_string();
        fs::write_atomic(&path, text.as_bytes())
            .map_err(|error| Failure::io("write the key", &path, error))?;
        Ok(HostKey::new(bytes))
    }

    fn host_key(&self) -> Result<Option<HostKey>> {
        let path = self.key_file();
        let text =
            fs::read_text_if_exists(&path).map_err(|error| Failure::io("read the key", &path, error))?;
        let parse = |text: String| {
            text.trim().parse::<Digest>().map_err(|_| {
                let message = format!("{} is no key", path.display());
                Failure::new(ErrorKind::Io, message).hint("remove it; secrets are then decided anew")
            })
        };
        Ok(text.map(parse).transpose()?.map(|digest| HostKey::new(digest.0)))
    }

    fn key_file(&self) -> PathBuf {
        self.dirs.own.join("key")
    }

    fn file(&self, entry: &Remembered) -> PathBuf {
        let folder = self.dirs.own.join(&entry.product);
        folder.join(format!("{}.json", entry.id()))
    }

    fn lock(&self) -> Result<Lock> {
        let failed = |error| {
            Failure::io("write into", &self.dirs.own, error)
                .hint("run as root or name another folder with --state-dir")
        };
        fs::make_private_dirs(&self.dirs.own).map_err(failed)?;
        let path = self.dirs.own.join("lock");
        let attempt = lock_within(&path, PATIENCE).map_err(failed)?;
        attempt.held(&path, |by| {
            format!(
                "what is remembered in {} is in use by {by}",
                self.dirs.own.display()
            )
        })
    }
}

/// Whether a decision that says the same as an earlier one says more about where it came from.
fn adds(old: &Remembered, entry: &Remembered) -> bool {
    old.transaction.is_none() && entry.transaction.is_some()
}

fn write(path: &Path, entry: &Remembered) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(entry)
        .map_err(|error| Failure::new(ErrorKind::Internal, "cannot write down a decision").because(error))?;
    bytes.push(b'\n');
    let write = || {
        path.parent().map_or(Ok(()), fs::make_private_dirs)?;
        fs::write_atomic(path, &bytes)
    };
    write().map_err(|error| Failure::io("remember a decision in", path, error))
}

/// The decisions in a file, or why it is not used. Who may write it decides what is put into configuration files.
fn read(path: &Path, is_own: bool) -> std::result::Result<Vec<Remembered>, String> {
    let found = fs::metadata(path).map_err(|error| error.to_string())?;
    if !found.is_file() {
        return Err("it is no file".to_owned());
    }
    if let Some((why, cure)) = exposed(&found).filter(|_| !is_own) {
        return Err(format!("it {why}; run `{cure}` on it"));
    }
    let bytes = fs::read(path, LIMIT).map_err(|error| error.to_string())?;
    let entries = parse(&bytes)?;
    match is_own
        && entries
            .iter()
            .any(|entry| !path.ends_with(format!("{}.json", entry.id())))
    {
        true => Err("it is not named as its content says".to_owned()),
        false => Ok(entries),
    }
}

/// The name of the user who runs this, for what is written down.
pub fn who() -> String {
    let name = process::User::current().map_or_else(|_| "unknown".to_owned(), |user| user.name);
    let is_plain = |name: &String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
        !name.is_empty() && name.len() <= 64 && name.chars().all(plain)
    };
    // Who became root for this is more telling than root.
    let before = crate::sys::host::variable("SUDO_USER").filter(is_plain);
    before.filter(|_| name == "root").unwrap_or(name)
}
