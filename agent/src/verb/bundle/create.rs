//! `bundle create`: from one pack, or from several, to another.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::api::bundle::BundleReport;
use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::FORMAT;
use crate::bundle::archive::Name;
use crate::bundle::index::ExtraKind;
use crate::bundle::pack::Packer;
use crate::bundle::release::{Release, Tree};
use crate::config::load::{self, ConfigDirs, PackSettings};
use crate::model::{Digest, Level, Progress, TreeManifest};
use crate::product::detect::detect;
use crate::product::ownership::for_tree;
use crate::product::{Ownership, Profile, builtin};
use crate::source::bundle::check_tree;
use crate::source::{self, Source};
use crate::sys::{clock, fs};
use crate::trust::{SignWith, Signer, Statement, Subject};

use super::known::Known;
use super::make::Maker;
use super::receipts::Standing;
use super::{write, written};

/// What to make.
#[derive(Debug, Clone)]
pub struct Options {
    /// The packs where it may start, each a path or a name such as `flink-1.20.0`; it holds the whole pack without any.
    pub from: Vec<PathBuf>,
    /// Receipts of hosts that it is for.
    pub receipts: Vec<PathBuf>,
    /// A folder with packs, of which those are taken that are named or where these hosts stand.
    pub packs: Option<PathBuf>,
    /// The pack that it leads to, a path or a name.
    pub to: PathBuf,
    /// Whose pack that is; without it the pack tells.
    pub product: Option<String>,
    /// Globs of paths that also travel as a whole, for hosts that changed them.
    pub whole: Vec<String>,
    /// What travels with it.
    pub extras: Vec<(ExtraKind, PathBuf)>,
    /// When it counts as made; it does not say without it.
    pub made: Option<Timestamp>,
    /// After this it is not to be used, as RFC 3339.
    pub expires: Option<String>,
    /// Who signs.
    pub sign: Option<SignWith>,
    /// The file to write.
    pub out: PathBuf,
}

/// What reading packs takes.
pub(super) struct Reading<'a> {
    pub settings: &'a PackSettings,
    pub cache: &'a Path,
    /// Whose packs they are, if it was told.
    pub product: Option<&'a str>,
    pub progress: &'a dyn Progress,
}

/// A pack, opened and recognised.
pub(super) struct Pack<'a> {
    path: PathBuf,
    pub source: Box<dyn Source>,
    pub manifest: TreeManifest,
    /// The manifest's digest.
    pub tree: Digest,
    pub profile: &'a Profile,
    pub level: Level,
}

impl<'a> Pack<'a> {
    pub fn open(path: &Path, reading: &Reading<'a>) -> Result<Self> {
        match Self::look(path, reading.product, reading)? {
            Some(pack) => pack.with_manifest(reading.progress),
            None => {
                let wanted = reading.product.unwrap_or("any known product");
                let message = format!("{} is not a pack of {wanted}", path.display());
                Err(Failure::new(ErrorKind::NotAPack, message).at(path).hint(
                    "pass a pristine pack as an archive or a directory; --product names a profile that fits, also `generic`",
                ))
            }
        }
    }

    /// Looks what it is, without its manifest; `None` if it is no pack of the product.
    pub fn look(path: &Path, product: Option<&str>, reading: &Reading<'a>) -> Result<Option<Self>> {
        let settings = reading.settings;
        let source = source::open(path, &settings.limits, reading.cache, reading.progress)?;
        let is_asked = |profile: &&Profile| match product {
            Some(product) => profile.name == product,
            None => profile.name != builtin::GENERIC,
        };
        for profile in settings.profiles.iter().filter(is_asked) {
            let Some(found) = detect(profile, source.as_ref())? else {
                continue;
            };
            let level = found.level.ok_or_else(|| {
                let message = format!(
                    "{} is a pack of {} whose level cannot be read",
                    path.display(),
                    profile.name
                );
                Failure::new(ErrorKind::NotAPack, message).at(path)
            })?;
            return Ok(Some(Self {
                path: path.to_owned(),
                manifest: TreeManifest::default(),
                tree: TreeManifest::default().digest(),
                source,
                profile,
                level,
            }));
        }
        Ok(None)
    }

    /// Reading the manifest may mean to read the whole pack.
    pub fn with_manifest(mut self, progress: &dyn Progress) -> Result<Self> {
        self.manifest = self.source.manifest(progress)?;
        self.tree = self.manifest.digest();
        Ok(self)
    }

    fn at_level(&self) -> Tree {
        Tree {
            level: self.level.clone(),
            tree: self.tree,
        }
    }
}

