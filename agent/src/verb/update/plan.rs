//! From observation to plan: reads what the draft asks for, merges it, and lets the draft become the plan.

use std::collections::BTreeMap;

use crate::api::Result;
use crate::api::plan::Plan;
use crate::api::report::Action;
use crate::merge::text;
use crate::model::{Entry, Inventory, RelPath, TreeManifest};
use crate::observe::tree;
use crate::plan::{Draft, MergeOutcome, Side, update};
use crate::session::Instance;
use crate::source::Source;

use super::super::config::stale;
use super::super::conflicts::{self, Answers, Waiting};
use super::super::key_conflicts;
use super::super::merges::Merges;
use super::super::server::Server;
use super::super::target::Target;
use super::super::{Run, common, read};
use super::installed_release;

/// A plan and the contents that it merged.
pub(super) struct Made {
    pub plan: Plan,
    pub merged: BTreeMap<RelPath, Vec<u8>>,
}

/// Makes the plan. `origin` is the pristine pack at the installed level where the state does not know it yet.
pub(super) fn make_plan(
    run: &mut Run<'_>,
    instance: &Instance,
    mut inventory: Inventory,
    server: &Server,
    target: &mut Target,
    origin: Option<&mut Target>,
    waiting: Option<&Waiting>,
) -> Result<Made> {
    let from = origin.as_ref().map_or_else(
        || installed_release(instance),
        |origin| Ok(origin.release.clone()),
    )?;
    let base = match &origin {
        Some(origin) => Some(origin.manifest.clone()),
        None => from.tree.map(|tree| instance.store.manifest(&tree)).transpose()?,
    };
    let leaving = base.iter().flat_map(|base| leaving_dirs(base, &target.manifest));
    tree::complete(
        &mut inventory,
        &instance.root,
        target.manifest.entries.keys(),
        leaving,
    )?;
    let common = common(
        instance,
        Action::Update,
        &from,
        &target.release,
        &inventory,
        server.is_wanted(),
    );
    let draft = update::draft(&update::Input {
        common,
        base: base.as_ref(),
        new: &target.manifest,
        ownership: &instance.ownership,
    });
    let Merges {
        outcomes, mut merged, ..
    } = merge(instance, &draft, target.source.as_mut(), origin)?;
    let (resolutions, finals) = match waiting {
        Some(waiting) => still_valid(&draft, waiting, conflicts::answers(instance, waiting)?),
        None => Answers::default(),
    };
    merged.extend(finals);
    let plan = draft.finish(&outcomes, &resolutions)?;
    run.report.warnings.extend(plan.warnings.iter().cloned());
    run.report.plan = Some(plan.clone());
    let against = stale::Against {
        level: &target.release.level,
        manifest: &target.manifest,
        source: Some(target.source.as_mut()),
    };
    stale::note(run, instance, against)?;
    Ok(Made { plan, merged })
}

/// An answer counts only while the three sides are those that the person saw.
fn still_valid(draft: &Draft<'_>, waiting: &Waiting, mut answers: Answers) -> Answers {
    for conflict in &waiting.conflicts {
        if !draft.has_sides(conflict) {
            answers.0.remove(&conflict.path);
            answers.1.remove(&conflict.path);
        }
    }
    answers
}

fn leaving_dirs<'a>(base: &'a TreeManifest, new: &'a TreeManifest) -> impl Iterator<Item = &'a RelPath> {
    let is_dir = |entry: Option<&Entry>| matches!(entry, Some(Entry::Dir { .. }));
    base.entries
        .iter()
        .filter(move |(path, entry)| is_dir(Some(entry)) && !is_dir(new.entries.get(*path)))
        .map(|(path, _)| path)
}

fn merge(
    instance: &Instance,
    draft: &Draft<'_>,
    source: &mut dyn Source,
    mut origin: Option<&mut Target>,
) -> Result<Merges> {
    let mut results = Merges::new(&instance.settings.profile.secrets);
    for request in draft.merges() {
        let base = match (&request.base, &mut origin) {
            (_, Some(origin)) => Some(origin.source.read(&request.path, text::LIMIT)?),
            (Side::Kept(digest), None) => instance.store.text(digest)?,
            _ => None,
        };
        let mut outcome = match (base, read(instance, &request.path)?) {
            (Some(base), Some(current)) => results.merge(
                &request.path,
                [&base, &current, &source.read(&request.path, text::LIMIT)?],
            ),
            // The text was not kept because it was none.
            (None, _) if !crate::store::texts::may_be_text(&request.path, 0) => MergeOutcome::NotText,
            (None, Some(current)) if !text::is_text(&current) => MergeOutcome::NotText,
            (_, None) => MergeOutcome::NotText,
            (None, _) => MergeOutcome::NoBase,
        };
        let configured = instance.state.config.files.get(&request.path);
        if let (MergeOutcome::Conflicts(keys), Some(file)) = (&mut outcome, configured)
            && !file.secret_lines.is_empty()
        {
            key_conflicts::conceal(keys);
        }
        results.outcomes.insert(request.path.clone(), outcome);
    }
    Ok(results)
}
