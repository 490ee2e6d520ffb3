//! The extended attributes of files, ACLs among them.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use xattr::FileExt;

use super::{Kind, Root, Stat};
use crate::model::RelPath;
use crate::sys::fs;

const ACL: &str = "system.posix_acl_access";
const DEFAULT_ACL: &str = "system.posix_acl_default";
/// What vouches for a content, and is wrong on another one.
const OF_CONTENT: [&str; 2] = ["security.ima", "security.evm"];
/// `user:role:type:level` of SELinux; the level is missing where policies have none, and may hold colons itself.
const LABEL: &str = "security.selinux";
/// Is there where SELinux is enabled.
const SELINUX: &str = "/sys/fs/selinux/enforce";

impl Root {
    /// Gives a copy of a file its extended attributes. An ACL changes the permission bits: they are to be set afterwards.
    ///
    /// # Errors
    /// Of the system. File systems without attributes are no error.
    pub fn copy_attributes(&self, from: &RelPath, to: &File) -> io::Result<()> {
        supported(copy(&self.open_file(from)?, to, |_| true))
    }

    /// Gives a new file the extended attributes of the one that it will replace, without those that vouch for the old
    /// content; where there is none, the ACL that the directory gives to new files, and the type of its SELinux label. An ACL
    /// changes the permission bits: they are to be set afterwards.
    ///
    /// # Errors
    /// As [`Root::copy_attributes`].
    pub fn inherit_attributes(&self, from: &RelPath, to: &File) -> io::Result<()> {
        let stays = |name: &OsStr| !OF_CONTENT.iter().any(|of_content| name == *of_content);
        match self.stat(from)? {
            Some(Stat { kind: Kind::File, .. }) => supported(copy(&self.open_file(from)?, to, stays)),
            Some(_) => Ok(()),
            None => {
                self.inherit_default_acl(from, to)?;
                self.inherit_label(from, to)
            }
        }
    }

    /// What is made elsewhere has the label of the folder where it was made. One that may not be given is left out.
    fn inherit_label(&self, path: &RelPath, to: &File) -> io::Result<()> {
        if fs::metadata(Path::new(SELINUX)).is_err() {
            return Ok(());
        }
        // A directory that is new as well gets its own label from the one above.
        let mut folders: Vec<Option<RelPath>> = path.ancestors().map(Some).collect();
        folders.insert(0, None);
        let found = folders
            .iter()
            .rev()
            .find_map(|folder| self.open_dir(folder.as_ref()).ok());
        let Some(folder) = found.map(File::from) else {
            return Ok(());
        };
        let label = |file: &File| file.get_xattr(LABEL).ok().flatten();
        let Some(label) = label_of_new(label(to).as_deref(), label(&folder).as_deref()) else {
            return Ok(());
        };
        match to.set_xattr(LABEL, &label) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Err(error),
            Err(error) => {
                tracing::debug!("{path} keeps the label of the folder where it was staged: {error}");
                Ok(())
            }
            Ok(()) => Ok(()),
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

/// The label of a file as if it had been made in a folder, if it has another one: the type is the folder's, the rest is of
/// whoever makes it.
fn label_of_new(made: Option<&[u8]>, folder: Option<&[u8]>) -> Option<Vec<u8>> {
    let (made, folder) = (parts(made?)?, parts(folder?)?);
    (made[2] != folder[2]).then(|| {
        let mut label = made;
        label[2] = folder[2];
        [label.join(":").as_bytes(), b"\0"].concat()
    })
}

fn parts(label: &[u8]) -> Option<Vec<&str>> {
    let text = std::str::from_utf8(label).ok()?.trim_end_matches('\0');
    let parts: Vec<&str> = text.splitn(4, ':').collect();
    (parts.len() >= 3 && parts.iter().all(|part| !part.is_empty())).then_some(parts)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_has_the_type_of_its_folder_and_else_what_its_maker_gave_it() {
        let (staged, opt) = (
            Some("unconfined_u:object_r:usr_t:s0\0"),
            Some("system_u:object_r:usr_t:s0\0"),
        );
        let table = [
            (
                staged,
                Some("system_u:object_r:bin_t:s0\0"),
                Some("unconfined_u:object_r:bin_t:s0\0"),
            ),
            (
                Some("u:object_r:usr_t:s0:c1,c2\0"),
                Some("u:object_r:bin_t:s0\0"),
                Some("u:object_r:bin_t:s0:c1,c2\0"),
            ),
            (Some("u:r:usr_t"), Some("u:r:bin_t"), Some("u:r:bin_t\0")),
            (staged, opt, None),
            (staged, None, None),
            (None, opt, None),
            (staged, Some("\0"), None),
            (staged, Some("no label"), None),
        ];
        for (made, folder, expected) in table {
            let [made, folder] = [made, folder].map(|label| label.map(str::as_bytes));
            let found = label_of_new(made, folder);
            assert_eq!(
                found.as_deref(),
                expected.map(str::as_bytes),
                "{made:?} {folder:?}"
            );
        }
    }
}
