//! What the server's user may write, and what everybody may read. The permission bits are asked first; where they say no,
//! the system is, as that user, because an access list may say yes.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::process::server_user;
use crate::api::{Failure, Result};
use crate::config::Settings;
use crate::model::{Class, RelPath};
use crate::product::Ownership;
use crate::sys::fs;
use crate::sys::process::{Spec, User, run};
use crate::sys::root::{Kind, Root, Stat};

/// How long the system may take to answer.
const ANSWERS_BY: Duration = Duration::from_secs(10);
/// How many paths the system is asked about: more of the same would tell nothing new.
const ASKED: usize = 20;

/// A path that the server has to write and may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shut {
    /// The path; what lies below it is not looked at.
    pub path: RelPath,
    /// The user id of its owner.
    pub owner: u32,
}

/// Who writes.
#[derive(Debug, Clone)]
pub struct Writer {
    user: User,
    groups: Vec<u32>,
}

impl Writer {
    /// A user with the groups that a login would give.
    ///
    /// # Errors
    /// Of the system's user database.
    pub fn new(user: User) -> io::Result<Self> {
        let groups = user.groups()?;
        Ok(Self { user, groups })
    }

    /// What the permission bits say.
    fn may(&self, stat: &Stat) -> bool {
        let bit = match stat {
            _ if self.user.uid == 0 => return true,
            stat if stat.uid == self.user.uid => 0o200,
            stat if self.groups.contains(&stat.gid) => 0o020,
            _ => 0o002,
        };
        stat.mode & bit != 0
    }

    /// What the system says; what the bits say where it cannot be asked as that user.
    fn is_shut_out(&self, path: &Path) -> bool {
        let asked = Spec {
            user: Some(self.user.clone()),
            ..Spec::new(["test", "-w", &path.display().to_string()])
        };
        run(&asked, ANSWERS_BY).map_or(true, |output| !output.success())
    }
}

/// The server's user, and which of the given paths it may not write, as [`shut`].
///
/// # Errors
/// There is no such user, its groups are not known, or a path cannot be looked at.
pub fn shut_for_server(
    root: &Root,
    ownership: &Ownership,
    settings: &Settings,
    paths: &[String],
) -> Result<(User, Vec<Shut>)> {
    let failed = |error| Failure::io("look up the groups of the user of", root.path(), error);
    let writer = Writer::new(server_user(settings)?).map_err(failed)?;
    let shut = shut(root, ownership, paths, &writer)?;
    Ok((writer.user, shut))
}

/// Which of some paths a user may not write. `dir/**` is the directory with all directories in it and the files that the
/// server writes by itself.
///
/// # Errors
/// A path cannot be looked at.
pub fn shut(root: &Root, ownership: &Ownership, paths: &[String], writer: &Writer) -> Result<Vec<Shut>> {
    let mut found = Vec::new();
    for text in paths {
        let (path, deep) = match text.strip_suffix("/**") {
            Some(dir) => (dir, true),
            None => (text.as_str(), false),
        };
        if let Ok(path) = RelPath::new(path) {
            look(root, ownership, &path, deep, writer, &mut found)
                .map_err(|(at, error)| Failure::io("look at", at.under(root.path()), error))?;
        }
    }
    found.truncate(ASKED);
    found.retain(|one| writer.is_shut_out(&one.path.under(root.path())));
    Ok(found)
}

/// The first of the home and some folders in it that a user may not write; what is not there is the folder's above it.
///
/// # Errors
/// A folder cannot be looked at.
pub fn shut_folder(root: &Root, folders: &[RelPath], writer: &Writer) -> io::Result<Option<PathBuf>> {
    let mut stats = vec![(root.path().to_owned(), root.stat_self()?)];
    for folder in folders {
        stats.extend(root.stat(folder)?.map(|stat| (folder.under(root.path()), stat)));
    }
    let is_shut = |(path, stat): &(PathBuf, Stat)| !writer.may(stat) && writer.is_shut_out(path);
    Ok(stats.into_iter().find(is_shut).map(|(path, _)| path))
}

/// The command that lets a user write what it is shut out of.
pub fn mend(home: &Path, shut: &[Shut], user: &User) -> String {
    let quoted = |foreign: bool| {
        let of_kind = shut.iter().filter(|one| (one.owner != user.uid) == foreign);
        let words: Vec<String> = of_kind.map(|one| quote(&one.path.under(home))).collect();
        words.join(" ")
    };
    let commands = [
        (format!("chown -R {}:{}", user.uid, user.gid), quoted(true)),
        ("chmod -R u+rwX".to_owned(), quoted(false)),
    ];
    let needed = commands.into_iter().filter(|(_, paths)| !paths.is_empty());
    let lines: Vec<String> = needed
        .map(|(command, paths)| format!("{command} {paths}"))
        .collect();
    lines.join(" && ")
}

/// A path as one word of a shell.
pub fn quote(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

/// Symlinks lead elsewhere, where others decide.
fn look(
    root: &Root,
    ownership: &Ownership,
    path: &RelPath,
    deep: bool,
    writer: &Writer,
    found: &mut Vec<Shut>,
) -> std::result::Result<(), (RelPath, io::Error)> {
    let failed = |error| (path.clone(), error);
    let Some(stat) = root.stat(path).map_err(failed)? else {
        return Ok(());
    };
    let writes = || matches!(ownership.class_of(path), Class::Generated | Class::State);
    let counts = stat.kind == Kind::Dir || (stat.kind == Kind::File && writes());
    if counts && !writer.may(&stat) {
        found.push(Shut {
            path: path.clone(),
            owner: stat.uid,
        });
    } else if stat.kind == Kind::Dir && deep {
        for name in root.names_in(Some(path)).map_err(failed)? {
            if let Ok(below) = path.join(&name) {
                look(root, ownership, &below, true, writer, found)?;
            }
        }
    }
    Ok(())
}

/// A file with secrets as it lies there; it changes when the file does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Readable {
    /// The path.
    pub path: RelPath,
    mode: u32,
    ctime_ns: i64,
}

/// Those of some files that every user of the host may read.
///
/// # Errors
/// A file cannot be looked at.
pub fn readable_by_all(root: &Root, files: impl Iterator<Item = RelPath>) -> io::Result<Vec<Readable>> {
    let mut found = Vec::new();
    for dir in root.path().ancestors() {
        if fs::metadata(dir)?.mode() & 0o001 == 0 {
            return Ok(found);
        }
    }
    for path in files {
        let Some(stat) = root.stat(&path)? else { continue };
        let mut is_reached = true;
        for above in path.ancestors() {
            is_reached &= root.stat(&above)?.is_some_and(|stat| stat.mode & 0o001 != 0);
        }
        if stat.kind == Kind::File && is_reached && stat.mode & 0o004 != 0 {
            let (mode, ctime_ns) = (stat.mode, stat.key.ctime_ns);
            found.push(Readable { path, mode, ctime_ns });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
