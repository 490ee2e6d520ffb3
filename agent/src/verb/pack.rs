//! `pack build`: a pristine pack at a level, made by the vendor's own tool from a pack that nobody has touched. Built once,
//! where there is a way to the vendor, it gives every host the same bytes.

mod workshop;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::api::finding::{Finding, Severity};
use crate::api::pack::{PACK_SCHEMA, PackReport};
use crate::api::plan::Owner;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::load::{self, ConfigDirs};
use crate::config::{Limits, VendorTool};
use crate::lint;
use crate::model::inventory::Seen;
use crate::model::{Class, Digest, Entry, Inventory, Level, Progress, RelPath, TreeManifest};
use crate::product::detect::detect;
use crate::product::profile::{OwnershipRule, VendorToolRules};
use crate::product::{Ownership, Profile};
use crate::source::vendor_tool::{self, Given, Known, Made, Offline, Order};
use crate::source::{self, Sink, Source, archive};
use crate::sys::fs::NewFile;
use crate::sys::hashing::hash_file;

use super::vendor_tool::spelled_out;
use workshop::Workshop;

/// What to build.
#[derive(Debug, Clone)]
pub struct Options {
    /// The vendor's pack to begin with.
    pub base: PathBuf,
    /// The level to build: in full, or the update level alone. An update in a file names it itself.
    pub level: Option<Level>,
    /// An update in a file; the vendor's service is asked without it.
    pub update: Option<PathBuf>,
    /// The folder that gets the archive and its manifest.
    pub out: PathBuf,
    /// How the vendor's tool is run.
    pub tool: VendorTool,
}

/// Runs the verb. A level that is in the folder already is not built again.
///
/// # Errors
/// `not-a-pack`: the base is no pack of a product whose vendor has an update tool. `downgrade`, `usage`: its level is not
/// below the wanted one. `locked`: another build works in the folder. And those of sources and of the vendor's tool.
pub fn build(dirs: &ConfigDirs, options: &Options, progress: &dyn Progress) -> Result<PackReport> {
    let settings = load::pack_settings(dirs)?;
    let workshop = Workshop::open(&options.out)?;
    let limits = &settings.limits;
    let mut base = source::open(&options.base, limits, workshop.cache(), progress)?;
    let begun = Begun::of(base.as_ref(), &settings.profiles, options)?;
    let archive = begun.file(&options.out, "tar.zst");
    if archive.is_file() {
        let found = begun.found(&archive, limits, &workshop, progress)?;
        workshop.close()?;
        return Ok(found);
    }
    let pristine = base.manifest(progress)?;
    let mut unpacked = workshop.unpack(base.as_mut(), &pristine, limits, progress)?;
    let ownership = begun.ownership()?;
    let mut made = begun.run_tool(options, &workshop, (&pristine, &ownership), progress)?;
    let after = made.source.manifest(progress)?;
    let kept = Kept::of(&pristine, &after, &ownership, begun.rules);
    let findings = begun.judged(&kept.manifest, &pristine, made.source.as_mut())?;
    let mut read = |path: &RelPath, sink: &Sink<'_>| {
        let source = match kept.from_base.contains(path) {
            true => unpacked.as_mut(),
            false => made.source.as_mut(),
        };
        source.extract(&BTreeSet::from([path.clone()]), sink)
    };
    let mut built = begun.write(&archive, &kept.manifest, &mut read, progress)?;
    built.findings = findings;
    workshop.close()?;
    Ok(built)
}

/// The base pack, recognised, and where it is to be taken.
struct Begun<'a> {
    profile: &'a Profile,
    rules: &'a VendorToolRules,
    installed: Level,
    wanted: Level,
}

impl<'a> Begun<'a> {
    fn of(base: &dyn Source, profiles: &'a [Profile], options: &Options) -> Result<Self> {
        let path = base.path();
        for profile in profiles {
            let (Some(rules), Some(found)) = (&profile.vendor_tool, detect(profile, base)?) else {
                continue;
            };
            let installed = found.level.ok_or_else(|| no_level(path, profile))?;
            let wanted = wanted(options, profile, rules, &installed)?;
            let order = profile.level.order.compare(&wanted, &installed);
            if order.is_le() {
                return Err(not_above(path, &wanted, &installed));
            }
            return Ok(Self {
                profile,
                rules,
                installed,
                wanted,
            });
        }
        let message = format!(
            "{} is not a pack of a product whose vendor has an update tool",
            path.display()
        );
        Err(Failure::new(ErrorKind::NotAPack, message)
            .at(path)
            .hint("pass the vendor's pack as it was downloaded"))
    }

