//! `adopt`: take over a pack that pitstop did not install, with or without its pristine files.

mod behind;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;

use crate::api::report::{Action, Report, Status};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::owner;
use crate::config::Settings;
use crate::merge::text::{LIMIT, is_text};
use crate::model::{Class, Digest, Entry, Progress, RelPath, Release};
use crate::session::{Instance, Session};
use crate::source::vendor_tool::Shown;
use crate::source::{self, Offer, Source};
use crate::store::state::Installed;
use crate::store::texts::may_be_text;
use crate::sys::clock::now_rfc3339;

use super::update::keep_shown;
use super::{Run, recover, report_on, road, settle, target, view};

/// How to adopt.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The pristine pack at the installed level.
    pub pristine: Option<PathBuf>,
    /// Leave a pack alone that was taken over before.
    pub once: bool,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// Runs the verb. On an adopted instance it accepts the vendor files as they are now, unless it is to be done once.
pub fn adopt(name: &str, settings: Result<Settings>, options: &Options, progress: &dyn Progress) -> Report {
    report_on(Action::Adopt, name, settings, progress, |run, settings| {
        work(run, settings, options)
    })
}

fn work(run: &mut Run<'_>, settings: Settings, options: &Options) -> Result<()> {
    run.report.dry_run = options.dry_run;
    let mut session = run.begin(settings)?;
    if options.dry_run {
        super::refuse_interrupted(&session)?;
    } else {
        recover::recover(run, &mut session, true)?;
    }
    let detected = view::detected(&session)?;
    let recovered = run.report.changed;
    let (before, ..) = view::observe(run, &session)?;
    run.report.before = Some(before);
    if options.once && session.state.installed.is_some() {
        let message = format!("{detected} was taken over before; there is nothing to do");
        run.done(Status::Current, recovered, message);
        return Ok(());
    }
    let pristine = options
        .pristine
        .as_deref()
        .map(|path| pristine_offer(run, &session, path, &detected))
        .transpose()?;
    let known_before = session.state.installed.clone();
    if options.dry_run {
        refuse_hotfixed(&session, &detected, pristine.as_ref().map(Pristine::Pack))?;
        let tree = pristine
            .map(|offer| presume(run, &session, &offer, []))
            .transpose()?;
        accept(run, &mut session, detected.clone(), tree)?;
        let message = match known_before {
            None => "would take over",
            Some(_) => "would accept the vendor files as they are of",
        };
        let changed = differs(known_before.as_ref(), &session);
        run.done(Status::Planned, changed, format!("{message} {detected}"));
        return Ok(());
    }
    take_over(run, &mut session, pristine.as_ref().map(Pristine::Pack))?;
    run.report.after = Some(view::observe(run, &session)?.0);
    let changed = differs(known_before.as_ref(), &session);
    run.done(Status::Adopted, changed, format!("{detected} is taken over"));
    Ok(())
}

/// Whether the state tells anything else of the vendor's files than before.
fn differs(before: Option<&Installed>, session: &Session) -> bool {
    match (before, &session.state.installed) {
        (Some(a), Some(b)) => a.release != b.release || a.accepted != b.accepted,
        _ => true,
    }
}

/// The pristine pack of the installed release.
fn pristine_offer(
    run: &mut Run<'_>,
    session: &Session,
    path: &std::path::Path,
    detected: &Release,
) -> Result<Offer> {
    let offers = target::offers(run, session, path, &detected.level)?;
    offers
        .into_iter()
        .find(|offer| offer.level == detected.level)
        .ok_or_else(|| {
            let message = format!(
                "{} is not the pristine pack of {detected}, which is installed",
                path.display()
            );
            Failure::new(ErrorKind::LevelUnavailable, message)
                .at(path)
                .hint("give the pack of exactly the installed level")
        })
}

/// From where the vendor's files at the installed level are known.
#[derive(Clone, Copy)]
pub(super) enum Pristine<'a> {
    /// The pack itself.
    Pack(&'a Offer),
    /// Bundles that start there: the manifest, and the texts that they change.
    Start(&'a Shown),
}

/// Takes the pack over as it stands.
pub(super) fn take_over(
    run: &mut Run<'_>,
    session: &mut Session,
    pristine: Option<Pristine<'_>>,
) -> Result<()> {
    let detected = view::detected(session)?;
    let kept = owner::take_over(session)?;
    road::tell_kept(run, session, &kept);
    refuse_hotfixed(session, &detected, pristine)?;
    let tree = match pristine {
        Some(Pristine::Pack(offer)) => Some(keep_pristine(run, session, offer)?),
        Some(Pristine::Start(shown)) => Some(keep_start(session, shown)?),
        None => None,
    };
    let snapshots = session.state.snapshots.len();
    accept(run, session, detected, tree)?;
    if session.state.snapshots.len() < snapshots {
        let kept = owner::keep_unknown(session)?;
        road::tell_kept(run, session, &kept);
    }
    session.store.save(&session.state)
}

/// What the state says of the level that is there.
fn known<'a>(instance: &'a Instance, detected: &Release) -> Option<&'a Installed> {
    let installed = instance.state.installed.as_ref();
    installed.filter(|installed| installed.release.level == detected.level)
}

