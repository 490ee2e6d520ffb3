//! Files whose writer decides what this host believes or lets in.

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
    let shown = path.display();
    let (why, cure) = if fs::is_open_to_others(&metadata) {
        ("can be written by others than its owner", "chmod go-w")
    } else if ![0, nix::unistd::geteuid().as_raw()].contains(&metadata.uid()) {
        ("belongs to somebody else than root and this user", "chown root")
    } else {
        return Ok(());
    };
    Err(Failure::new(kind, format!("{shown} {why}"))
        .at(path)
        .hint(format!("run `{cure} {shown}`")))
}
