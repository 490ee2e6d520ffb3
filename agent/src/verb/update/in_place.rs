//! An update for which the vendor's tool works in the home itself. It is given the same to see as on a copy, with a snapshot
//! around it: what it made is taken out, everything is put back as it was, and the update goes on like any other. So the
//! journal knows the way back from wherever a run dies.

use crate::api::plan::Plan;
use crate::api::report::{Action, Outcome, Status};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::journal::{Begin, Journal, Mark};
use crate::apply::stage::Contents;
use crate::apply::{in_place, preflight, seal};
use crate::memory::Remembered;
use crate::model::{Inventory, Level, Release};
use crate::plan;
use crate::session::{Instance, Session};
use crate::source::vendor_tool::Stood;
use crate::sys::clock::now_rfc3339;
use crate::sys::interrupt::Beyond;

use super::super::gate::{self, Brought};
use super::super::server::{Ahead, Server};
use super::super::target::{self, Place, Target, Wanted};
use super::super::{Run, common, road, rollout, server, told, vendor_tool, view};
use super::bases::keep_merge_bases;
use super::plan::Made;
use super::{Asked, Options, carry, current, decide, installed_release};

/// Says what would be done, as far as it is known without the tool.
pub(super) fn dry_run(
    run: &mut Run<'_>,
    instance: &Instance,
    place: &Place,
    options: &Options,
    (inventory, server): (&Inventory, &Server),
) -> Result<()> {
    let installed = installed_release(instance)?;
    let Some(to) = goal(run, instance, place, options, &installed)? else {
        return current(run, &installed);
    };
    let plan = outlined(run, instance, (&installed, &to), (inventory, server))?;
    rollout::admit(run, instance, &options.gates(instance))?;
    gate::admit(run, instance, &to, &Brought::default())?;
    let message = format!(
        "would stop the server, let the vendor's tool update {} itself from {} to {}, and start the server; which files that \
         changes is known then",
        plan.home.display(),
        installed.level,
        to.level
    );
    run.done(Status::Planned, true, message);
    Ok(())
}

/// Updates in the home itself; `false` if there is nothing to do.
pub(super) fn work(
    run: &mut Run<'_>,
    session: &mut Session,
    asked: &mut Asked,
    inventory: &Inventory,
) -> Result<bool> {
    let Some(to) = goal(run, session, &asked.place, &asked.options, &asked.installed)? else {
        current(run, &asked.installed)?;
        return Ok(false);
    };
    let plan = outlined(run, session, (&asked.installed, &to), (inventory, &asked.server))?;
    rollout::admit(run, session, &asked.options.gates(session))?;
    gate::admit(run, session, &to, &Brought::default())?;
    if let Some(parked) = session.open_journal()? {
        seal::discarded(session, &parked.begin)?;
    }
    let mut begin = begin(run, session, asked, plan)?;
    let mut journal = Journal::begin(&session.store.journal_file(), begin.clone())?;
    let claimed = road::claim(run, session, &begin.plan);
    let gates = asked.options.gates(session);
    let entered = claimed.and_then(|()| rollout::slot::enter(run, session, &begin, &gates));
    if let Err(failure) = entered {
        return Err(road::abandon(session, &begin, failure));
    }
    let _beyond = Beyond::begin();
    if let Err(failure) = road::stop(run, session, &begin, &mut journal) {
        return Err(road::give_up(run, session, &begin, failure));
    }
    let held = match snapshot(run, session, &begin).and_then(|held| journal.in_place(&held).map(|()| held)) {
        Ok(held) => held,
        Err(failure) => return Err(road::give_up(run, session, &begin, failure)),
    };
    let inventory = view::scan(run, session, false);
    let reached = inventory
        .and_then(|inventory| Ok((reach(run, session, asked, &begin, &held, &inventory)?, inventory)));
    // Whatever came of it. If this fails, the next run goes on with it.
    let back = put_back(run, session, &begin, &held, &mut journal);
    if let (Err(_), Err(failure)) = (&back, &reached) {
        run.warn(failure.full_message());
    }
    back?;
    let ready = reached.and_then(|(target, inventory)| {
        staged(run, session, asked, &mut begin, (target, inventory), &mut journal)
    });
    let (made, decided) = match ready {
        Ok(ready) => ready,
        Err(failure) => {
            if let Err(unwritten) =
                road::record(session, &begin, Outcome::Undone, Some(failure.full_message()))
            {
                run.warn(unwritten.full_message());
            }
            return Err(road::give_up(run, session, &begin, failure));
        }
    };
    road::commit_stopped(run, session, &begin, journal)?;
    carry::settled(run, session, &made.plan, begin.running, decided)?.done(run, &made.plan);
    Ok(true)
}

/// The release to update to; `None` if it is installed.
///
/// # Errors
/// `usage`: it is not the vendor's tool that updates, or no level is named. `hotfix`, `held`, `downgrade`. `settings`,
/// `vendor-tool`, `locked`, `permission`: the tool cannot run, which nobody wants to learn from a server that is down.
fn goal(
    run: &Run<'_>,
    instance: &Instance,
    place: &Place,
    options: &Options,
    installed: &Release,
) -> Result<Option<Release>> {
    let usage = |message: &str, hint: &str| Err(Failure::new(ErrorKind::Usage, message).hint(hint));
    let Place::Tool(tool) = place else {
        return usage(
            "--in-place is for updates that the vendor's tool makes, and the source is a pack",
            "leave it out: the files of a pack are put in place by renames",
        );
    };
    if options.level.is_none() && tool.offline.is_none() {
        return usage(
            "--in-place needs the level to update to",
            "name it with --level; `pitstop check NAME --online` lists those that there are",
        );
    }
    let wanted = Wanted::of(options);
    let Some(Some(level)) = vendor_tool::level(instance, tool, &wanted, &installed.level)? else {
        return Ok(None);
    };
    refuse_hotfixes(instance)?;
    let to = Release {
        level,
        tree: None,
        ..installed.clone()
    };
    let command = options.command(instance);
    super::refuse_held_release(instance, &to, None, options.release_hold, &command)?;
    vendor_tool::check_in_home(run, instance, tool, installed)?;
    Ok(Some(to))
}

