//! `bundle extract`: what travels with an update, as files.

use std::io::Write;
use std::path::Path;

use crate::api::bundle::BundleReport;
use crate::api::{Failure, Result};
use crate::bundle::index::{EXTRA_BYTES, ExtraKind};
use crate::sys::fs::{self, NewFile};

use super::{Opened, looked_at};

pub(super) fn extract(opened: &Opened, path: &Path, folder: &Path) -> Result<BundleReport> {
    fs::make_dirs(folder).map_err(|error| Failure::io("make the folder", folder, error))?;
    let mut parts = Vec::new();
    for extra in &opened.bundle.index.extras {
        let bytes = extra.read(&opened.bundle, EXTRA_BYTES)?;
        let out = folder.join(&extra.name);
        let failed = |error| Failure::io("write", &out, error);
        let mut file = match extra.kind {
            ExtraKind::Agent => NewFile::create_program(&out),
            _ => NewFile::create(&out),
        }
        .map_err(failed)?;
        file.write_all(&bytes).map_err(failed)?;
        file.put_in_place().map_err(failed)?;
        parts.push(out);
    }
    Ok(BundleReport {
        changed: !parts.is_empty(),
        parts,
        ..looked_at(path, opened, "is unpacked as far as it travels with the update")?
    })
}
