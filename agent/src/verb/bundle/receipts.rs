//! `bundle create --for`: where the hosts stand that receipts are about, and what they need beyond deltas.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::api::{ErrorKind, Failure, Result};
use crate::config::load::ConfigDirs;
use crate::model::{Digest, Level, RelPath};
use crate::product::Profile;
use crate::trust::predicate::Receipt;
use crate::trust::{Envelope, Statement, TrustStore};

use super::create::Pack;
use super::known::{Found, Known};

/// Where some hosts stand.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// The levels below the target, by their text and the tree that hosts know there, if they do; and one of these hosts.
    pub levels: BTreeMap<(String, Option<Digest>), (Level, String)>,
    /// The vendor's files that some of them changed or lack.
    pub deviating: BTreeSet<RelPath>,
}

impl Standing {
    /// Reads receipts. Where nobody is believed about environments, they are taken as they are: a wrong one makes a bundle
    /// that does not fit, and no harm.
    ///
    /// # Errors
    /// `signature`: a receipt is not signed by who is believed about its environment. `usage`: no host needs the target.
    pub fn read(
        dirs: &ConfigDirs,
        receipts: &[PathBuf],
        product: &str,
        to: &Level,
        is_below: impl Fn(&Level) -> bool,
    ) -> Result<Self> {
        let trust = TrustStore::new(&dirs.trust()).load()?;
        let mut standing = Self::default();
        for path in receipts {
            let envelope = Envelope::read(path)?;
            let shown = path.display().to_string();
            let receipt = match trust.evidence.is_empty() {
                true => Statement::<Receipt>::open(&envelope.unproven(), &shown)?.predicate,
                false => trust.verify_receipt(&envelope, &shown)?,
            };
            for installed in receipt.instances {
                let release = installed.release;
                if release.product != product || !is_below(&release.level) {
                    continue;
                }
                standing.deviating.extend(installed.deviations.into_keys());
                let start = (release.level.to_string(), release.tree);
                let host = receipt.host.clone();
                standing.levels.insert(start, (release.level, host));
            }
        }
        if receipts.is_empty() || !standing.levels.is_empty() {
            return Ok(standing);
        }
        let message = format!("no instance of these receipts is a {product} below {to}");
        Err(Failure::new(ErrorKind::Usage, message).hint("there is nothing to carry to these hosts"))
    }

    /// The pack of a level where a host stands.
    ///
    /// # Errors
    /// `level-unavailable` if none is known.
    pub fn pack<'a>(known: &Known<'a>, profile: &Profile, level: &Level) -> Result<Pack<'a>> {
        match known.find(profile, level)? {
            Found::Pack(pack) => Ok(*pack),
            Found::Nowhere(looked) => {
                let message = format!(
                    "a host stands at level {level}, and its pristine pack is not known here: {}",
                    looked.in_words()
                );
                Err(Failure::new(ErrorKind::LevelUnavailable, message).hint(
                    "add it with --from, or put it into the folder that --packs names; --full needs no such pack",
                ))
            }
        }
    }

    /// Refuses packs of a level that are not what the hosts have there.
    ///
    /// # Errors
    /// `source`.
    pub fn refuse_other(
        (level, host): (&Level, &str),
        tree: Option<Digest>,
        mut packs: impl Iterator<Item = Digest>,
    ) -> Result<()> {
        if tree.is_none_or(|tree| packs.any(|pack| pack == tree)) {
            return Ok(());
        }
        let message = format!("no pack of level {level} here is the one that host {host} has");
        Err(Failure::new(ErrorKind::Source, message)
            .hint("give the pack that the host was updated from with --from, or make a bundle with --full"))
    }
}
