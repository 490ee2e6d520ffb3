//! `bundle publish`: the list that a web server has to offer beside the bundles.

use std::path::Path;

use crate::api::bundle::{BUNDLES_SCHEMA, BundlesReport, ListedView};
use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::shelf::{LIST_BYTES, LIST_NAME, Listed, is_name, write};
use crate::model::{NoProgress, Progress, Work};
use crate::sys::fs;
use crate::sys::hashing::hash_file;

use super::Opened;

/// Lists the bundles in a folder.
///
/// # Errors
/// `usage`: a bundle has a name that cannot be listed. The folder cannot be read or written to, or a bundle in it cannot be read.
pub fn publish(folder: &Path, progress: &dyn Progress) -> Result<BundlesReport> {
    let entries = fs::list_dir(folder).map_err(|error| Failure::io("list the bundles in", folder, error))?;
    let mut listed = Vec::new();
    let mut views = Vec::new();
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || path.extension().is_none_or(|extension| extension != "pitstop") {
            continue;
        }
        if !is_name(&name) {
            let message = format!(
                "cannot list {}: its name does not fit into an address",
                path.display()
            );
            return Err(Failure::new(ErrorKind::Usage, message)
                .at(&path)
                .hint("name it with letters, digits and `._-+` only, at most 200 of them"));
        }
        let opened = Opened::unproven(&path)?;
        let size = opened.bundle.archive.size();
        let _work = Work::begin(progress, "listing", size);
        let sha256 =
            hash_file(&path, &NoProgress).map_err(|error| Failure::io("read the bundle", &path, error))?;
        views.push(ListedView {
            bundle: path,
            bytes: size,
            sha256,
            product: opened.release.product,
            level: opened.release.to.level,
        });
        listed.push(Listed { sha256, size, name });
    }
    let list = folder.join(LIST_NAME);
    let text = write(&listed);
    let known = fs::read(&list, LIST_BYTES).ok();
    let is_changed = known.as_deref() != Some(text.as_bytes());
    if is_changed {
        fs::write_public(&list, text.as_bytes())
            .map_err(|error| Failure::io("write the list", &list, error))?;
    }
    Ok(BundlesReport {
        schema: BUNDLES_SCHEMA.to_owned(),
        ok: true,
        changed: is_changed,
        message: format!("{} bundles are listed in {}", views.len(), list.display()),
        list,
        bundles: views,
        agent: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
