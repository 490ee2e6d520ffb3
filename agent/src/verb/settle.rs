//! What is owed once a transaction's files are in place: start the server, verify, and either settle or go back. The
//! debt is in the state, so a run that dies here leaves it to the next one.

mod history;
mod verdict;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use crate::api::plan::{FileOp, FileStep, Hook, Plan};
use crate::api::report::{Action, Hold, Outcome};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::sweep::sweep;
use crate::config::OnBoth;
use crate::model::{Class, Entry, Inventory, RelPath};
use crate::observe::tree::both;
use crate::session::{Instance, Session};
use crate::store::state::{Because, Pending};
use crate::store::{ConfigChange, ConfigHold};
use crate::sys::clock::now_rfc3339;
use crate::sys::interrupt::Beyond;

use super::rollout::slot;
use super::{Run, rollback, server, view};
pub(super) use verdict::healthy;
use words::Words;

/// Pays the debt, if there is one.
///
/// # Errors
/// `rolled-back` if the update failed and the old level is back and verified, `rollback-unverified` if it could not be
/// verified, `unhealthy` if the policy forbids to go back.
pub(super) fn settle(run: &mut Run<'_>, session: &mut Session) -> Result<()> {
    let Some(pending) = session.state.pending.clone() else {
        return Ok(());
    };
    let _beyond = Beyond::begin();
    // The files in place may bring other rules; no server stays down because they cannot be read.
    if let Err(failure) = session.renew_rules() {
        run.warn(failure.full_message());
    }
    match start_and_verify(run, session, &pending) {
        Ok((plan, inventory, well)) => {
            accept(session, &plan, &inventory)?;
            slot::verified(session, &pending);
            settled(run, session, &pending, well, Outcome::Done, None)?;
            slot::give_back(run, session);
            run.report.after = Some(view::after(run, session, &inventory)?);
            Ok(())
        }
        Err(failure) if pending.action == Action::Rollback => {
            slot::failed(run, session, &failure);
            settled(
                run,
                session,
                &pending,
                false,
                Outcome::Unhealthy,
                Some(failure.full_message()),
            )?;
            let back = Words::of(&pending).to;
            let message = format!("{back} is back but could not be verified: {failure}");
            Err(Failure::new(ErrorKind::RollbackUnverified, message)
                .hint("the files are as they were; look at the server's log and start it by hand"))
        }
        Err(failure) if session.settings.policy.rollback => go_back(run, session, &pending, &failure),
        Err(failure) => {
            hold(session, &pending, &failure);
            slot::failed(run, session, &failure);
            settled(
                run,
                session,
                &pending,
                false,
                Outcome::Unhealthy,
                Some(failure.full_message()),
            )?;
            let words = Words::of(&pending);
            let message = format!("{} is in place but unhealthy: {failure}", words.to);
            Err(Failure::new(ErrorKind::Unhealthy, message)
                .hint(format!("`pitstop rollback{}` leads back", words.option)))
        }
    }
}

/// With what was planned and what is there now, and whether the server is well if it was asked.
fn start_and_verify(
    run: &mut Run<'_>,
    session: &mut Session,
    pending: &Pending,
) -> Result<(Plan, Inventory, bool)> {
    let plan = session.store.snapshot_plan(&pending.transaction)?;
    // Where nothing of the product runs in between, the tree that is seen first is also the last.
    let rests = !pending.live && !pending.start && !server::has_hooks(session, Hook::AfterCommit);
    let mut seen = None;
    run.step("integrity", |run| {
        if rests {
            let inventory = seen.insert(view::scan(run, session, false)?);
            in_place(session, &plan, |path| inventory.entry(path))?;
        } else {
            let found = view::look(run, session, to_be_in_place(&plan).into_keys())?;
            in_place(session, &plan, |path| found.get(path))?;
        }
        Ok((
            false,
            format!("{} changed paths are as planned", plan.files.len()),
        ))
    })?;
    let mut well = true;
    if pending.live {
        run.report.probes = server::probe(run, session, &pending.baseline)?;
        well = verdict::judge(run)?;
    } else {
        prepare(run, session, pending)?;
        server::allow_start(session)?;
    }
    if pending.start {
        let started = server::start(run, session, &pending.baseline);
        run.comes_up();
        if !started? {
            // It ran already: nobody has asked it yet.
            run.report.probes = server::probe(run, session, &pending.baseline)?;
        }
        hooks(run, session, pending.action, Hook::AfterStart)?;
        well = verdict::judge(run)?;
    }
    let inventory = seen.map_or_else(|| view::scan(run, session, false), Ok)?;
    Ok((plan, inventory, well))
}

