//! `update`: to a level from a source.

mod bases;
mod manual;
mod plan;

use std::path::PathBuf;

use crate::api::plan::Plan;
use crate::api::report::{Action, Report, Status};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::journal::{Journal, Mark};
use crate::apply::preflight;
use crate::apply::stage::Contents;
use crate::config::Settings;
use crate::memory::Remembered;
use crate::model::{Inventory, Level, Progress, Release};
use crate::session::{Instance, Session};
use crate::source::Offer;

use super::conflicts::remember::{self, recall};
use super::conflicts::{self, Waiting};
use super::server::Server;
use super::target::{self, Place, Target, Wanted};
use super::{Run, adopt, recover, report_on, road, server, settle, vendor_tool, view};
use bases::{keep_merge_bases, keep_shown};
use plan::{Answering, Made, make_plan};

/// How to update.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where from; the instance's source without it.
    pub from: Option<PathBuf>,
    /// To which level; the highest offered without it.
    pub level: Option<Level>,
    /// Only plan.
    pub dry_run: bool,
    /// The plan that must come out.
    pub plan: Option<String>,
    /// Prepare everything and leave it for a later run.
    pub stage_only: bool,
    /// Go on with the conflicts that a person resolved.
    pub resume: bool,
    /// Whether a lower level is accepted.
    pub allow_downgrade: bool,
    /// Whether a release that failed here may be tried again.
    pub release_hold: bool,
    /// Whether decisions about conflicts that are remembered are left out.
    pub no_remembered: bool,
    /// The manual steps that a person acknowledges, by id.
    pub acknowledge: Vec<String>,
}

/// Runs the verb.
pub fn update(name: &str, settings: Result<Settings>, options: &Options, progress: &dyn Progress) -> Report {
    report_on(Action::Update, name, settings, progress, |run, settings| {
        run.report.dry_run = options.dry_run;
        if options.dry_run {
            dry_run(run, settings, options)
        } else {
            work(run, settings, options)
        }
    })
}

/// A dry run locks nothing and leaves nothing: it may run beside anything.
fn dry_run(run: &mut Run<'_>, settings: Settings, options: &Options) -> Result<()> {
    let instance = Instance::open(settings)?;
    super::refuse_interrupted(&instance)?;
    let installed = installed_release(&instance)?;
    let (options, waiting) = resumed(&instance, options)?;
    let place = target::place(run, &instance, options.from.as_deref(), &installed.level)?;
    let (before, inventory, server) = view::observe(run, &instance)?;
    run.report.before = Some(before);
    let wanted = Wanted::of(&options);
    let Some(mut target) = target::reach(run, &instance, &place, &wanted, &installed, &inventory)? else {
        return current(run, &installed);
    };
    refuse_held(&instance, &target.release, options.release_hold)?;
    let mut origin = origin(run, &instance, place.offers(), &installed)?;
    let answering = answering(run, &instance, waiting.as_ref(), &options);
    let made = make_plan(
        run,
        &instance,
        inventory,
        &server,
        &mut target,
        origin.as_mut(),
        answering,
    )?;
    super::demand_plan(options.plan.as_deref(), &made.plan)?;
    preflight::check(&instance, &made.plan)?;
    run.report.conflicts = conflicts::views(&made.plan);
    manual::refuse_unacknowledged(&made.plan, &options.acknowledge)?;
    refuse_conflicts(run, &made.plan)?;
    let message = format!(
        "would update from {} to {}",
        installed.level, target.release.level
    );
    run.done(Status::Planned, true, message);
    Ok(())
}

/// What an update would bring and what would stop it, for `check`. Returns the release that it would lead to.
pub(super) fn predict(
    run: &mut Run<'_>,
    instance: &Instance,
    inventory: Inventory,
    server: &Server,
    options: &super::check::Options,
) -> Result<Option<Release>> {
    let installed = installed_release(instance)?;
    let place = target::place(run, instance, options.from.as_deref(), &installed.level)?;
    if let (Place::Tool(tool), None) = (&place, &options.from) {
        return vendor_tool::list(run, instance, tool, &installed);
    }
    let wanted = Wanted {
        level: options.level.as_ref(),
        allow_downgrade: false,
    };
    let Some(mut target) = target::reach(run, instance, &place, &wanted, &installed, &inventory)? else {
        return Ok(None);
    };
    let mut origin = origin(run, instance, place.offers(), &installed)?;
    let memory = recall(run, &instance.settings.memory, options.no_remembered);
    let made = make_plan(
        run,
        instance,
        inventory,
        server,
        &mut target,
        origin.as_mut(),
        Answering {
            waiting: None,
            memory,
        },
    )?;
    run.report.conflicts = conflicts::views(&made.plan);
    let blockers = [
        refuse_held(instance, &target.release, false),
        preflight::check(instance, &made.plan),
        manual::refuse_unacknowledged(&made.plan, &[]),
    ];
    for failure in blockers.into_iter().filter_map(Result::err) {
        run.report.blockers.push((&failure).into());
    }
    Ok(Some(target.release))
}

