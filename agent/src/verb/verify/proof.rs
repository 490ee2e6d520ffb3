//! What is left of a verification: suites of tests, and signed evidence of all that was checked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::api::report::ProbeView;
use crate::api::{ErrorKind, Failure, Result};
use crate::health::suite::{self, Ground, Outcome as Told};
use crate::model::{Class, Digest, Inventory, Release, TreeManifest};
use crate::observe::process::server_user;
use crate::session::Instance;
use crate::store::{Installed, MemoryStore};
use crate::sys::{clock, host, interrupt};
use crate::trust::predicate::Evidence;
use crate::trust::predicate::evidence::{Outcome, Resource, Suite, Tested};
use crate::trust::{SignWith, Signer, Statement, Subject};

use super::super::trust::{in_seconds, signed_into};
use super::super::{Run, settle, under_way};

/// Which suites of tests.
#[derive(Debug, Clone)]
pub struct SuiteOptions {
    /// More than lie in the folders for them.
    pub asked: Vec<String>,
    /// For how long each may run.
    pub timeout_s: u64,
}

impl SuiteOptions {
    /// Runs them, one after another, as the user that the server runs as. Each becomes a probe of the report.
    pub(super) fn run(&self, run: &mut Run<'_>, instance: &Instance) -> Result<Vec<Told>> {
        let settings = &instance.settings;
        let suites = suite::find(&settings.suites, &self.asked)?;
        let level = instance
            .state
            .installed
            .as_ref()
            .map(|installed| installed.release.level.to_string());
        let home = settings.home.display().to_string();
        let env = [
            ("PITSTOP_INSTANCE", settings.name.clone()),
            ("PITSTOP_HOME", home),
            ("PITSTOP_LEVEL", level.unwrap_or_default()),
        ];
        let ground = Ground {
            user: server_user(settings)?,
            home: settings.home.clone(),
            env: env.map(|(name, value)| (name.to_owned(), value)).into(),
            timeout: Duration::from_secs(self.timeout_s),
        };
        let mut told = Vec::new();
        for one in &suites {
            let outcome = suite::run(one, &ground)?;
            interrupt::go_on()?;
            run.report.probes.push(outcome.view.clone());
            told.push(outcome);
        }
        Ok(told)
    }
}

/// Which evidence.
#[derive(Debug, Clone)]
pub struct ProofOptions {
    /// The file that gets it.
    pub out: PathBuf,
    /// Who signs it.
    pub with: SignWith,
    /// The environment that it is from; the host's without it.
    pub environment: Option<String>,
    /// All instances of this host; empty if they are not known.
    pub instances: Vec<String>,
}

/// Everything that can be missing is there.
pub(super) struct Proof {
    out: PathBuf,
    signer: Box<dyn Signer>,
    environment: String,
    instances: Vec<String>,
    release: Release,
    tree: Digest,
}

impl ProofOptions {
    pub(super) fn open(&self, instance: &Instance) -> Result<Proof> {
        let settings = &instance.settings;
        let usage = |message: String, hint: &str| Failure::new(ErrorKind::Usage, message).hint(hint);
        let environment = self.environment.clone().or_else(|| settings.environment.clone());
        let environment = environment.ok_or_else(|| {
            let message =
                "evidence says which environment it is from, and nothing says which this is".to_owned();
            usage(
                message,
                "name it with --environment, or set `environment` in pitstop.yaml",
            )
        })?;
        let installed = instance
            .state
            .installed
            .as_ref()
            .map(|installed| &installed.release);
        let known = installed.and_then(|release| Some((release.clone(), release.tree?)));
        let (release, tree) = known.ok_or_else(|| {
            let message = format!(
                "the vendor's files of {} are not known, so nothing names the release",
                settings.name
            );
            usage(
                message,
                "run `pitstop adopt` with --pristine, or update from a pack",
            )
        })?;
        Ok(Proof {
            out: self.out.clone(),
            signer: self.with.open()?,
            environment,
            instances: self.instances.clone(),
            release,
            tree,
        })
    }
}

