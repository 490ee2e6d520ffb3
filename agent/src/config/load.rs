//! Opens settings files and makes validated settings of them.

use std::path::{Component, Path, PathBuf};

use super::fragment::{AgentFragment, InstanceFragment};
use super::guard::{exposed, refuse_exposed};
use super::inputs::{Inputs, limits_of};
use super::nearest::{did_you_mean, quoted};
use super::{Admission, Limits, MemoryDirs, Settings, TrustDirs, admission, validate, yaml};
use crate::api::{ErrorKind, Failure, Result};
use crate::product::config::{self as product_config, ProductConfig};
use crate::product::{Profile, builtin};
use crate::sys;

/// Where pitstop finds what it is told and keeps what it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigDirs {
    /// The folder with `instances.d/*.yaml` and, optionally, `pitstop.yaml`; `/etc/pitstop` by default.
    pub config: PathBuf,
    /// The folder with state and caches; `/var/lib/pitstop` by default.
    pub state: PathBuf,
}

impl ConfigDirs {
    /// Where what people decided about conflicts is remembered.
    pub fn memory(&self) -> MemoryDirs {
        MemoryDirs {
            own: self.state.join("resolutions"),
            shipped: self.config.join("resolutions.d"),
        }
    }

    /// The folders with an instance's suites of tests.
    pub fn suites(&self, instance: &str) -> [PathBuf; 2] {
        let folder = self.config.join("verify.d");
        [folder.clone(), folder.join(instance)]
    }

    /// Where whom this host believes is written down.
    pub fn trust(&self) -> TrustDirs {
        TrustDirs {
            anchor: self.config.join("trust"),
            kept: self.state.join("trust"),
            shipped: self.config.join("evidence.d"),
        }
    }
}

/// One instance among all.
#[derive(Debug)]
pub struct Loaded {
    /// The instance's name; the file's name without `.yaml` if the file does not tell.
    pub name: String,
    /// The settings, or why there are none.
    pub settings: Result<Settings>,
}

/// An instance's file, parsed if it can be.
struct InstanceFile {
    path: PathBuf,
    name: String,
    /// Without symlinks if it exists.
    home: Option<PathBuf>,
    fragment: Result<InstanceFragment>,
}

/// The settings of one instance. Files of other instances may be broken.
///
/// # Errors
/// `unknown-instance` (the known names and the nearest are listed), or what is wrong with its file.
pub fn load(dirs: &ConfigDirs, name: &str) -> Result<Settings> {
    let mut files = read_instances(dirs)?;
    let Some(at) = files.iter().position(|file| file.name == name) else {
        return Err(unknown(dirs, name, &files));
    };
    if let Some(failure) = clash(&files, at) {
        return Err(failure);
    }
    settings_of(dirs, &read_agent(dirs)?, files.swap_remove(at))
}

/// The settings of every instance, in the order of names. A broken file hides no other.
///
/// # Errors
/// The folder or the agent's own settings cannot be read.
pub fn load_all(dirs: &ConfigDirs) -> Result<Vec<Loaded>> {
    let files = read_instances(dirs)?;
    let agent = read_agent(dirs)?;
    let clashes: Vec<_> = (0..files.len()).map(|at| clash(&files, at)).collect();
    let load = |(file, clash): (InstanceFile, Option<Failure>)| Loaded {
        name: file.name.clone(),
        settings: match clash {
            Some(failure) => Err(failure),
            None => settings_of(dirs, &agent, file),
        },
    };
    Ok(files.into_iter().zip(clashes).map(load).collect())
}

/// The names of all instances, sorted, those with a broken file too.
///
/// # Errors
/// The folder cannot be read.
pub fn names(dirs: &ConfigDirs) -> Result<Vec<String>> {
    let mut names: Vec<_> = read_instances(dirs)?.into_iter().map(|file| file.name).collect();
    names.dedup();
    Ok(names)
}

/// What work on packs needs that belong to no instance.
pub struct PackSettings {
    /// Limits on archives.
    pub limits: Limits,
    /// Every profile, by name.
    pub profiles: Vec<Profile>,
}

