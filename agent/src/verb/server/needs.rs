//! What the server does not start without. It is asked for before a start, and before anything stops a server that is to run
//! again: it would stay down, at the old level as at the new one.

use std::path::PathBuf;

use regex::Regex;

use super::{Server, is_controlled};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::{ServiceControl, Settings};
use crate::model::RelPath;
use crate::observe::home::HomeView;
use crate::product::TreeView;
use crate::product::caution::{NeededEnv, NeededFiles};
use crate::product::detect::matching_paths;
use crate::session::Instance;
use crate::sys::{fs, procfs};

/// A server that runs must be able to start again.
///
/// # Errors
/// As [`refuse_start`].
pub(in crate::verb) fn refuse_restart(instance: &Instance, server: &Server) -> Result<()> {
    match server.is_wanted() && is_controlled(&instance.settings) {
        true => refuse_start(instance, server),
        false => Ok(()),
    }
}

/// The server must find all that it needs to start.
///
/// # Errors
/// `settings`: the start command lacks a variable. `manual-steps`: a file is missing that a person has to put there.
pub(in crate::verb) fn refuse_start(instance: &Instance, server: &Server) -> Result<()> {
    refuse_without_env(&instance.settings, server)?;
    let mut needed = instance.settings.profile.service.needed_files.iter();
    needed.try_for_each(|needed| refuse_without_files(instance, needed))
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

fn refuse_without_files(instance: &Instance, needed: &NeededFiles) -> Result<()> {
    let product = &instance.settings.profile.name;
    let home = HomeView(&instance.root);
    let Some(said) = home.head_of(&needed.said_in)? else {
        return Ok(());
    };
    let line = Regex::new(&needed.line).map_err(|error| {
        let message = format!("{product}: `{}` is not a regular expression", needed.line);
        Failure::new(ErrorKind::Settings, message).because(error)
    })?;
    if !String::from_utf8_lossy(&said)
        .lines()
        .any(|one| line.is_match(one))
    {
        return Ok(());
    }
    for path in &needed.paths {
        if !matching_paths(product, path, &home)?.is_empty() {
            return Ok(());
        }
    }
    let message = format!("{}: there is no {}", needed.message, needed.paths.join(" or "));
    let refused =
        Failure::new(ErrorKind::ManualSteps, message).at(needed.said_in.under(instance.root.path()));
    Err(match &needed.hint {
        Some(hint) => refused.hint(hint),
        None => refused,
    })
}
