//! What the lint of a home has to read: few and small files, whatever the size of the pack.

use std::collections::BTreeSet;
use std::io;

use serde::Serialize;

use crate::api::{Failure, Result};
use crate::lint::Tree;
use crate::model::Inventory;
use crate::product::caution::LintRules;
use crate::product::detect::matching_paths;
use crate::product::{Profile, TreeView};
use crate::sys::root::Root;

use super::home::HomeView;
use super::permissions::{Readable, readable_by_all};

/// What a scan does not see because it is the customer's, and what is found nevertheless depends on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Beside {
    /// The names of the bundles whose lines each start writes anew.
    pub dropins: BTreeSet<String>,
    /// The files with secrets that everybody may read.
    pub exposed: Vec<Readable>,
}

/// Looks beside the scanned tree.
///
/// # Errors
/// A folder or a file cannot be looked at.
pub fn beside(root: &Root, profile: &Profile) -> Result<Beside> {
    let home = HomeView(root);
    let dropins = match &profile.lint.bundles {
        Some(bundles) => home.names_in(bundles.dropins.as_str())?,
        None => Vec::new(),
    };
    let mut private = Vec::new();
    for path in &profile.permissions.private {
        private.extend(matching_paths(&profile.name, path, &home)?);
    }
    let failed = |error: io::Error| Failure::io("look at the files with secrets in", root.path(), error);
    Ok(Beside {
        dropins: dropins.into_iter().collect(),
        exposed: readable_by_all(root, private.into_iter()).map_err(failed)?,
    })
}

/// The tree of a home that was observed, as the lint wants it.
///
/// # Errors
/// A list cannot be read.
pub fn tree<'a>(
    root: &Root,
    rules: &LintRules,
    inventory: &'a Inventory,
    beside: &Beside,
) -> Result<Tree<'a>> {
    let mut tree = Tree::of_home(inventory);
    if rules.bundles.is_none() {
        return Ok(tree);
    }
    tree.read_lists(|path, limit| {
        root.read(path, limit)
            .map_err(|error| Failure::io("read", path.under(root.path()), error))
    })?;
    tree.dropins.clone_from(&beside.dropins);
    Ok(tree)
}
