//! Hotfixes: the vendor's tool applies them to a copy, and updates a copy without them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::finding::and_more;
use crate::api::plan::FileOp;
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::layout::{self, Part};
use crate::config::{UpdateSource, VendorTool};
use crate::model::{Digest, Entry, Inventory, RelPath, Release, TreeManifest};
use crate::plan::hotfix;
use crate::session::Instance;
use crate::source::vendor_tool::{self, Given, HotfixFile, Shown};
use crate::store::texts::may_be_text;

use super::super::Run;
use super::super::target::{Owned, Target};
use super::{Tool, pristine, program, with_order};

/// Lets the tool apply hotfixes, the last of them new, to a copy of what is installed.
///
/// # Errors
/// As [`vendor_tool::apply_hotfixes`].
pub(in crate::verb) fn apply_hotfixes(
    run: &mut Run<'_>,
    instance: &Instance,
    files: &[HotfixFile<'_>],
    installed: &Release,
    inventory: &Inventory,
) -> Result<Target> {
    let settings = match &instance.settings.source {
        Some(UpdateSource::VendorTool(settings)) => settings.clone(),
        _ => VendorTool::default(),
    };
    let tool = Tool {
        settings,
        offline: None,
        in_place: None,
    };
    let base = pristine(instance, installed)?;
    let mut made = None;
    run.step("update-tool", |run| {
        made = Some(with_order(
            run,
            instance,
            &tool,
            installed,
            (inventory, base.as_deref()),
            (None, Given::Hotfixes),
            |order| vendor_tool::apply_hotfixes(order, files),
        )?);
        Ok((
            false,
            format!("the vendor's tool applied {} to a copy", listed(files)),
        ))
    })?;
    let gone = || Failure::new(ErrorKind::Internal, "the vendor's tool left no tree");
    let (mut source, lost) = made.ok_or_else(gone)?;
    if let (Some(first), Some(newest)) = (lost.first(), files.last()) {
        run.warn(format!(
            "{} also changes what is the server's state, which stays as it is: {}; its instructions say what to do about it",
            newest.name,
            and_more(first, lost.len())
        ));
    }
    let manifest = source.manifest(run.progress)?;
    Ok(Target {
        release: Release {
            tree: Some(manifest.digest()),
            ..installed.clone()
        },
        source,
        manifest,
        shown: None,
        hotfix: None,
        brought: Owned::default(),
    })
}

fn listed(files: &[HotfixFile<'_>]) -> String {
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    names.join(", ")
}

/// Refuses to go on where the tool itself has applied hotfixes.
///
/// # Errors
/// `hotfix`.
pub(in crate::verb) fn refuse_its_hotfixes(instance: &Instance) -> Result<()> {
    let rules = instance.settings.profile.vendor_tool.as_ref();
    let Some((rules, hotfix)) = rules.and_then(|rules| Some((rules, rules.hotfix.as_ref()?))) else {
        return Ok(());
    };
    vendor_tool::refuse_tools_own(&instance.root, hotfix, &program(instance, rules))
}

/// Where the files lie that the hotfixes that are on took the place of.
pub(super) fn asides(instance: &Instance) -> Result<BTreeMap<Digest, RelPath>> {
    let mut asides = BTreeMap::new();
    let on = instance
        .state
        .installed
        .iter()
        .flat_map(|installed| &installed.hotfixes);
    for hotfix in on {
        let plan = instance.store.snapshot_plan(&hotfix.transaction)?;
        let moved = plan
            .files
            .iter()
            .filter(|step| matches!(step.op, FileOp::Put | FileOp::Remove));
        for step in moved {
            if let Some(sha256) = step.old.as_ref().and_then(Entry::sha256) {
                asides.insert(sha256, layout::place(step, Part::Snapshot, &hotfix.transaction));
            }
        }
    }
    Ok(asides)
}

/// Refuses to let the tool see a hotfix's file where the vendor's own should be. An operator's binary that a hotfix took the
/// place of is kept, but not what the vendor had there.
///
/// # Errors
/// `hotfix`.
pub(super) fn refuse_lost(
    instance: &Instance,
    pristine: Option<&TreeManifest>,
    asides: &BTreeMap<Digest, RelPath>,
) -> Result<()> {
    let (Some(pristine), Some(hotfixed)) = (pristine, hotfixed(instance)?) else {
        return Ok(());
    };
    for path in hotfix::changed(pristine, &hotfixed) {
        let sha256 = pristine.entries.get(&path).and_then(Entry::sha256);
        let is_kept = |sha256| -> Result<bool> {
            Ok(asides.contains_key(&sha256)
                || may_be_text(&path, 0)
                || instance.store.text(&sha256)?.is_some())
        };
        let is_given = instance.ownership.class_of(&path).is_observed();
        if let (Some(sha256), true) = (sha256, is_given)
            && !is_kept(sha256)?
        {
            let message =
                format!("the vendor's {path} without hotfixes is not known here: you had changed it");
            return Err(Failure::new(ErrorKind::Hotfix, message)
                .at(path.under(instance.root.path()))
                .hint("revert the hotfixes first, the newest first: your file is back then"));
        }
    }
    Ok(())
}

/// The vendor's tree with the hotfixes that are on; `None` if none is.
fn hotfixed(instance: &Instance) -> Result<Option<Arc<TreeManifest>>> {
    let installed = instance.state.installed.as_ref();
    let on = installed.filter(|installed| !installed.hotfixes.is_empty());
    let tree = on.and_then(|installed| installed.release.tree);
    tree.map(|tree| instance.store.manifest(&tree)).transpose()
}

/// What the tool showed is of the level without hotfixes; merges start from what is installed.
pub(super) fn with_hotfixes(
    mut shown: Shown,
    instance: &Instance,
    pristine: Option<&TreeManifest>,
) -> Result<Shown> {
    if let (Some(pristine), Some(hotfixed)) = (pristine, hotfixed(instance)?) {
        hotfix::carry_over(&mut shown.manifest, pristine, &hotfixed);
    }
    Ok(shown)
}
