//! The profiles that are compiled in, and the folder that may replace or extend them.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::fragment::ProfileFragment;
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
const BUILT_IN: &[(&str, &str)] = built_in![
    "demo",
    "flink",
    "generic",
    "wso2am",
    "wso2am-3",
    "wso2am-acp",
    "wso2am-tm",
    "wso2am-universal-gw",
    "wso2ei",
    "wso2is",
    "wso2mi",
    "wso2si",
];

/// Profiles that only others extend.
const BASES: &[(&str, &str)] = built_in!["wso2", "wso2carbon"];

/// Whether a profile is one that only others extend.
pub fn is_base(name: &str) -> bool {
    BASES.iter().any(|(base, _)| *base == name)
}

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

/// The profile of a product with all that it takes from those that it extends, its templates not yet filled in.
/// `<override_dir>/<name>/product.yaml` comes before the built-in one of the same name, also for a profile that is
/// extended. Only what is needed is parsed.
///
/// # Errors
/// `settings`: there is no such profile (the known ones are listed), it extends one that does not exist or leads back
/// to itself, or something of the folder is not valid.
pub fn find(name: &str, override_dir: Option<&Path>) -> Result<Profile> {
    validate::plain_name("product", name)?;
    let Some(own) = Source::find(name, override_dir)? else {
        return Err(unknown(name, &names(override_dir)?));
    };
    let in_file = |mut failure: Failure| {
        failure.message = format!("{}: {}", own.file.display(), failure.message);
        failure.at(&own.file)
    };
    let (said, is_tested) = with_bases(&own, override_dir)?;
    let profile = Profile::try_from(said).map_err(|why| in_file(Failure::new(ErrorKind::Settings, why)))?;
    if !is_tested || profile.detect.is_empty() {
        check::check(&profile).map_err(in_file)?;
    }
    Ok(profile)
}

/// What a profile says together with those that it extends, and whether all of it is built in.
fn with_bases(own: &Source, override_dir: Option<&Path>) -> Result<(ProfileFragment, bool)> {
    let mut said = own.parse()?;
    let mut is_tested = own.is_built_in;
    let mut passed = vec![own.name.clone()];
    while let Some(base) = said.extends.take() {
        let refuse = |why: &str| {
            let text = format!("{}: extends: `{base}` {why}", own.file.display());
            Failure::new(ErrorKind::Settings, text).at(&own.file)
        };
        validate::plain_name("extends", &base).map_err(|failure| refuse(&failure.message))?;
        if passed.contains(&base) {
            return Err(refuse("leads back to where it began"));
        }
        let Some(found) = Source::find(&base, override_dir)? else {
            return Err(refuse("is no profile").hint("give it a folder beside this one's, or extend another"));
        };
        said = said.over(found.parse()?);
        is_tested &= found.is_built_in;
        passed.push(base);
    }
    Ok((said, is_tested))
}

/// The profile that fits too much to tell anything of what a pack is.
pub const GENERIC: &str = "generic";

/// The built-in profiles of certain products, to say what a pack is instead.
pub fn specific() -> Vec<Profile> {
    let names = BUILT_IN
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| *name != GENERIC);
    names.filter_map(|name| find(name, None).ok()).collect()
}

/// One `product.yaml`.
struct Source {
    name: String,
    file: PathBuf,
    text: Cow<'static, str>,
    is_built_in: bool,
}

impl Source {
    fn find(name: &str, override_dir: Option<&Path>) -> Result<Option<Self>> {
        if let Some(dir) = override_dir {
            let file = dir.join(name).join("product.yaml");
            let text = sys::fs::read_text_if_exists(&file)
                .map_err(|error| Failure::io("read the product profile", &file, error))?;
            if let Some(text) = text {
                return Ok(Some(Self {
                    name: name.to_owned(),
                    file,
                    text: text.into(),
                    is_built_in: false,
                }));
            }
        }
        let known = BUILT_IN.iter().chain(BASES).find(|(known, _)| *known == name);
        Ok(known.map(|(_, text)| Self {
            name: name.to_owned(),
            file: Path::new("built-in").join(name).join("product.yaml"),
            text: (*text).into(),
            is_built_in: true,
        }))
    }

    fn parse(&self) -> Result<ProfileFragment> {
        let said: ProfileFragment = yaml::parse(&self.text, &self.file)?;
        if said.name == self.name {
            return Ok(said);
        }
        let (file, name) = (self.file.display(), &self.name);
        let why = format!("{file}: name: `{}` must be the folder's, `{name}`", said.name);
        Err(Failure::new(ErrorKind::Settings, why).at(&self.file))
    }
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
