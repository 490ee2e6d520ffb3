//! Files without a name: whoever is told where one is can read it, and nothing is left of it whatever happens.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use nix::sys::memfd::{MFdFlags, memfd_create};

/// Content in memory that another program of this user, or of root, can open by a path while this exists.
#[derive(Debug)]
pub struct Unlinked {
    file: File,
}

impl Unlinked {
    /// Content under a name that only serves people who look at open files.
    ///
    /// # Errors
    /// Of the system.
    pub fn new(name: &str, content: &[u8]) -> io::Result<Self> {
        let mut file = File::from(memfd_create(name, MFdFlags::MFD_CLOEXEC)?);
        file.write_all(content)?;
        Ok(Self { file })
    }

    /// Where it can be opened.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            self.file.as_raw_fd()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fs;

    #[test]
    fn it_is_there_as_long_as_it_is_held() {
        let file = Unlinked::new("x.toml", b"a = 1\n").unwrap();
        let path = file.path();
        assert_eq!(fs::read(&path, 100).unwrap(), b"a = 1\n");
        drop(file);
        assert!(fs::read(&path, 100).is_err());
    }
}