/// What the profile wants done before the first start, once: a server that a boot has started since must not find it under way.
fn prepare(run: &mut Run<'_>, session: &mut Session, pending: &Pending) -> Result<()> {
    if pending.prepared || !server::has_hooks(session, Hook::AfterCommit) {
        return Ok(());
    }
    hooks(run, session, pending.action, Hook::AfterCommit)?;
    if let Some(pending) = &mut session.state.pending {
        pending.prepared = true;
    }
    // Where it cannot be written down, the worst is that it is done again.
    if let Err(unwritten) = session.store.save(&session.state) {
        run.warn(unwritten.full_message());
    }
    Ok(())
}

/// What the profile wants done before and after the first start. A server that is on its way back must neither stay down nor
/// count as bad because of it: whether it is well is told by its probes.
pub(super) fn hooks(run: &mut Run<'_>, session: &Session, action: Action, when: Hook) -> Result<()> {
    match server::hooks(run, session, when) {
        Err(failure) if action == Action::Rollback => {
            run.warn(failure.full_message());
            Ok(())
        }
        done => done,
    }
}

/// What deviates from the pristine tree with our knowledge: what this plan decided, and what was accepted before and is
/// still the same. Whatever else deviates goes on to fail verification.
fn accept(session: &mut Session, plan: &Plan, inventory: &Inventory) -> Result<()> {
    let mut found = deviations(session, inventory)?;
    let policy = &session.settings.policy;
    let kept_by_policy = [policy.binary, policy.deleted].contains(&OnBoth::Keep);
    let decided: BTreeSet<&RelPath> = plan.files.iter().map(|step| &step.path).collect();
    if let Some(installed) = &mut session.state.installed {
        let accepted = &installed.accepted;
        found.retain(|(path, entry)| {
            kept_by_policy || decided.contains(path) || accepted.get(path) == Some(entry)
        });
        installed.accepted = found.into_iter().collect();
    }
    Ok(())
}

/// What must be as a plan left it, by path. A path may have two steps; the last one counts.
fn to_be_in_place(plan: &Plan) -> BTreeMap<&RelPath, &FileStep> {
    let mut last: BTreeMap<&RelPath, &FileStep> = plan.files.iter().map(|step| (&step.path, step)).collect();
    last.retain(|_, step| step.class.is_observed() && step.class != Class::Generated);
    last
}

/// Every path that a plan changed is as it was planned.
fn in_place<'a>(session: &Session, plan: &Plan, found: impl Fn(&RelPath) -> Option<&'a Entry>) -> Result<()> {
    for (path, step) in to_be_in_place(plan) {
        let found = found(path);
        // A run that was killed after the hooks has left it to this one to go on.
        let removed = found.is_none() && session.ownership.is_optional(path);
        // The commit has warned of it.
        let filled = step.op == FileOp::RemoveDir && matches!(found, Some(Entry::Dir { .. }));
        if !removed && !filled && !Entry::same(found, step.new.as_ref()) {
            let path = path.under(session.root.path());
            let message = format!("{} is not what was put there", path.display());
            return Err(Failure::new(ErrorKind::Unhealthy, message).at(path));
        }
    }
    Ok(())
}

/// Vendor files that deviate from the pristine tree.
pub(super) fn deviations(
    instance: &Instance,
    inventory: &Inventory,
) -> Result<Vec<(RelPath, Option<Entry>)>> {
    let Some(tree) = instance
        .state
        .installed
        .as_ref()
        .and_then(|installed| installed.release.tree)
    else {
        let vendor = inventory
            .entries
            .iter()
            .filter(|(_, seen)| seen.class == Class::Vendor);
        return Ok(vendor
            .map(|(path, seen)| (path.clone(), Some(seen.entry.clone())))
            .collect());
    };
    let base = instance.store.manifest(&tree)?;
    let vendor = both(&base.entries, &inventory.entries).filter_map(|(path, pristine, seen)| {
        let pristine = pristine?;
        let class = seen.map_or_else(|| instance.ownership.class_of(path), |seen| seen.class);
        let found = seen.map(|seen| &seen.entry);
        if found.is_none() && instance.ownership.is_optional(path) {
            return None;
        }
        let deviates = class == Class::Vendor && !found.is_some_and(|found| found.same_content(pristine));
        deviates.then(|| (path.clone(), found.cloned()))
    });
    Ok(vendor.collect())
}

fn settled(
    run: &mut Run<'_>,
    session: &mut Session,
    pending: &Pending,
    verified: bool,
    outcome: Outcome,
    reason: Option<String>,
) -> Result<()> {
    // Also after a failure that came before the start: who repairs it must be able to start the server.
    server::allow_start(session)?;
    // A configuration that failed and stays is no level's fault, but what is in place is not well.
    let tells = pending.config.is_none() || !verified;
    if let (Some(installed), true) = (&mut session.state.installed, tells) {
        installed.verified = verified;
    }
    if outcome == Outcome::Done && pending.action != Action::Rollback {
        forget_older(session, pending);
    }
    history::record(run, session, pending, outcome, reason)?;
    session.state.pending = None;
    session.store.save(&session.state)?;
    clean_up(session)
}

