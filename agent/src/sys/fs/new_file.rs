//! Files that appear as a whole.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::super::fault::{Effect, effect, sync};
use super::sync_dir;
use super::temporary::Temporary;

/// Replaces a file as a whole: after success the new content survives a power cut, after a failure or a kill the
/// path holds the old content or the new one, never a part. The file is readable for its owner only.
///
/// # Errors
/// Of the system.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = NewFile::begin(path, 0o600)?;
    effect(Effect::Write, "write", &path.display(), || file.write_all(bytes))?;
    file.put_in_place()
}

/// The same for what everybody may read whom the umask lets, such as a page.
///
/// # Errors
/// Of the system.
pub fn write_page(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = NewFile::create(path)?;
    effect(Effect::Write, "write", &path.display(), || file.write_all(bytes))?;
    file.put_in_place()
}

/// The same for what everybody may read whatever the umask, such as metrics that another user collects.
///
/// # Errors
/// Of the system.
pub fn write_public(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = NewFile::create(path)?;
    effect(Effect::Write, "write", &path.display(), || {
        file.write_all(bytes)?;
        file.new.file.set_permissions(fs::Permissions::from_mode(0o644))
    })?;
    file.put_in_place()
}

/// A file that takes its place only when it is whole: until then what stood at its path stays, and a kill leaves a hidden
/// file beside it that the next process that writes there removes.
pub struct NewFile {
    new: Temporary,
    path: PathBuf,
}

impl NewFile {
    /// Begins one that everybody may read whom the umask lets.
    ///
    /// # Errors
    /// Of the system.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::begin(path, 0o644)
    }

    /// The same for a program.
    ///
    /// # Errors
    /// Of the system.
    pub fn create_program(path: &Path) -> io::Result<Self> {
        Self::begin(path, 0o755)
    }

    fn begin(path: &Path, mode: u32) -> io::Result<Self> {
        // The rename would put a file into the place of a device such as `/dev/null`, for everybody on the host.
        if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file() && !there.is_symlink()) {
            let text = "what stands there is no file, and would be replaced by one";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(Self {
            new: Temporary::beside(path, mode)?,
            path: path.to_owned(),
        })
    }

    /// Gives it its place. It survives a power cut then.
    ///
    /// # Errors
    /// Of the system.
    pub fn put_in_place(mut self) -> io::Result<()> {
        sync("fsync", &self.path.display(), || self.new.file.sync_all())?;
        self.new.take_place(&self.path)?;
        match self.path.parent() {
            // A name alone lies in the working directory.
            Some(dir) if dir.as_os_str().is_empty() => sync_dir(Path::new(".")),
            Some(dir) => sync_dir(dir),
            None => Ok(()),
        }
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.new.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.new.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileTypeExt;

    #[test]
    fn what_is_no_file_is_never_replaced_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for write in [write_atomic, write_page, write_public] {
            let refused = write(&pipe, b"new").unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        }
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }
}
