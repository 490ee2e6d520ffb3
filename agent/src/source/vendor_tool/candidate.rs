//! The private copy of a pack that the tool works on: `.pitstop/candidates/<number>` in the home, on its file system, so
//! that files can share their blocks. It is locked while its run lives, and removed with it; what a killed run leaves is
//! not locked, and the next run removes it.
//!
//! | path | content |
//! |---|---|
//! | `pack` | the copy |
//! | `home` | the tool's `HOME`, unless it is a shared one |
//! | `tmp` | its temporary files |
//!
//! The tool can be made to work in the home itself: then `pack` only gets what it made there, afterwards.

mod in_home;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use super::super::listing::OWN_FOLDER;
use super::folder::{self, below, sweep};
use super::pieces::{Content, Piece};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Entry, RelPath};
use crate::sys::fs;
use crate::sys::hashing::on_all_cores;
use crate::sys::lock::{Lock, try_lock_dir};
use crate::sys::process::User;
use crate::sys::random;
use crate::sys::root::{Kind, Root};

const PACK: &str = "pack";
const HOME: &str = "home";
const TMP: &str = "tmp";

/// See the module. Dropping it removes it.
pub(super) struct Candidate {
    root: Root,
    work: RelPath,
    /// Holds on to the copy, whatever is put at its path by the home's owner meanwhile.
    pack: OwnedFd,
    /// Whether the tool works in the home itself.
    in_home: bool,
    /// Whose files these are, if not this process's own.
    user: Option<User>,
    _lock: Lock,
}

impl Candidate {
    /// Makes an empty one for a user, after removing those that nobody works on any more.
    pub(super) fn new(root: &Root, user: Option<User>) -> Result<Self> {
        sweep(root).map_err(|error| failed(root, "remove leftovers in", error))?;
        Self::make(root, user).map_err(|error| failed(root, "make a copy of the pack in", error))
    }

    fn make(root: &Root, user: Option<User>) -> io::Result<Self> {
        let folder = folder::path()?;
        let _making = folder::lock(root, &folder)?;
        if user.is_some() {
            // Another user has to come through, and sees nothing on the way.
            for above in folder.ancestors().chain([folder.clone()]) {
                root.set_mode(&above, 0o711)?;
            }
        }
        let number = random::number()?;
        let work = below(&folder, &format!("{number:016x}"))?;
        root.make_dir(&work, 0o700)?;
        let lock = try_lock_dir(root.open_dir(Some(&work))?)?.ok_or(io::ErrorKind::ResourceBusy)?;
        let pack = below(&work, PACK)?;
        root.make_dir(&pack, 0o700)?;
        let candidate = Self {
            pack: root.open_dir(Some(&pack))?,
            root: root.try_clone()?,
            work,
            in_home: false,
            user,
            _lock: lock,
        };
        for name in [HOME, TMP] {
            root.make_dir(&below(&candidate.work, name)?, 0o700)?;
            candidate.hand_over(&below(&candidate.work, name)?)?;
        }
        candidate.hand_over(&pack)?;
        candidate.hand_over(&candidate.work)?;
        Ok(candidate)
    }

    /// Fills it, if `spare_bytes` are left afterwards: the server needs them.
    ///
    /// # Errors
    /// `space`.
    pub(super) fn fill(&self, pieces: &BTreeMap<RelPath, Piece>, spare_bytes: u64) -> Result<()> {
        self.refuse_full(pieces, spare_bytes)?;
        let (dirs, files): (Vec<_>, Vec<_>) = pieces
            .iter()
            .partition(|(_, piece)| matches!(piece.content, Content::Dir));
        for (path, piece) in dirs {
            self.make_parents(path)
                .and_then(|()| self.put(path, piece))
                .map_err(|error| failed(&self.root, "copy the pack into", error))?;
        }
        for (path, _) in &files {
            self.make_parents(path)
                .map_err(|error| failed(&self.root, "copy the pack into", error))?;
        }
        on_all_cores(&files, |(path, piece)| self.put(path, piece))
            .map_err(|error| failed(&self.root, "copy the pack into", error))
    }

    fn refuse_full(&self, pieces: &BTreeMap<RelPath, Piece>, spare_bytes: u64) -> Result<()> {
        let bytes: u64 = copied(pieces).map(|(_, size)| size).sum();
        let fits = self.fits(bytes.saturating_add(spare_bytes), pieces);
        if fits.map_err(|error| failed(&self.root, "look at the space of", error))? {
            return Ok(());
        }
        let home = self.root.path();
        let message = format!(
            "not enough space on the file system of {} for a copy of the pack: {} MiB needed and {} MiB to spare",
            home.display(),
            bytes >> 20,
            spare_bytes >> 20
        );
        Err(Failure::new(ErrorKind::Space, message)
            .at(home)
            .hint("free space there; where files can share blocks (XFS, Btrfs) the copy needs next to none"))
    }

