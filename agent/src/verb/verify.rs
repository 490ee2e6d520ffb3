//! `verify`: integrity, configuration, processes, probes.

use crate::api::finding::{Finding, Severity};
use crate::api::report::{Action, ProbeView, Report, Status};
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::layout;
use crate::config::Settings;
use crate::health::parse;
use crate::model::{Class, Entry, Inventory, Progress, TreeManifest};
use crate::observe::soundness;
use crate::product::caution::LintRules;
use crate::session::{Instance, Session};
use crate::sys::clock::Stopwatch;
use crate::sys::interrupt;

use super::{Run, findings, report_on, rollout, server, settle, view};

mod proof;

pub use proof::{ProofOptions, SuiteOptions};
pub(super) use proof::{hotfixes, refuse_changed};

/// What to verify.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether every file is read, instead of trusting files whose size, inode and times are as they were.
    pub deep: bool,
    /// Whether a slot that is kept after a failed change is given back once everything is well.
    pub release_lock: bool,
    /// The suites of tests that are run beside.
    pub suites: Option<SuiteOptions>,
    /// The evidence that is left of it.
    pub proof: Option<ProofOptions>,
}

/// Runs the verb.
pub fn verify(name: &str, settings: Result<Settings>, options: &Options, progress: &dyn Progress) -> Report {
    report_on(Action::Verify, name, settings, progress, |run, settings| {
        work(run, settings, options)
    })
}

fn work(run: &mut Run<'_>, settings: Settings, options: &Options) -> Result<()> {
    interrupt::go_on()?;
    let instance = Instance::open(settings)?;
    super::refuse_interrupted(&instance)?;
    // What cannot be proven is said before the tests and not after hours of them.
    let proof = options
        .proof
        .as_ref()
        .map(|proof| proof.open(&instance))
        .transpose()?;
    let clock = Stopwatch::start();
    let (inventory, base) = view::scan_with_base(run, &instance, options.deep)?;
    let server = server::observe(run, &instance)?;
    run.report.before = Some(view::view(&instance, &inventory, base.as_deref(), &server)?);
    let beside = soundness::beside(&instance.root, &instance.settings.profile)?;
    run.report.findings = findings::of_tree(&instance, &inventory, base.as_deref(), &beside)?;
    let mut probes = vec![
        integrity(&instance, &inventory)?,
        configuration(&instance, &inventory, base.as_deref())?,
    ];
    probes.extend(sound(&instance, &run.report.findings));
    run.report
        .findings
        .extend(findings::of_surroundings(&instance, &server)?);
    run.report.timing.verify_ms += clock.ms();
    let asked = server::probe(run, &instance, &server::Baseline::new())?;
    let mut nothing_asked = asked.is_empty();
    probes.extend(asked);
    run.report.probes = probes;
    let mut verdict = settle::healthy(&run.report.probes);
    let mut told = Vec::new();
    if let (Ok(()), Some(suites)) = (&verdict, &options.suites) {
        told = suites.run(run, &instance)?;
        nothing_asked &= told.is_empty();
        verdict = settle::healthy(&run.report.probes);
    }
    if nothing_asked && verdict.is_ok() {
        files_only(run, &instance, proof.is_some())?;
    }
    if let Some(proof) = &proof {
        proof.write(run, &instance, &inventory, &told)?;
    }
    verdict?;
    let passed = run.report.probes.iter().filter(|probe| probe.ok).count();
    let message = format!("{passed} of {} checks pass", run.report.probes.len());
    let message = match &options.proof {
        Some(proof) => format!("{message}; the evidence is {}", proof.out.display()),
        None => message,
    };
    let held = instance.state.lock.is_some();
    rollout::slot::after_verify(run, &instance, options.release_lock)?;
    if !nothing_asked {
        remember(run, &instance);
    }
    let (changed, message) = match (options.release_lock, held) {
        (true, true) => (true, message + "; no slot of a group is held any more"),
        (true, false) => (false, message + "; no slot of a group is held"),
        (false, _) => (false, message),
    };
    run.done(Status::Verified, changed, message);
    Ok(())
}

/// Notes that the installed level was found well, where that was not known: after a rollback that could not be verified, or
/// for a pack that was taken over. It is only a note: another run, or another user, may be in the way of it.
fn remember(run: &mut Run<'_>, instance: &Instance) {
    if instance
        .state
        .installed
        .as_ref()
        .is_none_or(|installed| installed.verified)
    {
        return;
    }
    let noted = Session::begin(instance.settings.clone(), Action::Verify).and_then(|mut session| {
        proof::refuse_changed(instance)?;
        if let Some(installed) = &mut session.state.installed {
            installed.verified = true;
        }
        session.store.save(&session.state)
    });
    match noted {
        Ok(()) => {
            run.report.after.clone_from(&run.report.before);
            if let Some(after) = &mut run.report.after {
                after.verified = true;
            }
        }
        Err(failure) => tracing::info!("that the level is verified could not be noted: {failure}"),
    }
}

