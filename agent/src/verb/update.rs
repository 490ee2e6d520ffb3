//! `update`: to a level from a source.

mod bases;
mod carry;
mod in_place;
pub(super) mod manual;
mod options;
mod origin;
pub(super) mod plan;
mod refusals;

use crate::api::report::{Action, Report, Status};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::preflight;
use crate::config::Settings;
use crate::memory::{Memory, Remembered};
use crate::model::{Inventory, Progress, Release};
use crate::session::{Instance, Session};
use crate::sys::interrupt;

use super::conflicts::remember::{self, recall};
use super::conflicts::{self, Waiting};
use super::rollout;
use super::server::Server;
use super::target::{self, Place, Target, Wanted};
use super::{Run, absolute, gate, hotfix, recover, report_on, server, vendor_tool, view};
pub(super) use bases::keep_shown;
pub(super) use carry::{Carried, How, carry_out};
pub use options::Options;
use origin::{learn, origin};
use plan::{Answering, Made, make_plan};
use refusals::refuse_held_release;
pub(super) use refusals::{leave_conflicts, refuse_conflicts, refuse_held};

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
    hotfix::refuse_unknown(&instance, &options.not_superseded)?;
    vendor_tool::refuse_its_hotfixes(&instance)?;
    let installed = installed_release(&instance)?;
    let options = resumed(&instance, options)?;
    let place = target::place(run, &instance, options.from.as_deref(), &installed.level)?;
    let (before, inventory, server) = view::observe(run, &instance)?;
    run.report.before = Some(before);
    server::refuse_tool_at_work(&server)?;
    if options.in_place {
        return in_place::dry_run(run, &instance, &place, &options, (&inventory, &server));
    }
    let wanted = Wanted::of(&options);
    let Some(mut target) = target::reach(run, &instance, &place, &wanted, &installed, &inventory)? else {
        return current(run, &installed);
    };
    let command = options.command(&instance);
    refuse_held(&instance, &target, options.release_hold, &command)?;
    options.admit_server(run, &instance, &server)?;
    let mut origin = origin(run, &instance, place.offers(), &installed)?;
    let answering = answering(run, &instance, &options, &target);
    let made = make_plan(
        run,
        &instance,
        inventory,
        &server,
        &mut target,
        origin.as_mut(),
        answering,
    )?;
    run.report.conflicts = conflicts::views(&made.plan);
    super::demand_plan(options.plan.as_deref(), &made.plan)?;
    rollout::admit(run, &instance, &options.gates(&instance))?;
    gate::admit(run, &instance, &target.release, &target.brought())?;
    hotfix::refuse_ending(&instance, &made.plan, &options.not_superseded)?;
    preflight::check(&instance, &made.plan)?;
    manual::refuse_unacknowledged(&made.plan, &options.acknowledge, &command)?;
    refuse_conflicts(run, &made.plan, "")?;
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
    vendor_tool::refuse_its_hotfixes(instance)?;
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
    let memory = recalled(run, instance, options.no_remembered, &target);
    let made = make_plan(
        run,
        instance,
        inventory,
        server,
        &mut target,
        origin.as_mut(),
        Answering {
            resumes: false,
            memory,
        },
    )?;
    run.report.conflicts = conflicts::views(&made.plan);
    let update = Options {
        from: options.from.clone(),
        level: options.level.clone(),
        no_remembered: options.no_remembered,
        ..Options::default()
    };
    let command = update.command(instance);
    let blockers = [
        gate::missing(run, instance, &target.release, &target.brought()),
        refuse_held(instance, &target, false, &command),
        server::refuse_tool_at_work(server),
        server::refuse_uncontrolled(&instance.settings, server),
        server::refuse_restart(instance, server),
        hotfix::refuse_ending(instance, &made.plan, &[]),
        preflight::predict(instance, &made.plan),
        manual::refuse_unacknowledged(&made.plan, &[], &command),
    ];
    let blockers = blockers.into_iter().filter_map(Result::err);
    for failure in blockers.chain(rollout::blockers(instance, update.ahead(instance).as_deref())) {
        run.report.blockers.push((&failure).into());
    }
    Ok(Some(target.release))
}

fn work(run: &mut Run<'_>, settings: Settings, options: &Options) -> Result<()> {
    let mut session = run.begin(settings)?;
    recover::recover(run, &mut session, true)?;
    let recovered = run.report.changed;
    hotfix::refuse_unknown(&session, &options.not_superseded)?;
    vendor_tool::refuse_its_hotfixes(&session)?;
    let options = resumed(&session, options)?;
    let installed = installed_release(&session)?;
    let place = target::place(run, &session, options.from.as_deref(), &installed.level)?;
    // As early as can be: nothing is read of a source, and no tool is run, for a change that may not go.
    if place.leads_on(&session, &Wanted::of(&options), &installed.level) {
        rollout::admit(run, &session, &options.gates(&session))?;
    }
    if installed.tree.is_none() {
        learn(run, &mut session, place.offers(), &installed)?;
    }
    let installed = installed_release(&session)?;
    let (before, inventory, server) = view::observe(run, &session)?;
    run.report.before = Some(before);
    server::refuse_tool_at_work(&server)?;
    let mut asked = Asked {
        place,
        installed,
        server,
        options,
    };
    if asked.options.in_place {
        let is_done = in_place::work(run, &mut session, &mut asked, &inventory)?;
        run.report.changed |= recovered && !is_done;
        return Ok(());
    }
    let wanted = Wanted::of(&asked.options);
    let reached = target::reach(run, &session, &asked.place, &wanted, &asked.installed, &inventory)?;
    let Some(mut target) = reached else {
        current(run, &asked.installed)?;
        run.report.changed = recovered;
        return Ok(());
    };
    rollout::admit(run, &session, &asked.options.gates(&session))?;
    gate::admit(run, &session, &target.release, &target.brought())?;
    interrupt::go_on()?;
    let (made, decided) = decide(run, &session, &asked, inventory, &mut target)?;
    let Asked { server, options, .. } = asked;
    let how = How {
        stage_only: options.stage_only,
        gates: options.gates(&session),
    };
    match carry_out(run, &mut session, &made, &mut target, &server, how, decided)? {
        Carried::Live(live) => {
            live.done(run, &made.plan);
            target::bundles::forget_reached(&session);
        }
        Carried::Staged { anew } => {
            let already = if anew { "" } else { " already" };
            let level = &target.release.level;
            let staged =
                format!("{level} is staged{already}; run again without --stage-only to make it live");
            run.done(Status::Staged, anew || recovered, staged);
        }
    }
    Ok(())
}

