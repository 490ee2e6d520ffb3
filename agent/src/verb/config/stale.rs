//! Whether the configured files override defaults that the vendor changed since somebody last worked on their templates.

use crate::api::Result;
use crate::api::report::StaleView;
use crate::config::configuration::FileRule;
use crate::merge::{keys, text};
use crate::model::{Digest, Entry, Level, RelPath, TreeManifest};
use crate::session::Instance;
use crate::source::Source;
use crate::store::ConfigFile;
use crate::template::stale::{Defaults, Keys, Yours, stale};
use crate::verb::Run;

/// A level to compare with.
pub(in crate::verb) struct Against<'a> {
    pub level: &'a Level,
    pub manifest: &'a TreeManifest,
    /// Where its files are, unless it is the installed one.
    pub source: Option<&'a mut dyn Source>,
}

/// Notes every stale template in the report.
pub(in crate::verb) fn note(run: &mut Run<'_>, instance: &Instance, mut against: Against<'_>) -> Result<()> {
    let rules = instance.settings.config.iter().flat_map(|config| &config.files);
    for rule in rules {
        let Some(record) = instance.state.config.files.get(&rule.path) else {
            continue;
        };
        if let Some(view) = one(instance, rule, record, &mut against)? {
            let count = view.keys.len();
            run.warn(format!(
                "{}: your template overrides {} whose vendor defaults changed between {} and {}",
                view.path,
                if count == 1 {
                    "1 key".to_owned()
                } else {
                    format!("{count} keys")
                },
                view.from,
                view.to
            ));
            run.report.stale.push(view);
        }
    }
    Ok(())
}

/// As [`note`], against the installed level.
pub(in crate::verb) fn note_installed(run: &mut Run<'_>, instance: &Instance) -> Result<()> {
    let release = instance
        .state
        .installed
        .as_ref()
        .map(|installed| &installed.release);
    let Some((release, tree)) = release.and_then(|release| Some((release, release.tree?))) else {
        return Ok(());
    };
    if instance.state.config.files.is_empty() {
        return Ok(());
    }
    let manifest = instance.store.manifest(&tree)?;
    let against = Against {
        level: &release.level,
        manifest: &manifest,
        source: None,
    };
    note(run, instance, against)
}

fn one(
    instance: &Instance,
    rule: &FileRule,
    record: &ConfigFile,
    against: &mut Against<'_>,
) -> Result<Option<StaleView>> {
    let digest = |path: &RelPath| against.manifest.entries.get(path).and_then(Entry::sha256);
    let unchanged = record.vendor.iter().all(|(path, old)| digest(path) == Some(*old));
    if record.vendor.is_empty() || unchanged {
        return Ok(None);
    }
    let (mut old, mut new) = (Defaults::default(), Defaults::default());
    for path in std::iter::once(&rule.path).chain(&rule.defaults) {
        let before = record
            .vendor
            .get(path)
            .map(|digest| instance.store.text(digest))
            .transpose()?;
        let after = match (digest(path), record.vendor.get(path)) {
            (None, _) => None,
            (Some(new), Some(old)) if new == *old => before.clone().flatten(),
            (Some(new), _) => content(instance, path, &new, against)?,
        };
        let [before, after] = [before.flatten(), after].map(|text| keys_of(path, text.as_deref()));
        let is_file = *path == rule.path;
        extend(&mut old, is_file, before);
        extend(&mut new, is_file, after);
    }
    let written = instance.store.text(&record.written)?.unwrap_or_default();
    let yours = Yours {
        keys: keys_of(&rule.path, Some(&written)),
        secret_lines: Yours::secret_lines(&String::from_utf8_lossy(&written), &record.secret_lines),
    };
    let keys = stale(&rule.way, &old, &new, &yours, &instance.settings.profile.secrets);
    Ok((!keys.is_empty()).then(|| StaleView {
        path: rule.path.clone(),
        from: record.level.clone(),
        to: against.level.clone(),
        keys,
    }))
}

fn content(
    instance: &Instance,
    path: &RelPath,
    digest: &Digest,
    against: &mut Against<'_>,
) -> Result<Option<Vec<u8>>> {
    match (instance.store.text(digest)?, &mut against.source) {
        (Some(text), _) => Ok(Some(text)),
        (None, Some(source)) => source.read(path, text::LIMIT).map(Some),
        (None, None) => Ok(None),
    }
}

fn keys_of(path: &RelPath, text: Option<&[u8]>) -> Keys {
    text.and_then(|text| keys::keys(path.file_name(), text))
        .unwrap_or_default()
}

fn extend(defaults: &mut Defaults, is_file: bool, keys: Keys) {
    match is_file {
        true => defaults.file.extend(keys),
        false => defaults.others.extend(keys),
    }
}
