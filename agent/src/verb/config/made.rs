//! From settings and values to the plan of a configuration.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::api::plan::{FileOp, Plan};
use crate::api::report::{Action, DiffView};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::Configuration;
use crate::config::configuration::FileRule;
use crate::model::{Digest, Entry, Inventory, RelPath, Release, TreeManifest};
use crate::plan::config::{self as planning, Wanted};
use crate::session::{Instance, Session};
use crate::store::{ConfigChange, ConfigFile};
use crate::template::values::Place;
use crate::template::{Mask, Values, mask, unused};
use crate::verb::server::Server;
use crate::verb::{Run, common, read, update};

use super::prepare::{Content, Preparing, template_names};
use super::{Options, inputs, of, validate};

/// A plan with everything that carrying it out needs.
pub(super) struct Made {
    pub plan: Plan,
    /// What is put in place, by path.
    pub contents: BTreeMap<RelPath, Vec<u8>>,
    /// What is to be remembered.
    pub change: ConfigChange,
    /// How many files are configured.
    pub rules: usize,
    /// Whether a file that changes is read by the server only when it starts.
    pub needs_restart: bool,
    /// What later merges need.
    texts: Vec<Vec<u8>>,
}

/// One file while the plan is made.
struct File<'a> {
    rule: &'a FileRule,
    content: Content,
    mask: Mask,
    current: Option<Vec<u8>>,
    wanted: Wanted,
}

impl File<'_> {
    /// What will stand there, as text.
    fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.content.whole.as_deref().unwrap_or_default())
    }
}

impl Made {
    /// How many files change.
    pub(super) fn changed(&self) -> usize {
        self.plan
            .files
            .iter()
            .filter(|step| step.op != FileOp::MakeDir)
            .count()
    }

    /// Keeps what later merges need. Durable once the texts are synced, which staging does.
    pub(super) fn keep_texts(&self, session: &Session) -> Result<()> {
        self.texts
            .iter()
            .try_for_each(|text| session.store.keep_text(&Digest::of(text), text))
    }
}

/// Renders everything, judges it, and plans it.
pub(super) fn make(
    run: &mut Run<'_>,
    instance: &Instance,
    inventory: &Inventory,
    server: &Server,
    options: &Options,
) -> Result<Made> {
    let config = of(instance)?;
    let release = update::installed_release(instance)?;
    let given = inputs::values(run, instance, config, &release, options)?;
    let mut engine = inputs::engine(config)?;
    let names = config
        .files
        .iter()
        .map(|rule| template_names(rule, &mut engine))
        .collect::<Result<Vec<_>>>()?;
    let preparing = Preparing {
        instance,
        engine: &engine,
        values: &given.values,
    };
    let words = &instance.settings.profile.secrets;
    let mut files = Vec::with_capacity(config.files.len());
    for (rule, names) in config.files.iter().zip(&names) {
        let current = current(instance, inventory, &rule.path)?;
        let former = instance
            .state
            .config
            .files
            .get(&rule.path)
            .and_then(ConfigFile::template_result);
        let content = preparing.content(rule, names, current.as_deref(), former)?;
        files.push(file(
            rule,
            content,
            current,
            inventory,
            &given.values.secrets,
            words,
        ));
    }
    let all: Vec<String> = names.into_iter().flatten().collect();
    let idle = unused(
        &engine,
        &all,
        &given.values,
        given.values.leaves_from(given.of_product),
    );
    note_unused(run, &given.values, &idle, options.strict)?;
    for file in &files {
        if let Ok(whole) = &file.content.whole {
            validate::validate(file.rule, whole, file.current.as_deref(), &given.values)?;
        }
    }
    let made = planned(instance, config, &release, inventory, server, &files)?;
    run.report.diffs = diffs(instance, &made.plan, &files, &given.values.secrets);
    run.report.plan = Some(made.plan.clone());
    run.report.warnings.extend(made.plan.warnings.iter().cloned());
    Ok(made)
}

