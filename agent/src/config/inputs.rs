//! Profile and instance merged, not yet validated as a whole. The instance wins; probes are matched by name.

use std::path::{Path, PathBuf};

use super::Admission;
use super::fragment::{AgentFragment, InstanceFragment, LimitsFragment, PolicyFragment, ServiceFragment};
use super::probe::Probe;
use super::rollout::{self, Rollout};
use super::settings::{Limits, Policy, ServiceControl, Settings, Stop};
use super::vendor_tool::{SourceFragment, UpdateSource};
use super::{ConfigDirs, Configuration, validate};
use crate::api::{ErrorKind, Failure, Result};
use crate::product::Profile;
use crate::product::config::ProductConfig;
use crate::product::profile::ServiceRules;
use crate::product::render::{Vars, render};

const STOP_TIMEOUT_S: u64 = 120;
const START_TIMEOUT_S: u64 = 180;

/// What one instance's settings are made of.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The environment that the host belongs to.
    pub environment: Option<String>,
    /// The instance, relative paths resolved.
    pub instance: InstanceFragment,
    /// The product's profile with the instance's service, probes and variables in it; templates not filled in.
    pub profile: Profile,
    /// The unit that controls the server instead of the profile's commands.
    pub unit: Option<String>,
    /// What an update may do.
    pub policy: Policy,
    /// When it may change.
    pub rollout: Rollout,
    /// Limits on archives.
    pub limits: Limits,
    /// What `config apply` does; `None` if the instance says nothing about it.
    pub config: Option<Configuration>,
}

impl Inputs {
    /// Merges. `folder` is the one that the instance's file lies in: a relative `source` or `ca` is relative to it.
    /// `product` is the product's part of the configuration, for an instance with a `config` section.
    ///
    /// # Errors
    /// `settings`: both a unit and commands are given, two of the instance's probes have one name, or the `config`
    /// section makes no sense.
    pub fn merge(
        mut instance: InstanceFragment,
        agent: &AgentFragment,
        mut profile: Profile,
        product: ProductConfig,
        folder: &Path,
    ) -> Result<Self> {
        let service = instance.service.take().unwrap_or_default();
        let unit = service.unit.clone();
        if unit.is_some() && (service.start.is_some() || service.stop.is_some()) {
            let message = "service: `unit` excludes `start` and `stop`; systemd knows how to do both";
            return Err(Failure::new(ErrorKind::Settings, message));
        }
        resolve_paths(&mut instance, folder);
        merge_service(&mut profile.service, service);
        merge_probes(&mut profile.probes, &instance.probes)?;
        let config = instance.config.as_ref().map(|own| {
            let mut vars = profile.vars.clone();
            vars.extend(instance.vars.clone());
            Configuration::new(own, product, &profile, vars, folder)
        });
        let policies = [instance.policy.as_ref(), agent.policy.as_ref()];
        Ok(Self {
            environment: agent.environment.clone(),
            policy: policy_of(policies),
            rollout: rollout::settle([instance.rollout.as_ref(), agent.rollout.as_ref()])?,
            limits: limits_of(agent.limits.as_ref()),
            config: config.transpose()?,
            instance,
            profile,
            unit,
        })
    }

    /// Fills in the templates and checks everything. `home` is the instance's, without symlinks if it exists.
    ///
    /// # Errors
    /// `settings`: the first rule that the settings break.
    pub fn into_settings(self, home: PathBuf, dirs: &ConfigDirs, admission: Admission) -> Result<Settings> {
        let instance = self.instance;
        check_limits(&self.policy, &self.limits)?;
        instance.user.as_deref().map_or(Ok(()), validate::user)?;
        self.unit.as_deref().map_or(Ok(()), validate::unit)?;
        let mut profile = render(
            &self.profile,
            &Vars {
                home: home.to_string_lossy().into_owned(),
                user: instance.user.clone().unwrap_or_default(),
                name: instance.name.clone(),
                values: instance.vars,
            },
        )?;
        validate::profile_texts(&profile)?;
        if let Some(config) = &self.config {
            profile.ownership.insert(0, config.ownership());
        }
        let source = instance.source.map(SourceFragment::settle).transpose()?;
        refuse_missing_tool(source.as_ref(), &profile)?;
        let rules = &profile.service;
        Ok(Settings {
            service: service_of(self.unit, rules),
            stop_timeout_s: rules.stop_timeout_s.unwrap_or(STOP_TIMEOUT_S),
            start_timeout_s: rules.start_timeout_s.unwrap_or(START_TIMEOUT_S),
            ports: validate::ports(&rules.ports)?,
            probes: profile.probes.clone(),
            state_dir: dirs.state.join("instances").join(&instance.name),
            cache_dir: dirs.state.join("cache"),
            memory: dirs.memory(),
            trust: dirs.trust(),
            admission,
            suites: dirs.suites(&instance.name),
            name: instance.name,
            environment: self.environment,
            user: instance.user,
            source,
            policy: self.policy,
            rollout: self.rollout,
            limits: self.limits,
            config: self.config,
            profile,
            home,
        })
    }
}