/// Files that are as they should be say nothing of a server, so they alone are no evidence.
fn files_only(run: &mut Run<'_>, instance: &Instance, is_evidence: bool) -> Result<()> {
    let name = &instance.settings.name;
    let message = format!("only files of {name} were looked at: it has neither `service` nor `probes`");
    if !is_evidence {
        run.warn(message);
        return Ok(());
    }
    Err(
        Failure::new(ErrorKind::Usage, message + ", and no test was run, so nothing is proven of it")
            .hint("give the instance a `service` or `probes`, or run tests: put them into verify.d or name them with --suite"),
    )
}

fn own_probe(kind: &str, required: bool, problems: &[String], well: String, clock: Stopwatch) -> ProbeView {
    let shown = problems.iter().take(5).cloned().collect::<Vec<_>>().join("; ");
    let more = problems.len().saturating_sub(5);
    let detail = match (problems.len(), more) {
        (0, _) => well,
        (_, 0) => shown,
        _ => format!("{shown}; and {more} more"),
    };
    ProbeView {
        name: kind.to_owned(),
        kind: kind.to_owned(),
        required,
        ok: problems.is_empty(),
        detail,
        attempts: 1,
        ms: clock.ms(),
        baseline_ok: None,
    }
}

/// Vendor files are the vendor's, or as they were when somebody last took responsibility for them.
fn integrity(instance: &Instance, inventory: &Inventory) -> Result<ProbeView> {
    let clock = Stopwatch::start();
    let Some(installed) = &instance.state.installed else {
        let problem = "the pack is not adopted: there is nothing to compare its files with".to_owned();
        return Ok(own_probe("integrity", false, &[problem], String::new(), clock));
    };
    let accepted = &installed.accepted;
    let found = settle::deviations(instance, inventory)?;
    let known: std::collections::BTreeMap<_, _> = found.iter().cloned().collect();
    let mut problems: Vec<String> = found
        .iter()
        .filter(|(path, entry)| {
            !accepted
                .get(path)
                .is_some_and(|wanted| Entry::same(entry.as_ref(), wanted.as_ref()))
        })
        .map(|(path, entry)| {
            format!(
                "{path} {}",
                if entry.is_some() {
                    "is modified"
                } else {
                    "is missing"
                }
            )
        })
        .collect();
    if installed.release.tree.is_none() {
        let gone = accepted.keys().filter(|path| !known.contains_key(*path));
        problems.extend(gone.map(|path| format!("{path} is missing")));
    }
    let well = format!("{} vendor files are as they should be", vendor_files(inventory));
    Ok(own_probe("integrity", true, &problems, well, clock))
}

fn vendor_files(inventory: &Inventory) -> usize {
    inventory
        .entries
        .values()
        .filter(|seen| seen.class == Class::Vendor && seen.entry.sha256().is_some())
        .count()
}

/// The pack as a whole, where the profile says what makes it sound.
fn sound(instance: &Instance, findings: &[Finding]) -> Option<ProbeView> {
    let clock = Stopwatch::start();
    let severe = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Required);
    let problems: Vec<String> = severe.map(|finding| finding.message.clone()).collect();
    let has_rules = instance.settings.profile.lint != LintRules::default();
    let well = "the pack is sound as a whole".to_owned();
    has_rules.then(|| own_probe("lint", true, &problems, well, clock))
}

/// Larger configuration files are data.
const CONFIG_LIMIT: u64 = 1 << 20;

/// Whether configuration can be read, but for files that are as the vendor shipped them: what is odd in those the server
/// knows how to read, and nobody here could mend it.
fn configuration(
    instance: &Instance,
    inventory: &Inventory,
    base: Option<&TreeManifest>,
) -> Result<ProbeView> {
    let clock = Stopwatch::start();
    let mut problems = Vec::new();
    let mut count = 0;
    for (path, seen) in &inventory.entries {
        let Entry::File { size, .. } = seen.entry else {
            continue;
        };
        if seen.class != Class::Config || size > CONFIG_LIMIT {
            continue;
        }
        count += 1;
        let pristine = base.and_then(|base| base.entries.get(path));
        if pristine.is_some_and(|pristine| seen.entry.same_content(pristine)) {
            continue;
        }
        let failed = |error| -> Failure { layout::failed("read", &instance.root, path, error) };
        let bytes = instance.root.read(path, CONFIG_LIMIT).map_err(failed)?;
        if let Some(why) = parse::lenient_error(path.file_name(), &bytes) {
            problems.push(format!("{path}: {why}"));
        }
    }
    Ok(own_probe(
        "config",
        true,
        &problems,
        format!("{count} configuration files are the vendor's or can be read"),
        clock,
    ))
}
