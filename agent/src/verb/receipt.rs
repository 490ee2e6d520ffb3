//! `receipt`: a signed statement of what a host runs.

use std::collections::BTreeMap;
use std::path::Path;

use crate::api::report::{Action, Outcome, RunState, TransactionView};
use crate::api::trust::SignedReport;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::{ConfigDirs, Settings, load};
use crate::model::{Digest, Entry, Progress, RelPath, Release};
use crate::session::Instance;
use crate::store;
use crate::sys::{clock, host};
use crate::trust::predicate::Receipt;
use crate::trust::predicate::receipt::{Installed, LastFailure};
use crate::trust::{SignWith, Statement, Subject};

use super::trust::{in_seconds, publish};
use super::{Run, report_on, settle, verify, view};

/// Writes down what these instances run, all of them without names, and signs it. What cannot be told of one is told instead.
///
/// # Errors
/// `unknown-instance`, nothing can be told of any, there is no signature to be had, or writing failed.
pub fn receipt(
    dirs: &ConfigDirs,
    names: &[String],
    out: &Path,
    with: &SignWith,
    progress: &dyn Progress,
) -> Result<SignedReport> {
    let signer = with.open()?;
    let loaded = match names {
        [] => load::load_all(dirs)?
            .into_iter()
            .map(|one| (one.name, one.settings))
            .collect(),
        names => named(dirs, names)?,
    };
    let mut receipt = Receipt {
        host: host::name(),
        environment: None,
        at: in_seconds(clock::now()),
        agent: env!("CARGO_PKG_VERSION").to_owned(),
        instances: Vec::new(),
        untold: BTreeMap::new(),
    };
    for (name, settings) in loaded {
        let mut told = None;
        let report = report_on(Action::Check, &name, settings, progress, |run, settings| {
            told = Some(look(run, settings)?);
            Ok(())
        });
        receipt.environment = receipt.environment.or(report.environment);
        match (told, report.error) {
            (Some(told), None) => receipt.instances.push(told),
            (_, error) => {
                receipt
                    .untold
                    .insert(name, error.map_or_else(String::new, |error| error.message));
            }
        }
    }
    let (told, untold) = (receipt.instances.len(), receipt.untold.len());
    let trees = receipt.instances.iter().filter_map(|one| {
        let name = format!("{}-{}", one.release.product, one.release.level);
        Some(Subject::new(name, one.release.tree.as_ref()?))
    });
    let mut subjects: Vec<Subject> = trees.collect();
    subjects.sort_by(|a, b| (&a.name, &a.digest).cmp(&(&b.name, &b.digest)));
    subjects.dedup();
    if told == 0 {
        let why = receipt.untold.into_values().next();
        let message = why.unwrap_or_else(|| "no instance is configured".to_owned());
        return Err(Failure::new(
            ErrorKind::Usage,
            format!("there is nothing to give a receipt of: {message}"),
        )
        .hint("`pitstop check --all` says more"));
    }
    let running = match told {
        1 => "what 1 instance runs".to_owned(),
        _ => format!("what {told} instances run"),
    };
    let what = match untold {
        0 => running,
        _ => format!("{running}, and why it cannot be told of {untold}"),
    };
    publish(&Statement::new(subjects, receipt).seal()?, out, &*signer, &what)
}

fn named(dirs: &ConfigDirs, names: &[String]) -> Result<Vec<(String, Result<Settings>)>> {
    let load = |name: &String| match load::load(dirs, name) {
        Err(failure) if failure.kind == ErrorKind::UnknownInstance => Err(failure),
        settings => Ok((name.clone(), settings)),
    };
    names.iter().map(load).collect()
}

fn look(run: &mut Run<'_>, settings: Settings) -> Result<Installed> {
    let instance = Instance::open(settings)?;
    super::refuse_interrupted(&instance)?;
    let (view, inventory, _) = view::observe(run, &instance)?;
    let content = |entry: Option<&Entry>| entry.and_then(Entry::sha256);
    // Without the vendor's files nobody can say what deviates from them.
    let found = match view.release.tree {
        Some(_) => settle::deviations(&instance, &inventory)?,
        None => Vec::new(),
    };
    let found = found
        .into_iter()
        .map(|(path, entry)| (path, content(entry.as_ref())));
    let mut deviations: BTreeMap<RelPath, Option<Digest>> = found.collect();
    // What leads on from here starts at the level as the vendor has it, and there what hotfixes changed deviates.
    let installed = instance.state.installed.as_ref();
    let hotfixes = installed.map_or(&[][..], |installed| &installed.hotfixes);
    for path in hotfixes.iter().flat_map(|hotfix| &hotfix.paths) {
        let seen = inventory.entries.get(path).map(|seen| &seen.entry);
        deviations.insert(path.clone(), content(seen));
    }
    verify::refuse_changed(&instance)?;
    let mut history = instance.store.history()?;
    history.reverse();
    let failure = TransactionView::newest_change(&history)
        .filter(|last| last.outcome != Outcome::Done)
        .map(|last| LastFailure {
            at: last.ended,
            to: last.to,
            reason: last.reason.unwrap_or_else(|| "it did not end well".to_owned()),
        });
    Ok(Installed {
        name: instance.settings.name.clone(),
        hotfixes: verify::hotfixes(installed),
        verified: view.verified,
        running: match view.state {
            RunState::Running => Some(true),
            RunState::Stopped => Some(false),
            RunState::Unknown => None,
        },
        deviations,
        drift: view.drift.count,
        release: Release {
            tree: installed.and_then(store::Installed::pristine),
            ..view.release
        },
        failure,
    })
}
