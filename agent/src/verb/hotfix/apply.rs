//! `hotfix apply`.

use std::path::PathBuf;

use crate::api::plan::{HotfixOp, HotfixStep};
use crate::api::report::{Action, Report, Status};
use crate::api::rollout::Gate;
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::preflight;
use crate::config::Settings;
use crate::model::{Digest, Progress};
use crate::plan::hotfix::{Turn, changed, turn};
use crate::product::profile::HotfixRules;
use crate::session::Instance;
use crate::source::vendor_tool::{HotfixContent, HotfixFile, HotfixName};
use crate::store::Installed;

use super::super::again::Again;
use super::super::conflicts::remember::{self, recall};
use super::super::conflicts::{self, Waiting};
use super::super::gate::{self, Asking};
use super::super::rollout::{self, Gates};
use super::super::server::Server;
use super::super::target::Target;
use super::super::update::plan::{Answering, Made, make_plan};
use super::super::update::{Carried, How, carry_out, leave_conflicts, manual, refuse_conflicts, refuse_held};
use super::super::{
    Run, absolute, demand_plan, refuse_interrupted, report_on, rollback, server, vendor_tool, view,
};
use super::given::Given;
use super::on;

/// How to apply.
#[derive(Debug, Clone, Default)]
pub struct Apply {
    /// The hotfix, or a bundle that carries it.
    pub file: PathBuf,
    /// Which of those that a bundle carries; needed where there are several.
    pub hotfix: Option<String>,
    /// Only plan.
    pub dry_run: bool,
    /// The plan that must come out.
    pub plan: Option<String>,
    /// Go on with the conflicts that a person resolved.
    pub resume: bool,
    /// Whether a hotfix that failed here may be tried again.
    pub release_hold: bool,
    /// Whether decisions about conflicts that are remembered are left out.
    pub no_remembered: bool,
    /// The manual steps that a person acknowledges, by id.
    pub acknowledge: Vec<String>,
    /// The gates that do not hold it up.
    pub overrides: Vec<Gate>,
}

impl Apply {
    /// The command that asks for the very same.
    fn command(&self, instance: &Instance) -> String {
        Again::new("hotfix apply", &instance.settings.name)
            .path(&self.file)
            .each("--hotfix", &self.hotfix)
            .flag(self.dry_run, "--dry-run")
            .each("--plan", &self.plan)
            .flag(self.resume, "--continue")
            .flag(self.release_hold, "--release-hold")
            .flag(self.no_remembered, "--no-remembered")
            .each("--acknowledge", &self.acknowledge)
            .each("--override", self.overrides.iter().map(|gate| gate.name()))
            .to_string()
    }
}

/// Applies a hotfix to the installed level, on top of those that are on.
pub fn apply(name: &str, settings: Result<Settings>, options: &Apply, progress: &dyn Progress) -> Report {
    report_on(
        Action::Hotfix,
        name,
        settings,
        progress,
        |run, settings| match options.dry_run {
            true => dry_run(run, settings, options),
            false => work(run, settings, options),
        },
    )
}

/// A dry run locks nothing and leaves nothing.
fn dry_run(run: &mut Run<'_>, settings: Settings, options: &Apply) -> Result<()> {
    run.report.dry_run = true;
    let instance = Instance::open(settings)?;
    refuse_interrupted(&instance)?;
    let given = Given::find(&instance, &options.file, options.hotfix.as_deref())?;
    let Some(new) = New::look(&instance, &given)? else {
        return already_on(run, &given);
    };
    // No tool is run for what may not go.
    new.admit(run, &instance, &given)?;
    let options = &resumed(&instance, options)?;
    let ready = ready(run, &instance, options, &new)?;
    run.report.conflicts = conflicts::views(&ready.made.plan);
    rollout::admit(run, &instance, &Gates::all(&options.overrides))?;
    refuse_conflicts(run, &ready.made.plan, "")?;
    run.done(Status::Planned, true, format!("would apply {}", new.hotfix.name));
    Ok(())
}

