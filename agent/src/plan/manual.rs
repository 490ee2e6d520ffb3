//! What an update leaves to a person, and what a person must have acknowledged before it.

use std::collections::BTreeMap;

use crate::api::Result;
use crate::api::plan::{ManualStep, Plan};
use crate::model::{Digest, Inventory, RelPath, TreeManifest};
use crate::product::Ownership;
use crate::product::caution::ManualRule;

use super::id;

/// What manual steps are told from.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// The pristine tree at the installed level; `None` if the pack was adopted without it.
    pub base: Option<&'a TreeManifest>,
    /// The pristine tree at the target level.
    pub new: &'a TreeManifest,
    /// What is on the host.
    pub inventory: &'a Inventory,
    /// The profile's rules, each with those of its `present` paths that are there.
    pub rules: Vec<(&'a ManualRule, Vec<RelPath>)>,
    /// Whether the update leaves the release line.
    pub migration: bool,
    /// Whether every step, or none, must be acknowledged, whatever the profile says.
    pub acknowledge: Option<bool>,
}

/// Adds the manual steps to a plan and names it anew.
///
/// # Errors
/// `settings` if a glob of the profile is not one.
pub fn add(mut plan: Plan, input: &Input<'_>) -> Result<Plan> {
    if input.migration {
        plan.manual.push(migration(&plan));
    }
    for (rule, present) in &input.rules {
        plan.manual.extend(step(rule, present, &plan, input)?);
    }
    if plan.manual.is_empty() {
        return Ok(plan);
    }
    id::seal(plan)
}

/// What no policy takes from a person.
fn migration(plan: &Plan) -> ManualStep {
    let (from, to) = (&plan.from.level, &plan.to.level);
    let mut proof = Proof::new("migration");
    proof.text(from.as_str());
    proof.text(to.as_str());
    ManualStep {
        id: proof.finish(),
        text: format!(
            "{to} is of another product version than {from}: that is a migration, with steps of the vendor's, for the databases \
             first of all, which no update does and no rollback takes back"
        ),
        count: 0,
        paths: Vec::new(),
        acknowledge: true,
    }
}

/// Every condition that a rule gives must hold.
fn step(
    rule: &ManualRule,
    present: &[RelPath],
    plan: &Plan,
    input: &Input<'_>,
) -> Result<Option<ManualStep>> {
    let mut paths: Vec<&RelPath> = Vec::new();
    let mut proof = Proof::new(&rule.name);
    if !rule.present.is_empty() {
        paths.extend(present);
    }
    if !rule.extra.is_empty() {
        paths.extend(extra(&rule.extra, input)?);
    }
    if !rule.mounted.is_empty() {
        paths.extend(mounted(&rule.mounted, plan)?);
    }
    let surroundings = !(rule.present.is_empty() && rule.extra.is_empty() && rule.mounted.is_empty());
    if surroundings && paths.is_empty() {
        return Ok(None);
    }
    if rule.changed.is_empty() {
        paths.iter().for_each(|path| proof.add(path, None, None));
        // The same state stands before every update: each is acknowledged for itself.
        proof.text(plan.to.level.as_str());
    } else {
        let changed = changed(&rule.changed, input)?;
        if changed.is_empty() {
            return Ok(None);
        }
        for (path, sides) in changed {
            proof.add(path, sides.0, sides.1);
            paths.push(path);
        }
    }
    paths.sort();
    paths.dedup();
    Ok(Some(ManualStep {
        id: proof.finish(),
        text: rule.text.clone(),
        count: paths.len() as u64,
        paths: paths.into_iter().take(ManualStep::LIST_LIMIT).cloned().collect(),
        acknowledge: input.acknowledge.unwrap_or(rule.acknowledge),
    }))
}

type Sides = (Option<Digest>, Option<Digest>);

/// The files of the vendor that the update changes, by their content: the same on every host where the vendor's tree at
/// the installed level is known.
fn changed<'a>(globs: &[String], input: &Input<'a>) -> Result<BTreeMap<&'a RelPath, Sides>> {
    let globs = Ownership::of_globs(globs)?;
    let matching = |path: &&RelPath| globs.glob_of(path).is_some();
    let mut sides: BTreeMap<&RelPath, Sides> = BTreeMap::new();
    match input.base {
        Some(base) => {
            for (path, entry) in base.entries.iter().filter(|(path, _)| matching(path)) {
                sides.entry(path).or_default().0 = entry.sha256();
            }
        }
        None => {
            let seen = input.inventory.entries.iter();
            for (path, seen) in seen.filter(|(path, _)| matching(path)) {
                sides.entry(path).or_default().0 = seen.entry.sha256();
            }
        }
    }
    for (path, entry) in input.new.entries.iter().filter(|(path, _)| matching(path)) {
        sides.entry(path).or_default().1 = entry.sha256();
    }
    sides.retain(|_, (old, new)| old != new);
    Ok(sides)
}

/// What is there and neither level has.
fn extra<'a>(globs: &[String], input: &Input<'a>) -> Result<Vec<&'a RelPath>> {
    let Some(base) = input.base else {
        return Ok(Vec::new());
    };
    let globs = Ownership::of_globs(globs)?;
    let is_extra = |path: &&RelPath| {
        !base.entries.contains_key(*path)
            && !input.new.entries.contains_key(*path)
            && globs.glob_of(path).is_some()
    };
    Ok(input.inventory.entries.keys().filter(is_extra).collect())
}

/// The mounts that the plan writes to.
fn mounted<'a>(globs: &[String], plan: &'a Plan) -> Result<Vec<&'a RelPath>> {
    let globs = Ownership::of_globs(globs)?;
    let mounts = plan.files.iter().filter_map(|step| step.mount.as_ref());
    Ok(mounts.filter(|mount| globs.glob_of(mount).is_some()).collect())
}

/// The id of a step: its name and the start of the digest of what it is about.
struct Proof<'a> {
    name: &'a str,
    said: Vec<u8>,
}

impl<'a> Proof<'a> {
    fn new(name: &'a str) -> Self {
        Self {
            name,
            said: Vec::new(),
        }
    }

    fn text(&mut self, text: &str) {
        self.said.extend_from_slice(text.as_bytes());
        self.said.push(0);
    }

    fn add(&mut self, path: &RelPath, old: Option<Digest>, new: Option<Digest>) {
        self.text(path.as_str());
        for side in [old, new] {
            self.text(&side.map(|digest| digest.to_string()).unwrap_or_default());
        }
    }

    fn finish(self) -> String {
        format!("{}-{}", self.name, &Digest::of(&self.said).to_string()[..12])
    }
}

#[cfg(test)]
mod tests;
