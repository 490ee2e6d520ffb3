//! Sealing: once a transaction's files are in place, or back in place, the state says so and the journal ends. Every part
//! may run twice.

use crate::api::plan::{HotfixOp, HotfixStep, Plan};
use crate::api::report::{Action, SnapshotView};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::RelPath;
use crate::session::Session;
use crate::store::state::{Installed, Pending, Snapshot, State};
use crate::sys::clock;

use super::journal::{self, Begin};
use super::layout::{self, Part};

/// Settles a committed transaction: its old files become the snapshot of an update or a configuration, or leave after a
/// rollback, and the verification is owed.
///
/// # Errors
/// Writing failed.
pub fn committed(session: &mut Session, begin: &Begin) -> Result<()> {
    let plan = &begin.plan;
    let sequence = State::number_of(&begin.transaction);
    // The verification that is owed needs the plan, and so does whoever takes an update back later.
    session.store.keep_snapshot_plan(&begin.transaction, plan)?;
    match (&begin.config, plan.action) {
        (Some(change), action) => {
            match action {
                Action::Rollback => keep_edited(session, begin)?,
                _ => keep_old_files(session, begin)?,
            }
            session
                .state
                .config
                .remember(&begin.transaction, &begin.began, change);
        }
        (None, Action::Rollback) => {
            keep_edited(session, begin)?;
            session.state.installed = Some(restored(session, begin)?);
            let undone = undone_by(session, plan);
            session
                .state
                .snapshots
                .retain(|snapshot| !undone.contains(&snapshot.transaction));
        }
        (None, _) => {
            keep_old_files(session, begin)?;
            remember_update(session, begin);
        }
    }
    session.state.sequence = session.state.sequence.max(sequence);
    session.state.pending = Some(Pending {
        transaction: begin.transaction.clone(),
        action: plan.action,
        start: begin.running,
        baseline: begin.baseline.clone(),
        from: plan.from.clone(),
        to: plan.to.clone(),
        began: begin.began.clone(),
        because: begin.because.clone(),
        live: begin.live,
        config: begin.config.clone(),
        hotfix: applied(plan).map(|step| step.name.clone()),
        overridden: begin.overridden.clone(),
        prepared: false,
    });
    session.store.save(&session.state)?;
    journal::close(&session.store.journal_file())?;
    remove_transaction(session, begin)
}

/// Ends a transaction that never came, or no longer is, in place: what it staged goes.
///
/// # Errors
/// Removing failed.
pub fn discarded(session: &mut Session, begin: &Begin) -> Result<()> {
    let sequence = State::number_of(&begin.transaction);
    if session.state.sequence < sequence {
        session.state.sequence = sequence;
        session.store.save(&session.state)?;
    }
    journal::close(&session.store.journal_file())?;
    remove_transaction(session, begin)
}

fn each_mount(
    session: &Session,
    begin: &Begin,
    run: impl Fn(Option<&RelPath>) -> std::io::Result<()>,
) -> Result<()> {
    layout::mounts(&begin.plan)
        .iter()
        .try_for_each(|mount| run(mount.as_ref()))
        .map_err(|error| {
            Failure::io(
                "put away the files of the transaction in",
                session.root.path(),
                error,
            )
        })
}

fn keep_old_files(session: &Session, begin: &Begin) -> Result<()> {
    let root = &session.root;
    each_mount(session, begin, |mount| {
        let old = layout::folder(mount, Part::Old, &begin.transaction);
        let snapshot = layout::folder(mount, Part::Snapshot, &begin.transaction);
        if root.stat(&old)?.is_none() || root.stat(&snapshot)?.is_some() {
            return Ok(());
        }
        let above = snapshot.parent();
        above.as_ref().map_or(Ok(()), |dir| root.make_private_dirs(dir))?;
        root.rename(&old, &snapshot)?;
        above.as_ref().map_or(Ok(()), |dir| root.sync_dir(Some(dir)))
    })
}