/// What an update was asked for, and what it starts from.
struct Asked {
    place: Place,
    installed: Release,
    /// As it was when the update began.
    server: Server,
    options: Options,
}

/// From what was reached to a plan that nothing speaks against, and what people decided for it.
fn decide(
    run: &mut Run<'_>,
    session: &Session,
    asked: &Asked,
    inventory: Inventory,
    target: &mut Target,
) -> Result<(Made, Vec<Remembered>)> {
    let options = &asked.options;
    if let Some(shown) = &target.shown {
        keep_shown(session, shown)?;
    }
    let command = options.command(session);
    refuse_held(session, target, options.release_hold, &command)?;
    options.admit_server(run, session, &asked.server)?;
    let answering = answering(run, session, options, target);
    let mut made = make_plan(run, session, inventory, &asked.server, target, None, answering)?;
    if options.in_place {
        made.plan = crate::plan::in_place::mark(made.plan)?;
        run.report.plan = Some(made.plan.clone());
    }
    super::demand_plan(options.plan.as_deref(), &made.plan)?;
    hotfix::refuse_ending(session, &made.plan, &options.not_superseded)?;
    preflight::check(session, &made.plan)?;
    manual::refuse_unacknowledged(&made.plan, &options.acknowledge, &command)?;
    interrupt::go_on()?;
    let waiting = Waiting {
        from: options.from.as_deref().map(absolute),
        level: target.release.level.clone(),
        conflicts: made.plan.conflicts.clone(),
        no_remembered: options.no_remembered,
        hotfix: false,
        carried: None,
        in_place: options.in_place,
        stage_only: options.stage_only,
    };
    leave_conflicts(run, session, &made, waiting, target)?;
    let decided = remember::remember(run, session, &made.fresh)?;
    Ok((made, decided))
}

fn answering(run: &mut Run<'_>, instance: &Instance, options: &Options, target: &Target) -> Answering {
    Answering {
        resumes: options.resume,
        memory: recalled(run, instance, options.no_remembered, target),
    }
}

/// What this host remembers, and what travels with the update.
fn recalled(run: &mut Run<'_>, instance: &Instance, ignored: bool, target: &Target) -> Memory {
    let mut memory = recall(run, &instance.settings.memory, ignored);
    if !ignored {
        target.remind(&mut memory);
    }
    memory
}

/// The settings of an update that waits for a person, if it is to go on.
fn resumed(instance: &Instance, options: &Options) -> Result<Options> {
    if !options.resume {
        return Ok(options.clone());
    }
    let waiting = conflicts::waiting(instance)?.ok_or_else(|| {
        let message = format!(
            "no update of {} waits for conflicts to be resolved",
            instance.settings.name
        );
        Failure::new(ErrorKind::Usage, message).hint("run `pitstop update` without --continue")
    })?;
    if waiting.hotfix {
        let message = format!("a hotfix of {} waits, and no update", instance.settings.name);
        let command = waiting.command(&instance.settings.name);
        return Err(Failure::new(ErrorKind::Usage, message).hint(format!("run `{command}`")));
    }
    let mut options = options.clone();
    options.from = options.from.or_else(|| waiting.from.clone());
    options.level = options.level.or_else(|| Some(waiting.level.clone()));
    options.no_remembered |= waiting.no_remembered;
    options.in_place |= waiting.in_place;
    refuse_ahead(instance, &options, &waiting)?;
    Ok(options)
}

/// What the vendor's tool does in the home itself cannot be staged, nor is its plan known before.
fn refuse_ahead(instance: &Instance, options: &Options, waiting: &Waiting) -> Result<()> {
    let option = match (options.stage_only, &options.plan) {
        (true, _) => "--stage-only",
        (false, Some(_)) => "--plan",
        (false, None) => return Ok(()),
    };
    if !options.in_place {
        return Ok(());
    }
    let name = &instance.settings.name;
    let message = format!(
        "{option} does not fit the update of {name} that waits: the vendor's tool works in the home itself, with the server stopped"
    );
    let command = waiting.command(name);
    Err(Failure::new(ErrorKind::Usage, message)
        .hint(format!("run `{command}` when the server may be stopped")))
}

pub(super) fn installed_release(instance: &Instance) -> Result<Release> {
    let installed = instance.state.installed.as_ref();
    installed.map_or_else(
        || view::detected(instance),
        |installed| Ok(installed.release.clone()),
    )
}

fn current(run: &mut Run<'_>, installed: &Release) -> Result<()> {
    if let Some(other) = run.report.offers.iter().find(|offer| offer.migration) {
        let level = &other.level;
        run.warn(format!(
            "{level} is offered, too, and is of another release line than {}: that is a migration, and is only made to a level \
             that is named with --level",
            installed.level
        ));
    }
    run.done(
        Status::Current,
        false,
        format!("{installed} is installed; there is nothing to do"),
    );
    Ok(())
}
