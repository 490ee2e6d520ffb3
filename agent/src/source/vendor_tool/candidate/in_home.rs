//! The tool works in the home itself, and what it made is taken out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::super::folder::below;
use super::super::pieces::{Content, Piece};
use super::{Candidate, PACK, failed};
use crate::api::Result;
use crate::model::RelPath;
use crate::sys::process::User;
use crate::sys::root::{Kind, Stat};

impl Candidate {
    /// Lets the tool work in the home itself. What it shall see there instead of what an operator made of it takes its place.
    ///
    /// # Errors
    /// Of the system.
    pub(in super::super) fn work_in_home(&mut self, pieces: &BTreeMap<RelPath, Piece>) -> Result<()> {
        self.in_home = true;
        let prepare = |path: &RelPath, piece: &Piece| {
            let found = self.root.stat(path)?;
            match (&piece.content, found) {
                (Content::Home, None) => Ok(()),
                (Content::Home, Some(stat)) => self.open_up(path, &stat, 0o600),
                (Content::Dir, Some(stat)) if stat.kind == Kind::Dir => self.open_up(path, &stat, 0o700),
                (Content::Link(target), Some(stat))
                    if stat.kind == Kind::Symlink && self.root.read_link(path)? == *target =>
                {
                    Ok(())
                }
                _ => {
                    self.root.remove_tree(path)?;
                    self.make_parents(path)?;
                    self.put(path, piece)
                }
            }
        };
        pieces
            .iter()
            .try_for_each(|(path, piece)| prepare(path, piece))
            .and_then(|()| self.root.open_dir(None))
            .map(|home| self.pack = home)
            .map_err(|error| failed(&self.root, "prepare the pack beside", error))
    }

    /// Lets the tool's user write what stands in the home.
    fn open_up(&self, path: &RelPath, stat: &Stat, mode: u32) -> io::Result<()> {
        let is_foreign = |user: &User| (stat.uid, stat.gid) != (user.uid, user.gid);
        if self.user.as_ref().is_some_and(is_foreign) {
            self.hand_over(path)?;
        }
        match stat.mode & mode == mode {
            true => Ok(()),
            false => self.root.set_mode(path, stat.mode | mode),
        }
    }

    /// Takes what the tool made out of the home, in which it does not work any more.
    ///
    /// # Errors
    /// Of the system.
    pub(in super::super) fn take_out(&mut self, paths: &BTreeSet<RelPath>) -> Result<()> {
        self.in_home = false;
        let mut take = |path: &RelPath| {
            self.make_parents(path)?;
            self.root.rename(path, &self.place(path)?)
        };
        paths
            .iter()
            .try_for_each(&mut take)
            .and_then(|()| self.root.open_dir(Some(&below(&self.work, PACK)?)))
            .map(|pack| self.pack = pack)
            .map_err(|error| failed(&self.root, "take what the update tool made to", error))
    }
}
