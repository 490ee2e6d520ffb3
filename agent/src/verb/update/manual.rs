//! What an update leaves to a person: told, and refused until it is acknowledged where that is demanded.

use crate::api::plan::{ManualStep, Plan};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Inventory, TreeManifest};
use crate::observe::home::HomeView;
use crate::plan::manual;
use crate::product::detect::matching_paths;
use crate::session::Instance;

use super::super::Run;

/// The plan with its manual steps, which are warned of.
pub(super) fn with_steps(
    run: &mut Run<'_>,
    instance: &Instance,
    plan: Plan,
    base: Option<&TreeManifest>,
    new: &TreeManifest,
    inventory: &Inventory,
) -> Result<Plan> {
    let profile = &instance.settings.profile;
    let home = HomeView(&instance.root);
    let mut rules = Vec::new();
    for rule in &profile.manual_steps {
        let mut present = Vec::new();
        for path in &rule.present {
            present.extend(matching_paths(&profile.name, path, &home)?);
        }
        rules.push((rule, present));
    }
    let input = manual::Input {
        base,
        new,
        inventory,
        migration: !profile.level.is_one_line(&plan.from.level, &plan.to.level),
        rules,
        acknowledge: instance.settings.policy.acknowledge,
    };
    let plan = manual::add(plan, &input)?;
    for step in &plan.manual {
        run.warn(format!("by hand, {}: {}{}", step.id, step.text, paths(step)));
    }
    Ok(plan)
}

fn paths(step: &ManualStep) -> String {
    if step.paths.is_empty() {
        return String::new();
    }
    let shown = step.paths.iter().take(3).map(ToString::to_string);
    let shown = shown.collect::<Vec<_>>().join(", ");
    match step.count.saturating_sub(3) {
        0 => format!(" ({shown})"),
        more => format!(" ({shown} and {more} more)"),
    }
}

/// Refuses an update with a step that must be acknowledged and is not. `command` is the one that asked for it.
///
/// # Errors
/// `manual-steps`, naming all of them.
pub(in crate::verb) fn refuse_unacknowledged(
    plan: &Plan,
    acknowledged: &[String],
    command: &str,
) -> Result<()> {
    let is_open = |step: &&ManualStep| step.acknowledge && !acknowledged.contains(&step.id);
    let open: Vec<&ManualStep> = plan.manual.iter().filter(is_open).collect();
    let Some(first) = open.first() else { return Ok(()) };
    let message = format!(
        "{} manual steps of the update are not acknowledged, the first is {}: {}{}",
        open.len(),
        first.id,
        first.text,
        paths(first)
    );
    let options: Vec<String> = open
        .iter()
        .map(|step| format!("--acknowledge {}", step.id))
        .collect();
    Err(Failure::new(ErrorKind::ManualSteps, message).hint(format!(
        "take care of them, then run `{command} {}`",
        options.join(" ")
    )))
}