fn work(run: &mut Run<'_>, settings: Settings, options: &Apply) -> Result<()> {
    let mut session = rollback::begin(run, settings, false)?;
    let recovered = run.report.changed;
    let given = Given::find(&session, &options.file, options.hotfix.as_deref())?;
    let Some(new) = New::look(&session, &given)? else {
        already_on(run, &given)?;
        run.report.changed = recovered;
        return Ok(());
    };
    rollout::admit(run, &session, &Gates::all(&options.overrides))?;
    new.admit(run, &session, &given)?;
    let options = &resumed(&session, options)?;
    session.store.keep_hotfix(&new.bytes)?;
    let mut ready = ready(run, &session, options, &new)?;
    let waiting = Waiting {
        in_place: false,
        stage_only: false,
        from: Some(absolute(&given.path)),
        carried: given.carried().map(ToOwned::to_owned),
        level: ready.target.release.level.clone(),
        conflicts: ready.made.plan.conflicts.clone(),
        no_remembered: options.no_remembered,
        hotfix: true,
    };
    leave_conflicts(run, &session, &ready.made, waiting, &mut ready.target)?;
    let decided = remember::remember(run, &session, &ready.made.fresh)?;
    let Ready {
        made,
        mut target,
        server,
    } = ready;
    let how = How {
        stage_only: false,
        gates: Gates::all(&options.overrides),
    };
    let server = match carry_out(run, &mut session, &made, &mut target, &server, how, decided)? {
        Carried::Live(live) => live.words(run),
        Carried::Staged { .. } => String::new(),
    };
    let message = format!("{} is on {}{server}", new.hotfix.name, made.plan.to);
    run.done(Status::HotfixApplied, true, message);
    Ok(())
}

fn already_on(run: &mut Run<'_>, given: &Given) -> Result<()> {
    let message = format!(
        "{} is on already; there is nothing to do",
        given.file_name().display()
    );
    run.done(Status::Current, false, message);
    Ok(())
}

/// A hotfix whose turn it is.
struct New {
    hotfix: HotfixName,
    bytes: Vec<u8>,
    sha256: Digest,
}

impl New {
    /// `None` if it is on already.
    ///
    /// # Errors
    /// `usage`: its name is none of a hotfix. `wrong-product`, or `hotfix`: it is not its turn.
    fn look(instance: &Instance, given: &Given) -> Result<Option<Self>> {
        let hotfix = named(instance, given)?;
        vendor_tool::refuse_its_hotfixes(instance)?;
        let installed = adopted(instance)?;
        if !hotfix.is_for(&instance.settings.profile, &installed.release.level) {
            let message = format!(
                "{} is no hotfix for {}",
                given.file_name().display(),
                installed.release
            );
            return Err(Failure::new(ErrorKind::WrongProduct, message)
                .at(&given.path)
                .hint("a hotfix is for one product at exactly one level"));
        }
        let bytes = given.read()?;
        let sha256 = Digest::of(&bytes);
        let on: Vec<_> = on(instance).iter().map(|one| (one.number, one.sha256)).collect();
        match turn(&on, hotfix.number, sha256)? {
            Turn::On => Ok(None),
            Turn::Next => Ok(Some(Self {
                hotfix,
                bytes,
                sha256,
            })),
        }
    }

    /// Refuses it if it does not bring what the policy demands.
    fn admit(&self, run: &mut Run<'_>, instance: &Instance, given: &Given) -> Result<()> {
        let level = &adopted(instance)?.release.level;
        let asking = Asking::hotfix(instance, &self.hotfix.name, self.sha256, level)?;
        gate::admit_any(run, instance, &asking, &given.brought())
    }
}

fn rules(instance: &Instance) -> Result<&HotfixRules> {
    let profile = &instance.settings.profile;
    let rules = profile.vendor_tool.as_ref().and_then(|tool| tool.hotfix.as_ref());
    rules.ok_or_else(|| {
        let message = format!("the vendor of {} has no hotfixes", profile.title);
        Failure::new(ErrorKind::Settings, message)
    })
}

