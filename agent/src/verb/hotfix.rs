//! `hotfix`: a vendor's fix of single files on top of the installed level, by its own tool on a copy of the pack.
//!
//! A hotfix takes the road of an update to a tree of the same level, so that the tree with it is what drift, verification
//! and later merges start from. Reverting one is going back to the snapshot of its transaction: what was configured since is
//! merged and stays, which the vendor's own `revert-hotfix` takes back.

mod apply;
mod given;

use crate::api::plan::{HotfixOp, HotfixStep, Plan};
use crate::api::report::{Action, Report, Status};
use crate::api::rollout::Gate;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::Settings;
use crate::model::{Class, Progress, Release};
use crate::plan::hotfix as rules;
use crate::session::{Instance, Session};
use crate::store::{Hotfix, Installed};

use super::rollout::Gates;
use super::target::Target;
use super::{Run, report_on, rollback, vendor_tool, view};

pub use apply::{Apply, apply};

/// How to revert.
#[derive(Debug, Clone, Default)]
pub struct Revert {
    /// Only plan.
    pub dry_run: bool,
    /// The plan that must come out.
    pub plan: Option<String>,
    /// The gates that do not hold it up.
    pub overrides: Vec<Gate>,
}

/// Shows the hotfixes that are on.
pub fn list(name: &str, settings: Result<Settings>, progress: &dyn Progress) -> Report {
    report_on(Action::Hotfix, name, settings, progress, |run, settings| {
        let instance = Instance::open(settings)?;
        let (before, ..) = view::look_over(run, &instance)?;
        let on = before.hotfixes.iter().map(|hotfix| hotfix.name.as_str());
        let message = match on.clone().count() {
            0 => format!("no hotfix is on {}", before.release),
            _ => format!("on {}: {}", before.release, on.collect::<Vec<_>>().join(", ")),
        };
        run.report.before = Some(before);
        if let Err(failure) = vendor_tool::refuse_its_hotfixes(&instance) {
            run.report.blockers.push((&failure).into());
        }
        run.done(Status::Current, false, message);
        Ok(())
    })
}

/// Reverts the newest hotfix.
pub fn revert(name: &str, settings: Result<Settings>, options: &Revert, progress: &dyn Progress) -> Report {
    report_on(Action::Hotfix, name, settings, progress, |run, settings| {
        let mut session = rollback::begin(run, settings, options.dry_run)?;
        let target = |session: &Session, _: &Release| newest(session).map(Some);
        let gates = Gates::all(&options.overrides);
        let Some((_, to)) = rollback::go(run, &mut session, target, options.plan.as_deref(), gates)? else {
            return Ok(());
        };
        let name = ended(run);
        match options.dry_run {
            true => run.done(Status::Planned, true, format!("would revert {name}")),
            false => run.done(
                Status::HotfixReverted,
                true,
                format!("{name} is off {to} again; what was configured since stays"),
            ),
        }
        Ok(())
    })
}

fn on(instance: &Instance) -> &[Hotfix] {
    let installed = instance.state.installed.as_ref();
    installed.map_or(&[], |installed| &installed.hotfixes)
}

/// The snapshot of the newest hotfix. Nothing but a hotfix can have come after it: whatever leads to another level ends it.
fn newest(session: &Session) -> Result<rollback::Target> {
    let refused = |message, hint| Err(Failure::new(ErrorKind::NoSnapshot, message).hint(hint));
    let Some(hotfix) = on(session).last() else {
        return refused(
            format!("no hotfix is on {}", session.settings.name),
            "`pitstop hotfix list` shows those that pitstop applied; others only the vendor's tool can revert",
        );
    };
    let snapshots = &session.state.snapshots;
    match snapshots.last() {
        Some(snapshot) if snapshot.transaction == hotfix.transaction => {
            Ok(rollback::Target::Level(snapshots.len() - 1))
        }
        _ => refused(
            format!("what {} replaced is not kept any more", hotfix.name),
            "an update ends it and brings the vendor's files of the new level",
        ),
    }
}

/// What an update, or the applying of a hotfix, does with hotfixes.
pub(super) fn steps(instance: &Instance, target: &Target) -> Vec<HotfixStep> {
    match &target.hotfix {
        Some(step) => vec![step.clone()],
        None => on(instance)
            .iter()
            .map(|hotfix| hotfix.step(HotfixOp::End))
            .collect(),
    }
}

/// What a rollback to a snapshot does with hotfixes.
pub(super) fn steps_back(session: &Session, target: &rollback::Target) -> Vec<HotfixStep> {
    let rollback::Target::Level(at) = target else {
        return Vec::new();
    };
    let as_steps = |installed: &Installed| -> Vec<HotfixStep> {
        installed
            .hotfixes
            .iter()
            .map(|hotfix| hotfix.step(HotfixOp::Apply))
            .collect()
    };
    let now = session.state.installed.as_ref().map_or_else(Vec::new, as_steps);
    rules::steps_back(&now, &as_steps(&session.state.snapshots[*at].installed))
}

/// The hotfixes that the plan of a run ends.
pub(super) fn ended(run: &Run<'_>) -> String {
    let steps = run.report.plan.iter().flat_map(|plan| &plan.hotfixes);
    let ends = steps.filter(|step| step.op == HotfixOp::End);
    ends.map(|step| step.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// What a person should know of it.
pub(super) fn warnings(instance: &Instance, steps: &[HotfixStep]) -> Vec<String> {
    let of_step = |step: &HotfixStep| match step.op {
        HotfixOp::End => vec![format!(
            "{} ends with this update: make sure that the new level holds its fix",
            step.name
        )],
        HotfixOp::Apply => not_taken(instance, step),
        HotfixOp::Return => Vec::new(),
    };
    steps.iter().flat_map(of_step).collect()
}

/// An update never replaces what is the customer's, and neither does a hotfix.
fn not_taken(instance: &Instance, step: &HotfixStep) -> Vec<String> {
    let is_customers = |path: &&crate::model::RelPath| {
        let is_there = || instance.root.stat(path).is_ok_and(|stat| stat.is_some());
        instance.ownership.class_of(path) == Class::Customer && is_there()
    };
    let paths = step.paths.iter().filter(is_customers);
    paths
        .map(|path| {
            format!(
                "{} also changes {path}, which is yours and stays as it is",
                step.name
            )
        })
        .collect()
}

/// Refuses a plan that ends a hotfix of which somebody says that it is not superseded.
pub(super) fn refuse_ending(instance: &Instance, plan: &Plan, not_superseded: &[String]) -> Result<()> {
    let policy = &instance.settings.policy.not_superseded;
    rules::refuse_ending(plan, &[policy, not_superseded].concat())
}

/// A hotfix that is named but not on may be a mistyped one, which nothing would protect.
///
/// # Errors
/// `usage`.
pub(super) fn refuse_unknown(instance: &Instance, not_superseded: &[String]) -> Result<()> {
    let is_on = |name: &&String| {
        let mut on = on(instance).iter();
        on.any(|hotfix| rules::is_called(name, &hotfix.name))
    };
    let Some(unknown) = not_superseded.iter().find(|name| !is_on(name)) else {
        return Ok(());
    };
    let names: Vec<&str> = on(instance).iter().map(|hotfix| hotfix.name.as_str()).collect();
    let hint = match names.is_empty() {
        true => "no hotfix is on".to_owned(),
        false => format!("these are on: {}", names.join(", ")),
    };
    let message = format!("--not-superseded: {unknown} is not on {}", instance.settings.name);
    Err(Failure::new(ErrorKind::Usage, message).hint(hint))
}