/// Lets the state say, without saving it, that the pack is taken over as it stands. `tree` is that of its pristine files, where
/// more is known of them than before.
fn accept(
    run: &mut Run<'_>,
    session: &mut Session,
    mut release: Release,
    tree: Option<Digest>,
) -> Result<()> {
    let inventory = view::scan(run, session, false)?;
    behind::forget_other_level(run, session, &release);
    if known(session, &release).is_some() {
        behind::forget_hotfixes(run, session, &inventory)?;
    }
    let known = known(session, &release);
    let hotfixes = known.map_or_else(Vec::new, |installed| installed.hotfixes.clone());
    release.tree = tree.or_else(|| known?.release.tree);
    if release.tree.is_none() {
        run.warn(format!(
            "the vendor's original files of {release} are not known: what you changed in vendor files cannot be told, and \
             config files that an update changes too will need you; give --pristine, or a source that holds this level"
        ));
    }
    let verified = known.is_some_and(|installed| installed.verified);
    let since = known.map_or_else(now_rfc3339, |installed| installed.since.clone());
    session.state.format = 1;
    session.state.installed = Some(Installed {
        release,
        since,
        verified,
        accepted: Default::default(),
        hotfixes,
    });
    let accepted = settle::deviations(session, &inventory)?.into_iter().collect();
    if let Some(installed) = &mut session.state.installed {
        installed.accepted = accepted;
    }
    Ok(())
}

fn refuse_hotfixed(instance: &Instance, detected: &Release, pristine: Option<Pristine<'_>>) -> Result<()> {
    let on = known(instance, detected).and_then(|known| known.hotfixes.first());
    let (Some(first), Some(_)) = (on, pristine) else {
        return Ok(());
    };
    let (name, first) = (&instance.settings.name, &first.name);
    let message = format!("{first} is on {name}: its files are not those of the vendor's pack");
    Err(Failure::new(ErrorKind::Hotfix, message).hint(format!(
        "the pristine files are known already; run `pitstop adopt {name}` without --pristine, or revert the hotfixes first"
    )))
}

/// What a bundle says of the tree where it starts.
fn keep_start(session: &Session, shown: &Shown) -> Result<Digest> {
    keep_shown(session, shown)?;
    session.store.keep_manifest(&shown.manifest)
}

fn open(run: &Run<'_>, instance: &Instance, offer: &Offer) -> Result<Box<dyn Source>> {
    let settings = &instance.settings;
    source::open(&offer.path, &settings.limits, &settings.cache_dir, run.progress)
}

/// Whether the text of a pristine file is kept: what merges may need one day.
pub(super) fn is_kept(instance: &Instance, path: &RelPath, entry: &Entry) -> bool {
    let class = instance.ownership.class_of(path);
    entry.sha256().is_some()
        && matches!(class, Class::Vendor | Class::Config)
        && may_be_text(path, entry.size())
}

/// The same as taking a pristine pack over, for a run that keeps nothing: of its texts only some are wanted.
pub(super) fn presume<'p>(
    run: &Run<'_>,
    instance: &Instance,
    offer: &Offer,
    wanted: impl IntoIterator<Item = &'p RelPath>,
) -> Result<Digest> {
    let mut source = open(run, instance, offer)?;
    let manifest = source.manifest(run.progress)?;
    let mut texts = Vec::new();
    for path in wanted {
        let entry = manifest.entries.get(path);
        if entry.is_some_and(|entry| is_kept(instance, path, entry)) {
            texts.push(source.read(path, LIMIT)?);
        }
    }
    texts.retain(|text| is_text(text));
    Ok(instance.store.presume(manifest, texts))
}

fn keep_pristine(run: &mut Run<'_>, session: &Session, offer: &Offer) -> Result<Digest> {
    let mut source = open(run, session, offer)?;
    let manifest = source.manifest(run.progress)?;
    let entries = manifest.entries.iter();
    let texts: BTreeSet<RelPath> = entries
        .filter(|(path, entry)| is_kept(session, path, entry))
        .map(|(path, _)| path.clone())
        .collect();
    keep_texts(session, source.as_mut(), &texts)?;
    session.store.keep_manifest(&manifest)
}

fn keep_texts(session: &Session, source: &mut dyn Source, texts: &BTreeSet<RelPath>) -> Result<()> {
    let sink = |path: &RelPath, reader: &mut dyn Read| {
        let mut bytes = Vec::new();
        reader
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::io("read from the source", path, error))?;
        session.store.keep_text(&Digest::of(&bytes), &bytes)
    };
    source.extract(texts, &sink)?;
    session.store.sync_texts()
}
