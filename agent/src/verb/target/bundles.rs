//! Bundles as a source: which levels those at a path lead to, over which of them, and how they are opened.

mod web;

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::archive::is_bundle;
use crate::bundle::index::ExtraKind;
use crate::memory::{Remembered, document};
use crate::model::{Digest, Entry, Inventory, Level, RelPath, Release};
use crate::session::Instance;
use crate::source::bundle::{BundleSource, Held, Nothing, start};
use crate::source::vendor_tool::Shown;
use crate::source::{Offer, Source, Step};
use crate::sys::fs;
use crate::sys::root::Root;
use crate::trust::{Envelope, Trust, TrustStore, Verified};

use super::super::bundle::Opened;
use super::super::{Run, update};
use super::{Owned, Target, unsigned};
use web::fetch;
pub(in crate::verb) use web::forget_reached;
pub(super) use web::listed;

/// What a person is told at most.
const STEPS_BYTES: u64 = 64 << 10;

/// A bundle whose signature was decided on.
pub(super) struct Found {
    step: Step,
    bytes: u64,
}

/// The bundles of the instance's product at a path: it itself, or those in the folder; none if the path is neither.
///
/// # Errors
/// Those of a bundle that is named itself; those of others in a folder become warnings.
pub(super) fn found(run: &mut Run<'_>, instance: &Instance, path: &Path) -> Result<Vec<Found>> {
    let product = &instance.settings.profile.name;
    if is_one(path) {
        let found = look(instance, path)?;
        let release = &found.step.release;
        if release.product != *product {
            let message = format!("{} leads to {}, not {product}", path.display(), release.name());
            return Err(Failure::new(ErrorKind::WrongProduct, message)
                .at(path)
                .hint("pass a bundle of the instance's product"));
        }
        return Ok(vec![found]);
    }
    let mut all = Vec::new();
    for entry in fs::list_dir(path).unwrap_or_default() {
        let path = entry.path();
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if is_hidden || !is_one(&path) {
            continue;
        }
        match look(instance, &path) {
            Ok(found) if found.step.release.product == *product => all.push(found),
            Ok(_) => {}
            Err(failure) => run.warn(failure.full_message()),
        }
    }
    Ok(all)
}

/// Whether a file begins as bundles do.
pub(in crate::verb) fn is_one(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file())
        && fs::read_head(path, 64).is_ok_and(|head| is_bundle(&head))
}

fn look(instance: &Instance, path: &Path) -> Result<Found> {
    let opened = believed(instance, path)?;
    Ok(Found {
        bytes: opened.bundle.archive.size(),
        step: Step {
            path: path.to_owned(),
            release: opened.release,
        },
    })
}

/// What bundles offer to whom stands at a level: each level that is reached, over as few bundles as can be, the smaller
/// ones first. One that starts elsewhere is offered too: its contents may be made from other files all the same.
pub(super) fn offers(instance: &Instance, all: &[Found], installed: &Level) -> Vec<Offer> {
    let order = instance.settings.profile.level.order;
    let mut ways: Vec<(Level, Vec<&Found>, u64)> = vec![(installed.clone(), Vec::new(), 0)];
    loop {
        let mut better = Vec::new();
        for found in all {
            let release = &found.step.release;
            let to = &release.to.level;
            let starts = |level: &Level| release.from.is_empty() || release.start_at(level, order).is_some();
            let steps = ways
                .iter()
                .filter(|(level, ..)| starts(level) && order.compare(level, to).is_lt());
            let reached = steps.map(|(_, way, bytes)| {
                // The whole pack needs none before it.
                let (mut way, bytes) = match release.is_full() {
                    true => (Vec::new(), 0),
                    false => (way.clone(), *bytes),
                };
                way.push(found);
                (to.clone(), way, bytes + found.bytes)
            });
            let Some(best) = reached.min_by_key(|(_, way, bytes)| (way.len(), *bytes)) else {
                continue;
            };
            let known = ways.iter().find(|(level, ..)| order.compare(level, to).is_eq());
            if known.is_none_or(|(_, way, bytes)| (best.1.len(), best.2) < (way.len(), *bytes)) {
                better.push(best);
            }
        }
        if better.is_empty() {
            break;
        }
        for best in better {
            ways.retain(|(level, ..)| !order.compare(level, &best.0).is_eq());
            ways.push(best);
        }
    }
    let mut offers: Vec<Offer> = ways.iter().filter_map(|(_, way, _)| offer_of(way)).collect();
    for found in all {
        let is_reached = |offer: &Offer| order.compare(&offer.level, &found.step.release.to.level).is_eq();
        let is_above = order.compare(&found.step.release.to.level, installed).is_gt();
        if is_above && !offers.iter().any(is_reached) {
            offers.extend(offer_of(&[found]));
        }
    }
    offers
}

