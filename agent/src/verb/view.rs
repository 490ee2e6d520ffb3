//! An instance at one moment, for reports.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::finding::Finding;
use crate::api::report::{ConfigSnapshotView, ConfigView, Drift, InstanceView, InterruptedView, Phase};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::seal::snapshot_views;
use crate::config::Settings;
use crate::model::{Digest, Entry, Inventory, Level, RelPath, Release, TreeManifest};
use crate::observe::home::HomeView;
use crate::observe::soundness::{self, Beside};
use crate::observe::tree::{self, Scan};
use crate::product::{Profile, builtin, detect};
use crate::session::Instance;
use crate::store::{ConfigState, Installed};
use crate::sys::last_scan::LastScan;

use super::server::{self, Server};
use super::{Run, findings};

/// Observes the tree of an instance.
pub(super) fn scan(run: &Run<'_>, instance: &Instance, deep: bool) -> Result<Inventory> {
    let cache = instance.digest_cache();
    scanner(run, instance, &cache, deep).run()
}

/// What stands at certain paths of an instance.
pub(super) fn look<'p>(
    run: &Run<'_>,
    instance: &Instance,
    paths: impl Iterator<Item = &'p RelPath>,
) -> Result<BTreeMap<RelPath, Entry>> {
    let cache = instance.digest_cache();
    scanner(run, instance, &cache, false).look(paths)
}

fn scanner<'a>(run: &'a Run<'_>, instance: &'a Instance, cache: &'a Path, deep: bool) -> Scan<'a> {
    Scan {
        root: &instance.root,
        ownership: &instance.ownership,
        cache,
        deep,
        progress: run.progress,
    }
}

/// The view after a change, whose tree was observed already.
pub(super) fn after(run: &mut Run<'_>, instance: &Instance, inventory: &Inventory) -> Result<InstanceView> {
    let tree = instance
        .state
        .installed
        .as_ref()
        .and_then(|installed| installed.release.tree);
    let base = tree.map(|tree| instance.store.manifest(&tree)).transpose()?;
    let server = server::observe(run, instance)?;
    view(instance, inventory, base.as_deref(), &server)
}

/// Observes the tree while the pristine manifest that it is compared with is read.
pub(super) fn scan_with_base(
    run: &Run<'_>,
    instance: &Instance,
    deep: bool,
) -> Result<(Inventory, Option<Arc<TreeManifest>>)> {
    with_base(instance, || scan(run, instance, deep))
}

fn with_base<T>(
    instance: &Instance,
    scan: impl FnOnce() -> Result<T>,
) -> Result<(T, Option<Arc<TreeManifest>>)> {
    let tree = instance
        .state
        .installed
        .as_ref()
        .and_then(|installed| installed.release.tree);
    std::thread::scope(|scope| {
        let base = scope.spawn(|| tree.map(|tree| instance.store.manifest(&tree)).transpose());
        let scanned = scan()?;
        let gone = |_| {
            Failure::new(
                ErrorKind::Internal,
                "reading the pristine manifest ended unexpectedly",
            )
        };
        Ok((scanned, base.join().map_err(gone)??))
    })
}

/// The view of an instance whose tree and server were observed.
pub(super) fn view(
    instance: &Instance,
    inventory: &Inventory,
    base: Option<&TreeManifest>,
    server: &Server,
) -> Result<InstanceView> {
    let drift = base.map_or_else(Drift::default, |base| drift(instance, base, inventory));
    view_with(instance, drift, server)
}

fn view_with(instance: &Instance, drift: Drift, server: &Server) -> Result<InstanceView> {
    let state = &instance.state;
    let installed = state.installed.as_ref();
    let release = installed.map_or_else(|| detected(instance), |installed| Ok(installed.release.clone()))?;
    let free = instance
        .root
        .space(None)
        .map_err(|error| Failure::io("look at", instance.root.path(), error))?;
    Ok(InstanceView {
        home: instance.settings.home.clone(),
        pristine_known: release.tree.is_some(),
        drift,
        release,
        adopted: installed.is_some(),
        verified: installed.is_some_and(|installed| installed.verified),
        installed_at: installed.map(|installed| installed.since.clone()),
        state: server.observed.state,
        processes: server.observed.views(),
        unit: server.unit.clone(),
        holds: state.holds.clone(),
        snapshots: snapshot_views(&state.snapshots),
        config: config(&state.config),
        hotfixes: installed.map_or_else(Vec::new, Installed::hotfix_views),
        interrupted: interrupted(instance)?,
        free_bytes: free.free_bytes,
    })
}

