//! PURE: whether a pack is sound as a whole, whatever its single files are: a release that was put together wrongly is
//! told from one that is only edited. For homes and for packs that are being built or staged.

mod bundles;
mod strays;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::api::finding::Finding;
use crate::model::{Inventory, RelPath, TreeManifest};
use crate::product::caution::LintRules;

/// The name of the file in which OSGi's configurator lists the bundles that it installs.
pub const LISTING: &str = "bundles.info";
/// A list of bundles is some hundred KiB; a larger one is none.
const LIST_LIMIT: u64 = 16 << 20;

/// What is looked at of a tree.
#[derive(Debug, Clone, Default)]
pub struct Tree<'a> {
    /// Its paths, as far as the vendor has a say in them.
    pub paths: BTreeSet<&'a RelPath>,
    /// Its lists of bundles.
    pub listings: Vec<Listing<'a>>,
    /// The names in the folder of bundles whose lines each start writes anew.
    pub dropins: BTreeSet<String>,
}

/// One list of bundles.
#[derive(Debug, Clone)]
pub struct Listing<'a> {
    /// Its path.
    pub path: &'a RelPath,
    /// Its content.
    pub text: String,
}

impl<'a> Tree<'a> {
    /// The paths of a home, with its lists and drop-ins still to be read.
    pub fn of_home(inventory: &'a Inventory) -> Self {
        Self::new(inventory.entries.keys())
    }

    /// The paths of a pack, with its lists and drop-ins still to be read.
    pub fn of_pack(manifest: &'a TreeManifest) -> Self {
        Self::new(manifest.entries.keys())
    }

    fn new(paths: impl Iterator<Item = &'a RelPath>) -> Self {
        Self {
            paths: paths.collect(),
            ..Self::default()
        }
    }

    /// Takes in the lists of bundles, each read with at most so many bytes.
    ///
    /// # Errors
    /// Of reading.
    pub fn read_lists<E>(
        &mut self,
        mut read: impl FnMut(&RelPath, u64) -> Result<Vec<u8>, E>,
    ) -> Result<(), E> {
        let lists = self.paths.iter().filter(|path| path.file_name() == LISTING);
        for path in lists {
            let text = String::from_utf8_lossy(&read(path, LIST_LIMIT)?).into_owned();
            self.listings.push(Listing { path, text });
        }
        Ok(())
    }
}

/// What is wrong with a tree. What is the same in the vendor's own tree of its level, `pristine`, is not: vendors ship
/// several versions of a bundle where they mean to. Without it every doubt counts.
pub fn lint(rules: &LintRules, tree: &Tree<'_>, pristine: Option<&TreeManifest>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(bundles) = &rules.bundles {
        findings.extend(bundles::lint(bundles, tree, pristine));
    }
    findings.extend(strays::lint(&rules.strays, tree, pristine));
    findings
}
