//! What a source offers, and which of it is wanted.

use std::path::Path;

use crate::api::report::OfferView;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Level, Release, TreeManifest};
use crate::product::{Profile, builtin};
use crate::session::Instance;
use crate::source::{self, Offer, Source};

use super::Run;

/// The release to update to, opened.
pub(super) struct Target {
    pub source: Box<dyn Source>,
    pub release: Release,
    pub manifest: TreeManifest,
}

/// What a path offers, the highest level first.
pub(super) fn offers(
    run: &mut Run<'_>,
    instance: &Instance,
    from: Option<&Path>,
    installed: &Level,
) -> Result<Vec<Offer>> {
    let settings = &instance.settings;
    let path = from.or(settings.source.as_deref()).ok_or_else(|| {
        Failure::new(
            ErrorKind::Usage,
            format!("instance {} has no source", settings.name),
        )
        .hint("name one with --from, or set `source` in the instance's file")
    })?;
    let progress = run.progress;
    let find = |others: &[Profile]| {
        source::offers(
            path,
            &settings.profile,
            others,
            &settings.limits,
            &settings.cache_dir,
            progress,
        )
    };
    // The other products only serve to say what was found instead.
    let found = find(&[]).or_else(|failure| match failure.kind {
        ErrorKind::NotAPack => find(&builtin::specific()),
        _ => Err(failure),
    })?;
    for warning in found.warnings {
        run.warn(warning);
    }
    let mut offers = found.offers;
    let order = settings.profile.level.order;
    offers.sort_by(|a, b| order.compare(&b.level, &a.level));
    run.report.offers = offers
        .iter()
        .map(|offer| OfferView {
            product: offer.product.clone(),
            level: offer.level.clone(),
            path: offer.path.clone(),
            newer: order.compare(&offer.level, installed).is_gt(),
        })
        .collect();
    Ok(offers)
}

/// The offer that is wanted; `None` if the installed level is as high as it can get.
///
/// # Errors
/// `level-unavailable` or `downgrade`.
pub(super) fn choose<'a>(
    instance: &Instance,
    offers: &'a [Offer],
    wanted: Option<&Level>,
    installed: &Level,
    allow_downgrade: bool,
) -> Result<Option<&'a Offer>> {
    let order = instance.settings.profile.level.order;
    let name = &instance.settings.name;
    let Some(level) = wanted else {
        return Ok(offers
            .first()
            .filter(|offer| order.compare(&offer.level, installed).is_gt()));
    };
    let relation = order.compare(level, installed);
    if relation.is_eq() {
        return Ok(None);
    }
    if relation.is_lt() && !allow_downgrade {
        let message = format!("level {level} is lower than the installed level {installed} of {name}");
        let hint = "`pitstop rollback` goes back to a kept snapshot; --allow-downgrade installs the lower level as an update";
        return Err(Failure::new(ErrorKind::Downgrade, message).hint(hint));
    }
    let found = offers
        .iter()
        .find(|offer| order.compare(&offer.level, level).is_eq());
    found.map(Some).ok_or_else(|| {
        let offered: Vec<&str> = offers.iter().map(|offer| offer.level.as_str()).collect();
        Failure::new(
            ErrorKind::LevelUnavailable,
            format!("the source of {name} does not offer level {level}"),
        )
        .hint(format!("it offers {}", offered.join(", ")))
    })
}

/// Opens an offer and reads its manifest.
pub(super) fn open(run: &mut Run<'_>, instance: &Instance, offer: &Offer) -> Result<Target> {
    let settings = &instance.settings;
    let mut source = source::open(&offer.path, &settings.limits, &settings.cache_dir, run.progress)?;
    if !source.is_signed() {
        run.warn(format!(
            "{} is not signed; its origin is not proven",
            offer.path.display()
        ));
    }
    let manifest = source.manifest(run.progress)?;
    let release = Release {
        product: offer.product.clone(),
        level: offer.level.clone(),
        tree: Some(manifest.digest()),
    };
    Ok(Target {
        source,
        release,
        manifest,
    })
}
