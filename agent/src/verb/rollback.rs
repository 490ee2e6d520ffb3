//! `rollback`: back to a kept snapshot.

mod automatic;
mod target;

use std::collections::BTreeMap;

use crate::api::plan::{FileOp, Owner, Plan};
use crate::api::report::{Action, Report, Status};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::layout::{self, Part};
use crate::apply::preflight;
use crate::apply::stage::Contents;
use crate::config::Settings;
use crate::model::{Class, Inventory, Level, Progress, RelPath, Release, Seen};
use crate::observe::tree;
use crate::plan::rollback::Undone;
use crate::plan::{MergeOutcome, MergeRequest, Side};
use crate::session::Session;

use super::merges::Merges;
use super::rollout::{self, Gates};
use super::server::Ahead;
use super::{Run, common, hotfix, read, recover, report_on, road, server, settle, view};
pub(super) use automatic::take_back;
pub(super) use target::Target;
use target::no_snapshot;

/// How to roll back.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The level to go back to; the newest snapshot's without it.
    pub to: Option<Level>,
    /// Whether to take the newest configuration back instead, and leave the level as it is.
    pub config: bool,
    /// Only plan.
    pub dry_run: bool,
    /// The plan that must come out.
    pub plan: Option<String>,
}

/// Runs the verb.
pub fn rollback(
    name: &str,
    settings: Result<Settings>,
    options: &Options,
    progress: &dyn Progress,
) -> Report {
    report_on(Action::Rollback, name, settings, progress, |run, settings| {
        work(run, settings, options)
    })
}

fn work(run: &mut Run<'_>, settings: Settings, options: &Options) -> Result<()> {
    let mut session = begin(run, settings, options.dry_run)?;
    let target = |session: &Session, installed: &Release| {
        let order = session.settings.profile.level.order;
        match (&options.to, options.config) {
            (_, true) => Target::newest_config(session).map(Some),
            (Some(to), _) if order.compare(to, &installed.level).is_eq() => Ok(None),
            (to, _) => Target::level(session, to.as_ref()).map(Some),
        }
    };
    let Some((from, to)) = go(run, &mut session, target, options.plan.as_deref(), Gates::none())? else {
        return Ok(());
    };
    let (level, before) = (&to.level, &from.level);
    let (would, did) = match options.config {
        true => (
            "would take the newest configuration back".to_owned(),
            "the configuration from before is back".to_owned(),
        ),
        false if from.level == to.level => {
            let ended = hotfix::ended(run);
            (
                format!("would revert {ended}"),
                format!("{to} is back without {ended}"),
            )
        }
        false => (
            format!("would go back from {before} to {level}"),
            format!("{} is back at {level} from {before}", to.product),
        ),
    };
    match options.dry_run {
        true => run.done(Status::Planned, true, would),
        false => run.done(Status::RolledBack, true, did),
    }
    Ok(())
}

/// Locks an instance and repairs it; a dry run only refuses what would have to be repaired.
pub(super) fn begin(run: &mut Run<'_>, settings: Settings, dry_run: bool) -> Result<Session> {
    run.report.dry_run = dry_run;
    let mut session = run.begin(settings)?;
    if dry_run {
        super::refuse_interrupted(&session)?;
    } else {
        recover::recover(run, &mut session, true)?;
    }
    Ok(session)
}

/// Goes back to a snapshot; a dry run ends with the plan. Returns what was there and what is there then, or `None` if it is
/// installed already.
pub(super) fn go(
    run: &mut Run<'_>,
    session: &mut Session,
    target: impl FnOnce(&Session, &Release) -> Result<Option<Target>>,
    wanted_plan: Option<&str>,
    gates: Gates<'_>,
) -> Result<Option<(Release, Release)>> {
    let (before, inventory, server) = view::observe(run, session)?;
    let installed = before.release.clone();
    run.report.before = Some(before);
    let Some(target) = target(session, &installed)? else {
        let changed = run.report.changed;
        run.done(
            Status::Current,
            changed,
            format!("{installed} is installed already"),
        );
        return Ok(None);
    };
    server::refuse_tool_at_work(&server)?;
    if !matches!(target, Target::Config(_)) {
        view::refuse_moved(session, &installed)?;
        server::refuse_uncontrolled(&session.settings, &server)?;
    }
    let can_restart = server.is_wanted() && server::is_controlled(&session.settings);
    let restart = can_restart && target.needs_restart(session)?;
    if restart {
        server::warn_of_own_unit(run, &session.settings);
        server::refuse_without_env(&session.settings, &server)?;
        // It may lead away from what asks for them.
        if let Err(lacking) = server::refuse_start(session, &server) {
            run.warn(lacking.full_message());
        }
    }
    let (plan, merged) = plan(run, session, inventory, &target, restart)?;
    let ends = (plan.from.clone(), plan.to.clone());
    run.report.warnings.extend(plan.warnings.iter().cloned());
    run.report.plan = Some(plan.clone());
    super::demand_plan(wanted_plan, &plan)?;
    rollout::admit(run, session, &gates)?;
    preflight::check(session, &plan)?;
    if run.report.dry_run {
        return Ok(Some(ends));
    }
    recover::discard_parked(run, session)?;
    let live = server.is_running() && !restart && matches!(target, Target::Config(_));
    let baseline = if server.is_running() {
        let ahead = if live { Ahead::Live } else { Ahead::WayBack };
        server::baseline(run, session, &server, ahead)?
    } else {
        server::Baseline::new()
    };
    let change = road::Change {
        plan: &plan,
        running: restart,
        baseline,
        because: None,
        park: false,
        live,
        config: target.change(session),
        gates,
        waits: false,
        again: false,
    };
    let mut contents = Contents {
        source: None,
        merged: &merged,
    };
    road::drive(run, session, change, &mut contents)?;
    settle::settle(run, session)?;
    Ok(Some(ends))
}