/// Only what proved itself may push an older snapshot out, and only one of its own kind.
fn forget_older(session: &mut Session, pending: &Pending) {
    let keep = session.settings.policy.keep_snapshots.max(1);
    let order = session.settings.profile.level.order;
    let state = &mut session.state;
    if pending.config.is_some() {
        let surplus = state.config.snapshots.len().saturating_sub(keep);
        state.config.snapshots.drain(..surplus);
        state.config.hold = None;
    } else {
        state.forget_snapshots(keep);
        state.forget_holds(&pending.to, order);
    }
}

/// What nothing refers to any more goes. Only settled states are swept.
fn clean_up(session: &Session) -> Result<()> {
    if session.store.sweep(&session.state)? {
        sweep_texts(session)?;
    }
    sweep(session)
}

fn sweep_texts(session: &Session) -> Result<()> {
    let mut wanted = std::collections::HashSet::new();
    let trees: BTreeSet<_> = session.state.trees().copied().collect();
    for tree in trees {
        wanted.extend(
            session
                .store
                .manifest(&tree)?
                .entries
                .values()
                .filter_map(Entry::sha256),
        );
    }
    wanted.extend(session.state.config.texts().copied());
    for transaction in session.state.kept_transactions() {
        let plan = session.store.snapshot_plan(transaction)?;
        wanted.extend(plan.files.iter().filter_map(|step| step.new.as_ref()?.sha256()));
    }
    session.store.sweep_texts(&wanted)
}

fn hold(session: &mut Session, pending: &Pending, failure: &Failure) {
    let is_to_blame = failure.kind.blames_server();
    if let (true, Some(ConfigChange::Apply { digest, .. })) = (is_to_blame, &pending.config) {
        session.state.config.hold = Some(ConfigHold {
            digest: *digest,
            since: now_rfc3339(),
            reason: failure.full_message(),
            transaction: pending.transaction.clone(),
        });
    } else if is_to_blame && session.state.hold_on(&pending.to).is_none() {
        session.state.holds.push(Hold {
            release: pending.to.clone(),
            since: now_rfc3339(),
            reason: failure.full_message(),
            transaction: pending.transaction.clone(),
        });
    }
}

fn go_back(run: &mut Run<'_>, session: &mut Session, pending: &Pending, failure: &Failure) -> Result<()> {
    let words = Words::of(pending);
    run.warn(format!(
        "{} failed: {failure}; going back to {}",
        words.to, words.from
    ));
    let failed_probes = run.report.probes.clone();
    hold(session, pending, failure);
    // It is saved again once the old level is back.
    if let Err(unwritten) = session.store.save(&session.state) {
        run.warn(unwritten.full_message());
    }
    let because = Because {
        transaction: pending.transaction.clone(),
        reason: failure.full_message(),
        stopped_ms: run.account_stopped(&pending.transaction),
    };
    let back = rollback::take_back(run, session, pending, because).and_then(|()| settle(run, session));
    // Nothing is half replaced: who repairs it must be able to start the server.
    if back.is_err()
        && matches!(session.open_journal(), Ok(None))
        && let Err(refused) = server::allow_start(session)
    {
        run.warn(refused.full_message());
    }
    // What failed is what a person wants to see, not that the old level is well again.
    let probes = std::mem::replace(&mut run.report.probes, failed_probes);
    let (kind, state) = match &back {
        Ok(()) => {
            let well = verdict::still_failing(&probes).is_none();
            let how = if well { "verified" } else { "as unwell as before" };
            (ErrorKind::RolledBack, format!("{} is back and {how}", words.from))
        }
        Err(worse) => (ErrorKind::RollbackUnverified, format!("going back: {worse}")),
    };
    let message = format!("{} failed on this host: {failure}; {state}", words.to);
    Err(Failure::new(kind, message).hint(again(session, pending)))
}

/// What to do once a change was taken back. Where it came from is not known any more, so that no command can be told for it.
fn again(session: &Session, pending: &Pending) -> String {
    let name = &session.settings.name;
    let is_held = match &pending.config {
        Some(ConfigChange::Apply { digest, .. }) => {
            let hold = session.state.config.hold.as_ref();
            hold.is_some_and(|hold| hold.digest == *digest)
        }
        _ => session.state.hold_on(&pending.to).is_some(),
    };
    match (is_held, &pending.config, &pending.hotfix) {
        (false, ..) => "remove the cause, then run the same again: nothing is held here for it".to_owned(),
        (true, Some(_), _) => format!(
            "this configuration is held here; change it, or run `pitstop config apply {name} --release-hold` once the \
             cause is gone"
        ),
        (true, None, Some(_)) => format!(
            "the hotfix is held here; run `pitstop hotfix apply {name} ZIP --release-hold` once the cause is gone"
        ),
        (true, None, None) => {
            "the release is held here; give a newer level, or run the same update again with \
             --release-hold once the cause is gone"
                .to_owned()
        }
    }
}