/// The pristine pack at the installed level, where the state does not know it and the source holds it.
fn origin(
    run: &mut Run<'_>,
    instance: &Instance,
    offers: &[Offer],
    installed: &Release,
) -> Result<Option<Target>> {
    match predecessor(offers, installed) {
        Some(offer) if installed.tree.is_none() => target::open(run, instance, offer).map(Some),
        _ => Ok(None),
    }
}

fn work(run: &mut Run<'_>, settings: Settings, options: &Options) -> Result<()> {
    let mut session = Session::begin(settings, Action::Update)?;
    recover::recover(run, &mut session, true)?;
    let recovered = run.report.changed;
    let (options, waiting) = resumed(&session, options)?;
    let installed = installed_release(&session)?;
    let place = target::place(run, &session, options.from.as_deref(), &installed.level)?;
    let pristine = predecessor(place.offers(), &installed);
    if session.state.installed.is_none() {
        run.warn("the pack was not adopted before; it is now");
        adopt::take_over(run, &mut session, pristine)?;
    } else if installed.tree.is_none() {
        adopt::learn(run, &mut session, pristine)?;
    }
    let installed = installed_release(&session)?;
    let (before, inventory, server) = view::observe(run, &session)?;
    run.report.before = Some(before);
    let wanted = Wanted::of(&options);
    let Some(mut target) = target::reach(run, &session, &place, &wanted, &installed, &inventory)? else {
        current(run, &installed)?;
        run.report.changed = recovered;
        return Ok(());
    };
    keep_shown(&session, &target)?;
    refuse_held(&session, &target.release, options.release_hold)?;
    let answering = answering(run, &session, waiting.as_ref(), &options);
    let made = make_plan(run, &session, inventory, &server, &mut target, None, answering)?;
    super::demand_plan(options.plan.as_deref(), &made.plan)?;
    preflight::check(&session, &made.plan)?;
    manual::refuse_unacknowledged(&made.plan, &options.acknowledge)?;
    if !made.plan.conflicts.is_empty() {
        let waiting = Waiting {
            from: place.path_to(&target),
            level: target.release.level.clone(),
            conflicts: made.plan.conflicts.clone(),
            no_remembered: options.no_remembered,
        };
        run.report.conflicts = conflicts::leave(&session, &waiting, target.source.as_mut())?;
    }
    refuse_conflicts(run, &made.plan)?;
    let decided = remember::remember(run, &session, &made.fresh)?;
    carry_out(
        run,
        &mut session,
        &made,
        &mut target,
        &server,
        options.stage_only,
        decided,
    )
}

fn answering<'a>(
    run: &mut Run<'_>,
    instance: &Instance,
    waiting: Option<&'a Waiting>,
    options: &Options,
) -> Answering<'a> {
    Answering {
        waiting,
        memory: recall(run, &instance.settings.memory, options.no_remembered),
    }
}

fn carry_out(
    run: &mut Run<'_>,
    session: &mut Session,
    made: &Made,
    target: &mut Target,
    server: &Server,
    stage_only: bool,
    decided: Vec<Remembered>,
) -> Result<()> {
    let (from, to) = (made.plan.from.level.clone(), made.plan.to.level.clone());
    let serving = server.is_running();
    let running = server.is_wanted() && server::is_controlled(&session.settings);
    let baseline = if serving {
        server::baseline(run, session, server)?
    } else {
        server::Baseline::new()
    };
    if target.release.tree.is_some() {
        session.store.keep_manifest(&target.manifest)?;
    }
    let live = match parked(session, &made.plan)? {
        Some((begin, journal)) if !stage_only => {
            run.report.transaction = Some(begin.transaction.clone());
            road::make_live(run, session, &begin, journal)?;
            true
        }
        Some(_) => false,
        None => {
            keep_merge_bases(session, &made.plan, target.source.as_mut())?;
            let change = road::Change {
                plan: &made.plan,
                running,
                baseline,
                because: None,
                park: stage_only,
                live: false,
                config: None,
            };
            let mut contents = Contents {
                source: Some(target.source.as_mut()),
                merged: &made.merged,
            };
            road::drive(run, session, change, &mut contents)?
        }
    };
    if !live {
        run.done(
            Status::Staged,
            true,
            format!("{to} is staged; run again without --stage-only to make it live"),
        );
        return Ok(());
    }
    remember::note_transaction(run, session, decided);
    settle::settle(run, session)?;
    conflicts::clear(session)?;
    let product = &made.plan.to.product;
    let message = if running {
        let stopped = run.report.timing.stopped_ms;
        format!(
            "{product} {from} -> {to}, stopped for {}.{} s",
            stopped / 1000,
            stopped % 1000 / 100
        )
    } else {
        format!("{product} {from} -> {to}; the server was not running and was not started")
    };
    run.done(Status::Updated, true, message);
    Ok(())
}

