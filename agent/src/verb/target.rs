//! What a source offers, and which of it is wanted.

pub(super) mod bundles;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::plan::HotfixStep;
use crate::api::report::OfferView;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::UpdateSource;
use crate::memory::{Memory, Remembered};
use crate::model::{Inventory, Level, Release, TreeManifest};
use crate::product::{Profile, builtin};
use crate::session::Instance;
use crate::source::vendor_tool::Shown;
use crate::source::{self, Offer, Source, Step};

use super::gate::Brought;
use super::vendor_tool::{self, Tool};
use super::{Run, update};
use crate::trust::KeyId;

/// The release to update to, opened.
pub(super) struct Target {
    pub source: Box<dyn Source>,
    pub release: Release,
    pub manifest: TreeManifest,
    /// What the source showed of the installed level, where it knows more of it than was known before.
    pub shown: Option<Arc<Shown>>,
    /// The hotfix that is the difference to what is installed, if it is no other level.
    pub hotfix: Option<HotfixStep>,
    /// What its source brings to be believed.
    pub brought: Owned,
}

/// What a source brings to be believed.
#[derive(Debug, Default)]
pub(super) struct Owned {
    /// The keys of the role release that signed it.
    pub signed_by: BTreeSet<KeyId>,
    /// When it was made.
    pub made: Option<Timestamp>,
    /// Until when it is to be used.
    pub expires: Option<Timestamp>,
    /// Envelopes that nobody has verified yet.
    pub attachments: Vec<Vec<u8>>,
    /// Decisions about conflicts that travel with it, signed like it, and where.
    pub resolutions: Vec<(Remembered, PathBuf)>,
}

/// Where an update comes from.
pub(super) enum Place {
    /// What packs offer, the highest level first.
    Packs(Vec<Offer>),
    /// The vendor's update tool.
    Tool(Box<Tool>),
}

/// What is wanted of it.
pub(super) struct Wanted<'a> {
    pub level: Option<&'a Level>,
    pub allow_downgrade: bool,
}

impl Target {
    /// Adds the decisions that travel with it to what this host remembers.
    pub fn remind(&self, memory: &mut Memory) {
        for (decision, file) in &self.brought.resolutions {
            memory.add(decision.clone(), Some(file.clone()));
        }
    }

    /// What its source brings to be believed.
    pub fn brought(&self) -> Brought<'_> {
        Brought {
            signed_by: self.brought.signed_by.clone(),
            made: self.brought.made,
            expires: self.brought.expires,
            attachments: &self.brought.attachments,
        }
    }
}

impl<'a> Wanted<'a> {
    pub fn of(options: &'a update::Options) -> Self {
        Self {
            level: options.level.as_ref(),
            allow_downgrade: options.allow_downgrade,
        }
    }
}

impl Place {
    /// What packs offer.
    pub fn offers(&self) -> &[Offer] {
        match self {
            Self::Packs(offers) => offers,
            Self::Tool(_) => &[],
        }
    }

    /// Whether it can be told already that it leads to another level. What the vendor's tool offers is only told by the tool.
    pub fn leads_on(&self, instance: &Instance, wanted: &Wanted<'_>, installed: &Level) -> bool {
        let order = instance.settings.profile.level.order;
        match (self, wanted.level) {
            (Self::Packs(offers), _) => matches!(choose(instance, offers, wanted, installed), Ok(Some(_))),
            (Self::Tool(_), Some(level)) => {
                let level = vendor_tool::spelled_out(level, installed);
                order.compare(&level, installed).is_gt()
            }
            (Self::Tool(_), None) => false,
        }
    }
}

/// Where an update comes from: the path that is named, else the instance's source.
///
/// # Errors
/// `usage` if there is neither, or what reading the path brings.
pub(super) fn place(
    run: &mut Run<'_>,
    instance: &Instance,
    from: Option<&Path>,
    installed: &Level,
) -> Result<Place> {
    let settings = &instance.settings;
    let tool = match &settings.source {
        Some(UpdateSource::VendorTool(tool)) => Some(tool),
        _ => None,
    };
    let path = match (from, &settings.source) {
        (Some(path), _) => path,
        (None, Some(UpdateSource::Path(path))) => path.as_path(),
        (None, Some(UpdateSource::VendorTool(tool))) => {
            return Ok(Place::Tool(Box::new(Tool {
                settings: tool.clone(),
                offline: None,
                in_place: None,
            })));
        }
        (None, Some(UpdateSource::Web(web))) => {
            let bundles = bundles::listed(run, instance, web)?;
            let offers = bundles::offers(instance, &bundles, installed);
            return Ok(Place::Packs(told(run, instance, offers, installed)));
        }
        (None, None) => {
            return Err(Failure::new(
                ErrorKind::Usage,
                format!("instance {} has no source", settings.name),
            )
            .hint("name one with --from, or set `source` in the instance's file"));
        }
    };
    if let Some(offline) = vendor_tool::offline(instance, path)? {
        return Ok(Place::Tool(Box::new(Tool {
            settings: tool.cloned().unwrap_or_default(),
            offline: Some((path.to_owned(), offline)),
            in_place: None,
        })));
    }
    offers(run, instance, path, installed).map(Place::Packs)
}

