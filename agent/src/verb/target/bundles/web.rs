//! Bundles on a web server: which of them are of use, fetched once that is known, and removed when they are of none any more.

use std::path::Path;

use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::archive::{HEAD_BYTES, release_in};
use crate::config::{UpdateSource, Web};
use crate::model::Level;
use crate::session::Instance;
use crate::source::Step;
use crate::source::web::{Head, Shelf};
use crate::store::Store;
use crate::sys::fs;
use crate::trust::TrustStore;

use super::super::super::Run;
use super::super::super::bundle::Said;
use super::{Found, decide};

/// The bundles of the instance's product that a web server lists, by how they begin: they are fetched once it is known which are
/// needed.
///
/// # Errors
/// The server does not answer: what it lists and cannot serve may be what leads on. What is wrong with one bundle becomes a warning.
pub(in super::super) fn listed(run: &mut Run<'_>, instance: &Instance, web: &Web) -> Result<Vec<Found>> {
    let shelf = Shelf::new(web, &instance.settings.cache_dir);
    let trust = TrustStore::new(&instance.settings.trust).load()?;
    let mut all = Vec::new();
    for listed in shelf.list()? {
        let name = format!("{} on {}", listed.name, web.url);
        let head = match shelf.head(&listed)? {
            Head::Bytes(head) => head,
            Head::Withheld(failure) => {
                run.warn(failure.full_message());
                continue;
            }
        };
        let look = || -> Result<Said> {
            let bytes = release_in(&head)
                .ok_or_else(|| Failure::new(ErrorKind::Source, format!("{name} is no bundle")))?;
            let said = Said::new(bytes, &name, |envelope, shown| decide(&trust, envelope, shown))?;
            said.release.refuse_expired(&name, trust.now)?;
            shelf.keep_head(&listed, &head);
            Ok(said)
        };
        match look() {
            Ok(said) if said.release.product == instance.settings.profile.name => all.push(Found {
                step: Step {
                    path: shelf.place(&listed),
                    release: said.release,
                },
                bytes: listed.size,
            }),
            Ok(_) => {}
            Err(failure) => run.warn(failure.full_message()),
        }
    }
    Ok(all)
}

/// Fetches those of some bundles that are on a web server and not here yet.
pub(super) fn fetch(run: &mut Run<'_>, instance: &Instance, bundles: &[Step]) -> Result<()> {
    let Some(UpdateSource::Web(web)) = &instance.settings.source else {
        return Ok(());
    };
    let shelf = Shelf::new(web, &instance.settings.cache_dir);
    if bundles.iter().all(|step| fs::metadata(&step.path).is_ok()) {
        return Ok(());
    }
    for listed in shelf.list()? {
        let place = shelf.place(&listed);
        if bundles.iter().any(|step| step.path == place) {
            shelf.fetch(&listed, instance.settings.limits.total_bytes, run.progress)?;
        }
    }
    Ok(())
}

/// Removes what was fetched and leads no instance of the product on this host on: neither from where it stands nor from where it can
/// go back to.
pub(in crate::verb) fn forget_reached(instance: &Instance) {
    let settings = &instance.settings;
    let (Some(UpdateSource::Web(web)), Some(lowest)) = (&settings.source, lowest_level(instance)) else {
        return;
    };
    let order = settings.profile.level.order;
    let is_reached = |path: &Path| {
        let head = fs::read_head(path, HEAD_BYTES).ok()?;
        let shown = path.display().to_string();
        let said = Said::new(release_in(&head)?, &shown, |envelope, _| Ok(envelope.unproven()));
        let release = said.ok()?.release;
        let is_below = !order.compare(&release.to.level, &lowest).is_gt();
        Some(release.product == settings.profile.name && is_below)
    };
    for path in Shelf::new(web, &settings.cache_dir).kept() {
        if is_reached(&path) == Some(true)
            && let Err(error) = fs::remove_if_exists(&path)
        {
            tracing::warn!("cannot remove {}: {error}", path.display());
        }
    }
}

/// The lowest level at which an instance of the product stands on this host or to which one can go back; `None` if a state cannot
/// be read.
fn lowest_level(instance: &Instance) -> Option<Level> {
    let settings = &instance.settings;
    let mut levels = Vec::new();
    for entry in fs::list_dir(settings.state_dir.parent()?).ok()? {
        let state = Store::new(&entry.path()).load().ok()?;
        let snapshots = state.snapshots.into_iter().map(|snapshot| snapshot.installed);
        let releases = snapshots
            .chain(state.installed)
            .map(|installed| installed.release);
        levels.extend(
            releases
                .filter(|release| release.product == settings.profile.name)
                .map(|release| release.level),
        );
    }
    let order = settings.profile.level.order;
    levels.into_iter().min_by(|a, b| order.compare(a, b))
}
