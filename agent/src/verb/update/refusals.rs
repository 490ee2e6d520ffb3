//! What an update is refused for once it is known where it leads.

use crate::api::plan::{HotfixStep, Plan};
use crate::api::report::Action;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::Release;
use crate::session::{Instance, Session};

use super::super::Run;
use super::super::conflicts::{self, Waiting};
use super::super::target::Target;
use super::plan::Made;

/// Refuses what failed on this host before. `command` is the one that asked for it.
pub(in crate::verb) fn refuse_held(
    instance: &Instance,
    target: &Target,
    allowed: bool,
    command: &str,
) -> Result<()> {
    refuse_held_release(
        instance,
        &target.release,
        target.hotfix.as_ref(),
        allowed,
        command,
    )
}

pub(super) fn refuse_held_release(
    instance: &Instance,
    release: &Release,
    hotfix: Option<&HotfixStep>,
    allowed: bool,
    command: &str,
) -> Result<()> {
    match instance.state.hold_on(release) {
        Some(hold) if !allowed => {
            let (what, instead) = match hotfix {
                Some(hotfix) => (hotfix.name.clone(), "ask the vendor for another one"),
                None => (release.to_string(), "give a newer level"),
            };
            let message = format!(
                "{what} is held on this host since {}: {}",
                hold.since, hold.reason
            );
            let hint = format!("{instead}, or run `{command} --release-hold` once the cause is gone");
            Err(Failure::new(ErrorKind::Held, message).hint(hint))
        }
        _ => Ok(()),
    }
}

/// Leaves what is in conflict for a person, and refuses to go on with it.
pub(in crate::verb) fn leave_conflicts(
    run: &mut Run<'_>,
    session: &Session,
    made: &Made,
    waiting: Waiting,
    target: &mut Target,
) -> Result<()> {
    if made.plan.conflicts.is_empty() {
        return Ok(());
    }
    let go_on = waiting.command(&session.settings.name);
    let left = conflicts::leave(run, session, waiting, &made.standing, target.source.as_mut())?;
    run.report.conflicts = left;
    refuse_conflicts(run, &made.plan, &go_on)
}

pub(in crate::verb) fn refuse_conflicts(run: &Run<'_>, plan: &Plan, go_on: &str) -> Result<()> {
    let Some(first) = plan.conflicts.first() else {
        return Ok(());
    };
    let count = plan.conflicts.len();
    let what = match plan.action {
        Action::Hotfix => "hotfix",
        _ => "update",
    };
    let message = format!(
        "{count} of the {what}'s paths need a person, the first is {}: {}",
        first.path, first.message
    );
    let final_file = run
        .report
        .conflicts
        .first()
        .and_then(|view| view.final_file.as_ref());
    let hint = final_file.map_or_else(
        || format!("run `pitstop {what}` to get the three sides of each as files"),
        |file| {
            format!(
                "decide with `pitstop conflicts resolve {name}`, or write the wanted content to {} and so on, then run \
                 `{go_on}`",
                file.display(),
                name = plan.instance
            )
        },
    );
    Err(Failure::new(ErrorKind::Conflicts, message)
        .at(first.path.under(&plan.home))
        .hint(hint))
}
