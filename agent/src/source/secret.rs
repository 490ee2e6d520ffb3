//! Files with credentials that settings name.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::api::{ErrorKind, Failure, Result};
use crate::sys::fs;

/// A file of credentials is small.
const LIMIT: u64 = 64 << 10;

/// Its content.
///
/// # Errors
/// `settings`: others than root or this user may read it, or it is theirs; or reading failed.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |error| Failure::io("read the credentials in", path, error);
    let file = fs::open(path).map_err(failed)?;
    refuse_readable(path, &file.metadata().map_err(failed)?)?;
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// A token on one line.
///
/// # Errors
/// `settings`: there is none, or as [`read`].
pub fn token(path: &Path) -> Result<String> {
    let bytes = read(path)?;
    let token = String::from_utf8_lossy(&bytes).trim().to_owned();
    let is_plain = |c: char| c.is_ascii_graphic();
    match !token.is_empty() && token.chars().all(is_plain) {
        true => Ok(token),
        false => {
            let message = format!("{} does not hold one token on one line", path.display());
            Err(Failure::new(ErrorKind::Settings, message).at(path))
        }
    }
}

fn refuse_readable(path: &Path, metadata: &std::fs::Metadata) -> Result<()> {
    let refuse = |why: &str, cure: String| {
        let message = format!("{} holds credentials and {why}", path.display());
        Err(Failure::new(ErrorKind::Settings, message).at(path).hint(cure))
    };
    let me = nix::unistd::geteuid().as_raw();
    if metadata.mode() & 0o077 != 0 {
        return refuse(
            "may be read or written by others than its owner",
            format!("run `chmod 600 {}`", path.display()),
        );
    }
    if ![0, me].contains(&metadata.uid()) {
        return refuse(
            "belongs to another user",
            format!("run `chown {me} {}`", path.display()),
        );
    }
    Ok(())
}
