//! `check --against`: whether the vendor's files are exactly a pack's, whatever way they came there.

use std::path::Path;

use crate::api::report::{ComparisonView, Drift};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Class, Inventory, Release, TreeManifest};
use crate::observe::tree;
use crate::session::Instance;
use crate::source;
use crate::sys::fs;

use super::super::{Run, target};

/// What a tree manifest of a very large pack has.
const LIMIT: u64 = 512 << 20;

/// Compares a home with a pack, a folder that holds one at the installed level, or the manifest beside a built pack.
///
/// # Errors
/// `level-unavailable`: the folder holds none of that level. And what reading brings.
pub(super) fn compare(
    run: &mut Run<'_>,
    instance: &Instance,
    path: &Path,
    installed: &Release,
    inventory: &Inventory,
) -> Result<ComparisonView> {
    let manifest = match path.extension() {
        Some(extension) if extension == "manifest" => parse(path)?,
        _ => of_pack(run, instance, path, installed)?,
    };
    let is_vendors = |class| class == Class::Vendor;
    let Drift { count, paths } = tree::drift_of(&manifest, inventory, &instance.ownership, is_vendors);
    Ok(ComparisonView {
        path: path.to_owned(),
        tree: manifest.digest(),
        exact: count == 0,
        count,
        paths,
    })
}

fn parse(path: &Path) -> Result<TreeManifest> {
    let bytes = fs::read(path, LIMIT).map_err(|error| Failure::io("read the manifest", path, error))?;
    let text = String::from_utf8_lossy(&bytes);
    TreeManifest::parse(&text).map_err(|why| {
        Failure::new(ErrorKind::Source, format!("{}: {why}", path.display()))
            .at(path)
            .hint("pass a manifest that `pitstop pack build` wrote, or the pack itself")
    })
}

fn of_pack(run: &mut Run<'_>, instance: &Instance, path: &Path, installed: &Release) -> Result<TreeManifest> {
    let offers = target::found(run, instance, path)?;
    let order = instance.settings.profile.level.order;
    let offer = match offers.as_slice() {
        [only] => Some(only),
        several => several
            .iter()
            .find(|offer| order.compare(&offer.level, &installed.level).is_eq()),
    };
    let offer = offer.ok_or_else(|| {
        let message = format!("{} holds no pack at level {}", path.display(), installed.level);
        Failure::new(ErrorKind::LevelUnavailable, message)
            .at(path)
            .hint("name the pack to compare with")
    })?;
    let settings = &instance.settings;
    source::open(&offer.path, &settings.limits, &settings.cache_dir, run.progress)?.manifest(run.progress)
}