    fn fits(&self, needed_bytes: u64, pieces: &BTreeMap<RelPath, Piece>) -> io::Result<bool> {
        if self.root.space(None)?.free_bytes >= needed_bytes {
            return Ok(true);
        }
        let smallest = copied(pieces)
            .filter(|(_, size)| *size > 0)
            .min_by_key(|(_, size)| *size);
        let Some((path, _)) = smallest else {
            return Ok(true);
        };
        let probe = below(&self.work, "probe")?;
        let shares_blocks = self.root.copy_file(path, &probe, 0o600)?;
        self.root.unlink(&probe)?;
        Ok(shares_blocks)
    }

    fn make_parents(&self, path: &RelPath) -> io::Result<()> {
        for above in path.ancestors() {
            let place = self.place(&above)?;
            if self.root.stat(&place)?.is_none() {
                self.root.make_dir(&place, 0o755)?;
                self.hand_over(&place)?;
            }
        }
        Ok(())
    }

    fn put(&self, path: &RelPath, piece: &Piece) -> io::Result<()> {
        let place = self.place(path)?;
        // What its owner may not write, the tool could not update.
        let mode = piece.mode | 0o600;
        match &piece.content {
            Content::Dir if self.root.stat(&place)?.is_some() => self.root.set_mode(&place, mode | 0o100)?,
            Content::Dir => self.root.make_dir(&place, mode | 0o100)?,
            Content::Link(target) => self.root.symlink(target, &place)?,
            Content::Home => drop(self.root.copy_file(path, &place, mode)?),
            Content::Aside(from) => drop(self.root.copy_file(from, &place, mode)?),
            Content::Bytes(bytes) => {
                self.root.create(&place)?.write_all(bytes)?;
                self.root.set_mode(&place, mode)?;
            }
        }
        self.hand_over(&place)
    }

    /// Writes a file of the copy anew.
    pub(super) fn write(&self, path: &RelPath, bytes: &[u8], mode: u32) -> Result<()> {
        let write = || {
            let place = self.place(path)?;
            self.root.remove_tree(&place)?;
            self.root.create(&place)?.write_all(bytes)?;
            self.root.set_mode(&place, mode)?;
            self.hand_over(&place)
        };
        write().map_err(|error| Failure::io("write", self.shown(path), error))
    }

    /// Removes whatever stands at a path of the copy.
    pub(super) fn remove(&self, path: &RelPath) -> Result<()> {
        self.place(path)
            .and_then(|place| self.root.remove_tree(&place))
            .map_err(|error| Failure::io("remove", self.shown(path), error))
    }

    /// The content of a file of the copy, at most `limit` bytes; `None` if there is none.
    pub(super) fn read(&self, path: &RelPath, limit: u64) -> Result<Option<Vec<u8>>> {
        let read = || {
            let place = self.place(path)?;
            match self.root.stat(&place)? {
                Some(stat) if stat.kind == Kind::File => self.root.read(&place, limit).map(Some),
                _ => Ok(None),
            }
        };
        read().map_err(|error| Failure::io("read", self.shown(path), error))
    }

    /// Copies a file from elsewhere beside the copy, where the tool's user may read it.
    pub(super) fn bring(&self, file: &Path, name: &str) -> Result<()> {
        let from = fs::open(file).map_err(|error| Failure::io("read", file, error))?;
        self.bring_bytes(from, name)
    }

    /// The same with what a reader gives.
    pub(super) fn bring_bytes(&self, mut from: impl Read, name: &str) -> Result<()> {
        let place = self.beside(name)?;
        let mut bring = || {
            io::copy(&mut from, &mut self.root.create(&place)?)?;
            self.hand_over(&place)
        };
        bring().map_err(|error| Failure::io("copy the update to", place.under(self.root.path()), error))
    }

    /// Lets its owner run a file of the copy.
    pub(super) fn make_executable(&self, path: &RelPath) -> Result<()> {
        let mode = self.mode(path)?.unwrap_or(0);
        if mode & 0o100 != 0 {
            return Ok(());
        }
        self.place(path)
            .and_then(|place| self.root.set_mode(&place, mode | 0o100))
            .map_err(|error| Failure::io("make executable", self.shown(path), error))
    }