/// The deviations, with those marked that are as `config apply` left them.
fn drift(instance: &Instance, base: &TreeManifest, inventory: &Inventory) -> Drift {
    let mut drift = tree::drift(base, inventory, &instance.ownership);
    for one in &mut drift.paths {
        let written = instance
            .state
            .config
            .files
            .get(&one.path)
            .map(|file| file.written);
        let found = inventory.entry(&one.path).and_then(Entry::sha256);
        one.configured = written.is_some() && written == found;
    }
    drift
}

fn config(state: &ConfigState) -> Option<ConfigView> {
    if *state == ConfigState::default() {
        return None;
    }
    let newest_first = state.snapshots.iter().rev();
    Some(ConfigView {
        files: state.files.keys().cloned().collect(),
        snapshots: newest_first
            .map(|snapshot| ConfigSnapshotView {
                transaction: snapshot.transaction.clone(),
                taken: snapshot.taken.clone(),
            })
            .collect(),
        held: state
            .hold
            .as_ref()
            .map(|hold| format!("since {}: {}", hold.since, hold.reason)),
    })
}

/// Observes everything and makes the view of it.
pub(super) fn observe(run: &mut Run<'_>, instance: &Instance) -> Result<(InstanceView, Inventory, Server)> {
    let (inventory, base) = scan_with_base(run, instance, false)?;
    let server = server::observe(run, instance)?;
    let view = view(instance, &inventory, base.as_deref(), &server)?;
    Ok((view, inventory, server))
}

/// Observes everything for a view alone. A tree that is as it was when its drift was last told is not scanned again;
/// then there is no inventory.
pub(super) fn look_over(
    run: &mut Run<'_>,
    instance: &Instance,
) -> Result<(InstanceView, Option<Inventory>, Server)> {
    let beside = soundness::beside(&instance.root, &instance.settings.profile)?;
    let last = last_scan(instance, &beside);
    let (known, server) = std::thread::scope(|scope| {
        let known = scope.spawn(|| last.as_ref()?.finding(&instance.root));
        let server = server::observe(run, instance);
        (known.join().ok().flatten(), server)
    });
    let server = server?;
    if let Some(known) = known.and_then(|json| serde_json::from_slice::<Told>(&json).ok()) {
        run.report.findings = known.findings;
        return Ok((view_with(instance, known.drift, &server)?, None, server));
    }
    let cache = instance.digest_cache();
    let (scanned, base) = with_base(instance, || scanner(run, instance, &cache, false).run_traced())?;
    let (inventory, trace) = scanned;
    let view = view(instance, &inventory, base.as_deref(), &server)?;
    let told = Told {
        drift: view.drift.clone(),
        findings: findings::of_tree(instance, &inventory, base.as_deref(), &beside)?,
    };
    if let (Some(last), Some(trace), Ok(json)) = (last, trace, serde_json::to_vec(&told))
        && let Err(failure) = last.save(&trace, &json)
    {
        tracing::debug!("{failure}");
    }
    run.report.findings = told.findings;
    Ok((view, Some(inventory), server))
}

/// What a scan of the tree tells, kept as long as the tree is as it was.
#[derive(Serialize, Deserialize)]
struct Told {
    drift: Drift,
    findings: Vec<Finding>,
}

/// Where the last scan is kept. What a tree tells depends on the pristine one, on the rules of the profile, on what was
/// configured, and on what lies beside what a scan sees.
fn last_scan(instance: &Instance, beside: &Beside) -> Option<LastScan> {
    let tree = instance.state.installed.as_ref()?.release.tree?;
    let rules = instance.rules.iter();
    let rules: Vec<_> = rules
        .map(|rule| (rule.class, rule.optional, &rule.paths))
        .collect();
    let configured = instance.state.config.files.iter();
    let written: Vec<_> = configured.map(|(path, file)| (path, file.written)).collect();
    let agent = env!("CARGO_PKG_VERSION");
    let lint = &instance.settings.profile.lint;
    let home = instance.root.path();
    let premise = serde_json::to_vec(&(agent, home, tree, rules, written, lint, beside)).ok()?;
    Some(LastScan::new(instance.last_scan(), Digest::of(&premise)))
}

