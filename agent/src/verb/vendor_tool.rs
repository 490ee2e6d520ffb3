//! An update that the vendor's own tool makes.

mod hotfixes;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::api::report::OfferView;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::VendorTool;
use crate::merge::text;
use crate::model::{Digest, Inventory, Level, RelPath, Release, TreeManifest};
use crate::observe::permissions::{Writer, shut_folder};
use crate::product::profile::VendorToolRules;
use crate::session::Instance;
use crate::source::vendor_tool::{self, Given, Known, Made, Offline, Order};
use crate::store::Installed;
use crate::store::texts::may_be_text;
use crate::sys::process::User;

use super::target::{self, Owned, Target, Wanted};
use super::{Run, read};

pub(super) use hotfixes::{apply_hotfixes, refuse_its_hotfixes};
use hotfixes::{asides, refuse_lost, with_hotfixes};

/// How the tool is run, and on what.
pub(super) struct Tool {
    pub settings: VendorTool,
    /// An update in a file, and what its name says.
    pub offline: Option<(PathBuf, Offline)>,
    /// The transaction in which it works in the home itself, where it does not get a copy.
    pub in_place: Option<String>,
}

/// The update in a file that a path names, if the instance's product has such.
pub(super) fn offline(instance: &Instance, path: &Path) -> Result<Option<Offline>> {
    match &instance.settings.profile.vendor_tool {
        Some(rules) if path.is_file() => Offline::named(path, rules),
        _ => Ok(None),
    }
}

/// Lets the tool make what is wanted; `None` if the installed level is as high as it can get.
///
/// # Errors
/// `level-unavailable`, `downgrade`, or as [`vendor_tool::update`].
pub(super) fn reach(
    run: &mut Run<'_>,
    instance: &Instance,
    tool: &Tool,
    wanted: &Wanted<'_>,
    installed: &Release,
    inventory: &Inventory,
) -> Result<Option<Target>> {
    let Some(level) = level(instance, tool, wanted, &installed.level)? else {
        return Ok(None);
    };
    let base = pristine(instance, installed)?;
    let mut made = None;
    let what = tool.in_place.as_ref().map_or("a copy", |_| "the home");
    run.step("update-tool", |run| {
        made = with_order(
            run,
            instance,
            tool,
            installed,
            (inventory, base.as_deref()),
            (level.as_ref(), given(tool)),
            vendor_tool::update,
        )?;
        let told = match &made {
            Some(made) => format!("the vendor's tool made level {} of {what}", made.level),
            None => "the vendor's tool has nothing newer".to_owned(),
        };
        Ok((false, told))
    })?;
    let Some(made) = made else { return Ok(None) };
    run.report.offers = vec![offer(instance, &made.level, true)?];
    warn(run, installed, &made);
    target(made, instance, base.as_deref(), run).map(Some)
}

/// What the tool lists as newer, the highest first.
///
/// # Errors
/// As [`vendor_tool::levels`].
pub(super) fn list(
    run: &mut Run<'_>,
    instance: &Instance,
    tool: &Tool,
    installed: &Release,
) -> Result<Option<Release>> {
    let levels = with_order(
        run,
        instance,
        tool,
        installed,
        (&Inventory::default(), None),
        (None, Given::Service),
        vendor_tool::levels,
    )?;
    run.report.offers = levels
        .iter()
        .map(|level| offer(instance, level, true))
        .collect::<Result<_>>()?;
    Ok(levels.first().map(|level| Release {
        product: installed.product.clone(),
        level: level.clone(),
        tree: None,
    }))
}

/// The level to ask the tool for: `Some(None)` is the highest one; `None`: it is installed already.
pub(super) fn level(
    instance: &Instance,
    tool: &Tool,
    wanted: &Wanted<'_>,
    installed: &Level,
) -> Result<Option<Option<Level>>> {
    let order = instance.settings.profile.level.order;
    let named = wanted.level.map(|level| spelled_out(level, installed));
    if let Some((path, offline)) = &tool.offline {
        offline.refuse_other_product(path, &instance.settings.profile)?;
        if named
            .as_ref()
            .is_some_and(|named| !order.compare(named, &offline.to).is_eq())
        {
            let message = format!("{} leads to level {}", path.display(), offline.to);
            return Err(Failure::new(ErrorKind::LevelUnavailable, message).at(path));
        }
        if !order.compare(&offline.to, installed).is_gt() {
            return Ok(None);
        }
        offline.refuse_other_start(path, installed, order)?;
        return Ok(Some(Some(offline.to.clone())));
    }
    match named {
        None => Ok(Some(None)),
        Some(level) if order.compare(&level, installed).is_eq() => Ok(None),
        Some(level) => {
            target::refuse_downgrade(instance, &level, installed, wanted.allow_downgrade)?;
            Ok(Some(Some(level)))
        }
    }
}

/// Checks what the tool needs to work in the home itself and can be told before.
///
/// # Errors
/// `permission`: it runs as a user who may not write there. And as [`vendor_tool::check`].
pub(super) fn check_in_home(
    run: &Run<'_>,
    instance: &Instance,
    tool: &Tool,
    installed: &Release,
) -> Result<()> {
    let nothing = (&Inventory::default(), None);
    let asked = (None, given(tool));
    with_order(run, instance, tool, installed, nothing, asked, vendor_tool::check)?;
    let Some(user) = user(instance)? else {
        return Ok(());
    };
    let record: Vec<RelPath> = rules(instance)?.record.ancestors().collect();
    let name = user.name.clone();
    let shut = Writer::new(user).and_then(|writer| shut_folder(&instance.root, &record, &writer));
    let home = instance.root.path();
    match shut.map_err(|error| Failure::io("look at the folders of", home, error))? {
        None => Ok(()),
        Some(folder) => {
            let message = format!(
                "the vendor's tool would run as {name}, who may not write {}",
                folder.display()
            );
            Err(Failure::new(ErrorKind::Permission, message)
                .at(folder)
                .hint("update without --in-place: the tool gets a copy then, and pitstop puts what it made in place"))
        }
    }
}