/// Reads it.
///
/// # Errors
/// The agent's own settings or a profile of their folder are not valid.
pub fn pack_settings(dirs: &ConfigDirs) -> Result<PackSettings> {
    let agent = read_agent(dirs)?;
    let products = agent.products.as_deref();
    let names = builtin::names(products)?;
    Ok(PackSettings {
        limits: limits_of(agent.limits.as_ref()),
        profiles: names
            .iter()
            .filter(|name| !builtin::is_base(name))
            .map(|name| builtin::find(name, products))
            .collect::<Result<_>>()?,
    })
}

/// All instance files, sorted by name; none if the folder does not exist.
fn read_instances(dirs: &ConfigDirs) -> Result<Vec<InstanceFile>> {
    let folder = dirs.config.join("instances.d");
    let entries = match sys::fs::list_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::io("list the instances in", &folder, error)),
    };
    let paths = entries.iter().map(std::fs::DirEntry::path);
    let mut files: Vec<_> = paths
        .filter(|path| is_instance_file(path))
        .map(read_instance)
        .collect();
    files.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
    Ok(files)
}

fn is_instance_file(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && path.extension().is_some_and(|extension| extension == "yaml")
}

fn read_instance(path: PathBuf) -> InstanceFile {
    let text = read_settings(&path).and_then(|text| {
        text.ok_or_else(|| Failure::io("read the instance", &path, std::io::ErrorKind::NotFound.into()))
    });
    let (told, fragment) = match text {
        Ok(text) => (name_in(&text), yaml::parse::<InstanceFragment>(&text, &path)),
        Err(failure) => (None, Err(failure)),
    };
    let name = match &fragment {
        Ok(fragment) => fragment.name.clone(),
        Err(_) => told.unwrap_or_else(|| {
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        }),
    };
    let home = fragment.as_ref().ok().map(|fragment| resolved(&fragment.home));
    InstanceFile {
        path,
        name,
        home,
        fragment,
    }
}

/// The name that a file tells even if the rest of it cannot be parsed.
fn name_in(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix("name:"))?;
    let name = value.trim().trim_matches(['"', '\'']);
    validate::plain_name("name", name)
        .is_ok()
        .then(|| name.to_owned())
}

/// The agent's own settings; the defaults if there is no file.
fn read_agent(dirs: &ConfigDirs) -> Result<AgentFragment> {
    let path = dirs.config.join("pitstop.yaml");
    let Some(text) = read_settings(&path)?.filter(|text| says_something(text)) else {
        return Ok(AgentFragment::default());
    };
    let mut agent: AgentFragment = yaml::parse(&text, &path)?;
    if let Some(name) = &agent.environment {
        validate::plain_name("environment", name).map_err(|mut failure| {
            failure.message = format!("{}: {}", path.display(), failure.message);
            failure.at(&path)
        })?;
    }
    agent.products = agent.products.map(|folder| dirs.config.join(folder));
    if let Some(rollout) = &mut agent.rollout {
        rollout.resolve(&dirs.config);
    }
    Ok(agent)
}

/// What `policy.yaml` demands of releases of a product.
fn read_admission(dirs: &ConfigDirs, agent: &AgentFragment, product: &str) -> Result<Admission> {
    let path = dirs.config.join("policy.yaml");
    let read = || sys::fs::read_text_if_exists(&path);
    let Some(text) = read().map_err(|error| unreadable(&path, error))? else {
        return Ok(Admission::default());
    };
    for guarded in [&path, &dirs.config] {
        refuse_exposed(guarded, ErrorKind::Settings)?;
    }
    if !says_something(&text) {
        return Ok(Admission::default());
    }
    let known = builtin::names(agent.products.as_deref())?;
    admission::parse(&text, &path, product, &known)
}

/// A file that is all comments, as packages ship them, is no YAML mapping but no error either.
fn says_something(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The text of a settings file; `None` if there is none.
fn read_settings(path: &Path) -> Result<Option<String>> {
    warn_if_others_may_write(path);
    sys::fs::read_text_if_exists(path).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::InvalidData => {
            let message = format!("{}: the text is not UTF-8", path.display());
            Failure::new(ErrorKind::Settings, message).at(path)
        }
        _ => Failure::io("read the settings in", path, error),
    }
}

/// Who may write the file decides what pitstop runs, possibly as root.
fn warn_if_others_may_write(path: &Path) {
    let Ok(metadata) = sys::fs::metadata(path) else {
        return;
    };
    if let Some((why, cure)) = exposed(&metadata) {
        let path = path.display();
        tracing::warn!("{path} {why}; run `{cure} {path}`");
    }
}

