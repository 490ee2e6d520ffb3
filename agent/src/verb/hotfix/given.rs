//! How a hotfix is given: the vendor's file itself, or a bundle that carries it and whose signature is the hotfix's too.

use std::path::{Path, PathBuf};

use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::index::{EXTRA_BYTES, Extra, ExtraKind};
use crate::plan::hotfix::is_called;
use crate::session::Instance;
use crate::sys::fs;

use super::super::bundle::Opened;
use super::super::gate::Brought;
use super::super::target::bundles;

/// Where a hotfix is.
pub(super) struct Given {
    /// Its path, or that of the bundle.
    pub path: PathBuf,
    carried: Option<Carried>,
}

/// In a bundle whose signature was decided on.
struct Carried {
    opened: Opened,
    extra: Extra,
    attachments: Vec<Vec<u8>>,
}

impl Given {
    /// Finds it. `wanted` names one of those that a bundle carries.
    ///
    /// # Errors
    /// `usage`: the bundle carries none, another one, or several and none is named. And those of bundles.
    pub fn find(instance: &Instance, path: &Path, wanted: Option<&str>) -> Result<Self> {
        let carried = match (bundles::is_one(path), wanted) {
            (true, _) => Some(Carried::new(bundles::believed(instance, path)?, path, wanted)?),
            (false, None) => None,
            (false, Some(_)) => {
                let message = format!("{} is no bundle that carries hotfixes", path.display());
                return Err(Failure::new(ErrorKind::Usage, message)
                    .at(path)
                    .hint("leave --hotfix out: the file is the hotfix itself"));
            }
        };
        Ok(Self {
            path: path.to_owned(),
            carried,
        })
    }

    /// What its name is read of.
    pub fn file_name(&self) -> &Path {
        match &self.carried {
            Some(carried) => Path::new(&carried.extra.name),
            None => &self.path,
        }
    }

    /// Its name in a bundle.
    pub fn carried(&self) -> Option<&str> {
        self.carried.as_ref().map(|carried| carried.extra.name.as_str())
    }

    /// Its content.
    ///
    /// # Errors
    /// `io`; `digest`: it is not what was signed.
    pub fn read(&self) -> Result<Vec<u8>> {
        match &self.carried {
            Some(carried) => carried.extra.read(&carried.opened.bundle, EXTRA_BYTES),
            None => fs::read(&self.path, EXTRA_BYTES)
                .map_err(|error| Failure::io("read the hotfix", &self.path, error)),
        }
    }

    /// What it brings to be believed.
    pub fn brought(&self) -> Brought<'_> {
        match &self.carried {
            Some(carried) => Brought {
                signed_by: carried.opened.signed_by.iter().copied().collect(),
                made: carried.opened.release.made,
                expires: carried.opened.release.expiry(),
                attachments: &carried.attachments,
            },
            None => Brought::default(),
        }
    }
}

impl Carried {
    fn new(opened: Opened, path: &Path, wanted: Option<&str>) -> Result<Self> {
        let extras = opened.bundle.index.extras.iter();
        let all: Vec<&Extra> = extras.filter(|extra| extra.kind == ExtraKind::Hotfix).collect();
        let is_wanted = |extra: &&&Extra| wanted.is_none_or(|wanted| is_called(wanted, &extra.name));
        let found: Vec<&Extra> = all.iter().filter(is_wanted).copied().collect();
        let names: Vec<&str> = all.iter().map(|extra| extra.name.as_str()).collect();
        let (why, hint) = match (found.as_slice(), wanted) {
            ([extra], _) => {
                return Ok(Self {
                    extra: (*extra).clone(),
                    attachments: opened.attachments.values().cloned().collect(),
                    opened,
                });
            }
            (_, _) if all.is_empty() => (
                "no hotfix".to_owned(),
                "`bundle create --hotfix FILE` lets one travel".to_owned(),
            ),
            ([], Some(wanted)) => (format!("no hotfix {wanted}"), carries(&names)),
            _ => (
                "several hotfixes".to_owned(),
                format!("name one with --hotfix; {}", carries(&names)),
            ),
        };
        let message = format!("{} carries {why}", path.display());
        Err(Failure::new(ErrorKind::Usage, message).at(path).hint(hint))
    }
}

fn carries(names: &[&str]) -> String {
    format!("it carries {}", names.join(", "))
}