fn offer_of(way: &[&Found]) -> Option<Offer> {
    let Step { path, release } = &way.last()?.step;
    Some(Offer {
        product: release.product.clone(),
        level: release.to.level.clone(),
        path: path.clone(),
        bundles: way.iter().map(|found| found.step.clone()).collect(),
    })
}

/// Opens the bundles of an offer, and shows what they know of the tree that is installed where the host does not.
pub(super) fn open(
    run: &mut Run<'_>,
    instance: &Instance,
    offer: &Offer,
    inventory: Option<&Inventory>,
) -> Result<Target> {
    let settings = &instance.settings;
    fetch(run, instance, &offer.bundles)?;
    let mut chain = Vec::new();
    for step in &offer.bundles {
        chain.push(still_believed(instance, step)?);
    }
    let last = chain
        .last()
        .ok_or_else(|| Failure::new(ErrorKind::Internal, "an offer of no bundles"))?;
    let is_signed = chain.iter().all(|opened| !opened.signed_by.is_empty());
    let mut resolutions = Vec::new();
    for opened in &chain {
        resolutions.extend(carried(run, opened, is_signed)?);
    }
    let brought = Owned {
        resolutions,
        signed_by: match is_signed {
            true => last.signed_by.iter().copied().collect(),
            false => BTreeSet::new(),
        },
        made: chain.iter().filter_map(|opened| opened.release.made).max(),
        expires: chain.iter().filter_map(|opened| opened.release.expiry()).min(),
        attachments: chain
            .iter()
            .flat_map(|opened| opened.attachments.values().cloned())
            .collect(),
    };
    if !is_signed {
        run.warn(unsigned(&offer.path));
    }
    let tree = last.release.to.tree;
    let shown = match (inventory, chain.first()) {
        (Some(_), Some(first)) => shown(instance, first)?.map(Arc::new),
        _ => None,
    };
    let held: Box<dyn Held> = match inventory {
        Some(inventory) => Box::new(InHome::new(instance, inventory)?),
        None => Box::new(Nothing),
    };
    let bundles = chain.into_iter().map(|opened| opened.bundle).collect();
    let mut source = BundleSource::new(
        bundles,
        tree,
        held,
        is_signed,
        &settings.limits,
        &settings.cache_dir,
    )?;
    let manifest = source.manifest(run.progress)?;
    Ok(Target {
        release: Release {
            product: offer.product.clone(),
            level: offer.level.clone(),
            tree: Some(tree),
        },
        source: Box::new(source),
        manifest,
        shown,
        hotfix: None,
        brought,
    })
}