fn refuse_missing_tool(source: Option<&UpdateSource>, profile: &Profile) -> Result<()> {
    if matches!(source, Some(UpdateSource::VendorTool(_))) && profile.vendor_tool.is_none() {
        let message = format!(
            "source.vendor-tool: the vendor of {} has no update tool",
            profile.title
        );
        return Err(Failure::new(ErrorKind::Settings, message)
            .hint("give the path of a pack, or of a folder of packs"));
    }
    Ok(())
}

fn resolve_paths(instance: &mut InstanceFragment, folder: &Path) {
    // A path that begins with a template (`{{ home }}/…`) is only known once that is filled in.
    let resolve = |path: &mut PathBuf| {
        if !path.to_string_lossy().starts_with("{{") {
            *path = folder.join(&path);
        }
    };
    if let Some(source) = &mut instance.source {
        source.resolve(folder);
    }
    if let Some(rollout) = &mut instance.rollout {
        rollout.resolve(folder);
    }
    let https = instance.probes.iter_mut().filter_map(|probe| probe.http.as_mut());
    https.filter_map(|http| http.ca.as_mut()).for_each(resolve);
}

/// An own `start` replaces the profile's pair: the profile's `stop` may not know how to stop what it started, and what it needs
/// is its own.
fn merge_service(profile: &mut ServiceRules, instance: ServiceFragment) {
    if instance.start.is_some() {
        profile.start = instance.start;
        profile.stop = None;
        profile.needed_env.clear();
    }
    if instance.stop.is_some() {
        profile.stop = instance.stop;
    }
    profile.env.extend(instance.env.unwrap_or_default());
    profile.stop_timeout_s = instance.stop_timeout_s.or(profile.stop_timeout_s);
    profile.start_timeout_s = instance.start_timeout_s.or(profile.start_timeout_s);
    if let Some(ports) = instance.ports {
        profile.ports = ports;
    }
}

fn merge_probes(profile: &mut Vec<Probe>, instance: &[Probe]) -> Result<()> {
    for (at, own) in instance.iter().enumerate() {
        if instance[..at].iter().any(|earlier| earlier.name == own.name) {
            let message = format!("probes: two are named `{}`", own.name);
            return Err(Failure::new(ErrorKind::Settings, message));
        }
        match profile.iter_mut().find(|probe| probe.name == own.name) {
            Some(probe) => *probe = own.clone(),
            None => profile.push(own.clone()),
        }
    }
    Ok(())
}

fn service_of(unit: Option<String>, rules: &ServiceRules) -> ServiceControl {
    match (unit, &rules.start) {
        (Some(unit), _) => ServiceControl::Unit(unit),
        (None, Some(start)) => ServiceControl::Commands {
            start: start.clone(),
            stop: rules.stop.clone().map_or(Stop::Signal, Stop::Command),
            env: rules.env.clone(),
        },
        (None, None) => ServiceControl::None,
    }
}

/// The first policy that says something wins, key by key.
fn policy_of(fragments: [Option<&PolicyFragment>; 2]) -> Policy {
    let said = || fragments.iter().flatten();
    let default = Policy::default();
    Policy {
        binary: said().find_map(|policy| policy.binary).unwrap_or(default.binary),
        deleted: said()
            .find_map(|policy| policy.deleted)
            .unwrap_or(default.deleted),
        keep_snapshots: said()
            .find_map(|policy| policy.keep_snapshots)
            .unwrap_or(default.keep_snapshots),
        rollback: said()
            .find_map(|policy| policy.rollback)
            .unwrap_or(default.rollback),
        acknowledge: said().find_map(|policy| policy.acknowledge),
        not_superseded: said()
            .find_map(|policy| policy.not_superseded.clone())
            .unwrap_or(default.not_superseded),
    }
}

pub(super) fn limits_of(fragment: Option<&LimitsFragment>) -> Limits {
    let default = Limits::default();
    fragment.map_or(default, |said| Limits {
        entries: said.entries.unwrap_or(default.entries),
        total_bytes: said.total_bytes.unwrap_or(default.total_bytes),
        file_bytes: said.file_bytes.unwrap_or(default.file_bytes),
        ratio: said.ratio.unwrap_or(default.ratio),
    })
}

fn check_limits(policy: &Policy, limits: &Limits) -> Result<()> {
    let snapshots = u64::try_from(policy.keep_snapshots).unwrap_or(u64::MAX);
    for (field, value) in [
        ("policy.keep_snapshots", snapshots),
        ("limits.entries", limits.entries),
        ("limits.total_bytes", limits.total_bytes),
        ("limits.file_bytes", limits.file_bytes),
        ("limits.ratio", limits.ratio),
    ] {
        validate::at_least_one(field, Some(value))?;
    }
    Ok(())
}