/// What a configured file holds; `None` if there is none.
fn current(instance: &Instance, inventory: &Inventory, path: &RelPath) -> Result<Option<Vec<u8>>> {
    let Some(Entry::File { sha256, .. }) = inventory.entry(path) else {
        return Ok(None);
    };
    let shown = path.under(instance.root.path());
    let bytes = read(instance, path)?.ok_or_else(|| {
        let message = format!("{} is too large to be a configuration file", shown.display());
        Failure::new(ErrorKind::Settings, message).at(&shown)
    })?;
    if Digest::of(&bytes) != *sha256 {
        let message = format!("{} changed while it was looked at", shown.display());
        return Err(Failure::new(ErrorKind::Stale, message)
            .at(&shown)
            .hint("run again"));
    }
    Ok(Some(bytes))
}

fn file<'a>(
    rule: &'a FileRule,
    content: Content,
    current: Option<Vec<u8>>,
    inventory: &Inventory,
    secrets: &[String],
    words: &[String],
) -> File<'a> {
    let whole = content.whole.as_deref().unwrap_or_default();
    let holds_secrets = !secrets.is_empty() && content.other.as_deref() != Some(whole);
    let mode = mode(inventory.entry(&rule.path), rule.secret || holds_secrets);
    let entry = |whole: &Vec<u8>| Entry::File {
        size: whole.len() as u64,
        sha256: Digest::of(whole),
        mode: Some(mode),
    };
    let other = content.other.as_deref().map(String::from_utf8_lossy);
    let secrets = if holds_secrets { secrets } else { &[] };
    File {
        wanted: Wanted {
            path: rule.path.clone(),
            content: content.whole.as_ref().map(entry).map_err(Clone::clone),
            restart: rule.restart,
        },
        mask: Mask::new(&String::from_utf8_lossy(whole), other.as_deref(), secrets, words),
        rule,
        content,
        current,
    }
}

/// Permission bits stay as they are, but nobody else may read a secret.
fn mode(current: Option<&Entry>, is_secret: bool) -> u32 {
    const NOT_FOR_OTHERS: u32 = 0o7750;
    let usual = current.and_then(Entry::mode).unwrap_or(0o644);
    if is_secret { usual & NOT_FOR_OTHERS } else { usual }
}

