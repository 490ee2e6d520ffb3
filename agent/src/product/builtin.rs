//! The profiles that are compiled in, and the folder that may replace or extend them.

use std::path::Path;

use super::{Profile, check};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::nearest::{did_you_mean, quoted};
use crate::config::{validate, yaml};
use crate::sys;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"), "/../templates/products/", $name, "/product.yaml"
        )))),*]
    };
}

/// Name and text of each profile; one line per product.
const BUILT_IN: &[(&str, &str)] =
    built_in!["demo", "flink", "generic", "wso2am", "wso2is", "wso2mi", "wso2si",];

/// The names of all profiles, sorted: the built-in ones and those of the folder.
///
/// # Errors
/// The folder exists but cannot be read.
pub fn names(override_dir: Option<&Path>) -> Result<Vec<String>> {
    let mut names: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
    if let Some(dir) = override_dir {
        let entries = sys::fs::list_dir(dir)
            .map_err(|error| Failure::io("list the product profiles in", dir, error))?;
        for entry in entries {
            if sys::fs::metadata(&entry.path().join("product.yaml")).is_ok() {
                names.extend(entry.file_name().into_string());
            }
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// The profile of a product, its templates not yet filled in. `<override_dir>/<name>/product.yaml` comes before the
/// built-in profile of the same name. Only the profile that is asked for is parsed.
///
/// # Errors
/// `settings`: there is no such profile (the known ones are listed), or the folder's one is not valid.
pub fn find(name: &str, override_dir: Option<&Path>) -> Result<Profile> {
    validate::plain_name("product", name)?;
    if let Some(profile) = override_dir.map_or(Ok(None), |dir| from_folder(dir, name))? {
        return Ok(profile);
    }
    match BUILT_IN.iter().find(|(known, _)| *known == name) {
        // The tests have checked it.
        Some((_, text)) => yaml::parse(text, &Path::new("built-in").join(name).join("product.yaml")),
        None => Err(unknown(name, &names(override_dir)?)),
    }
}

/// The built-in profiles of certain products, to say what a pack is instead. `generic` fits too much to tell anything.
pub fn specific() -> Vec<Profile> {
    let names = BUILT_IN
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| *name != "generic");
    names.filter_map(|name| find(name, None).ok()).collect()
}

fn from_folder(dir: &Path, name: &str) -> Result<Option<Profile>> {
    let file = dir.join(name).join("product.yaml");
    let text = sys::fs::read_text_if_exists(&file)
        .map_err(|error| Failure::io("read the product profile", &file, error))?;
    let Some(text) = text else { return Ok(None) };
    let profile: Profile = yaml::parse(&text, &file)?;
    let in_file = |mut failure: Failure| {
        failure.message = format!("{}: {}", file.display(), failure.message);
        failure.at(&file)
    };
    check::check(&profile).map_err(in_file)?;
    if profile.name != name {
        let why = format!("name: `{}` must be the folder's, `{name}`", profile.name);
        return Err(in_file(Failure::new(ErrorKind::Settings, why)));
    }
    Ok(Some(profile))
}

fn unknown(name: &str, known: &[String]) -> Failure {
    let known = || known.iter().map(String::as_str);
    let suggestion = did_you_mean(name, known());
    Failure::new(
        ErrorKind::Settings,
        format!("unknown product `{name}`{suggestion}"),
    )
    .hint(format!("known products: {}", quoted(known())))
}

#[cfg(test)]
#[path = "builtin_tests.rs"]
mod tests;
