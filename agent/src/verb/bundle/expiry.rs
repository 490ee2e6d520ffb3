//! Until when a bundle is to be used.

use jiff::Timestamp;

use crate::api::{ErrorKind, Failure, Result};

use super::Opened;

impl Opened {
    /// Refuses one that was to be used only until before now.
    ///
    /// # Errors
    /// `policy`; `source`: it does not say a time.
    pub fn refuse_expired(&self, now: Timestamp) -> Result<()> {
        let Some(expires) = &self.release.expires else {
            return Ok(());
        };
        let archive = &self.bundle.archive;
        let moment = self.release.expiry();
        let moment = moment.ok_or_else(|| archive.damaged("what it says of its expiry is no time"))?;
        if now < moment {
            return Ok(());
        }
        let path = archive.path();
        let message = format!("{} was to be used until {expires} only", path.display());
        Err(Failure::new(ErrorKind::Policy, message)
            .at(path)
            .hint("get a newer bundle; if this host's clock is wrong, set it"))
    }
}