fn plan(
    run: &mut Run<'_>,
    session: &Session,
    mut inventory: Inventory,
    target: &Target,
    running: bool,
) -> Result<(Plan, BTreeMap<RelPath, Vec<u8>>)> {
    let installed = session.state.installed.as_ref();
    let installed = installed.ok_or_else(|| no_snapshot(session, None))?;
    let undone = target
        .transactions(session)
        .into_iter()
        .map(|transaction| {
            let plan = session.store.snapshot_plan(&transaction)?;
            Ok(Undone { transaction, plan })
        })
        .collect::<Result<Vec<_>>>()?;
    let seeds = undone
        .iter()
        .flat_map(|one| &one.plan.files)
        .filter(|step| step.class == Class::Customer);
    let owner = inventory.home_owner.unwrap_or(Owner { uid: 0, gid: 0 });
    for (path, entry) in view::look(run, session, seeds.map(|step| &step.path))? {
        inventory.entries.insert(
            path,
            Seen {
                entry,
                class: Class::Customer,
                owner,
            },
        );
    }
    let made = undone
        .iter()
        .flat_map(|one| one.plan.files.iter())
        .filter(|step| step.op == FileOp::MakeDir);
    tree::complete(
        &mut inventory,
        &session.root,
        std::iter::empty(),
        made.map(|step| &step.path),
    )?;
    let to = match target {
        Target::Level(at) => session.state.snapshots[*at].installed.release.clone(),
        Target::Config(_) => installed.release.clone(),
    };
    let common = common(
        session,
        Action::Rollback,
        &installed.release,
        &to,
        &inventory,
        running,
    );
    let draft = crate::plan::rollback::draft(&common, &undone);
    let Merges { outcomes, merged, .. } = merges(session, draft.merges(), &undone)?;
    let plan = draft.finish(&outcomes, &BTreeMap::new())?;
    let plan = crate::plan::hotfix::add(plan, hotfix::steps_back(session, target))?;
    match plan.conflicts.first() {
        None => Ok((plan, merged)),
        Some(first) => {
            let message = format!("cannot go back: {}: {}", first.path, first.message);
            Err(Failure::new(ErrorKind::Conflicts, message)
                .at(first.path.under(session.root.path()))
                .hint("move what stands there out of the way and run again"))
        }
    }
}

fn merges(session: &Session, requests: &[MergeRequest], undone: &[Undone]) -> Result<Merges> {
    let mut results = Merges::new(&session.settings.profile.secrets);
    for request in requests {
        tracing::info!("merging {} back", request.path);
        let side = |side: &Side| -> Result<Option<Vec<u8>>> {
            match side {
                Side::Kept(digest) => session.store.text(digest),
                Side::Home => read(session, &request.path),
                Side::Snapshot(transaction) => {
                    read(session, &snapshot_place(undone, transaction, &request.path)?)
                }
                Side::Source => Ok(None),
            }
        };
        let sides = (side(&request.base)?, side(&request.current)?, side(&request.new)?);
        let outcome = match sides {
            (Some(base), Some(current), Some(new)) => results.merge(&request.path, [&base, &current, &new]),
            _ => MergeOutcome::NoBase,
        };
        results.outcomes.insert(request.path.clone(), outcome);
    }
    Ok(results)
}

fn snapshot_place(undone: &[Undone], transaction: &str, path: &RelPath) -> Result<RelPath> {
    let plan = undone
        .iter()
        .find(|one| one.transaction == transaction)
        .map(|one| &one.plan);
    let step = plan.and_then(|plan| plan.files.iter().find(|step| step.path == *path));
    let step = step.ok_or_else(|| Failure::new(ErrorKind::Internal, format!("no snapshot holds {path}")))?;
    Ok(layout::place(step, Part::Snapshot, transaction))
}