fn settings_of(dirs: &ConfigDirs, agent: &AgentFragment, file: InstanceFile) -> Result<Settings> {
    let path = file.path;
    let in_file = |mut failure: Failure| {
        failure.message = format!("{}: {}", path.display(), failure.message);
        failure.at(&path)
    };
    let instance = file.fragment?;
    validate::plain_name("name", &instance.name).map_err(in_file)?;
    let home = check_home(&instance.home, dirs).map_err(in_file)?;
    let profile = match builtin::find(&instance.product, agent.products.as_deref()) {
        // A profile's own error names its own file.
        Err(failure) if failure.path.is_some() => return Err(failure),
        found => found.map_err(in_file)?,
    };
    let folder = path.parent().unwrap_or(&dirs.config);
    let admission = read_admission(dirs, agent, &instance.product)?;
    let product = match &instance.config {
        Some(_) => product_config::find(&instance.product, agent.products.as_deref())?,
        None => ProductConfig::default(),
    };
    Inputs::merge(instance, agent, profile, product, folder)
        .and_then(|inputs| inputs.into_settings(home, dirs, admission))
        .map_err(in_file)
}

/// The home without symlinks if it exists. Whether it does is for the verbs to say.
fn check_home(home: &Path, dirs: &ConfigDirs) -> Result<PathBuf> {
    let refuse = |why: &str| {
        let message = format!("home: `{}` {why}", home.display());
        Err(Failure::new(ErrorKind::Settings, message))
    };
    if !home.is_absolute() {
        return refuse("is not an absolute path");
    }
    let resolved = resolved(home);
    if resolved.components().any(|part| part == Component::ParentDir) {
        return refuse("climbs with `..`");
    }
    if resolved == Path::new("/") {
        return refuse("is the whole file system");
    }
    match [&dirs.state, &dirs.config]
        .iter()
        .any(|dir| resolved_at(dir).starts_with(&resolved))
    {
        true => refuse("holds pitstop's own settings or state"),
        false => Ok(resolved),
    }
}

fn resolved(path: &Path) -> PathBuf {
    sys::fs::canonicalize(path).unwrap_or_else(|_| path.components().collect())
}

/// As [`resolved`], for a folder that may not exist yet.
fn resolved_at(dir: &Path) -> PathBuf {
    match (sys::fs::canonicalize(dir), dir.parent(), dir.file_name()) {
        (Ok(resolved), _, _) => resolved,
        (Err(_), Some(parent), Some(name)) => resolved_at(parent).join(name),
        _ => dir.to_owned(),
    }
}

/// Two files with one name would share state, two with one home would both change one pack. Both are refused; the
/// other instances are not concerned.
fn clash(files: &[InstanceFile], at: usize) -> Option<Failure> {
    let file = files.get(at)?;
    let mut others = files.iter().filter(|other| other.path != file.path);
    if let Some(other) = others.clone().find(|other| other.name == file.name) {
        let what = format!("the instance name `{}`", file.name);
        return Some(twice(&what, file, other).hint("give each its own name"));
    }
    let home = file.home.as_ref()?;
    let other = others.find(|other| other.home.as_ref() == Some(home))?;
    let what = format!("the home `{}`", home.display());
    Some(twice(&what, file, other).hint("one pack is one instance; remove one of the files"))
}

fn twice(what: &str, a: &InstanceFile, b: &InstanceFile) -> Failure {
    let message = format!(
        "{what} is used twice: in {} and in {}",
        a.path.display(),
        b.path.display()
    );
    Failure::new(ErrorKind::Settings, message).at(&b.path)
}

fn unknown(dirs: &ConfigDirs, name: &str, files: &[InstanceFile]) -> Failure {
    let known = || files.iter().map(|file| file.name.as_str());
    let suggestion = did_you_mean(name, known());
    let folder = dirs.config.join("instances.d");
    let hint = match files.is_empty() {
        true => format!("no instance is configured in {}/*.yaml", folder.display()),
        false => format!("known instances: {}", quoted(known())),
    };
    let message = format!("no instance is named `{name}`{suggestion}");
    Failure::new(ErrorKind::UnknownInstance, message).hint(hint)
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
