//! From observation to plan: reads what the draft asks for, merges it, and lets the draft become the plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::Result;
use crate::api::plan::{Conflict, Plan};
use crate::api::report::Action;
use crate::memory::Memory;
use crate::merge::text;
use crate::model::{Class, Entry, Inventory, RelPath, Release, TreeManifest};
use crate::observe::home::HomeView;
use crate::observe::tree;
use crate::plan::{Draft, MergeOutcome, Side, update};
use crate::product::Ownership;
use crate::product::ownership::for_tree;
use crate::session::Instance;
use crate::source::Source;
use crate::source::vendor_tool::Shown;

use super::super::config::stale;
use super::super::conflicts::counsel::Counsel;
use super::super::conflicts::remember::Fresh;
use super::super::conflicts::{self, answers};
use super::super::key_conflicts;
use super::super::merges::Merges;
use super::super::server::Server;
use super::super::target::Target;
use super::super::{Run, common, hotfix, read};
use super::origin::Origin;
use super::{installed_release, manual};

/// A plan and the contents that it merged.
pub(in crate::verb) struct Made {
    pub plan: Plan,
    pub merged: BTreeMap<RelPath, Vec<u8>>,
    /// What a person decided for it.
    pub fresh: Vec<Fresh>,
    /// What was in conflict at an earlier run and has the same sides now.
    pub standing: Vec<Conflict>,
}

/// What answers its conflicts.
pub(in crate::verb) struct Answering {
    /// Whether it goes on with the update that waits for a person.
    pub resumes: bool,
    /// What is remembered.
    pub memory: Memory,
}

/// Makes the plan. `origin` is what is known of the installed level where the state does not know it yet.
pub(in crate::verb) fn make_plan(
    run: &mut Run<'_>,
    instance: &Instance,
    mut inventory: Inventory,
    server: &Server,
    target: &mut Target,
    mut origin: Option<&mut Origin>,
    answering: Answering,
) -> Result<Made> {
    let mut from = installed_release(instance)?;
    from.tree = origin.as_ref().map(|origin| origin.tree()).or(from.tree);
    let shown = target.shown.clone();
    let base = match &origin {
        Some(origin) => Some(Arc::new(origin.manifest().clone())),
        None => base(instance, &from, target)?,
    };
    let leaving = base.iter().flat_map(|base| leaving_dirs(base, &target.manifest));
    tree::complete(
        &mut inventory,
        &instance.root,
        target.manifest.entries.keys(),
        leaving,
    )?;
    let renewed = renewed_ownership(instance, &target.manifest)?;
    let ownership = renewed.as_ref().unwrap_or(&instance.ownership);
    let lost = match &renewed {
        Some(renewed) => reclass(
            instance,
            renewed,
            &mut inventory,
            base.as_deref(),
            &target.manifest,
        ),
        None => Vec::new(),
    };
    let action = target.hotfix.as_ref().map_or(Action::Update, |_| Action::Hotfix);
    let common = common(
        instance,
        action,
        &from,
        &target.release,
        &inventory,
        server.is_wanted(),
    );
    let mut draft = update::draft(&update::Input {
        common,
        base: base.as_deref(),
        new: &target.manifest,
        ownership,
    });
    let hotfixes = hotfix::steps(instance, target);
    hotfix::warnings(instance, &hotfixes)
        .into_iter()
        .for_each(|warning| draft.warn(warning));
    for path in lost {
        draft.warn(format!(
            "{path} is written by the server itself from {} on: what you changed in it is only in the snapshot then; say it where the \
             server takes its configuration from",
            target.release.level
        ));
    }
    let texts = match &mut origin {
        Some(Origin::Pack(pack)) => Texts::Of(pack.source.as_mut()),
        Some(Origin::Start(shown)) => Texts::Kept(Some(shown)),
        None => Texts::Kept(shown.as_deref()),
    };
    let mut merges = merge(instance, &draft, target.source.as_mut(), texts)?;
    let standing = conflicts::standing(instance, &draft);
    let advised = counsel(instance, &standing, answering)?.advise(&draft, &mut merges)?;
    draft.remember(advised.remembered);
    advised
        .warnings
        .into_iter()
        .for_each(|warning| draft.warn(warning));
    let plan = draft.finish(&merges.outcomes, &advised.answers)?;
    let plan = manual::with_steps(run, instance, plan, base.as_deref(), &target.manifest, &inventory)?;
    let plan = crate::plan::hotfix::add(plan, hotfixes)?;
    let mut merged = merges.merged;
    merged.extend(advised.contents);
    run.report.warnings.extend(plan.warnings.iter().cloned());
    run.report.plan = Some(plan.clone());
    let against = stale::Against {
        level: &target.release.level,
        manifest: &target.manifest,
        source: Some(target.source.as_mut()),
    };
    stale::note(run, instance, against)?;
    Ok(Made {
        plan,
        merged,
        fresh: advised.fresh,
        standing,
    })
}

