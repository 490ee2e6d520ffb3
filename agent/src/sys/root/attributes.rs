//! The extended attributes of files, ACLs among them.

use std::ffi::OsStr;
use std::fs::File;
use std::io;

use xattr::FileExt;

use super::{Kind, Root, Stat};
use crate::model::RelPath;

const ACL: &str = "system.posix_acl_access";
const DEFAULT_ACL: &str = "system.posix_acl_default";
/// What vouches for a content, and is wrong on another one.
const OF_CONTENT: [&str; 2] = ["security.ima", "security.evm"];

impl Root {
    /// Gives a copy of a file its extended attributes. An ACL changes the permission bits: they are to be set afterwards.
    ///
    /// # Errors
    /// Of the system. File systems without attributes are no error.
    pub fn copy_attributes(&self, from: &RelPath, to: &File) -> io::Result<()> {
        supported(copy(&self.open_file(from)?, to, |_| true))
    }

    /// Gives a new file the extended attributes of the one that it will replace, without those that vouch for the old
    /// content; where there is none, the ACL that the directory gives to new files. An ACL changes the permission bits:
    /// they are to be set afterwards.
    ///
    /// # Errors
    /// As [`Root::copy_attributes`].
    pub fn inherit_attributes(&self, from: &RelPath, to: &File) -> io::Result<()> {
        let stays = |name: &OsStr| !OF_CONTENT.iter().any(|of_content| name == *of_content);
        match self.stat(from)? {
            Some(Stat { kind: Kind::File, .. }) => supported(copy(&self.open_file(from)?, to, stays)),
            Some(_) => Ok(()),
            None => self.inherit_default_acl(from, to),
        }
    }

    fn inherit_default_acl(&self, path: &RelPath, to: &File) -> io::Result<()> {
        use io::ErrorKind::{NotADirectory, NotFound};
        let parent = match self.parent_of(path) {
            Ok(parent) => File::from(parent),
            // The directory is new as well, perhaps in the place of a file.
            Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(()),
            Err(error) => return Err(error),
        };
        supported(parent.get_xattr(DEFAULT_ACL).and_then(|acl| match acl {
            Some(acl) => to.set_xattr(ACL, &acl),
            None => Ok(()),
        }))
    }
}

fn copy(from: &File, to: &File, is_wanted: impl Fn(&OsStr) -> bool) -> io::Result<()> {
    // The folder in which the new file was made may have given it one.
    if from.get_xattr(ACL)?.is_none() && to.get_xattr(ACL)?.is_some() {
        to.remove_xattr(ACL)?;
    }
    for name in from.list_xattr()?.filter(|name| is_wanted(name)) {
        match from.get_xattr(&name)? {
            Some(value) if to.get_xattr(&name)?.as_ref() != Some(&value) => to.set_xattr(&name, &value)?,
            _ => {}
        }
    }
    Ok(())
}

fn supported(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        other => other,
    }
}
