//! What a tool that works in the home itself may change, so that all of it has to be held: whatever is not state, and of
//! state what is the tool's, its records and logs.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::listing::{OWN_FOLDER, check_target};
use crate::api::Result;
use crate::model::{Class, RelPath};
use crate::product::profile::VendorToolRules;
use crate::product::{Cursor, Ownership};
use crate::sys::fs::StatKey;
use crate::sys::walk::{Found, FoundKind, Guide, Visit, Walked, walk};

/// The paths that are held.
pub struct Held<'a> {
    ownership: &'a Ownership,
    needs: Ownership,
}

/// What stood at a held path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stood {
    /// The path.
    pub path: RelPath,
    /// What it is.
    pub kind: StoodKind,
    /// Permission bits.
    pub mode: u32,
    /// Owning user and group.
    pub owner: (u32, u32),
    /// Its names, in and outside the home.
    pub names: u64,
    /// Any change shows in it.
    pub key: StatKey,
}

/// What can be held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoodKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link, with its text.
    Link(String),
}

impl<'a> Held<'a> {
    /// # Errors
    /// `settings`: a glob of the profile is none.
    pub fn new(ownership: &'a Ownership, rules: &VendorToolRules) -> Result<Self> {
        let below = rules.needs.iter().map(|glob| format!("{glob}/**"));
        let needs: Vec<String> = rules.needs.iter().cloned().chain(below).collect();
        Ok(Self {
            ownership,
            needs: Ownership::of_globs(&needs)?,
        })
    }

    /// Whether a path is held.
    pub(super) fn holds(&self, path: &RelPath) -> bool {
        is_held(self.ownership.class_of(path), self.needs.class_of(path))
    }

    /// Everything that is held of a tree, parents first. Names that are not UTF-8 are only told.
    ///
    /// # Errors
    /// Reading failed.
    pub fn look(&self, tree: &Path) -> Result<(Vec<Stood>, Vec<String>)> {
        let walked = self.walk(tree)?;
        let held = walked.found.into_iter().filter_map(stood).collect();
        Ok((held, walked.not_utf8))
    }

    fn holds_in(&self, at: &(Cursor, Cursor), name: &str) -> bool {
        is_held(
            self.ownership.class_in(&at.0, name),
            self.needs.class_in(&at.1, name),
        )
    }

    pub(super) fn walk(&self, tree: &Path) -> Result<Walked<bool>> {
        walk(tree, self)
    }
}

/// What is not state, and of state what is the tool's; `need` is what the globs of its needs say.
fn is_held(class: Class, need: Class) -> bool {
    class != Class::State || need != Class::Customer
}

fn stood(found: Found<bool>) -> Option<Stood> {
    let kind = match found.kind {
        FoundKind::File => StoodKind::File,
        FoundKind::Dir => StoodKind::Dir,
        FoundKind::Symlink(target) => StoodKind::Link(target),
        FoundKind::Other => return None,
    };
    found.tag.then_some(Stood {
        path: found.path,
        kind,
        mode: found.mode,
        owner: (found.uid, found.gid),
        names: found.nlink,
        key: found.key,
    })
}

impl Stood {
    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        self.kind == StoodKind::File
    }

    /// Whether writing to it would change what lies elsewhere: it leads out of the home, or has another name.
    pub fn leads_elsewhere(&self) -> bool {
        match &self.kind {
            StoodKind::File => self.names > 1,
            StoodKind::Link(target) => check_target(&self.path, target).is_err(),
            StoodKind::Dir => false,
        }
    }

    /// Whether another look found the same. A file system can have another number after a restart of the host.
    pub fn is_still(&self, now: &Self) -> bool {
        let key = StatKey {
            dev: self.key.dev,
            ..now.key
        };
        let is_same = self.kind == now.kind && self.owner == now.owner && self.mode == now.mode;
        is_same && (self.kind == StoodKind::Dir || self.key == key)
    }
}

impl Guide for Held<'_> {
    type At = (Cursor, Cursor);
    /// Whether it is held, and not only on the way to what is.
    type Tag = bool;

    fn root(&self) -> Self::At {
        (self.ownership.root(), self.needs.root())
    }

    fn dir(&self, at: &Self::At, name: &str) -> Visit<Self::At, bool> {
        if name == OWN_FOLDER {
            return Visit::Skip;
        }
        let inside = (self.ownership.enter(&at.0, name), self.needs.enter(&at.1, name));
        let is_state = self.ownership.uniform(&inside.0) == Some(Class::State);
        let is_needless = self.needs.uniform(&inside.1) == Some(Class::Customer);
        if is_state && is_needless {
            return Visit::Skip;
        }
        Visit::Enter(inside, self.holds_in(at, name))
    }

    fn leaf(&self, at: &Self::At, name: &str) -> Option<bool> {
        self.holds_in(at, name).then_some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::builtin;
    use crate::sys::fs;

    #[test]
    fn everything_but_state_and_our_own_is_held_and_the_tools_records_are() {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "bin/a.sh",
            "repository/conf/deployment.toml",
            "repository/logs/x.log",
            "repository/database/x.db",
            "dropins/own.jar",
            "updates/config.json",
            "updates/state.json",
            "updates/logs/deep",
            "tmp/x",
            ".pitstop/tx/1/before/bin/a.sh",
        ] {
            let at = dir.path().join(path);
            fs::make_dirs(at.parent().unwrap()).unwrap();
            fs::write_atomic(&at, b"x").unwrap();
        }
        let profile = builtin::find("wso2am", None).unwrap();
        let ownership = Ownership::new(&profile.ownership).unwrap();
        let held = Held::new(&ownership, &profile.vendor_tool.unwrap()).unwrap();
        let (found, strange) = held.look(dir.path()).unwrap();
        let files: Vec<&str> = found
            .iter()
            .filter(|one| one.is_file())
            .map(|one| one.path.as_str())
            .collect();
        let expected = [
            "bin/a.sh",
            "dropins/own.jar",
            "repository/conf/deployment.toml",
            "updates/config.json",
            "updates/logs/deep",
            "updates/state.json",
        ];
        assert_eq!((files.as_slice(), strange.len()), (&expected[..], 0));
        let (again, _) = held.look(dir.path()).unwrap();
        assert!(found.iter().zip(&again).all(|(a, b)| a.is_still(b)));
    }
}
