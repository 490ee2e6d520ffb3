//! The vendor's own update tool as a source. It changes a pack in place, without a transaction; so it gets a
//! [candidate](candidate), a private copy of the vendor's and the configuration files, while the server goes on serving.
//! What it did to the copy is then planned and committed like any other update. The tool's exit code alone is never
//! believed, see [machine].
//!
//! What is known of the tool is in its vendor's documentation ("WSO2 Updates 2.0"): exit codes 0 to 4, the files beside a
//! conflict, `UPDATE_TOOL_USERNAME` and `UPDATE_TOOL_PASSWORD`, and little more. Nothing here reads its texts.

mod agree;
mod candidate;
mod changes;
mod credentials;
mod drive;
mod folder;
mod held;
mod hotfix;
mod machine;
mod offline;
mod outcome;
mod pieces;
mod record;
mod runner;
mod transcript;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::api::{ErrorKind, Failure, Result};
use crate::config::VendorTool;
use crate::model::{Class, Level, Progress, RelPath, TreeManifest};
use crate::product::Profile;
use crate::product::glob::Glob;
use crate::product::profile::VendorToolRules;
use crate::sys::process::User;
use crate::sys::root::{Kind, Root};

use candidate::Candidate;
use credentials::Login;
use drive::Drive;
use outcome::Outcome;
use pieces::{Content, Piece, Trust, pieces};
use runner::Runner;
use tree::CandidateTree;

use super::Source;

pub use held::{Held, Stood, StoodKind};
pub use hotfix::{HotfixContent, HotfixFile, HotfixName, apply as apply_hotfixes, refuse_tools_own};
pub use offline::Offline;
pub use pieces::Known;
pub use runner::{TRANSACTION, check};

/// An update that is wanted of the tool.
pub struct Order<'a> {
    /// The instance's name.
    pub instance: &'a str,
    /// The pack.
    pub root: &'a Root,
    /// Its product.
    pub profile: &'a Profile,
    /// What the product says of the tool.
    pub rules: &'a VendorToolRules,
    /// How the tool is run.
    pub settings: &'a VendorTool,
    /// What is known of the pack.
    pub known: Known<'a>,
    /// Who runs it, if not this process's own user.
    pub user: Option<User>,
    /// The installed level.
    pub installed: &'a Level,
    /// The level to reach; the highest one without it.
    pub wanted: Option<&'a Level>,
    /// What the tool works from.
    pub given: Given<'a>,
    /// The transaction in which it works in the home itself, where it does not get a copy.
    pub in_place: Option<&'a str>,
    /// Whether no other run can let the tool work for the instance meanwhile.
    pub alone: bool,
    /// Where the tool's output is kept.
    pub state_dir: &'a Path,
    /// Where what may get lost is kept.
    pub cache_dir: &'a Path,
    /// Receives the progress.
    pub progress: &'a dyn Progress,
}

/// What the tool works from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given<'a> {
    /// The vendor's service.
    Service,
    /// An update in a file, for hosts without a way to the vendor.
    File(&'a Path),
    /// Files of hotfixes.
    Hotfixes,
}

/// What the tool made.
pub struct Made {
    /// The new tree.
    pub source: Box<dyn Source>,
    /// Its level.
    pub level: Level,
    /// The pristine tree at the installed level and what the tool showed of its texts, where the tool knows more of it than
    /// was known before.
    pub shown: Option<Shown>,
    /// Vendor texts that are replaced without anybody knowing whether they were customised.
    pub untold: Vec<RelPath>,
}

/// What the tool showed of the installed level.
pub struct Shown {
    /// Its pristine tree, as far as it is known now.
    pub manifest: TreeManifest,
    /// The texts behind it.
    pub texts: BTreeMap<RelPath, Vec<u8>>,
}