/// The settings of an update that waits for a person, if it is to go on.
fn resumed(instance: &Instance, options: &Options) -> Result<(Options, Option<Waiting>)> {
    if !options.resume {
        return Ok((options.clone(), None));
    }
    let waiting = conflicts::waiting(instance)?.ok_or_else(|| {
        let message = format!(
            "no update of {} waits for conflicts to be resolved",
            instance.settings.name
        );
        Failure::new(ErrorKind::Usage, message).hint("run `pitstop update` without --continue")
    })?;
    let mut options = options.clone();
    options.from = options.from.or_else(|| waiting.from.clone());
    options.level = options.level.or_else(|| Some(waiting.level.clone()));
    options.no_remembered |= waiting.no_remembered;
    Ok((options, Some(waiting)))
}

pub(super) fn installed_release(instance: &Instance) -> Result<Release> {
    let installed = instance.state.installed.as_ref();
    installed.map_or_else(
        || view::detected(instance),
        |installed| Ok(installed.release.clone()),
    )
}

/// The offer of the installed level itself: its pristine files are the base of every merge.
fn predecessor<'a>(offers: &'a [Offer], installed: &Release) -> Option<&'a Offer> {
    offers.iter().find(|offer| offer.level == installed.level)
}

fn current(run: &mut Run<'_>, installed: &Release) -> Result<()> {
    run.done(
        Status::Current,
        false,
        format!("{installed} is installed; there is nothing to do"),
    );
    Ok(())
}

fn refuse_held(instance: &Instance, release: &Release, allowed: bool) -> Result<()> {
    match instance.state.hold_on(release) {
        Some(hold) if !allowed => {
            let message = format!(
                "{release} is held on this host since {}: {}",
                hold.since, hold.reason
            );
            Err(Failure::new(ErrorKind::Held, message).hint(format!(
                "give a newer level, or run `pitstop update {} --release-hold` once the cause is gone",
                instance.settings.name
            )))
        }
        _ => Ok(()),
    }
}

fn refuse_conflicts(run: &Run<'_>, plan: &Plan) -> Result<()> {
    let Some(first) = plan.conflicts.first() else {
        return Ok(());
    };
    let count = plan.conflicts.len();
    let message = format!(
        "{count} of the update's paths need a person, the first is {}: {}",
        first.path, first.message
    );
    let final_file = run
        .report
        .conflicts
        .first()
        .and_then(|view| view.final_file.as_ref());
    let hint = final_file.map_or_else(
        || "run `pitstop update` to get the three sides of each as files".to_owned(),
        |file| {
            format!(
                "decide with `pitstop conflicts resolve {name}`, or write the wanted content to {} and so on, then run \
                 `pitstop update {name} --continue`",
                file.display(),
                name = plan.instance
            )
        },
    );
    Err(Failure::new(ErrorKind::Conflicts, message)
        .at(first.path.under(&plan.home))
        .hint(hint))
}

/// The transaction that an earlier run staged, if it is of this very plan; any other is undone.
fn parked(session: &mut Session, plan: &Plan) -> Result<Option<(crate::apply::journal::Begin, Journal)>> {
    let Some(open) = session.open_journal()? else {
        return Ok(None);
    };
    if open.mark == Some(Mark::Parked) && open.begin.plan.id == plan.id {
        let journal = Journal::append_to(&session.store.journal_file())?;
        return Ok(Some((open.begin, journal)));
    }
    crate::apply::seal::discarded(session, &open.begin)?;
    Ok(None)
}