    /// Permission bits of what stands at a path of the copy.
    pub(super) fn mode(&self, path: &RelPath) -> Result<Option<u32>> {
        self.place(path)
            .and_then(|place| self.root.stat(&place))
            .map(|stat| stat.map(|stat| stat.mode))
            .map_err(|error| Failure::io("look at", self.shown(path), error))
    }

    /// Where the tool finds the copy, or the home.
    pub(super) fn path(&self) -> PathBuf {
        match self.in_home {
            true => self.root.path().to_owned(),
            false => self.work_path().join(PACK),
        }
    }

    /// Where this process finds the copy, whatever somebody puts at its path meanwhile.
    pub(super) fn pinned(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.pack.as_raw_fd()).into()
    }

    /// The tool's own `HOME`.
    pub(super) fn home(&self) -> PathBuf {
        self.work_path().join(HOME)
    }

    /// Where its temporary files lie.
    pub(super) fn tmp(&self) -> PathBuf {
        self.work_path().join(TMP)
    }

    /// What everything of it lies below.
    pub(super) fn work_path(&self) -> PathBuf {
        self.work.under(self.root.path())
    }

    /// A path below it that is no part of the copy.
    pub(super) fn beside(&self, name: &str) -> Result<RelPath> {
        below(&self.work, name).map_err(|error| failed(&self.root, "name a file in", error))
    }

    /// Gives a path of the home to the user that the tool runs as.
    pub(super) fn hand_over(&self, place: &RelPath) -> io::Result<()> {
        match &self.user {
            Some(user) => self.root.set_owner(place, user.uid, user.gid),
            None => Ok(()),
        }
    }

    fn place(&self, path: &RelPath) -> io::Result<RelPath> {
        if self.in_home {
            return Ok(path.clone());
        }
        below(&self.work, &format!("{PACK}/{path}"))
    }

    fn shown(&self, path: &RelPath) -> PathBuf {
        path.under(&self.path())
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        let removed = self.root.remove_tree(&self.work).and_then(|()| sweep(&self.root));
        if let Err(error) = removed {
            // The next run removes it.
            tracing::warn!("cannot remove {}: {error}", self.work_path().display());
        }
    }
}

/// The files that are copied from the home, with their sizes.
fn copied(pieces: &BTreeMap<RelPath, Piece>) -> impl Iterator<Item = (&RelPath, u64)> {
    pieces.iter().filter_map(|(path, piece)| {
        let from = match &piece.content {
            Content::Home => path,
            Content::Aside(from) => from,
            _ => return None,
        };
        Some((from, piece.claim.as_ref().map_or(0, Entry::size)))
    })
}

fn failed(root: &Root, attempted: &str, error: io::Error) -> Failure {
    Failure::io(attempted, root.path().join(OWN_FOLDER), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Root) -> Vec<String> {
        root.names_in(None).unwrap()
    }

    #[test]
    fn it_leaves_nothing_and_takes_what_killed_runs_left() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let left = dir.path().join(".pitstop/candidates/0123/pack/bin");
        fs::make_private_dirs(&left).unwrap();
        let first = Candidate::new(&root, None).unwrap();
        assert!(!left.exists());
        let second = Candidate::new(&root, None).unwrap();
        assert!(first.path().is_dir(), "another run's is not touched");
        drop(second);
        assert!(first.path().is_dir());
        drop(first);
        assert_eq!(names(&root), Vec::<String>::new());
    }

    #[test]
    fn a_copy_is_independent_and_writable_and_stays_pinned() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let path = RelPath::new("conf/a.txt").unwrap();
        fs::make_dirs(&dir.path().join("conf")).unwrap();
        fs::write_atomic(&path.under(dir.path()), b"one").unwrap();
        root.set_mode(&path, 0o444).unwrap();
        let candidate = Candidate::new(&root, None).unwrap();
        let piece = Piece {
            content: Content::Home,
            mode: 0o444,
            claim: Some(Entry::File {
                size: 3,
                sha256: crate::model::Digest::of(b"one"),
                mode: None,
            }),
            ..Piece::default()
        };
        let pieces = BTreeMap::from([(path.clone(), piece)]);
        candidate.fill(&pieces, 0).unwrap();
        assert_eq!(candidate.mode(&path).unwrap(), Some(0o644));
        fs::replace(&path.under(&candidate.path()), b"two", dir.path()).unwrap();
        assert_eq!(root.read(&path, 9).unwrap(), b"one");
        assert_eq!(candidate.read(&path, 9).unwrap().unwrap(), b"two");
        root.rename(
            &RelPath::new(".pitstop").unwrap(),
            &RelPath::new("elsewhere").unwrap(),
        )
        .unwrap();
        assert_eq!(fs::read(&path.under(&candidate.pinned()), 9).unwrap(), b"two");
    }
}