/// Lets the tool update a copy of the pack, or the home itself. `None` if there is nothing to update to. What it made of the
/// home is taken out of it then; the caller puts the home back as it was, whatever this returns.
///
/// # Errors
/// `vendor-tool`: the tool failed, or what it said and what it did disagree. `settings`: there are no credentials.
/// `stale`: the pack tells another level than `installed`.
pub fn update(order: &Order<'_>) -> Result<Option<Made>> {
    let mut pieces = pieces(&order.known)?;
    let mut candidate = Candidate::new(order.root, order.user.clone())?;
    let tools_own = add_needs(order, &mut pieces)?;
    if order.in_place.is_some() {
        candidate.work_in_home(&pieces)?;
    } else {
        candidate.fill(&pieces, order.profile.disk.extra_bytes)?;
    }
    if let Given::File(file) = order.given {
        candidate.bring(file, &name_of(file))?;
    }
    let runner = Runner::new(order, &candidate)?;
    let mut drive = Drive::new(order, &candidate, &pieces, &tools_own, runner)?;
    let done = drive.run()?;
    drive.runner.keep_newer();
    drop(drive);
    let Some((level, outcome)) = done else {
        return Ok(None);
    };
    let is_exact = order.known.base == Some(&outcome.base);
    if order.in_place.is_some() {
        candidate.take_out(&made(&outcome, &pieces))?;
    }
    Ok(Some(Made {
        source: Box::new(CandidateTree::new(candidate, outcome.new, order)?),
        level,
        shown: (!is_exact).then_some(Shown {
            manifest: outcome.base,
            texts: outcome.texts,
        }),
        untold: outcome.untold,
    }))
}

/// The files of the home that are the tool's work, or not what stood there before.
fn made(outcome: &Outcome, pieces: &BTreeMap<RelPath, Piece>) -> BTreeSet<RelPath> {
    let is_given =
        |path| matches!(pieces.get(path), Some(piece) if matches!(piece.content, Content::Bytes(_)));
    let base = &outcome.base.entries;
    let files = outcome
        .new
        .entries
        .iter()
        .filter(|(_, entry)| entry.sha256().is_some());
    files
        .filter(|(path, entry)| is_given(*path) || base.get(*path) != Some(*entry))
        .map(|(path, _)| path.clone())
        .collect()
}

/// The levels that the tool lists as newer, the highest first. How it lists them is not documented: of every line that names
/// the product, the last number is taken for one.
///
/// # Errors
/// As [`update`].
pub fn levels(order: &Order<'_>) -> Result<Vec<Level>> {
    let mut pieces = BTreeMap::new();
    let candidate = Candidate::new(order.root, order.user.clone())?;
    add_needs(order, &mut pieces)?;
    candidate.fill(&pieces, 0)?;
    let runner = Runner::new(order, &candidate)?;
    let told = drive::list(
        &runner,
        &[
            "check".to_owned(),
            "--channel".to_owned(),
            order.settings.channel.clone(),
        ],
    )?;
    runner.keep_newer();
    Ok(offline::levels_in(
        &told,
        order.installed,
        order.profile.level.order,
    ))
}

/// Removes the copies of killed runs.
///
/// # Errors
/// Of the system.
pub fn sweep(root: &Root) -> std::io::Result<()> {
    folder::sweep(root)
}

/// Adds what the tool needs besides the vendor's files, as it is. Returns what is the tool's own.
fn add_needs(order: &Order<'_>, pieces: &mut BTreeMap<RelPath, Piece>) -> Result<BTreeSet<RelPath>> {
    let mut own: BTreeSet<RelPath> = order.rules.programs.values().cloned().collect();
    own.insert(order.rules.record.clone());
    for glob in &order.rules.needs {
        for (path, mode) in found(order.root, glob)? {
            own.insert(path.clone());
            let is_vendors = order.known.class_of(&path) == Class::Vendor;
            let piece = pieces.entry(path).or_default();
            if !(is_vendors && piece.trust == Trust::Pristine) || piece.content == Content::Dir {
                piece.content = Content::Home;
                piece.trust = Trust::AsFound;
                piece.mode = mode;
            }
        }
    }
    Ok(own)
}

