//! The pristine packs that this machine knows, by product and level: those in the folder that `--packs` names, and those that
//! its instances have as their source. Names tell where to look first, and what a pack itself says decides.

use std::path::{Path, PathBuf};

use crate::api::{ErrorKind, Failure, Result};
use crate::config::UpdateSource;
use crate::config::load::{self, ConfigDirs};
use crate::model::Level;
use crate::product::Profile;
use crate::source::{self, Look};
use crate::sys::fs;

use super::create::{Pack, Reading};

/// See the module.
pub(super) struct Known<'a> {
    pub dirs: &'a ConfigDirs,
    /// The folder that is named.
    pub packs: Option<&'a Path>,
    pub reading: &'a Reading<'a>,
}

/// What came of looking for a pack.
pub(super) enum Found<'a> {
    Pack(Box<Pack<'a>>),
    Nowhere(Looked),
}

/// Where was looked for a pack, and what was there instead.
#[derive(Default)]
pub(super) struct Looked {
    places: Vec<PathBuf>,
    /// Packs of the product.
    others: Vec<String>,
    /// Archives whose names tell other packs, and which would have to be unpacked to be looked into.
    unopened: Vec<String>,
}

/// Something that may be the pack that is looked for.
struct Candidate {
    path: PathBuf,
    look: Look,
    says: Says,
}

/// What a name says of the pack that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Says {
    Wanted,
    Nothing,
    Another,
}

