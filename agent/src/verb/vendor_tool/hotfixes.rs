//! Hotfixes: the vendor's tool applies them to a copy, and updates a copy without them.

use std::collections::BTreeMap;

use crate::api::plan::FileOp;
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::layout::{self, Part};
use crate::config::{UpdateSource, VendorTool};
use crate::model::{Digest, Entry, Inventory, RelPath, Release, TreeManifest};
use crate::plan::hotfix;
use crate::session::Instance;
use crate::source::vendor_tool::{self, Given, HotfixFile, Shown};

use super::super::Run;
use super::super::target::Target;
use super::{Tool, pristine, with_order};

/// Lets the tool apply hotfixes, the last of them new, to a copy of what is installed.
///
/// # Errors
/// As [`vendor_tool::apply_hotfixes`].
pub(in crate::verb) fn apply_hotfixes(
    run: &mut Run<'_>,
    instance: &Instance,
    files: &[HotfixFile],
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
    };
    let base = pristine(instance, installed)?;
    let mut source = None;
    run.step("update-tool", |run| {
        source = Some(with_order(
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
    let mut source = source.ok_or_else(gone)?;
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
    })
}

fn listed(files: &[HotfixFile]) -> String {
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
    let home = &instance.settings.home;
    let program = rules.programs.get(std::env::consts::ARCH);
    let program = program.map_or_else(|| home.clone(), |program| program.under(home));
    vendor_tool::refuse_tools_own(&instance.root, hotfix, &program)
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

/// What the tool showed is of the level without hotfixes; merges start from what is installed.
pub(super) fn with_hotfixes(
    mut shown: Shown,
    instance: &Instance,
    pristine: Option<&TreeManifest>,
) -> Result<Shown> {
    let installed = instance.state.installed.as_ref();
    let on = installed.filter(|installed| !installed.hotfixes.is_empty());
    let (Some(tree), Some(pristine)) = (on.and_then(|installed| installed.release.tree), pristine) else {
        return Ok(shown);
    };
    let hotfixed = instance.store.manifest(&tree)?;
    for path in hotfix::changed(pristine, &hotfixed) {
        match hotfixed.entries.get(&path) {
            Some(entry) => shown.manifest.entries.insert(path, entry.clone()),
            None => shown.manifest.entries.remove(&path),
        };
    }
    Ok(shown)
}
