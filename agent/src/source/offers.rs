//! Which levels a path offers.

use std::path::{Path, PathBuf};

use super::{Look, Source, look, open};
use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::release::Release;
use crate::config::Limits;
use crate::model::{Level, Progress};
use crate::product::detect::{Detected, detect};
use crate::product::{Profile, TreeView};
use crate::sys::fs;

/// A level that a path offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The product's name.
    pub product: String,
    /// The level.
    pub level: Level,
    /// The archive or directory to pass to [`open`], or the last bundle of the way.
    pub path: PathBuf,
    /// The bundles that lead there, in this order; none if it is a pack.
    pub bundles: Vec<Step>,
}

/// A bundle of a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its path.
    pub path: PathBuf,
    /// What was signed of it when it was looked at. What is opened later has to be the same.
    pub release: Release,
}

/// What a path offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offers {
    /// One offer for a pack, several for a folder of packs, by file name.
    pub offers: Vec<Offer>,
    /// What in a folder of packs could not be read, and why.
    pub warnings: Vec<String>,
}

/// The levels of one product that a path offers. `others` are the profiles of other products, which only serve to
/// say what was found instead.
///
/// # Errors
/// `source`: the path does not exist or cannot be read. `wrong-product`: it is a pack of another product.
/// `not-a-pack`: it is neither a pack nor a folder that holds one. And the errors of [`open`] for a single archive.
pub fn offers(
    path: &Path,
    profile: &Profile,
    others: &[Profile],
    limits: &Limits,
    cache_dir: &Path,
    progress: &dyn Progress,
) -> Result<Offers> {
    let mut profiles = vec![profile];
    profiles.extend(others.iter().filter(|other| other.name != profile.name));
    let detect_any = |tree: &dyn TreeView| {
        for profile in &profiles {
            if let Some(detected) = detect(profile, tree)? {
                return Ok(Some(detected));
            }
        }
        Ok(None)
    };
    Search {
        product: &profile.name,
        detect: &detect_any,
        limits,
        cache_dir,
        progress,
    }
    .offers(path)
}

struct Search<'a> {
    product: &'a str,
    detect: &'a dyn Fn(&dyn TreeView) -> Result<Option<Detected>>,
    limits: &'a Limits,
    cache_dir: &'a Path,
    progress: &'a dyn Progress,
}

/// What one path turned out to be.
enum Finding {
    Offer(Offer),
    /// A pack of another product, by name.
    Other(String),
    /// No pack, with some of the names in it.
    None(Vec<String>),
}

impl Search<'_> {
    fn offers(&self, path: &Path) -> Result<Offers> {
        let is_dir = super::metadata(path)?.is_dir();
        match self.examine(path)? {
            Finding::Offer(offer) => Ok(Offers {
                offers: vec![offer],
                warnings: Vec::new(),
            }),
            Finding::Other(other) => Err(self.wrong_product(path, &[other])),
            Finding::None(names) if is_dir => self.folder(path, &names),
            Finding::None(names) => Err(self.not_a_pack(path, &names)),
        }
    }

    fn examine(&self, path: &Path) -> Result<Finding> {
        let source = open(path, self.limits, self.cache_dir, self.progress)?;
        let source: &dyn Source = &*source;
        Ok(match (self.detect)(source)? {
            None => Finding::None(source.names_in("")?),
            Some(found) if found.product != self.product => Finding::Other(found.product),
            Some(found) => {
                let level = found.level.ok_or_else(|| {
                    let message = format!(
                        "{} is a pack of {} whose level cannot be read",
                        path.display(),
                        found.product
                    );
                    Failure::new(ErrorKind::NotAPack, message)
                        .at(path)
                        .hint("look at the `level` rules of the product's profile")
                })?;
                Finding::Offer(Offer {
                    product: found.product,
                    level,
                    path: path.to_owned(),
                    bundles: Vec::new(),
                })
            }
        })
    }

    fn folder(&self, path: &Path, names: &[String]) -> Result<Offers> {
        let mut found = Offers::default();
        let mut others = Vec::new();
        let entries = fs::list_dir(path).map_err(|error| Failure::io("read the directory", path, error))?;
        for entry in entries {
            let path = entry.path();
            // Hidden names are what downloads in progress and tools leave; check sums and notes lie beside packs.
            if entry.file_name().as_encoded_bytes().starts_with(b".") || look(&path) == Look::Nothing {
                continue;
            }
            match self.examine(&path) {
                Ok(Finding::Offer(offer)) => found.offers.push(offer),
                Ok(Finding::Other(other)) => others.push(other),
                Ok(Finding::None(_)) => {}
                Err(failure) => found.warnings.push(failure.full_message()),
            }
        }
        match (found.offers.is_empty(), others.is_empty()) {
            (false, _) => Ok(found),
            (true, false) => Err(self.wrong_product(path, &others)),
            (true, true) => {
                Err(found
                    .warnings
                    .iter()
                    .fold(self.not_a_pack(path, names), |failure, warning| Failure {
                        message: format!("{}; {warning}", failure.message),
                        kind: ErrorKind::Source,
                        ..failure
                    }))
            }
        }
    }

    fn wrong_product(&self, path: &Path, found: &[String]) -> Failure {
        let message = format!(
            "{} offers {}, not {}",
            path.display(),
            found.join(", "),
            self.product
        );
        Failure::new(ErrorKind::WrongProduct, message)
            .at(path)
            .hint("pass a pack of the instance's product")
    }

    fn not_a_pack(&self, path: &Path, names: &[String]) -> Failure {
        const SHOWN: usize = 8;
        let mut names: Vec<_> = names.iter().map(|name| name.escape_debug().to_string()).collect();
        names.sort_unstable();
        let more = if names.len() > SHOWN { ", …" } else { "" };
        names.truncate(SHOWN);
        let inside = match names.as_slice() {
            [] => "nothing".to_owned(),
            names => names.join(", ") + more,
        };
        let message = format!(
            "{} is not a pack of {} and holds none: in it is {inside}",
            path.display(),
            self.product
        );
        Failure::new(ErrorKind::NotAPack, message)
            .at(path)
            .hint("pass the pack's archive, its unpacked directory, or a folder that holds such")
    }
}

#[cfg(test)]
#[path = "tests/offers.rs"]
mod tests;