/// Opens what is wanted; `None` if the installed level is as high as it can get.
pub(super) fn reach(
    run: &mut Run<'_>,
    instance: &Instance,
    place: &Place,
    wanted: &Wanted<'_>,
    installed: &Release,
    inventory: &Inventory,
) -> Result<Option<Target>> {
    match place {
        Place::Packs(offers) => match choose(instance, offers, wanted, &installed.level)? {
            Some(offer) => open(run, instance, offer, Some(inventory)).map(Some),
            None => Ok(None),
        },
        Place::Tool(tool) => vendor_tool::reach(run, instance, tool, wanted, installed, inventory),
    }
}

/// What a path offers, the highest level first.
pub(super) fn offers(
    run: &mut Run<'_>,
    instance: &Instance,
    path: &Path,
    installed: &Level,
) -> Result<Vec<Offer>> {
    let bundles = bundles::found(run, instance, path)?;
    let mut offers = bundles::offers(instance, &bundles, installed);
    if !bundles::is_one(path) {
        match found(run, instance, path) {
            Ok(packs) => offers.extend(packs),
            Err(failure) if failure.kind == ErrorKind::NotAPack && !bundles.is_empty() => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(told(run, instance, offers, installed))
}

/// Offers, the highest level first, as the report tells them.
fn told(run: &mut Run<'_>, instance: &Instance, mut offers: Vec<Offer>, installed: &Level) -> Vec<Offer> {
    let rules = &instance.settings.profile.level;
    offers.sort_by(|a, b| rules.order.compare(&b.level, &a.level));
    let view = |offer: &Offer| {
        let is_higher = rules.order.compare(&offer.level, installed).is_gt();
        let is_one_line = rules.is_one_line(&offer.level, installed);
        OfferView {
            product: offer.product.clone(),
            level: offer.level.clone(),
            path: offer.path.clone(),
            newer: is_higher && is_one_line,
            migration: is_higher && !is_one_line,
        }
    };
    run.report.offers = offers.iter().map(view).collect();
    offers
}

/// The packs of the instance's product at a path.
pub(super) fn found(run: &mut Run<'_>, instance: &Instance, path: &Path) -> Result<Vec<Offer>> {
    let settings = &instance.settings;
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
    Ok(found.offers)
}

/// The offer that is wanted; `None` if the installed level is as high as it can get. Without a level that is named nobody leaves
/// the release line.
///
/// # Errors
/// `level-unavailable` or `downgrade`.
fn choose<'a>(
    instance: &Instance,
    offers: &'a [Offer],
    wanted: &Wanted<'_>,
    installed: &Level,
) -> Result<Option<&'a Offer>> {
    let rules = &instance.settings.profile.level;
    let order = rules.order;
    let name = &instance.settings.name;
    let Some(level) = wanted.level else {
        let mut line = offers
            .iter()
            .filter(|offer| rules.is_one_line(&offer.level, installed));
        return Ok(line
            .next()
            .filter(|offer| order.compare(&offer.level, installed).is_gt()));
    };
    if order.compare(level, installed).is_eq() {
        return Ok(None);
    }
    refuse_downgrade(instance, level, installed, wanted.allow_downgrade)?;
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

/// Refuses a level below the installed one unless it is allowed.
pub(super) fn refuse_downgrade(
    instance: &Instance,
    level: &Level,
    installed: &Level,
    is_allowed: bool,
) -> Result<()> {
    let order = instance.settings.profile.level.order;
    if is_allowed || !order.compare(level, installed).is_lt() {
        return Ok(());
    }
    let name = &instance.settings.name;
    let message = format!("level {level} is lower than the installed level {installed} of {name}");
    let hint = "`pitstop rollback` goes back to a kept snapshot; --allow-downgrade installs the lower level as an update";
    Err(Failure::new(ErrorKind::Downgrade, message).hint(hint))
}

/// What the bundles among some offers know of the tree that is installed, where the host does not.
///
/// # Errors
/// Those of a bundle.
pub(super) fn start(run: &mut Run<'_>, instance: &Instance, offers: &[Offer]) -> Result<Option<Shown>> {
    let installed = update::installed_release(instance)?;
    let rules = &instance.settings.profile.level;
    let starts_here = |step: &&Step| step.release.start_at(&installed.level, rules.order).is_some();
    // In their order: the highest level is the one that is wanted mostly, and what leads there holds the texts for it. A level of
    // another line is only wanted by name.
    let (line, others): (Vec<_>, Vec<_>) = offers
        .iter()
        .partition(|offer| rules.is_one_line(&offer.level, &installed.level));
    let firsts = line
        .into_iter()
        .chain(others)
        .filter_map(|offer| offer.bundles.first());
    let mut firsts: Vec<&Step> = firsts.filter(starts_here).collect();
    firsts.dedup();
    for first in firsts {
        if let Some(shown) = bundles::start_of(run, instance, first)? {
            return Ok(Some(shown));
        }
    }
    Ok(None)
}

fn unsigned(path: &Path) -> String {
    format!("{} is not signed; its origin is not proven", path.display())
}

/// Opens an offer and reads its manifest. Bundles may build on the files of an inventory.
pub(super) fn open(
    run: &mut Run<'_>,
    instance: &Instance,
    offer: &Offer,
    inventory: Option<&Inventory>,
) -> Result<Target> {
    let settings = &instance.settings;
    if !offer.bundles.is_empty() {
        return bundles::open(run, instance, offer, inventory);
    }
    let mut source = source::open(&offer.path, &settings.limits, &settings.cache_dir, run.progress)?;
    if !source.is_signed() {
        run.warn(unsigned(&offer.path));
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
        shown: None,
        hotfix: None,
        brought: Owned::default(),
    })
}