/// The tool asks to revert hotfixes before an update, and cannot revert those of which it knows nothing.
fn refuse_hotfixes(instance: &Instance) -> Result<()> {
    let on = instance
        .state
        .installed
        .as_ref()
        .and_then(|installed| installed.hotfixes.last());
    let Some(newest) = on else { return Ok(()) };
    let name = &instance.settings.name;
    let message = format!(
        "{} is on, which the vendor's tool does not know of in the home itself",
        newest.name
    );
    Err(Failure::new(ErrorKind::Hotfix, message).hint(format!(
        "run `pitstop hotfix revert {name}` until none is on, or update without --in-place"
    )))
}

/// The plan of what is known before, which nothing speaks against.
fn outlined(
    run: &mut Run<'_>,
    instance: &Instance,
    (from, to): (&Release, &Release),
    (inventory, server): (&Inventory, &Server),
) -> Result<Plan> {
    server::admit_change(run, instance, server)?;
    let (held, strange) = in_place::look(instance)?;
    if let Some(name) = strange.first() {
        let count = strange.len();
        run.warn(format!(
            "no snapshot can hold names that are not UTF-8: {count}, the first is {name}"
        ));
    }
    in_place::check(instance, &held)?;
    preflight::may_start(instance)?;
    let bytes = held
        .iter()
        .filter(|one| one.is_file())
        .map(|one| one.key.size)
        .sum();
    let common = common(instance, Action::Update, from, to, inventory, server.is_wanted());
    let plan = plan::in_place::outline(common, bytes)?;
    run.report.warnings.extend(plan.warnings.iter().cloned());
    run.report.plan = Some(plan.clone());
    Ok(plan)
}

fn begin(run: &mut Run<'_>, session: &Session, asked: &Asked, plan: Plan) -> Result<Begin> {
    let server = &asked.server;
    let baseline = match server.is_running() {
        true => server::baseline(run, session, server, Ahead::Restart)?,
        false => server::Baseline::new(),
    };
    let begin = Begin {
        transaction: session.state.next_transaction(),
        began: now_rfc3339(),
        plan,
        running: server.is_wanted() && server::is_controlled(&session.settings),
        baseline,
        because: None,
        live: false,
        config: None,
        overridden: run.overridden.clone(),
        agent: env!("CARGO_PKG_VERSION").to_owned(),
    };
    run.report.transaction = Some(begin.transaction.clone());
    told::log_transaction(&run.report);
    Ok(begin)
}

fn snapshot(run: &mut Run<'_>, session: &Session, begin: &Begin) -> Result<Vec<Stood>> {
    let (held, _) = in_place::look(session)?;
    run.step("snapshot", |_| {
        in_place::keep(session, &begin.transaction, &held)?;
        Ok((false, format!("{} paths", held.len())))
    })?;
    Ok(held)
}

/// Lets the tool work in the home.
fn reach(
    run: &mut Run<'_>,
    session: &Session,
    asked: &mut Asked,
    begin: &Begin,
    held: &[Stood],
    inventory: &Inventory,
) -> Result<Target> {
    in_place::isolate(session, &begin.transaction, held)?;
    if let Place::Tool(tool) = &mut asked.place {
        tool.in_place = Some(begin.transaction.clone());
    }
    let wanted = Wanted::of(&asked.options);
    let reached = target::reach(run, session, &asked.place, &wanted, &asked.installed, inventory)?;
    reached.ok_or_else(|| nothing_newer(&begin.plan.to.level))
}

fn nothing_newer(level: &Level) -> Failure {
    Failure::new(
        ErrorKind::VendorTool,
        format!("the vendor's tool has nothing newer, and not level {level}"),
    )
}

fn put_back(
    run: &mut Run<'_>,
    session: &Session,
    begin: &Begin,
    held: &[Stood],
    journal: &mut Journal,
) -> Result<()> {
    let back = run.step("put-back", |run| {
        let back = in_place::put_back(session, &begin.transaction, held)?;
        back.told(session).into_iter().for_each(|kept| run.warn(kept));
        journal.mark(Mark::Stopping)?;
        Ok((false, format!("{} paths are as they were", back.count)))
    });
    back.map_err(|worse| {
        let message = format!("what the vendor's tool changed could not be put back: {worse}");
        Failure::new(ErrorKind::Interrupted, message)
            .hint("remove the cause and run `pitstop start` or `pitstop update` again: it goes on from here")
    })
}

/// From what the tool made to staged files.
fn staged(
    run: &mut Run<'_>,
    session: &mut Session,
    asked: &Asked,
    begin: &mut Begin,
    (mut target, inventory): (Target, Inventory),
    journal: &mut Journal,
) -> Result<(Made, Vec<Remembered>)> {
    let (made, decided) = decide(run, session, asked, inventory, &mut target)?;
    carry::keep_manifest(session, &target)?;
    keep_merge_bases(session, &made.plan, &mut target)?;
    journal.plan(&made.plan)?;
    begin.plan = made.plan.clone();
    let mut contents = Contents {
        source: Some(target.source.as_mut()),
        merged: &made.merged,
    };
    road::staged(run, session, begin, &mut contents)?;
    Ok((made, decided))
}
