//! Why a source is refused: the failures that all kinds of sources share.

use std::io;
use std::path::Path;

use crate::api::{ErrorKind, Failure};

/// An entry could write outside the home, or two entries fight for one path.
pub(super) fn unsafe_entry(source: &Path, entry: &str, why: &str) -> Failure {
    // The name comes from a stranger: control characters in it must not reach a terminal.
    let message = format!(
        "refused {}: the entry `{}` {why}",
        source.display(),
        entry.escape_debug()
    );
    Failure::new(ErrorKind::UnsafeSource, message)
        .at(source)
        .hint("get the pack from its vendor again; do not unpack this one by other means")
}

/// The source is cut short, damaged or cannot be understood.
pub(super) fn damaged(source: &Path, what: &str) -> Failure {
    Failure::new(
        ErrorKind::Source,
        format!("cannot read {}: {what}", source.display()),
    )
    .at(source)
    .hint("copy it again and compare its checksum with the vendor's")
}

/// The source uses something that is not supported.
pub(super) fn unsupported(source: &Path, what: &str) -> Failure {
    Failure::new(
        ErrorKind::Source,
        format!("cannot read {}: {what}", source.display()),
    )
    .at(source)
    .hint("pack it again as a plain zip, .tar.gz or .tar.zst, or unpack it and pass the directory")
}

/// The source exceeds a limit.
pub(super) fn over_limit(source: &Path, what: &str) -> Failure {
    Failure::new(ErrorKind::Limits, format!("refused {}: {what}", source.display()))
        .at(source)
        .hint("raise `limits` in the instance's settings if the pack is genuine")
}

/// The source was replaced or written to.
pub(super) fn changed(source: &Path) -> Failure {
    let message = format!("{} changed while it was read", source.display());
    Failure::new(ErrorKind::Source, message)
        .at(source)
        .hint("wait until it is written completely and run again")
}

/// The source was there and is not any more.
pub(super) fn vanished(source: &Path) -> Failure {
    let message = format!("{} vanished while it was read", source.display());
    Failure::new(ErrorKind::Source, message)
        .at(source)
        .hint("check whether the share that it lies on is still mounted, provide it again and run again")
}

/// The source holds no such file.
pub(super) fn no_such_file(source: &Path, entry: &str) -> Failure {
    let message = format!("{} holds no file `{}`", source.display(), entry.escape_debug());
    Failure::new(ErrorKind::Source, message).at(source)
}

/// An error from reading. A failure that travelled through a reader comes out as it went in; what the system says is
/// an I/O failure; everything else comes from a decoder and means damage.
pub(super) fn reading(source: &Path, entry: Option<&str>, error: io::Error) -> Failure {
    if error.raw_os_error().is_some() {
        return Failure::io("read", source, error);
    }
    match error.downcast::<Failure>() {
        Ok(failure) => failure,
        Err(error) => {
            let what = match entry {
                Some(entry) => format!("the entry `{}` is damaged", entry.escape_debug()),
                None => "it is cut short or damaged".to_owned(),
            };
            damaged(source, &what).because(error)
        }
    }
}