/// What travels with a bundle for this update: decisions, which count only if they are signed, and words for people.
fn carried(run: &mut Run<'_>, opened: &Opened, is_signed: bool) -> Result<Vec<(Remembered, PathBuf)>> {
    let path = opened.bundle.archive.path();
    let mut decisions = Vec::new();
    for extra in &opened.bundle.index.extras {
        match extra.kind {
            ExtraKind::Hotfix | ExtraKind::Agent => {}
            ExtraKind::ManualSteps => {
                let text = String::from_utf8_lossy(&extra.read(&opened.bundle, STEPS_BYTES)?).into_owned();
                run.warn(format!("{} in {}: {}", extra.name, path.display(), text.trim()));
            }
            ExtraKind::Resolutions if !is_signed => run.warn(format!(
                "the decisions in {} are not used: nobody whom this host believes has signed it",
                path.display()
            )),
            ExtraKind::Resolutions => {
                let bytes = extra.read(&opened.bundle, document::LIMIT)?;
                let parsed = document::parse(&bytes)
                    .map_err(|why| opened.bundle.archive.damaged(&format!("`{}`: {why}", extra.name)))?;
                // The key of another host tells nothing here.
                let usable = parsed.into_iter().filter(|decision| !decision.secret);
                decisions.extend(usable.map(|decision| (decision, path.to_owned())));
            }
        }
    }
    Ok(decisions)
}

/// The tree where a bundle starts, if it is what is installed and the host does not know it.
pub(super) fn start_of(run: &mut Run<'_>, instance: &Instance, step: &Step) -> Result<Option<Shown>> {
    fetch(run, instance, std::slice::from_ref(step))?;
    shown(instance, &still_believed(instance, step)?)
}

fn shown(instance: &Instance, first: &Opened) -> Result<Option<Shown>> {
    let installed = update::installed_release(instance)?;
    if installed.tree.is_some() {
        return Ok(None);
    }
    let order = instance.settings.profile.level.order;
    let Some(tree) = first.release.start_at(&installed.level, order) else {
        return Ok(None);
    };
    let start = start(&first.bundle, tree.tree, &instance.settings.cache_dir)?;
    Ok(start.map(|(manifest, texts)| Shown { manifest, texts }))
}

/// Opens a bundle. Where anybody is trusted with releases, they must have signed it: to take the signatures away must not make
/// of it what the policy allows unsigned. Where nobody is, a signature proves nothing, and the policy decides later.
pub(in crate::verb) fn believed(instance: &Instance, path: &Path) -> Result<Opened> {
    let trust = TrustStore::new(&instance.settings.trust).load()?;
    Opened::new(path, |envelope, shown| decide(&trust, envelope, shown))?.unexpired(trust.now)
}

/// Opens a bundle that was looked at before: what was chosen by that must be what is opened.
fn still_believed(instance: &Instance, step: &Step) -> Result<Opened> {
    let path = &step.path;
    let opened = believed(instance, path)?;
    if opened.release == step.release {
        return Ok(opened);
    }
    let message = format!(
        "{} is not the bundle of {} that was looked at before, but one of {}",
        path.display(),
        step.release.name(),
        opened.release.name()
    );
    Err(Failure::new(ErrorKind::Stale, message)
        .at(path)
        .hint("let nothing else write there, and run again; a web server that says one thing and serves another is not to be trusted"))
}

fn decide(trust: &Trust, envelope: &Envelope, shown: &str) -> Result<Verified> {
    match trust.release.is_named() {
        true => trust.verify_release(envelope, shown),
        false => Ok(envelope.unproven()),
    }
}

/// The files of a home, by what they hold.
struct InHome {
    root: Root,
    paths: HashMap<Digest, RelPath>,
}

impl InHome {
    fn new(instance: &Instance, inventory: &Inventory) -> Result<Self> {
        let root = &instance.root;
        let paths = inventory
            .entries
            .iter()
            .filter_map(|(path, seen)| match seen.entry {
                Entry::File { sha256, .. } => Some((sha256, path.clone())),
                _ => None,
            });
        Ok(Self {
            paths: paths.collect(),
            root: root
                .try_clone()
                .map_err(|error| Failure::io("open the home", root.path(), error))?,
        })
    }
}

impl Held for InHome {
    fn open(&self, digest: &Digest) -> io::Result<Option<File>> {
        self.paths
            .get(digest)
            .map(|path| self.root.open_file(path))
            .transpose()
    }
}
