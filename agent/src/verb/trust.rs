//! Keys and whom they belong to: `trust` and what `bundle` shares with it.

use std::path::Path;

use crate::api::Result;
use crate::api::trust::{KEY_SCHEMA, KeyReport};
use crate::trust::keys;

/// Makes a pair of keys.
///
/// # Errors
/// As [`keys::keygen`].
pub fn keygen(file: &Path) -> Result<KeyReport> {
    let public = keys::keygen(file)?;
    let mut beside = file.as_os_str().to_owned();
    beside.push(".pub");
    Ok(KeyReport {
        schema: KEY_SCHEMA.to_owned(),
        ok: true,
        changed: true,
        message: format!(
            "{} signs, {} is for those who verify; key {}",
            file.display(),
            Path::new(&beside).display(),
            public.id()
        ),
        id: public.id(),
        file: file.to_owned(),
        public: beside.into(),
        agent: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
