//! `rollback`: back to a kept snapshot.

use std::collections::BTreeMap;

use crate::api::plan::{FileOp, Owner, Plan};
use crate::api::report::{Action, Report, Status};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::layout::{self, Part};
use crate::apply::preflight;
use crate::apply::stage::Contents;
use crate::config::Settings;
use crate::model::{Class, Inventory, Level, Progress, RelPath, Seen};
use crate::observe::tree;
use crate::plan::rollback::Undone;
use crate::plan::{MergeOutcome, MergeRequest, Side};
use crate::session::Session;
use crate::store::state::{Because, Pending};

use super::merges::Merges;
use super::{Run, common, read, recover, report_on, road, server, settle, view};

/// How to roll back.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The level to go back to; the newest snapshot's without it.
    pub to: Option<Level>,
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
    let mut session = Session::begin(settings, Action::Rollback)?;
    run.report.dry_run = options.dry_run;
    if options.dry_run {
        super::refuse_interrupted(&session)?;
    } else {
        recover::recover(run, &mut session, true)?;
    }
    let (before, inventory, server) = view::observe(run, &session)?;
    run.report.before = Some(before);
    let (plan, merged) = plan(
        run,
        &session,
        inventory,
        target(&session, options.to.as_ref())?,
        server.is_wanted(),
    )?;
    let (from, to) = (plan.from.clone(), plan.to.clone());
    run.report.warnings.extend(plan.warnings.iter().cloned());
    run.report.plan = Some(plan.clone());
    super::demand_plan(options.plan.as_deref(), &plan)?;
    preflight::check(&session, &plan)?;
    if options.dry_run {
        run.done(
            Status::Planned,
            true,
            format!("would go back from {} to {}", from.level, to.level),
        );
        return Ok(());
    }
    let baseline = if server.is_running() {
        server::baseline(run, &session, &server)?
    } else {
        server::Baseline::new()
    };
    let running = server.is_wanted() && server::is_controlled(&session.settings);
    let change = road::Change {
        plan: &plan,
        running,
        baseline,
        because: None,
        park: false,
    };
    road::drive(
        run,
        &mut session,
        change,
        &mut Contents {
            source: None,
            merged: &merged,
        },
    )?;
    settle::settle(run, &mut session)?;
    run.done(
        Status::RolledBack,
        true,
        format!("{} is back at {} from {}", to.product, to.level, from.level),
    );
    Ok(())
}

/// Takes back an update that failed its verification.
pub(super) fn take_back(
    run: &mut Run<'_>,
    session: &mut Session,
    pending: &Pending,
    because: Because,
) -> Result<()> {
    let inventory = view::scan(run, session, false)?;
    let at = session
        .state
        .snapshots
        .iter()
        .position(|snapshot| snapshot.transaction == pending.transaction);
    let at = at.ok_or_else(|| no_snapshot(session, None))?;
    let (plan, merged) = plan(run, session, inventory, at, pending.start)?;
    run.report.warnings.extend(plan.warnings.iter().cloned());
    let change = road::Change {
        plan: &plan,
        running: pending.start,
        baseline: pending.baseline.clone(),
        because: Some(because),
        park: false,
    };
    let update = run.report.transaction.clone();
    let driven = road::drive(
        run,
        session,
        change,
        &mut Contents {
            source: None,
            merged: &merged,
        },
    );
    run.report.transaction = update;
    driven.map(|_| ())
}

/// The place of the snapshot that leads to a level.
fn target(session: &Session, level: Option<&Level>) -> Result<usize> {
    let snapshots = &session.state.snapshots;
    let found = match level {
        None => snapshots.len().checked_sub(1),
        Some(level) => snapshots
            .iter()
            .rposition(|snapshot| snapshot.installed.release.level == *level),
    };
    found.ok_or_else(|| no_snapshot(session, level))
}

fn no_snapshot(session: &Session, level: Option<&Level>) -> Failure {
    let name = &session.settings.name;
    let wanted = level.map_or_else(String::new, |level| format!(" of level {level}"));
    let kept: Vec<&str> = session
        .state
        .snapshots
        .iter()
        .map(|snapshot| snapshot.installed.release.level.as_str())
        .collect();
    let hint = if kept.is_empty() {
        "an update keeps one; there was none yet, or it was taken back already".to_owned()
    } else {
        format!("snapshots are kept of {}", kept.join(", "))
    };
    Failure::new(
        ErrorKind::NoSnapshot,
        format!("there is no snapshot{wanted} of {name} to go back to"),
    )
    .hint(hint)
}

fn plan(
    run: &mut Run<'_>,
    session: &Session,
    mut inventory: Inventory,
    at: usize,
    running: bool,
) -> Result<(Plan, BTreeMap<RelPath, Vec<u8>>)> {
    let snapshots = &session.state.snapshots;
    let installed = session
        .state
        .installed
        .as_ref()
        .ok_or_else(|| no_snapshot(session, None))?;
    let undone = snapshots[at..]
        .iter()
        .rev()
        .map(|snapshot| {
            let plan = session.store.snapshot_plan(&snapshot.transaction)?;
            Ok(Undone {
                transaction: snapshot.transaction.clone(),
                plan,
            })
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
    let to = snapshots[at].installed.release.clone();
    let common = common(
        session,
        Action::Rollback,
        &installed.release,
        &to,
        &inventory,
        running,
    );
    let draft = crate::plan::rollback::draft(&common, &undone);
    let Merges { outcomes, merged, .. } = merges(run, session, draft.merges(), &undone)?;
    let plan = draft.finish(&outcomes, &BTreeMap::new())?;
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

fn merges(run: &Run<'_>, session: &Session, requests: &[MergeRequest], undone: &[Undone]) -> Result<Merges> {
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
    run.progress.end();
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