impl Proof {
    /// Signs what the report says by now, and writes it down.
    ///
    /// # Errors
    /// `stale`: the instance was changed since it was opened. And those of signing and writing.
    pub(super) fn write(
        &self,
        run: &Run<'_>,
        instance: &Instance,
        inventory: &Inventory,
        told: &[Told],
    ) -> Result<()> {
        refuse_changed(instance)?;
        let checks: Vec<&ProbeView> = run
            .report
            .probes
            .iter()
            .filter(|probe| probe.kind != "suite")
            .collect();
        let config = config_digest(inventory);
        let resolutions = resolutions(instance);
        let deviations = settle::deviations(instance, inventory)?;
        let mut evidence = Evidence {
            result: result(&run.report.probes),
            configuration: vec![resource("config", &config)],
            passed_tests: Vec::new(),
            warned_tests: Vec::new(),
            failed_tests: Vec::new(),
            pitstop: Some(Tested {
                environment: self.environment.clone(),
                host: host::name(),
                instance: instance.settings.name.clone(),
                instances: self.instances.clone(),
                at: in_seconds(clock::now()),
                product: self.release.product.clone(),
                level: self.release.level.clone(),
                hotfixes: hotfixes(instance.state.installed.as_ref()),
                deviations: deviations.len() as u64,
                config: Some(config),
                resolutions,
                agent: env!("CARGO_PKG_VERSION").to_owned(),
                suites: std::iter::once(of_checks(&checks))
                    .chain(told.iter().map(of_suite))
                    .collect(),
            }),
        };
        evidence
            .configuration
            .extend(resolutions.iter().map(|digest| resource("resolutions", digest)));
        for check in checks {
            list(&mut evidence, check.ok, check.required).push(format!("checks.{}", check.name));
        }
        for one in told {
            let name = |test: &String| format!("{}.{test}", one.view.name);
            match &one.tally {
                Some(tally) => {
                    evidence.passed_tests.extend(tally.passed.listed.iter().map(name));
                    let failed = list(&mut evidence, false, one.view.required);
                    failed.extend(tally.failed.listed.iter().map(name));
                }
                None => list(&mut evidence, one.view.ok, one.view.required).push(one.view.name.clone()),
            }
        }
        let release = &self.release;
        let subject = Subject::new(format!("{}-{}", release.product, release.level), &self.tree);
        let envelope = Statement::new(vec![subject], evidence).seal()?;
        signed_into(&envelope, &self.out, &*self.signer).map(|_| ())
    }
}

/// Nothing locks an instance while it is only looked at, and tests may take hours, so another run may have changed what was seen.
pub(in crate::verb) fn refuse_changed(instance: &Instance) -> Result<()> {
    let (was, is) = (&instance.state, instance.store.load()?);
    let is_same = (&was.installed, &was.pending, was.sequence) == (&is.installed, &is.pending, is.sequence);
    if is_same && under_way(instance)?.is_none() {
        return Ok(());
    }
    let name = &instance.settings.name;
    let message =
        format!("{name} was changed while it was looked at, so nothing is proven of what it is now");
    Err(Failure::new(ErrorKind::Stale, message).hint("try again once no other run changes the instance"))
}

fn result(probes: &[ProbeView]) -> Outcome {
    let failed = |required: bool| probes.iter().any(|probe| !probe.ok && probe.required == required);
    match (failed(true), failed(false)) {
        (true, _) => Outcome::Failed,
        (false, true) => Outcome::Warned,
        (false, false) => Outcome::Passed,
    }
}

fn list(evidence: &mut Evidence, ok: bool, required: bool) -> &mut Vec<String> {
    match (ok, required) {
        (true, _) => &mut evidence.passed_tests,
        (false, true) => &mut evidence.failed_tests,
        (false, false) => &mut evidence.warned_tests,
    }
}

fn resource(name: &str, digest: &Digest) -> Resource {
    Resource {
        name: Some(name.to_owned()),
        digest: [("sha256".to_owned(), digest.to_string())].into(),
    }
}

fn of_checks(checks: &[&ProbeView]) -> Suite {
    let count = |ok: bool| checks.iter().filter(|check| check.ok == ok).count() as u64;
    Suite {
        name: "checks".to_owned(),
        required: true,
        ok: checks.iter().all(|check| check.ok || !check.required),
        passed: count(true),
        failed: count(false),
        skipped: 0,
    }
}

fn of_suite(told: &Told) -> Suite {
    let counted = told.tally.as_ref();
    let counts = counted.map(|tally| (tally.passed.count, tally.failed.count, tally.skipped.count));
    // A suite that only ends well or not is one test.
    let (passed, failed, skipped) = counts.unwrap_or((u64::from(told.view.ok), u64::from(!told.view.ok), 0));
    Suite {
        name: told.view.name.clone(),
        required: told.view.required,
        ok: told.view.ok,
        passed,
        failed,
        skipped,
    }
}

/// The names of the hotfixes that are on, the oldest first.
pub(in crate::verb) fn hotfixes(installed: Option<&Installed>) -> Vec<String> {
    let views = installed.map_or_else(Vec::new, Installed::hotfix_views);
    views.into_iter().map(|hotfix| hotfix.name).collect()
}

/// Names the configuration files as they are.
fn config_digest(inventory: &Inventory) -> Digest {
    let config = inventory
        .entries
        .iter()
        .filter(|(_, seen)| seen.class == Class::Config);
    let entries: BTreeMap<_, _> = config
        .map(|(path, seen)| (path.clone(), seen.entry.clone()))
        .collect();
    TreeManifest { entries }.digest()
}

/// Names the decisions about conflicts of the product that are no secret. `None` if there are none.
fn resolutions(instance: &Instance) -> Option<Digest> {
    let settings = &instance.settings;
    let (memory, _) = MemoryStore::new(&settings.memory).load();
    let open = memory
        .iter()
        .filter(|(_, one, _)| one.product == settings.profile.name && !one.secret);
    let decided: Vec<_> = open.map(|(id, one, _)| (*id, &one.decision)).collect();
    let bytes = serde_json::to_vec(&decided).ok().filter(|_| !decided.is_empty());
    bytes.map(|bytes| Digest::of(&bytes))
}