    fn file(&self, folder: &Path, extension: &str) -> PathBuf {
        folder.join(format!("{}-{}.{extension}", self.profile.name, self.wanted))
    }

    /// What an update brings is the vendor's, but for what is state.
    fn ownership(&self) -> Result<Ownership> {
        let as_vendors = |rule: &OwnershipRule| {
            let class = match rule.class {
                Class::State => Class::State,
                _ => Class::Vendor,
            };
            OwnershipRule::new(class, rule.paths.clone())
        };
        let rules: Vec<_> = self.profile.ownership.iter().map(as_vendors).collect();
        Ownership::new(&rules)
    }

    /// A pack that was built before.
    fn found(
        &self,
        archive: &Path,
        limits: &Limits,
        workshop: &Workshop,
        progress: &dyn Progress,
    ) -> Result<PackReport> {
        let mut built = source::open(archive, limits, workshop.cache(), progress)?;
        let level = detect(self.profile, built.as_ref())?.and_then(|found| found.level);
        if level.as_ref() != Some(&self.wanted) {
            let message = format!(
                "{} exists, but is no pack at level {}",
                archive.display(),
                self.wanted
            );
            return Err(Failure::new(ErrorKind::Source, message)
                .at(archive)
                .hint("remove it or give another folder"));
        }
        let manifest = built.manifest(progress)?;
        self.write_manifest(archive, &manifest)?;
        let sha256 = digest_of(archive, progress)?;
        Ok(self.report(archive, &manifest, sha256, false))
    }

    /// Lets the tool take the unpacked base to the wanted level. All of it is the vendor's: nobody has touched it.
    fn run_tool(
        &self,
        options: &Options,
        workshop: &Workshop,
        (pristine, ownership): (&TreeManifest, &Ownership),
        progress: &dyn Progress,
    ) -> Result<Made> {
        let inventory = untouched(pristine);
        let made = vendor_tool::update(&Order {
            in_place: None,
            instance: &self.profile.name,
            root: workshop.root(),
            profile: self.profile,
            rules: self.rules,
            settings: &options.tool,
            known: Known {
                base: Some(pristine),
                inventory: &inventory,
                ownership,
                text: &|_| Ok(None),
                aside: &|_| None,
                is_text: &|_, _| Ok(false),
            },
            user: None,
            installed: &self.installed,
            wanted: Some(&self.wanted),
            given: options.update.as_deref().map_or(Given::Service, Given::File),
            alone: true,
            state_dir: workshop.output(),
            cache_dir: workshop.cache(),
            progress,
        })?;
        made.ok_or_else(|| {
            let message = format!("the vendor's tool has no level {} for this pack", self.wanted);
            Failure::new(ErrorKind::LevelUnavailable, message)
        })
    }

    /// What is wrong with the new tree as a whole that was not wrong with the base.
    fn judged(
        &self,
        manifest: &TreeManifest,
        pristine: &TreeManifest,
        new: &mut dyn Source,
    ) -> Result<Vec<Finding>> {
        let mut tree = lint::Tree::of_pack(manifest);
        tree.read_lists(|path, limit| new.read(path, limit))?;
        let findings = lint::lint(&self.profile.lint, &tree, Some(pristine));
        let severe = findings
            .iter()
            .find(|finding| finding.severity == Severity::Required);
        match severe {
            None => Ok(findings),
            Some(finding) => {
                let message = format!(
                    "the vendor's tool made a pack at level {} that is not sound: {}",
                    self.wanted, finding.message
                );
                Err(Failure::new(ErrorKind::VendorTool, message)
                    .hint("run again; if it ends so again, show this to the vendor's support"))
            }
        }
    }

    fn write(
        &self,
        archive: &Path,
        manifest: &TreeManifest,
        read: &mut archive::Reading<'_>,
        progress: &dyn Progress,
    ) -> Result<PackReport> {
        let failed = |error| Failure::io("write the archive", archive, error);
        let mut out = NewFile::create(archive).map_err(failed)?;
        let sha256 = archive::write(read, manifest, &self.top(), &mut out, archive, progress)?;
        self.write_manifest(archive, manifest)?;
        out.put_in_place().map_err(failed)?;
        Ok(self.report(archive, manifest, sha256, true))
    }

    fn top(&self) -> String {
        format!("{}-{}", self.profile.name, self.wanted)
    }

    fn write_manifest(&self, archive: &Path, manifest: &TreeManifest) -> Result<()> {
        let path = self.manifest_beside(archive);
        let text = manifest.encode();
        let failed = |error| Failure::io("write the manifest", &path, error);
        let mut file = NewFile::create(&path).map_err(failed)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
        file.put_in_place().map_err(failed)
    }