fn named(instance: &Instance, given: &Given) -> Result<HotfixName> {
    let name = given.file_name();
    HotfixName::of(name, rules(instance)?)?.ok_or_else(|| {
        let message = format!("{} does not have the name of a hotfix", name.display());
        Failure::new(ErrorKind::Usage, message).at(&given.path).hint(
            "leave its name as the vendor gave it, such as wso2am-4.2.0-abc-hf-1.zip: it tells the order",
        )
    })
}

/// Without the vendor's originals nobody could tell later what is the hotfix, what the vendor's and what the operator's.
fn adopted(instance: &Instance) -> Result<&Installed> {
    let name = &instance.settings.name;
    let installed = instance.state.installed.as_ref();
    installed.filter(|installed| installed.release.tree.is_some()).ok_or_else(|| {
        let message = format!("the vendor's original files of {name} are not known, and a hotfix builds on them");
        Failure::new(ErrorKind::Hotfix, message).hint(format!(
            "run `pitstop adopt {name} --pristine PACK` with the vendor's pack of exactly the installed level, which \
             `pitstop pack build` makes"
        ))
    })
}

/// Everything that is slow, done while the server serves.
struct Ready {
    made: Made,
    target: Target,
    server: Server,
}

fn ready(run: &mut Run<'_>, instance: &Instance, options: &Apply, new: &New) -> Result<Ready> {
    let installed = adopted(instance)?;
    let (before, inventory, server) = view::observe(run, instance)?;
    run.report.before = Some(before);
    server::refuse_tool_at_work(&server)?;
    server::admit_change(run, instance, &server)?;
    let files = files(instance, new);
    let mut target = vendor_tool::apply_hotfixes(run, instance, &files, &installed.release, &inventory)?;
    target.hotfix = Some(step(instance, installed, new, &target)?);
    let command = options.command(instance);
    refuse_held(instance, &target, options.release_hold, &command)?;
    let answering = Answering {
        resumes: options.resume,
        memory: recall(run, &instance.settings.memory, options.no_remembered),
    };
    let made = make_plan(run, instance, inventory, &server, &mut target, None, answering)?;
    demand_plan(options.plan.as_deref(), &made.plan)?;
    preflight::check(instance, &made.plan)?;
    manual::refuse_unacknowledged(&made.plan, &options.acknowledge, &command)?;
    Ok(Ready { made, target, server })
}

/// Those that are on, and the new one.
fn files<'a>(instance: &Instance, new: &'a New) -> Vec<HotfixFile<'a>> {
    let kept = on(instance).iter().map(|hotfix| HotfixFile {
        name: hotfix.name.clone(),
        content: HotfixContent::Kept(instance.store.hotfix_file(&hotfix.sha256)),
    });
    let last = HotfixFile {
        name: new.hotfix.name.clone(),
        content: HotfixContent::Read(&new.bytes),
    };
    kept.chain([last]).collect()
}

fn step(instance: &Instance, installed: &Installed, new: &New, target: &Target) -> Result<HotfixStep> {
    let tree = installed.release.tree.map(|tree| instance.store.manifest(&tree));
    let paths = match tree.transpose()? {
        Some(tree) => changed(&tree, &target.manifest).into_iter().collect(),
        None => Vec::new(),
    };
    Ok(HotfixStep {
        op: HotfixOp::Apply,
        name: new.hotfix.name.clone(),
        number: new.hotfix.number,
        sha256: new.sha256,
        paths,
    })
}

/// The settings of a hotfix that waits for a person, if it is to go on.
fn resumed(instance: &Instance, options: &Apply) -> Result<Apply> {
    let mut options = options.clone();
    if options.resume {
        let waiting = conflicts::waiting(instance)?.filter(|waiting| waiting.hotfix);
        let waiting = waiting.ok_or_else(|| {
            let message = format!(
                "no hotfix of {} waits for conflicts to be resolved",
                instance.settings.name
            );
            Failure::new(ErrorKind::Usage, message).hint("run `pitstop hotfix apply` without --continue")
        })?;
        options.no_remembered |= waiting.no_remembered;
    }
    Ok(options)
}