/// The files of the home that a path means whose last component may be a glob.
fn found(root: &Root, glob: &str) -> Result<Vec<(RelPath, u32)>> {
    let bad = |why: String| Failure::new(ErrorKind::Settings, format!("vendor_tool.needs: `{glob}`: {why}"));
    let (dir, name) = glob
        .rsplit_once('/')
        .ok_or_else(|| bad("it lies in no folder".to_owned()))?;
    let folder = RelPath::new(dir).map_err(|why| bad(why.to_string()))?;
    let name = Glob::new(name).map_err(|why| bad(why.to_string()))?;
    let failed = |error| Failure::io("look at", folder.under(root.path()), error);
    if root
        .stat(&folder)
        .map_err(failed)?
        .is_none_or(|stat| stat.kind != Kind::Dir)
    {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for path in root
        .names_in(Some(&folder))
        .map_err(failed)?
        .iter()
        .filter(|found| name.matches(found))
    {
        let path = folder.join(path).map_err(|why| bad(why.to_string()))?;
        if let Some(stat) = root.stat(&path).map_err(failed)?
            && stat.kind == Kind::File
        {
            files.push((path, stat.mode));
        }
    }
    Ok(files)
}

fn name_of(file: &Path) -> String {
    file.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

impl Order<'_> {
    fn program(&self) -> Result<&RelPath> {
        let machine = std::env::consts::ARCH;
        self.rules.programs.get(machine).ok_or_else(|| {
            let message = format!(
                "the vendor of {} has no update tool for {machine}",
                self.profile.title
            );
            Failure::new(ErrorKind::Settings, message).hint("update from a pack instead: `source: PATH`")
        })
    }

    /// What the vendor's service asks for; nothing else needs it.
    fn login(&self) -> Result<Option<Login>> {
        match (self.given, &self.settings.credentials) {
            (Given::File(_) | Given::Hotfixes, _) => Ok(None),
            (Given::Service, Some(from)) => Login::read(from, &self.rules.credentials).map(Some),
            (Given::Service, None) => Err(credentials::none_said()),
        }
    }

    /// The tool's `HOME` that is shared with others. A hotfix downloads nothing, and leaves a copy of the pack there.
    fn shared_home(&self) -> Option<&PathBuf> {
        let shared = self.settings.shared_home.as_ref();
        shared.filter(|_| self.given != Given::Hotfixes)
    }

    /// Whether a name is one of what tools leave beside files that they cannot merge.
    fn is_helper(&self, path: &RelPath) -> bool {
        let ends = &self.profile.lint.strays;
        ends.iter().any(|end| path.as_str().ends_with(end.as_str()))
    }

    /// The tool's arguments. No backup: the copy is one.
    fn arguments(&self, candidate: &Candidate, resumes: bool) -> Result<Vec<String>> {
        let mut arguments = Vec::new();
        match self.given {
            Given::File(file) => {
                let file = candidate.beside(&name_of(file))?.under(self.root.path());
                arguments.extend(["apply-update".to_owned(), file.to_string_lossy().into_owned()]);
            }
            _ if resumes => {}
            _ => {
                arguments.extend(["--channel".to_owned(), self.settings.channel.clone()]);
                let level = self.wanted.map(|level| ["--level".to_owned(), level.to_string()]);
                arguments.extend(level.into_iter().flatten());
            }
        }
        arguments.extend(resumes.then(|| "--continue".to_owned()));
        arguments.push("--no-backup".to_owned());
        Ok(arguments)
    }

    /// A small file of the home; `None` if there is none.
    fn home_file(&self, path: &RelPath) -> Result<Option<Vec<u8>>> {
        match self.root.read(path, 1 << 30) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::io("read", path.under(self.root.path()), error)),
        }
    }
}
