//! Folders for the time being.

use std::io;
use std::path::{Path, PathBuf};

use super::process::User;

/// A folder that only its owner may look into, and that is gone with all that is in it when this is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one for a user.
    ///
    /// # Errors
    /// Of the system.
    pub fn new(owner: &User) -> io::Result<Self> {
        let made = Self(nix::unistd::mkdtemp(
            &std::env::temp_dir().join("pitstop-XXXXXX"),
        )?);
        if owner.uid != nix::unistd::geteuid().as_raw() {
            std::os::unix::fs::lchown(&made.0, Some(owner.uid), Some(owner.gid))?;
        }
        Ok(made)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    #[expect(
        clippy::disallowed_methods,
        reason = "the owner of the folder; no link in it is followed"
    )]
    fn drop(&mut self) {
        // What cannot be removed is left to whoever cleans the folder of temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