/// The release that the tree itself tells.
///
/// # Errors
/// `not-a-pack` or `wrong-product`.
pub(super) fn detected(instance: &Instance) -> Result<Release> {
    let settings = &instance.settings;
    let home = HomeView(&instance.root);
    let found = detect::detect(&settings.profile, &home)?;
    let Some(found) = found else {
        return Err(not_this_product(settings, &home));
    };
    let level = found.level.unwrap_or_else(|| Level::new("unknown"));
    Ok(Release {
        product: found.product,
        level,
        tree: None,
    })
}

/// Refuses to build on a level from which somebody else has led the pack away. A level that cannot be read is no proof of that.
///
/// # Errors
/// `stale`.
pub(super) fn refuse_moved(instance: &Instance, installed: &Release) -> Result<()> {
    let settings = &instance.settings;
    let order = settings.profile.level.order;
    let found = detect::detect(&settings.profile, &HomeView(&instance.root))
        .ok()
        .flatten();
    let moved = found
        .and_then(|found| found.level)
        .filter(|level| !order.compare(level, &installed.level).is_eq());
    let Some(level) = moved else { return Ok(()) };
    let message = format!(
        "{} tells level {level}, and pitstop left it at {}: somebody else updated it",
        settings.home.display(),
        installed.level
    );
    Err(Failure::new(ErrorKind::Stale, message)
        .at(&settings.home)
        .hint(format!(
            "`pitstop adopt {}` takes it over as it is now",
            settings.name
        )))
}

/// Says what the home is instead, if it is a pack of another product.
fn not_this_product(settings: &Settings, home: &HomeView<'_>) -> Failure {
    let path = &settings.home;
    let is_other = |profile: &Profile| {
        profile.name != settings.profile.name && matches!(detect::detect(profile, home), Ok(Some(_)))
    };
    let other = builtin::specific().into_iter().find(is_other);
    let (kind, instead) = match other {
        Some(other) => (
            ErrorKind::WrongProduct,
            format!("it is a pack of {}", other.title),
        ),
        None => (
            ErrorKind::NotAPack,
            "nothing in it tells a known product".to_owned(),
        ),
    };
    let message = format!(
        "{} is not a pack of {}: {instead}",
        path.display(),
        settings.profile.title
    );
    Failure::new(kind, message)
        .at(path)
        .hint("correct `home` or `product` in the instance's file")
}

/// The change that is not finished and that nobody works on any more.
fn interrupted(instance: &Instance) -> Result<Option<InterruptedView>> {
    match unfinished(instance)? {
        Some(view) if instance.other_run()?.is_none() => Ok(Some(view)),
        _ => Ok(None),
    }
}

/// The change that is not finished, whether somebody works on it or not.
pub(super) fn unfinished(instance: &Instance) -> Result<Option<InterruptedView>> {
    if let Some(open) = instance.open_journal()? {
        if open.is_parked() {
            return Ok(None);
        }
        let phase = open.phase();
        let remedy = match phase {
            Phase::Staging | Phase::Stopping => "the next run undoes it; no file of the pack has changed",
            Phase::InPlace => "the next run puts back what the vendor's tool has changed",
            Phase::Committing | Phase::Committed => "the next run finishes it",
            Phase::Undoing => "the next run goes on to take it back",
        };
        return Ok(Some(InterruptedView {
            transaction: open.begin.transaction.clone(),
            action: open.begin.plan.action,
            phase,
            remedy: remedy.to_owned(),
        }));
    }
    Ok(instance.state.pending.as_ref().map(|pending| InterruptedView {
        transaction: pending.transaction.clone(),
        action: pending.action,
        phase: Phase::Committed,
        remedy: "the files are in place; the next run starts and verifies the server".to_owned(),
    }))
}