impl<'a> Known<'a> {
    /// The pack at a path or, where nothing is at it, of a name such as `wso2am-4.2.0.10`.
    ///
    /// # Errors
    /// `level-unavailable`: this machine knows none of that name. And those of opening it.
    pub fn pack(&self, said: &Path) -> Result<Pack<'a>> {
        let named = match fs::metadata(said) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.named(said),
            _ => None,
        };
        let Some((profile, level)) = named else {
            return Pack::open(said, self.reading);
        };
        match self.find(profile, &level)? {
            Found::Pack(pack) => Ok(*pack),
            Found::Nowhere(looked) => {
                let message = format!(
                    "no pristine pack {}-{level} is known to this machine: {}",
                    profile.name,
                    looked.in_words()
                );
                Err(Failure::new(ErrorKind::LevelUnavailable, message).hint(
                    "pass its path, or name the folder where it lies with --packs; `pitstop pack build` makes one of what the vendor offers",
                ))
            }
        }
    }

    /// The product and level that a name is made of.
    pub fn named(&self, said: &Path) -> Option<(&'a Profile, Level)> {
        let said = said.to_str().filter(|said| !said.contains('/'))?;
        let settings: &'a load::PackSettings = self.reading.settings;
        let fits = settings.profiles.iter().filter_map(|profile| {
            let level = said.strip_prefix(profile.name.as_str())?.strip_prefix('-')?;
            (!level.is_empty()).then(|| (profile, Level::new(level)))
        });
        fits.max_by_key(|(profile, _)| profile.name.len())
    }

    /// The pack of a product at a level.
    ///
    /// # Errors
    /// Reading a place, or a pack that calls itself what is looked for, failed.
    pub fn find(&self, profile: &Profile, level: &Level) -> Result<Found<'a>> {
        let mut looked = Looked::default();
        if let Some(place) = self.packs {
            fs::metadata(place).map_err(|error| Failure::io("look for packs in", place, error))?;
            if let Some(pack) = self.look_in(place, profile, level, &mut looked)? {
                return Ok(Found::Pack(Box::new(pack)));
            }
        }
        for place in sources(self.dirs)? {
            if let Some(pack) = self.look_in(&place, profile, level, &mut looked)? {
                return Ok(Found::Pack(Box::new(pack)));
            }
        }
        Ok(Found::Nowhere(looked))
    }

    /// A place is a pack itself, or a folder of packs.
    fn look_in(
        &self,
        place: &Path,
        profile: &Profile,
        level: &Level,
        looked: &mut Looked,
    ) -> Result<Option<Pack<'a>>> {
        if looked.places.iter().any(|known| known == place) {
            return Ok(None);
        }
        looked.places.push(place.to_owned());
        let mut candidates = self.candidates(place, profile, level)?;
        candidates.sort_by(|a, b| (a.says, a.look, &a.path).cmp(&(b.says, b.look, &b.path)));
        let order = profile.level.order;
        for candidate in candidates {
            if candidate.look == Look::Whole && candidate.says == Says::Another {
                looked.unopened.push(candidate.path.display().to_string());
                continue;
            }
            let path = &candidate.path;
            let pack = match Pack::look(path, Some(&profile.name), self.reading) {
                Err(failure) if candidate.says == Says::Wanted => return Err(failure),
                // What else lies there is nobody's mistake.
                Err(_) | Ok(None) => continue,
                Ok(Some(pack)) => pack,
            };
            if order.compare(&pack.level, level).is_eq() {
                return pack.with_manifest(self.reading.progress).map(Some);
            }
            let name = format!("{}-{}", profile.name, pack.level);
            looked.others.push(format!("{name} ({})", path.display()));
        }
        Ok(None)
    }

    fn candidates(&self, place: &Path, profile: &Profile, level: &Level) -> Result<Vec<Candidate>> {
        let candidate = |path: PathBuf| Candidate {
            look: source::look(&path),
            says: self.says(&path, profile, level),
            path,
        };
        let is_folder = fs::metadata(place).is_ok_and(|metadata| metadata.is_dir());
        if !is_folder || matches!(Pack::look(place, Some(&profile.name), self.reading), Ok(Some(_))) {
            return Ok(vec![candidate(place.to_owned())]);
        }
        let entries = fs::list_dir(place).map_err(|error| Failure::io("list the packs in", place, error))?;
        let is_hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
        let shown = entries.iter().filter(|entry| !is_hidden(&entry.file_name()));
        let all = shown.map(|entry| candidate(entry.path()));
        Ok(all.filter(|candidate| candidate.look != Look::Nothing).collect())
    }

    /// A pack that was updated in place may still be called by a level that its own begins with.
    fn says(&self, path: &Path, profile: &Profile, wanted: &Level) -> Says {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ends = [".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst"];
        let stem = ends
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(&name);
        let digits =
            |(_, level): &(&Profile, Level)| level.as_str().starts_with(|c: char| c.is_ascii_digit());
        let Some((said, level)) = self.named(Path::new(stem)).filter(digits) else {
            return Says::Nothing;
        };
        let is_begin = || wanted.as_str().starts_with(&format!("{level}."));
        match said.name == profile.name {
            true if profile.level.order.compare(&level, wanted).is_eq() => Says::Wanted,
            true if is_begin() => Says::Nothing,
            _ => Says::Another,
        }
    }
}

impl Looked {
    /// What a person is told.
    pub fn in_words(&self) -> String {
        let list = |paths: &[String]| paths.join(", ");
        if self.places.is_empty() {
            return "--packs names no folder, and no instance has packs as its source".to_owned();
        }
        let places: Vec<String> = self
            .places
            .iter()
            .map(|place| place.display().to_string())
            .collect();
        let there = match self.others.is_empty() {
            true => "no pack of the product is there".to_owned(),
            false => format!("there are {}", list(&self.others)),
        };
        let unopened = match self.unopened.is_empty() {
            true => String::new(),
            false => format!(
                "; not unpacked, because their names tell other packs: {}",
                list(&self.unopened)
            ),
        };
        format!("looked in {}; {there}{unopened}", list(&places))
    }
}

/// The paths that instances have as their source. One whose settings are not valid hides no other.
fn sources(dirs: &ConfigDirs) -> Result<Vec<PathBuf>> {
    let settings = load::load_all(dirs)?
        .into_iter()
        .filter_map(|one| one.settings.ok());
    let paths = settings.filter_map(|settings| match settings.source {
        Some(UpdateSource::Path(path)) => Some(path),
        _ => None,
    });
    Ok(paths.filter(|path| fs::metadata(path).is_ok()).collect())
}
