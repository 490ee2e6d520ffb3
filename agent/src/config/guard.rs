//! Files whose writer decides what this host believes or lets in.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::api::{ErrorKind, Failure, Result};
use crate::sys::fs;

/// Refuses a file or folder that others than root and this user may change.
///
/// # Errors
/// Of the kind that is given: it belongs to somebody else, or others may write it. `io`: it cannot be looked at.
pub fn refuse_exposed(path: &Path, kind: ErrorKind) -> Result<()> {
    let metadata = fs::metadata(path).map_err(|error| Failure::io("look at", path, error))?;
    let Some((why, cure)) = exposed(&metadata) else {
        return Ok(());
    };
    let shown = path.display();
    Err(Failure::new(kind, format!("{shown} {why}"))
        .at(path)
        .hint(format!("run `{cure} {shown}`")))
}

/// Why others than root and this user may change something, and what ends that.
pub fn exposed(metadata: &Metadata) -> Option<(&'static str, &'static str)> {
    let me = nix::unistd::geteuid().as_raw();
    exposed_to_others(metadata.mode(), metadata.uid(), metadata.gid(), me)
}

/// The group of root is no other.
fn exposed_to_others(mode: u32, uid: u32, gid: u32, me: u32) -> Option<(&'static str, &'static str)> {
    if mode & 0o002 != 0 || mode & 0o020 != 0 && gid != 0 {
        Some(("can be written by others than its owner", "chmod go-w"))
    } else if ![0, me].contains(&uid) {
        Some(("belongs to somebody else than root and this user", "chown root"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_but_root_and_oneself_may_write() {
        let table = [
            (0o644, 0, 5, true),
            (0o644, 1000, 5, true),
            (0o644, 1001, 5, false),
            (0o400, 1001, 0, false),
            (0o664, 0, 0, true),
            (0o664, 0, 5, false),
            (0o646, 0, 0, false),
        ];
        for (mode, uid, gid, is_used) in table {
            let found = exposed_to_others(mode, uid, gid, 1000);
            assert_eq!(found.is_none(), is_used, "{mode:o} {uid} {gid}: {found:?}");
        }
    }
}
