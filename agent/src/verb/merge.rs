//! `merge`: three versions of one file, whatever it belongs to.

use std::path::{Path, PathBuf};

use crate::api::merge::{MergeReport, MergeStatus};
use crate::api::{ErrorKind, Failure, Result};
use crate::merge::text::LIMIT;
use crate::merge::{self, Format, Merged};
use crate::sys::fs;

use super::key_conflicts::{self, Secrets};

/// What to merge, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The version that both sides come from.
    pub base: PathBuf,
    /// The operator's version.
    pub current: PathBuf,
    /// The vendor's version.
    pub new: PathBuf,
    /// Where the result goes; may be one of the three.
    pub out: PathBuf,
    /// The format; found by the name and the content without it.
    pub format: Option<Format>,
    /// The path whose name tells the format; that of the operator's version without it.
    pub path: Option<PathBuf>,
    /// How many characters a conflict marker has.
    pub marker_size: usize,
}

/// Runs the verb.
///
/// # Errors
/// A file cannot be read or written, or is not text.
pub fn merge(options: &Options) -> Result<MergeReport> {
    let read = |path: &Path| {
        fs::read(path, LIMIT).map_err(|error| match error.kind() {
            std::io::ErrorKind::FileTooLarge => not_text(path),
            _ => Failure::io("read", path, error),
        })
    };
    let sides = [read(&options.base)?, read(&options.current)?, read(&options.new)?];
    let name = options.path.as_ref().unwrap_or(&options.current).file_name();
    let how = merge::Options {
        format: options.format,
        marker_size: options.marker_size,
    };
    let name = name.unwrap_or_default().to_string_lossy();
    let (merged, format) = merge::merge_and_tell(&name, how, sides.each_ref().map(Vec::as_slice));
    let (text, conflicts) = match merged {
        Merged::Clean(text) => (text, Vec::new()),
        Merged::Conflicts(found) => (found.text, found.conflicts),
        Merged::NotText => return Err(not_text(&options.current)),
    };
    fs::replace(&options.out, &text, &options.current)
        .map_err(|error| Failure::io("write", &options.out, error))?;
    let status = if conflicts.is_empty() {
        MergeStatus::Merged
    } else {
        MergeStatus::Conflicts
    };
    let texts = sides.each_ref().map(|side| String::from_utf8_lossy(side));
    let secrets = Secrets::new(texts.each_ref().map(|text| &**text), &[]);
    let told = key_conflicts::tell(&conflicts, &secrets);
    Ok(MergeReport::new(
        status,
        format.name(),
        options.out.clone(),
        conflicts.len(),
        told,
    ))
}

fn not_text(path: &Path) -> Failure {
    let message = format!(
        "cannot merge {} with the two others: one of the three is not text, or larger than {} MiB",
        path.display(),
        LIMIT >> 20
    );
    Failure::new(ErrorKind::NotText, message)
        .at(path)
        .hint("choose one of the versions as a whole")
}
