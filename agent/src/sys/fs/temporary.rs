//! Files under names for the time being: each beside the one whose place it is to take, on the same file system.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use nix::libc;

use super::super::fault::{Effect, effect};
use super::super::random;

const PREFIX: &str = ".pitstop-tmp-";
/// A name in a folder has 255 bytes at most.
const NAME_BYTES: usize = 200;

/// The folders that this process has looked for abandoned files in.
static SWEPT: LazyLock<Mutex<BTreeSet<PathBuf>>> = LazyLock::new(Mutex::default);

/// A new file that nobody else writes, and that nobody can have laid a link or a file in the way of. It is removed when it is
/// dropped, unless it took its place; what a kill leaves of it is removed by the next process that writes into the folder.
pub(super) struct Temporary {
    /// Locked as long as somebody writes it: one that is not is abandoned.
    pub file: File,
    path: PathBuf,
    is_placed: bool,
}

impl Temporary {
    /// Makes one beside a path; the umask takes from the mode what it takes.
    ///
    /// # Errors
    /// Of the system.
    pub fn beside(path: &Path, mode: u32) -> io::Result<Self> {
        sweep(path);
        loop {
            let temporary = fresh_beside(path)?;
            let file = effect(Effect::Write, "create", &temporary.display(), || {
                OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(mode)
                    .open(&temporary)
            })?;
            let made = Self {
                file,
                path: temporary,
                is_placed: false,
            };
            // Where there are no locks nobody can take it for abandoned either.
            let _ = made.file.lock();
            // Somebody may have taken it for abandoned before it was locked.
            if made.file.metadata()?.nlink() > 0 {
                return Ok(made);
            }
        }
    }

    /// Gives it its place, whatever stands there.
    ///
    /// # Errors
    /// Of the system.
    pub fn take_place(&mut self, path: &Path) -> io::Result<()> {
        effect(Effect::Write, "rename", &path.display(), || {
            fs::rename(&self.path, path)
        })?;
        self.is_placed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_placed {
            // What made it useless is the error to report.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A name beside a path that nobody can know beforehand.
pub(super) fn fresh_beside(path: &Path) -> io::Result<PathBuf> {
    let number = random::number()?;
    let name = path.file_name().unwrap_or_default().as_bytes();
    let mut fresh = OsString::from(PREFIX);
    fresh.push(OsString::from_vec(
        name.iter().copied().take(NAME_BYTES).collect(),
    ));
    // Who collects files by how their names end must not take half of one.
    fresh.push(format!(".part-{number:016x}"));
    Ok(path.with_file_name(fresh))
}

/// Removes what kills have left in the folder of a path, once per process: folders can be large.
fn sweep(path: &Path) {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if !swept.insert(folder.to_owned()) {
        return;
    }
    drop(swept);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().as_bytes().starts_with(PREFIX.as_bytes()) {
            // What is in nobody's way may stay.
            let _ = remove_abandoned(&entry.path());
        }
    }
}

/// Removes a file of this user's that nobody writes.
fn remove_abandoned(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new()
        .write(true)
        // What others have put there may be a link or a pipe.
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    let metadata = file.metadata()?;
    let is_own = metadata.is_file() && metadata.uid() == nix::unistd::geteuid().as_raw();
    match is_own && file.try_lock().is_ok() {
        true => fs::remove_file(path),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{replace, write_atomic, write_page, write_whole};
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn two_who_write_one_file_at_once_do_not_meet() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let mut first = super::super::NewFile::create(&path).unwrap();
        io::Write::write_all(&mut first, b"first").unwrap();
        write_atomic(&path, b"second").unwrap();
        write_whole(&path, b"third").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        first.put_in_place().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(dir.path()), ["x"]);
    }

    #[test]
    fn what_was_laid_in_the_way_gets_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim");
        fs::write(&victim, "kept").unwrap();
        // The name that could be known beforehand.
        symlink(&victim, dir.path().join(".pitstop-tmp-x.part")).unwrap();
        let path = dir.path().join("x");
        for write in [write_atomic, write_page, write_whole] {
            write(&path, b"secret").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"secret");
        }
        replace(&path, b"secret", &path).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"kept");
    }

    #[test]
    fn what_a_kill_left_is_removed_and_what_somebody_writes_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        for name in [".pitstop-tmp-x.part", ".pitstop-tmp-y.part-0123456789abcdef"] {
            fs::write(dir.path().join(name), "half").unwrap();
        }
        let pipe = dir.path().join(".pitstop-tmp-pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let living = dir.path().join(".pitstop-tmp-z.part-0123456789abcdef");
        let written = File::create(&living).unwrap();
        written.lock().unwrap();
        write_atomic(&path, b"new").unwrap();
        let left = [".pitstop-tmp-pipe", ".pitstop-tmp-z.part-0123456789abcdef", "x"];
        assert_eq!(names(dir.path()), left);
    }

    #[test]
    fn a_name_may_be_as_long_as_names_can_be() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x".repeat(255));
        write_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}