/// The vendor's people say `--level 12` for `4.2.0.12`.
pub(super) fn spelled_out(level: &Level, installed: &Level) -> Level {
    let is_short = level.as_str().chars().all(|c| c.is_ascii_digit());
    match installed.as_str().rsplit_once('.') {
        Some((version, _)) if is_short => Level::new(format!("{version}.{level}")),
        _ => level.clone(),
    }
}

fn with_order<T>(
    run: &Run<'_>,
    instance: &Instance,
    tool: &Tool,
    installed: &Release,
    (inventory, base): (&Inventory, Option<&TreeManifest>),
    (wanted, given): (Option<&Level>, Given<'_>),
    work: impl FnOnce(&Order<'_>) -> Result<T>,
) -> Result<T> {
    let settings = &instance.settings;
    let kept = |digest: &Digest| instance.store.text(digest);
    let asides = asides(instance)?;
    refuse_lost(instance, base, &asides)?;
    let is_text = |path: &RelPath, size: u64| {
        let is_text =
            may_be_text(path, size) && read(instance, path)?.is_some_and(|bytes| text::is_text(&bytes));
        Ok(is_text)
    };
    work(&Order {
        instance: &settings.name,
        root: &instance.root,
        profile: &settings.profile,
        rules: rules(instance)?,
        settings: &tool.settings,
        known: Known {
            base,
            inventory,
            ownership: &instance.ownership,
            text: &kept,
            aside: &|digest| asides.get(digest).cloned(),
            is_text: &is_text,
        },
        user: user(instance)?,
        installed: &installed.level,
        wanted,
        given,
        in_place: tool.in_place.as_deref(),
        alone: run.alone.is_some(),
        state_dir: &settings.state_dir,
        cache_dir: &settings.cache_dir,
        progress: run.progress,
    })
}

fn given(tool: &Tool) -> Given<'_> {
    let file = tool.offline.as_ref();
    file.map_or(Given::Service, |(path, _)| Given::File(path))
}

/// The vendor's tree at the installed level, without any hotfix.
fn pristine(instance: &Instance, installed: &Release) -> Result<Option<Arc<TreeManifest>>> {
    let known = instance.state.installed.as_ref();
    let tree = known.map_or(installed.tree, Installed::pristine);
    tree.map(|tree| instance.store.manifest(&tree)).transpose()
}

fn rules(instance: &Instance) -> Result<&VendorToolRules> {
    let profile = &instance.settings.profile;
    profile.vendor_tool.as_ref().ok_or_else(|| {
        let message = format!("the vendor of {} has no update tool", profile.title);
        Failure::new(ErrorKind::Settings, message)
    })
}

/// The tool is the pack's: root does not run what the pack's user could have written.
fn user(instance: &Instance) -> Result<Option<User>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let home = instance.root.path();
    let failed = |error| Failure::io("find the user of", home, error);
    let owner = instance.root.stat_self().map_err(failed)?.uid;
    let named = instance.settings.user.as_deref().map(User::find).transpose();
    let user = match named.map_err(failed)?.flatten() {
        Some(user) => user,
        None => User::by_uid(owner).map_err(failed)?,
    };
    Ok((user.uid != 0).then_some(user))
}

fn offer(instance: &Instance, level: &Level, newer: bool) -> Result<OfferView> {
    Ok(OfferView {
        product: instance.settings.profile.name.clone(),
        level: level.clone(),
        path: program(instance, rules(instance)?),
        newer,
        migration: false,
    })
}

/// Where the tool for this machine lies in the home; the home where there is none.
fn program(instance: &Instance, rules: &VendorToolRules) -> PathBuf {
    let home = &instance.settings.home;
    let program = rules.programs.get(std::env::consts::ARCH);
    program.map_or_else(|| home.clone(), |program| program.under(home))
}

fn warn(run: &mut Run<'_>, installed: &Release, made: &Made) {
    if installed.tree.is_none() {
        run.warn(format!(
            "the vendor's original files of {installed} are not known, nor will those of {} be: {} vendor texts are replaced \
             without telling whether you changed them (the snapshot keeps them); `pitstop adopt` with --pristine ends that",
            made.level,
            made.untold.len()
        ));
    }
}

fn target(made: Made, instance: &Instance, base: Option<&TreeManifest>, run: &Run<'_>) -> Result<Target> {
    let Made {
        mut source,
        level,
        shown,
        untold: _,
    } = made;
    let shown = shown
        .map(|shown| with_hotfixes(shown, instance, base))
        .transpose()?;
    let manifest = source.manifest(run.progress)?;
    Ok(Target {
        release: Release {
            product: instance.settings.profile.name.clone(),
            level,
            // What is not known of the installed level is not known of the next one.
            tree: base.map(|_| manifest.digest()),
        },
        source,
        manifest,
        shown: shown.map(Arc::new),
        hotfix: None,
        brought: Owned::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_levels_are_of_the_installed_version() {
        let table = [
            ("12", "4.2.0.3", "4.2.0.12"),
            ("4.2.0.12", "4.2.0.3", "4.2.0.12"),
            ("12", "7", "12"),
        ];
        for (level, installed, expected) in table {
            assert_eq!(
                spelled_out(&Level::new(level), &Level::new(installed)).as_str(),
                expected
            );
        }
    }
}