/// The vendor's tree at the installed level, as far as it is known.
pub(super) fn base(
    instance: &Instance,
    installed: &Release,
    target: &Target,
) -> Result<Option<Arc<TreeManifest>>> {
    match &target.shown {
        Some(shown) => Ok(Some(Arc::new(shown.manifest.clone()))),
        None => {
            let tree = installed.tree;
            tree.map(|tree| instance.store.manifest(&tree)).transpose()
        }
    }
}

/// Who owns what, now and after the update, where that is something else: what the target has a template for is written by the
/// server from then on, also if it had none before.
fn renewed_ownership(instance: &Instance, new: &TreeManifest) -> Result<Option<Ownership>> {
    let rules = for_tree(&instance.settings.profile.ownership, |dir| {
        let mut files = HomeView(&instance.root).files_below(dir)?;
        files.extend(new.files_below(dir).cloned());
        Ok(files)
    })?;
    match rules == instance.rules {
        true => Ok(None),
        false => Ownership::new(&rules).map(Some),
    }
}

/// Gives what is there its new class. Returns what an operator changed and the server writes by itself from now on.
fn reclass(
    instance: &Instance,
    renewed: &Ownership,
    inventory: &mut Inventory,
    base: Option<&TreeManifest>,
    new: &TreeManifest,
) -> Vec<RelPath> {
    let mut lost = Vec::new();
    for (path, seen) in &mut inventory.entries {
        seen.class = renewed.class_of(path);
        let known = base.unwrap_or(new).entries.get(path);
        let is_edited = new.entries.contains_key(path) && !Entry::same(known, Some(&seen.entry));
        let was_merged = matches!(instance.ownership.class_of(path), Class::Vendor | Class::Config);
        if is_edited && was_merged && seen.class == Class::Generated {
            lost.push(path.clone());
        }
    }
    lost
}

/// An answer counts only while the three sides are those that the person saw.
fn counsel<'a>(instance: &'a Instance, standing: &[Conflict], answering: Answering) -> Result<Counsel<'a>> {
    let (standing, mut answers) = match answering.resumes {
        true => (standing, answers::read(instance)?),
        false => Default::default(),
    };
    answers.retain(|answer| standing.iter().any(|conflict| conflict.path == answer.path));
    let finals = conflicts::finals(instance, standing, &answers)?;
    conflicts::demand_finished(&instance.root, &finals)?;
    Ok(Counsel {
        instance,
        memory: answering.memory,
        finals,
        answers,
    })
}

fn leaving_dirs<'a>(base: &'a TreeManifest, new: &'a TreeManifest) -> impl Iterator<Item = &'a RelPath> {
    let is_dir = |entry: Option<&Entry>| matches!(entry, Some(Entry::Dir { .. }));
    base.entries
        .iter()
        .filter(move |(path, entry)| is_dir(Some(entry)) && !is_dir(new.entries.get(*path)))
        .map(|(path, _)| path)
}

/// From where the vendor's texts at the installed level come.
enum Texts<'a> {
    /// The pack.
    Of(&'a mut dyn Source),
    /// What a source shows of them, else those that are kept.
    Kept(Option<&'a Shown>),
}

fn merge(
    instance: &Instance,
    draft: &Draft<'_>,
    source: &mut dyn Source,
    mut texts: Texts<'_>,
) -> Result<Merges> {
    let mut results = Merges::new(&instance.settings.profile.secrets);
    for request in draft.merges() {
        let base = match (&request.base, &mut texts) {
            (_, Texts::Of(pack)) => Some(pack.read(&request.path, text::LIMIT)?),
            (Side::Kept(digest), Texts::Kept(shown)) => {
                match shown.and_then(|shown| shown.texts.get(&request.path)) {
                    Some(text) => Some(text.clone()),
                    None => instance.store.text(digest)?,
                }
            }
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
