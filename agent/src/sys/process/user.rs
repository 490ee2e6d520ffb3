//! Users: names, numbers, and becoming one.

use std::ffi::CString;
use std::io;

use nix::unistd::{Gid, Uid};

use crate::sys::procfs;

/// The bit of the right to write everything, as in `linux/capability.h`.
const CAP_DAC_OVERRIDE: u32 = 1;

/// A user of the system and the groups that a login would give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The login name; the number if the user has no name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

impl User {
    /// The user of a name or of a number in digits; `None` if there is no such name.
    ///
    /// # Errors
    /// Of the system's user database.
    pub fn find(name_or_uid: &str) -> io::Result<Option<Self>> {
        match (nix::unistd::User::from_name(name_or_uid)?, name_or_uid.parse()) {
            (Some(user), _) => Ok(Some(Self::from_entry(user))),
            (None, Ok(uid)) => Self::by_uid(uid).map(Some),
            (None, Err(_)) => Ok(None),
        }
    }

    /// The user of a number. One without an entry in the user database is called by its number and has the group
    /// of the same number, as files unpacked by foreign ids have.
    ///
    /// # Errors
    /// Of the system's user database.
    pub fn by_uid(uid: u32) -> io::Result<Self> {
        let entry = nix::unistd::User::from_uid(Uid::from_raw(uid))?;
        Ok(entry.map_or_else(|| Self::nameless(uid), Self::from_entry))
    }

    /// What a user is called in messages.
    pub fn name_of(uid: u32) -> String {
        Self::by_uid(uid).map_or_else(|_| uid.to_string(), |user| user.name)
    }

    /// The user that this process runs as.
    ///
    /// # Errors
    /// Of the system's user database.
    pub fn current() -> io::Result<Self> {
        Self::by_uid(Uid::effective().as_raw())
    }

    /// Whether this process is root without root's right to write everything, as a unit makes it that only looks.
    pub fn is_root_who_only_looks() -> bool {
        let own = || procfs::capabilities(std::process::id());
        Uid::effective().is_root() && own().is_ok_and(|own| own & (1 << CAP_DAC_OVERRIDE) == 0)
    }

    /// The numbers of the groups that a login would give.
    ///
    /// # Errors
    /// Of the system's user database.
    pub fn groups(&self) -> io::Result<Vec<u32>> {
        let groups = self.login_groups()?;
        Ok(groups.into_iter().map(Gid::as_raw).collect())
    }

    fn login_groups(&self) -> io::Result<Vec<Gid>> {
        let name = CString::new(self.name.as_str())?;
        Ok(nix::unistd::getgrouplist(&name, Gid::from_raw(self.gid))?)
    }

    fn from_entry(entry: nix::unistd::User) -> Self {
        Self {
            name: entry.name,
            uid: entry.uid.as_raw(),
            gid: entry.gid.as_raw(),
            home: entry.dir.display().to_string(),
            shell: entry.shell.display().to_string(),
        }
    }

    fn nameless(uid: u32) -> Self {
        Self {
            name: uid.to_string(),
            uid,
            gid: uid,
            home: "/".to_owned(),
            shell: "/bin/sh".to_owned(),
        }
    }
}

/// Everything that a forked child needs to become a user, looked up before the fork: the child itself may only make
/// plain system calls.
#[derive(Debug, Clone)]
pub(super) struct Switch {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

impl Switch {
    /// What must be switched to run as `user`; `None` if this process is that user already.
    ///
    /// # Errors
    /// `PermissionDenied` if this process is another user and not root.
    pub(super) fn to(user: &User) -> io::Result<Option<Self>> {
        let mine = Uid::effective();
        if mine.as_raw() == user.uid {
            return Ok(None);
        }
        if !mine.is_root() {
            let text = format!("running as uid {mine}, cannot become user {}", user.name);
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        Ok(Some(Self {
            uid: Uid::from_raw(user.uid),
            gid: Gid::from_raw(user.gid),
            groups: user.login_groups()?,
        }))
    }

    /// Becomes the user for good. Groups go first: afterwards the right to change them is gone.
    pub(super) fn apply(&self) -> io::Result<()> {
        nix::unistd::setgroups(&self.groups)?;
        nix::unistd::setgid(self.gid)?;
        nix::unistd::setuid(self.uid)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_to_the_same_user() {
        let root = User::find("root").unwrap().unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(User::by_uid(0).unwrap(), root);
        assert_eq!(User::find("0").unwrap().unwrap(), root);
        assert_eq!(User::find("no-such-user").unwrap(), None);
        assert_eq!(User::find("54321").unwrap().unwrap().name, "54321");
    }
}
