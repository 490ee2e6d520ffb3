//! `bundle create`: from one pack, or from several, to another.

use std::path::{Path, PathBuf};

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
use crate::product::{Ownership, Profile, builtin};
use crate::source::{self, Source};
use crate::sys::fs;
use crate::trust::{SignWith, Signer, Statement, Subject};

use super::make::Maker;
use super::receipts::Standing;
use super::{write, written};

/// What to make.
#[derive(Debug, Clone)]
pub struct Options {
    /// The packs where it may start; it holds the whole pack without any.
    pub from: Vec<PathBuf>,
    /// Receipts of hosts that it is for.
    pub receipts: Vec<PathBuf>,
    /// A folder with packs, of which those are taken where these hosts stand.
    pub packs: Option<PathBuf>,
    /// The pack that it leads to.
    pub to: PathBuf,
    /// Whose pack that is; without it the pack tells.
    pub product: Option<String>,
    /// Globs of paths that also travel as a whole, for hosts that changed them.
    pub whole: Vec<String>,
    /// What travels with it.
    pub extras: Vec<(ExtraKind, PathBuf)>,
    /// After this it is not to be used, as RFC 3339.
    pub expires: Option<String>,
    /// Who signs.
    pub sign: Option<SignWith>,
    /// The file to write.
    pub out: PathBuf,
}

/// A pack, opened and recognised.
pub(super) struct Pack<'a> {
    path: PathBuf,
    pub source: Box<dyn Source>,
    pub manifest: TreeManifest,
    /// The manifest's digest.
    pub tree: Digest,
    profile: &'a Profile,
    level: Level,
}

impl<'a> Pack<'a> {
    fn open(
        path: &Path,
        product: Option<&str>,
        settings: &'a PackSettings,
        cache: &Path,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let source = source::open(path, &settings.limits, cache, progress)?;
        match Self::recognised(path, source, product, settings)? {
            Some(pack) => pack.with_manifest(progress),
            None => {
                let wanted = product.unwrap_or("any known product");
                let message = format!("{} is not a pack of {wanted}", path.display());
                Err(Failure::new(ErrorKind::NotAPack, message).at(path).hint(
                    "pass a pristine pack as an archive or a directory; --product names a profile that fits, also `generic`",
                ))
            }
        }
    }

    fn recognised(
        path: &Path,
        source: Box<dyn Source>,
        product: Option<&str>,
        settings: &'a PackSettings,
    ) -> Result<Option<Self>> {
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
    fn with_manifest(mut self, progress: &dyn Progress) -> Result<Self> {
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
/// `wrong-product`: the packs are of several products. `downgrade`: one where it starts is not below the target.
/// `settings`: a glob is none. And those of sources, signers and of writing.
pub(super) fn create(dirs: &ConfigDirs, options: &Options, progress: &dyn Progress) -> Result<BundleReport> {
    let settings = load::pack_settings(dirs)?;
    let signer = options.sign.as_ref().map(SignWith::open).transpose()?;
    let whole = Ownership::of_globs(&options.whole)?;
    let folder = match options.out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::make_dirs(folder).map_err(|error| Failure::io("make the folder", folder, error))?;
    let cache = dirs.state.join("cache");
    let product = options.product.as_deref();
    let open = |path: &PathBuf| Pack::open(path, product, &settings, &cache, progress);
    let mut to = open(&options.to)?;
    let mut from = options.from.iter().map(open).collect::<Result<Vec<_>>>()?;
    let order = to.profile.level.order;
    let is_below = |level: &Level| order.compare(level, &to.level).is_lt();
    let standing = Standing::read(dirs, &options.receipts, &to.profile.name, &to.level, is_below)?;
    let known: Vec<Level> = from.iter().map(|pack| pack.level.clone()).collect();
    let is_wanted = |level: &Level| standing.levels.contains_key(level.as_str()) && !known.contains(level);
    if let Some(folder) = options.packs.as_deref() {
        from.extend(in_folder(folder, &to, &settings, &cache, is_wanted, progress)?);
    }
    let found = from.iter().map(|pack| (pack.level.to_string(), pack.tree));
    standing.refuse_missing(&found.collect(), options.packs.as_deref())?;
    // The same trees in another order are the same bundle.
    from.sort_by_key(|pack| pack.tree);
    from.dedup_by_key(|pack| pack.tree);
    from.iter().try_for_each(|pack| follows(pack, &to))?;
    let ownership = Ownership::new(&to.profile.ownership)?;
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
        expires: options.expires.clone(),
    };
    let envelope = signed(&release, signer.as_deref())?;
    write(&options.out, |out| {
        out.add(&Name::Release, &envelope)?;
        packer.write(&packed, out)
    })?;
    written(&options.out, format!("{}: written", release.name()))
}

/// The packs of the target's product in a folder whose levels are wanted.
fn in_folder<'a>(
    folder: &Path,
    to: &Pack<'_>,
    settings: &'a PackSettings,
    cache: &Path,
    is_wanted: impl Fn(&Level) -> bool,
    progress: &dyn Progress,
) -> Result<Vec<Pack<'a>>> {
    let mut packs = Vec::new();
    let entries = fs::list_dir(folder).map_err(|error| Failure::io("list the packs in", folder, error))?;
    for entry in entries {
        let path = entry.path();
        // What else lies there is nobody's mistake.
        let Ok(source) = source::open(&path, &settings.limits, cache, progress) else {
            continue;
        };
        let product = Some(to.profile.name.as_str());
        let found = Pack::recognised(&path, source, product, settings)?;
        if let Some(pack) = found.filter(|pack| is_wanted(&pack.level)) {
            packs.push(pack.with_manifest(progress)?);
        }
    }
    Ok(packs)
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

fn follows(from: &Pack<'_>, to: &Pack<'_>) -> Result<()> {
    let (product, other) = (&to.profile.name, &from.profile.name);
    if product != other {
        let message = format!(
            "{} is a pack of {other}, and {} one of {product}",
            from.path.display(),
            to.path.display()
        );
        return Err(Failure::new(ErrorKind::WrongProduct, message).at(&from.path));
    }
    match to.profile.level.order.compare(&from.level, &to.level).is_lt() {
        true => Ok(()),
        false => {
            let message = format!(
                "{} has level {}, which is not below {}",
                from.path.display(),
                from.level,
                to.level
            );
            Err(Failure::new(ErrorKind::Downgrade, message)
                .at(&from.path)
                .hint("an update leads to a higher level; `rollback` goes back"))
        }
    }
}