    fn manifest_beside(&self, archive: &Path) -> PathBuf {
        let folder = archive.parent().unwrap_or(Path::new(""));
        self.file(folder, "manifest")
    }

    fn report(&self, archive: &Path, manifest: &TreeManifest, sha256: Digest, changed: bool) -> PackReport {
        let files = manifest
            .entries
            .values()
            .filter(|entry| entry.sha256().is_some())
            .count() as u64;
        let what = if changed { "built" } else { "is there already" };
        PackReport {
            schema: PACK_SCHEMA.to_owned(),
            ok: true,
            changed,
            message: format!("{} {}: {what}, {files} files", self.profile.name, self.wanted),
            product: self.profile.name.clone(),
            level: self.wanted.clone(),
            archive: archive.to_owned(),
            sha256,
            manifest: self.manifest_beside(archive),
            tree: manifest.digest(),
            files,
            bytes: manifest.total_bytes(),
            findings: Vec::new(),
            agent: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// The level that is asked for, or that an update in a file leads to.
///
/// # Errors
/// `usage`: there is neither. `wrong-product`: the file is for another one. `level-unavailable`: the file leads elsewhere, or
/// begins elsewhere.
fn wanted(options: &Options, profile: &Profile, rules: &VendorToolRules, installed: &Level) -> Result<Level> {
    let named = options.level.as_ref().map(|level| spelled_out(level, installed));
    let Some(file) = &options.update else {
        return named.ok_or_else(|| {
            Failure::new(ErrorKind::Usage, "which level to build is not said").hint("add --level")
        });
    };
    let update = Offline::named(file, rules)?.ok_or_else(|| {
        let message = format!(
            "{} is not named as the vendor's tool names updates",
            file.display()
        );
        Failure::new(ErrorKind::Usage, message)
            .at(file)
            .hint("give it the name that `create-update` gave it")
    })?;
    let order = profile.level.order;
    update.refuse_other_product(file, profile)?;
    update.refuse_other_start(file, installed, order)?;
    match named {
        Some(named) if !order.compare(&named, &update.to).is_eq() => {
            let message = format!("{} leads to level {}, not {named}", file.display(), update.to);
            Err(Failure::new(ErrorKind::LevelUnavailable, message).at(file))
        }
        _ => Ok(update.to),
    }
}

fn no_level(path: &Path, profile: &Profile) -> Failure {
    let message = format!(
        "{} is a pack of {} whose level cannot be read",
        path.display(),
        profile.name
    );
    Failure::new(ErrorKind::NotAPack, message).at(path)
}

fn not_above(path: &Path, wanted: &Level, installed: &Level) -> Failure {
    let message = format!(
        "level {wanted} is not above {installed}, which {} has",
        path.display()
    );
    Failure::new(ErrorKind::Downgrade, message)
        .at(path)
        .hint("begin with a pack of a lower level; the vendor's first pack will do")
}

fn digest_of(file: &Path, progress: &dyn Progress) -> Result<Digest> {
    hash_file(file, progress).map_err(|error| Failure::io("read", file, error))
}

/// A tree that was just unpacked.
fn untouched(manifest: &TreeManifest) -> Inventory {
    let seen = |entry: &Entry| Seen {
        entry: entry.clone(),
        class: Class::Vendor,
        owner: Owner { uid: 0, gid: 0 },
    };
    let entries = manifest.entries.iter();
    Inventory {
        entries: entries.map(|(path, entry)| (path.clone(), seen(entry))).collect(),
        ..Inventory::default()
    }
}

/// What belongs into a pack: the tree that the tool left, without what it keeps for itself.
struct Kept {
    manifest: TreeManifest,
    from_base: BTreeSet<RelPath>,
}

impl Kept {
    /// State, and the tool with what it needs, stay as they were in the base: they differ from run to run, and a pack that
    /// is used has its own. The record of the level is the tool's.
    fn of(base: &TreeManifest, after: &TreeManifest, ownership: &Ownership, rules: &VendorToolRules) -> Self {
        let is_own = |path: &RelPath| {
            let is_tool = rules.programs.values().any(|program| program == path);
            *path != rules.record && (is_tool || ownership.class_of(path) == Class::State)
        };
        let of = |tree: &TreeManifest, own: bool| -> BTreeMap<RelPath, Entry> {
            let entries = tree.entries.iter().filter(|(path, _)| is_own(path) == own);
            entries
                .map(|(path, entry)| (path.clone(), entry.clone()))
                .collect()
        };
        let ours = of(base, true);
        let from_base = ours.keys().cloned().collect();
        let mut manifest = TreeManifest {
            entries: of(after, false),
        };
        manifest.entries.extend(ours);
        Self { manifest, from_base }
    }
}