fn note_unused(run: &mut Run<'_>, values: &Values, idle: &[Place], strict: bool) -> Result<()> {
    let shown = |place: &Place| format!("`{}` of {}", place.join("."), values.origin(place));
    let Some(first) = idle.first() else { return Ok(()) };
    if strict {
        let more = match idle.len() {
            1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        let message = format!("no template needs the value {}{more}", shown(first));
        return Err(Failure::new(ErrorKind::Settings, message)
            .hint("correct its name or remove it; without --strict this is a warning"));
    }
    for place in idle {
        run.warn(format!("no template needs the value {}", shown(place)));
    }
    Ok(())
}

fn planned(
    instance: &Instance,
    config: &Configuration,
    release: &Release,
    inventory: &Inventory,
    server: &Server,
    files: &[File<'_>],
) -> Result<Made> {
    let common = common(
        instance,
        Action::Config,
        release,
        release,
        inventory,
        server.is_wanted(),
    );
    let wanted: Vec<Wanted> = files.iter().map(|file| file.wanted.clone()).collect();
    let plan = planning::plan(&common, &wanted)?;
    let changes = |file: &&File<'_>| plan.files.iter().any(|step| step.path == file.rule.path);
    let contents = files.iter().filter(changes).filter_map(|file| {
        let whole = file.content.whole.as_ref().ok()?;
        Some((file.rule.path.clone(), whole.clone()))
    });
    let pristine = release
        .tree
        .map(|tree| instance.store.manifest(&tree))
        .transpose()?;
    let remembered = files.iter().map(|file| {
        let former = instance.state.config.files.get(&file.rule.path);
        (
            file.rule.path.clone(),
            record(file, former, release, pristine.as_deref()),
        )
    });
    Ok(Made {
        contents: contents.collect(),
        change: ConfigChange::Apply {
            digest: name(&wanted),
            files: remembered.collect(),
        },
        rules: config.files.len(),
        needs_restart: files.iter().filter(changes).any(|file| file.rule.restart),
        texts: files.iter().flat_map(texts).collect(),
        plan,
    })
}

/// Over every path, what it shall hold and who may read it.
fn name(wanted: &[Wanted]) -> Digest {
    let mut text = String::new();
    for file in wanted {
        let entry = file.content.as_ref().ok();
        let content = entry.and_then(Entry::sha256);
        text += &format!(
            "{}\0{}\0{:o}\n",
            file.path,
            content.map_or_else(String::new, |digest| digest.to_string()),
            entry.and_then(Entry::mode).unwrap_or_default()
        );
    }
    Digest::of(text.as_bytes())
}

fn texts(file: &File<'_>) -> Vec<Vec<u8>> {
    let whole = file.content.whole.clone().unwrap_or_default();
    vec![file.content.rendered.clone(), whole]
}

/// What is remembered of a file. As long as nobody works on the template, it is held against the vendor's files that it
/// was written for.
fn record(
    file: &File<'_>,
    former: Option<&ConfigFile>,
    release: &Release,
    pristine: Option<&TreeManifest>,
) -> ConfigFile {
    let paths = std::iter::once(&file.rule.path).chain(&file.rule.defaults);
    let vendor: BTreeMap<RelPath, Digest> = paths
        .filter_map(|path| Some((path.clone(), pristine?.entries.get(path)?.sha256()?)))
        .collect();
    let known = former.filter(|former| former.template == file.content.template && !former.vendor.is_empty());
    ConfigFile {
        rendered: Digest::of(&file.content.rendered),
        mode: Some(file.rule.way.mode()),
        written: Digest::of(file.content.whole.as_deref().unwrap_or_default()),
        template: file.content.template,
        level: known.map_or_else(|| release.level.clone(), |former| former.level.clone()),
        vendor: known.map_or(vendor, |former| former.vendor.clone()),
        secret_lines: file.mask.digests(),
    }
}

fn diffs(instance: &Instance, plan: &Plan, files: &[File<'_>], secrets: &[String]) -> Vec<DiffView> {
    let diff = |file: &File<'_>| {
        let step = plan.files.iter().find(|step| step.path == file.rule.path)?;
        let former = instance.state.config.files.get(&file.rule.path);
        let written = former
            .map(|former| former.secret_lines.clone())
            .unwrap_or_default();
        let old = String::from_utf8_lossy(file.current.as_deref().unwrap_or_default());
        let modes = [&step.old, &step.new].map(|side| side.as_ref().and_then(Entry::mode));
        let mode = match modes {
            [Some(from), Some(to)] if from != to => format!("mode {from:04o} -> {to:04o}\n"),
            _ => String::new(),
        };
        let text = mask::diff(
            file.rule.path.as_str(),
            [&old, &file.text()],
            &file.mask,
            secrets,
            &written,
        );
        Some(DiffView {
            path: file.rule.path.clone(),
            diff: mode + &text,
        })
    };
    files.iter().filter_map(diff).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_named_by_path_content_and_mode() {
        let named = |path: &str, text: &[u8], mode: u32| {
            let entry = Entry::File {
                size: text.len() as u64,
                sha256: Digest::of(text),
                mode: Some(mode),
            };
            name(&[Wanted {
                path: RelPath::new(path).unwrap(),
                content: Ok(entry),
                restart: true,
            }])
        };
        let one = named("conf/a", b"a", 0o644);
        assert_eq!(one, named("conf/a", b"a", 0o644));
        for other in [
            named("conf/b", b"a", 0o644),
            named("conf/a", b"b", 0o644),
            named("conf/a", b"a", 0o640),
        ] {
            assert_ne!(one, other);
        }
    }
}
