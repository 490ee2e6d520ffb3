//! What the server does not start without. It is asked for before a start, and before anything stops a server that is to run
//! again: it would stay down, at the old level as at the new one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use regex::Regex;

use super::super::Run;
use super::{Server, is_controlled};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::{ServiceControl, Settings};
use crate::model::RelPath;
use crate::observe::cgroup;
use crate::observe::home::HomeView;
use crate::observe::unit::Systemd;
use crate::product::TreeView;
use crate::product::caution::{NeededEnv, NeededFiles};
use crate::product::detect::matching_paths;
use crate::session::Instance;
use crate::sys::{fs, procfs};

/// What a plan puts in place, by path.
type Contents = BTreeMap<RelPath, Vec<u8>>;

/// A server without a unit is a part of the service that pitstop itself runs in, if it does: it may go down with it, right after
/// all went well.
pub(in crate::verb) fn warn_of_own_unit(run: &mut Run<'_>, settings: &Settings) {
    if matches!(settings.service, ServiceControl::Commands { .. })
        && let Some(unit) = cgroup::ends_with(&Systemd::default())
    {
        run.warn(format!(
            "the server of {} is started as a part of {unit}, in which pitstop runs, and systemd ends it with {unit}: give the \
             instance a unit, or run pitstop by `systemd-run --scope` or in a service with KillMode=process",
            settings.name
        ));
    }
}

/// A server that runs must be able to start again, with the files that a plan puts in place. Tells what one start uses up, of which
/// a way back would need another: it is worth a word while the server still runs.
///
/// # Errors
/// As [`refuse_start`].
pub(in crate::verb) fn admit_restart(
    run: &mut Run<'_>,
    instance: &Instance,
    server: &Server,
    planned: &Contents,
) -> Result<()> {
    if !restarts(instance, server) {
        return Ok(());
    }
    warn_of_own_unit(run, &instance.settings);
    let used_up = needs(instance, server, planned)?;
    for path in used_up.iter().filter(|_| instance.settings.policy.rollback) {
        run.warn(format!(
            "the start uses {path} up: a way back, should there have to be one, needs it once more and leaves the server down \
             without it"
        ));
    }
    Ok(())
}

/// A server that runs must be able to start again.
///
/// # Errors
/// As [`refuse_start`].
pub(in crate::verb) fn refuse_restart(instance: &Instance, server: &Server) -> Result<()> {
    match restarts(instance, server) {
        true => refuse_start(instance, server),
        false => Ok(()),
    }
}

/// The server must find all that it needs to start.
///
/// # Errors
/// `settings`: the start command lacks a variable. `manual-steps`: a file is missing that a person has to put there.
pub(in crate::verb) fn refuse_start(instance: &Instance, server: &Server) -> Result<()> {
    needs(instance, server, &Contents::new()).map(drop)
}

fn restarts(instance: &Instance, server: &Server) -> bool {
    server.is_wanted() && is_controlled(&instance.settings)
}

/// Asks for all that a start needs. Returns what it uses up, where nothing else would serve the next one.
fn needs(instance: &Instance, server: &Server, planned: &Contents) -> Result<Vec<RelPath>> {
    refuse_without_env(&instance.settings, server)?;
    let mut used_up = Vec::new();
    for needed in &instance.settings.profile.service.needed_files {
        if !is_needed(instance, needed, planned)? {
            continue;
        }
        let found = there(instance, &needed.paths)?;
        if found.is_empty() {
            return Err(missing(instance, needed));
        }
        let once = there(instance, &needed.used_up)?;
        if found.iter().all(|path| once.contains(path)) {
            used_up.extend(once.into_iter().next());
        }
    }
    Ok(used_up)
}

/// The start command must have its variables. A unit has its own.
///
/// # Errors
/// `settings`, with the setting, and what the server that runs has.
pub(in crate::verb) fn refuse_without_env(settings: &Settings, server: &Server) -> Result<()> {
    let ServiceControl::Commands { env, .. } = &settings.service else {
        return Ok(());
    };
    for needed in &settings.profile.service.needed_env {
        let why = match (env.get(&needed.name), &needed.file) {
            (None, _) => "is not set".to_owned(),
            (Some(dir), Some(file))
                if !fs::metadata(&file.under(dir.as_ref())).is_ok_and(|it| it.is_file()) =>
            {
                format!("is {dir}, where there is no {file}")
            }
            _ => continue,
        };
        let message = format!(
            "the server of {} would not start: {}, which its start command needs, {why}",
            settings.name, needed.name
        );
        return Err(Failure::new(ErrorKind::Settings, message).hint(setting(needed, server)));
    }
    Ok(())
}

fn setting(needed: &NeededEnv, server: &Server) -> String {
    let setting = match &needed.var {
        Some(var) => format!("set `{var}` below `vars` in the instance's file"),
        None => format!("set `{}` below `service.env` in the instance's file", needed.name),
    };
    let used = needed.file.as_ref().and_then(|file| used(file, server));
    match used {
        Some(dir) => format!("{setting}; the server that runs has {}", dir.display()),
        None => setting,
    }
}

/// The folder out of which the server that runs was started with such a file.
fn used(file: &RelPath, server: &Server) -> Option<PathBuf> {
    server.observed.mains().find_map(|main| {
        let program = procfs::link_of_process(main.view.pid, "exe").ok()?;
        let dir = program.ancestors().nth(file.depth())?;
        (file.under(dir) == program).then(|| dir.to_owned())
    })
}

/// Whether the file that says so does, as it is or as it is to be.
fn is_needed(instance: &Instance, needed: &NeededFiles, planned: &Contents) -> Result<bool> {
    let product = &instance.settings.profile.name;
    let said = match planned.get(&needed.said_in) {
        Some(bytes) => Some(Cow::from(bytes)),
        None => HomeView(&instance.root).head_of(&needed.said_in)?.map(Cow::from),
    };
    let line = Regex::new(&needed.line).map_err(|error| {
        let message = format!("{product}: `{}` is not a regular expression", needed.line);
        Failure::new(ErrorKind::Settings, message).because(error)
    })?;
    let says = |bytes: Cow<'_, [u8]>| {
        String::from_utf8_lossy(&bytes)
            .lines()
            .any(|one| line.is_match(one))
    };
    Ok(said.is_some_and(says))
}

/// What is there of some paths.
fn there(instance: &Instance, paths: &[String]) -> Result<Vec<RelPath>> {
    let product = &instance.settings.profile.name;
    let mut found = Vec::new();
    for path in paths {
        found.extend(matching_paths(product, path, &HomeView(&instance.root))?);
    }
    Ok(found)
}

fn missing(instance: &Instance, needed: &NeededFiles) -> Failure {
    let message = format!("{}: there is no {}", needed.message, needed.paths.join(" or "));
    let refused =
        Failure::new(ErrorKind::ManualSteps, message).at(needed.said_in.under(instance.root.path()));
    match &needed.hint {
        Some(hint) => refused.hint(hint),
        None => refused,
    }
}