fn remove_transaction(session: &Session, begin: &Begin) -> Result<()> {
    let root = &session.root;
    each_mount(session, begin, |mount| {
        let folder = layout::folder(mount, Part::Transaction, &begin.transaction);
        root.remove_tree(&folder)?;
        layout::remove_if_empty(root, &layout::own(mount, layout::TRANSACTIONS))?;
        layout::remove_own_if_empty(root, &layout::own_folder(mount))
    })
}

/// Edited files that a rollback replaced stay under `kept` until a person removes them.
fn keep_edited(session: &Session, begin: &Begin) -> Result<()> {
    let root = &session.root;
    for step in begin.plan.files.iter().filter(|step| step.keep_old) {
        let old = layout::place(step, Part::Old, &begin.transaction);
        let kept = layout::place(step, Part::Kept, &begin.transaction);
        let keep = || {
            if root.stat(&old)?.is_none() || root.stat(&kept)?.is_some() {
                return Ok(());
            }
            kept.parent()
                .as_ref()
                .map_or(Ok(()), |dir| root.make_private_dirs(dir))?;
            root.rename(&old, &kept)?;
            root.sync_dir(kept.parent().as_ref())
        };
        keep().map_err(|error| layout::failed("keep the edited file", root, &old, error))?;
    }
    Ok(())
}

fn applied(plan: &Plan) -> Option<&HotfixStep> {
    plan.hotfixes.iter().find(|step| step.op == HotfixOp::Apply)
}

fn remember_update(session: &mut Session, begin: &Begin) {
    let before = session.state.installed.clone();
    let accepted = before
        .as_ref()
        .map(|installed| installed.accepted.clone())
        .unwrap_or_default();
    let already = session
        .state
        .snapshots
        .iter()
        .any(|snapshot| snapshot.transaction == begin.transaction);
    let hotfixes = match (&before, already) {
        (Some(before), false) => {
            before.hotfixes_after(&begin.plan.hotfixes, &begin.transaction, &begin.began)
        }
        (Some(sealed), true) => sealed.hotfixes.clone(),
        (None, _) => Vec::new(),
    };
    if let (Some(installed), false) = (before, already) {
        let taken = begin.began.clone();
        session.state.snapshots.push(Snapshot {
            transaction: begin.transaction.clone(),
            installed,
            taken,
        });
    }
    session.state.installed = Some(Installed {
        release: begin.plan.to.clone(),
        since: clock::now_rfc3339(),
        verified: false,
        accepted,
        hotfixes,
    });
}

/// The transactions whose snapshots a rollback plan uses up: that to which it leads and all newer ones.
fn undone_by(session: &Session, plan: &Plan) -> Vec<String> {
    let snapshots = &session.state.snapshots;
    let target = snapshots
        .iter()
        .rposition(|snapshot| snapshot.installed.release == plan.to);
    target.map_or_else(Vec::new, |at| {
        snapshots[at..]
            .iter()
            .map(|snapshot| snapshot.transaction.clone())
            .collect()
    })
}

fn restored(session: &Session, begin: &Begin) -> Result<Installed> {
    let snapshots = session.state.snapshots.iter().rev();
    let target = snapshots
        .map(|snapshot| &snapshot.installed)
        .find(|installed| installed.release == begin.plan.to);
    // A second run after the state was saved finds the snapshot gone and the release installed.
    let settled = session
        .state
        .installed
        .as_ref()
        .filter(|installed| installed.release == begin.plan.to);
    let found = target.or(settled).cloned().map(|installed| Installed {
        verified: false,
        ..installed
    });
    found.ok_or_else(|| {
        Failure::new(
            ErrorKind::Internal,
            format!("the snapshot that leads to {} is not known", begin.plan.to),
        )
    })
}

/// The levels that a rollback can go to, the newest first.
pub fn snapshot_views(snapshots: &[Snapshot]) -> Vec<SnapshotView> {
    let view = |snapshot: &Snapshot| SnapshotView {
        transaction: snapshot.transaction.clone(),
        release: snapshot.installed.release.clone(),
        taken: snapshot.taken.clone(),
    };
    snapshots.iter().rev().map(view).collect()
}