/// Makes a bundle.
///
/// # Errors
/// `wrong-product`: the packs are of several products. `downgrade`: one where it starts is not below the target, nor is it
/// the target with a hotfix. `level-unavailable`: no pack of that name is known. `settings`: a glob is none. `usage`: it
/// would end before it is made. And those of sources, signers and of writing.
pub(super) fn create(dirs: &ConfigDirs, options: &Options, progress: &dyn Progress) -> Result<BundleReport> {
    refuse_over(options)?;
    let settings = load::pack_settings(dirs)?;
    let signer = options.sign.as_ref().map(SignWith::open).transpose()?;
    let whole = Ownership::of_globs(&options.whole)?;
    let folder = match options.out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::make_dirs(folder).map_err(|error| Failure::io("make the folder", folder, error))?;
    let reading = Reading {
        settings: &settings,
        cache: &dirs.state.join("cache"),
        product: options.product.as_deref(),
        progress,
    };
    let known = Known {
        dirs,
        packs: options.packs.as_deref(),
        reading: &reading,
    };
    let mut to = known.pack(&options.to)?;
    let from = options.from.iter().map(|said| known.pack(said));
    let mut from = from.collect::<Result<Vec<_>>>()?;
    let order = to.profile.level.order;
    let is_below = |level: &Level| order.compare(level, &to.level).is_lt();
    let standing = Standing::read(dirs, &options.receipts, &to.profile.name, &to.level, is_below)?;
    for ((_, tree), (level, host)) in &standing.levels {
        let is_there = |pack: &&Pack<'_>| order.compare(&pack.level, level).is_eq();
        if !from.iter().any(|pack| is_there(&pack)) {
            from.push(Standing::pack(&known, to.profile, level)?);
        }
        let packs = from.iter().filter(is_there);
        Standing::refuse_other((level, host), *tree, packs.map(|pack| pack.tree))?;
    }
    // The same trees in another order are the same bundle.
    from.sort_by_key(|pack| pack.tree);
    from.dedup_by_key(|pack| pack.tree);
    // A hotfix goes to hosts that stay where they are.
    let may_stay = options.extras.iter().any(|(kind, _)| *kind == ExtraKind::Hotfix);
    from.iter().try_for_each(|pack| follows(pack, &to, may_stay))?;
    // A directory may hold what no host would take.
    check_tree(&to.path, &to.manifest, &settings.limits)?;
    let rules = for_tree(&to.profile.ownership, |dir| {
        Ok(to.manifest.files_below(dir).cloned().collect())
    })?;
    let ownership = Ownership::new(&rules)?;
    let (index, packer) = {
        let mut maker = Maker {
            to: &mut to,
            from: &mut from,
            is_whole: &|path| whole.glob_of(path).is_some() || standing.deviating.contains(path),
            ownership: &ownership,
            packer: Packer::new(folder)?,
            folder,
            progress,
        };
        let index = maker.make(&options.extras, &settings.limits)?;
        (index, maker.packer)
    };
    let packed = index
        .encode()
        .map_err(|error| Failure::io("pack the index of", &options.out, error))?;
    let release = Release {
        format: FORMAT,
        product: to.profile.name.clone(),
        to: to.at_level(),
        from: from.iter().map(Pack::at_level).collect(),
        index: Digest::of(&packed),
        made: options.made,
        expires: options.expires.clone(),
    };
    let envelope = signed(&release, signer.as_deref())?;
    write(&options.out, |out| {
        out.add(&Name::Release, &envelope)?;
        packer.write(&packed, out)
    })?;
    written(&options.out, format!("{}: written", release.name()))
}

/// Whoever believed when it was made could never use it.
fn refuse_over(options: &Options) -> Result<()> {
    let (Some(made), Some(expires)) = (options.made, &options.expires) else {
        return Ok(());
    };
    match expires.parse::<Timestamp>() {
        Ok(end) if end <= made => {
            let message = format!(
                "the bundle would be made at {} and end at {expires}",
                clock::in_words(made)
            );
            Err(Failure::new(ErrorKind::Usage, message).hint("give --expires a later moment than --made"))
        }
        _ => Ok(()),
    }
}

/// The release document in its envelope. Signatures of Ed25519 depend on nothing but key and document.
fn signed(release: &Release, signer: Option<&dyn Signer>) -> Result<Vec<u8>> {
    let subject = Subject::new(release.name(), &release.to.tree);
    let mut envelope = Statement::new(vec![subject], release.clone()).seal()?;
    if let Some(signer) = signer {
        envelope.sign(signer)?;
    }
    envelope.to_bytes()
}

fn follows(from: &Pack<'_>, to: &Pack<'_>, may_stay: bool) -> Result<()> {
    let (product, other) = (&to.profile.name, &from.profile.name);
    if product != other {
        let message = format!(
            "{} is a pack of {other}, and {} one of {product}",
            from.path.display(),
            to.path.display()
        );
        return Err(Failure::new(ErrorKind::WrongProduct, message).at(&from.path));
    }
    let is_below = to.profile.level.order.compare(&from.level, &to.level).is_lt();
    if is_below || (may_stay && from.tree == to.tree) {
        return Ok(());
    }
    let message = format!(
        "{} has level {}, which is not below {}",
        from.path.display(),
        from.level,
        to.level
    );
    Err(Failure::new(ErrorKind::Downgrade, message)
        .at(&from.path)
        .hint("an update leads to a higher level, and `rollback` goes back; with --hotfix both may be the same pack"))
}
