//! One configured file: what it shall hold, from what the templates give and what is there.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::plan::ConflictKind;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::configuration::{FileRule, Text, Way};
use crate::config::nearest::did_you_mean;
use crate::merge::edit;
use crate::model::{Digest, RelPath};
use crate::plan::MergeOutcome;
use crate::plan::config::Clash;
use crate::product::config::Named;
use crate::session::Instance;
use crate::template::{Engine, Values};
use crate::verb::key_conflicts;
use crate::verb::merges::Merges;

use super::keys;

/// What a file shall hold.
#[derive(Debug, Clone)]
pub(super) struct Content {
    /// What the template gave.
    pub rendered: Vec<u8>,
    /// The whole file, or why it needs a person.
    pub whole: std::result::Result<Vec<u8>, Clash>,
    /// The whole file with something else in every secret's place; `None` if that cannot be told.
    pub other: Option<Vec<u8>>,
    /// The text of the template, or the names of the keys.
    pub template: Digest,
}

/// What is needed for any file.
pub(super) struct Preparing<'a> {
    pub instance: &'a Instance,
    pub engine: &'a Engine,
    pub values: &'a Values,
}

/// The names of the templates that a file is made from; adds those that stand in the settings to the engine.
pub(super) fn template_names(rule: &FileRule, engine: &mut Engine) -> Result<Vec<String>> {
    let field = format!("config.files.{}", rule.path);
    match &rule.way {
        Way::Replace(Text::Template(name)) | Way::Merge(Text::Template(name)) => {
            if !engine.knows(name) {
                let suggestion = did_you_mean(name, engine.names());
                let message = format!("{field}: there is no template `{name}`{suggestion}");
                return Err(Failure::new(ErrorKind::Settings, message));
            }
            Ok(vec![name.clone()])
        }
        Way::Replace(Text::Inline(text)) | Way::Merge(Text::Inline(text)) => {
            add(engine, field.clone(), text)?;
            Ok(vec![field])
        }
        Way::EnsureKeys(keys) => {
            let mut names = Vec::new();
            for (key, value) in keys {
                keys::templates(&format!("{field}.keys.{key}"), value, &mut |name, text| {
                    names.push(name.clone());
                    add(engine, name, text)
                })?;
            }
            Ok(names)
        }
    }
}

fn add(engine: &mut Engine, name: String, text: &str) -> Result<()> {
    engine.add(&Named {
        path: name.clone().into(),
        name,
        text: text.to_owned(),
    })
}

impl Preparing<'_> {
    /// What a file shall hold. `current` is what it holds, `former` what a template gave last.
    pub(super) fn content(
        &self,
        rule: &FileRule,
        names: &[String],
        current: Option<&[u8]>,
        former: Option<Digest>,
    ) -> Result<Content> {
        match (&rule.way, names) {
            (Way::EnsureKeys(keys), _) => self.with_keys(rule, keys, current),
            (Way::Replace(_), [name]) => {
                let rendered = self.engine.render(name, self.values)?.into_bytes();
                Ok(Content {
                    whole: Ok(rendered.clone()),
                    other: self
                        .engine
                        .render_decoys(name, self.values)
                        .map(String::into_bytes),
                    template: Digest::of(self.engine.source(name).as_bytes()),
                    rendered,
                })
            }
            (_, names) => self.merged(rule, &names.concat(), current, former),
        }
    }

    fn with_keys(
        &self,
        rule: &FileRule,
        keys: &BTreeMap<String, Value>,
        current: Option<&[u8]>,
    ) -> Result<Content> {
        let field = format!("config.files.{}", rule.path);
        let refused = |why: &str| Failure::new(ErrorKind::Settings, format!("{field}: {why}"));
        let current = current.ok_or_else(|| {
            let path = rule.path.under(self.instance.root.path());
            refused("there is no such file; keys can only be held in one that exists").at(path)
        })?;
        let format = edit::format_of(rule.path.file_name(), current)
            .ok_or_else(|| refused("keys cannot be named in a file of this format"))?;
        let ensured = |fill: &keys::Fill<'_>| {
            let mut edits = Vec::with_capacity(keys.len());
            for (key, value) in keys {
                let value = match value {
                    Value::Null => None,
                    value => Some(keys::filled(&format!("{field}.keys.{key}"), value, fill)?),
                };
                edits.push(edit::Edit::new(key, value, format).map_err(|why| refused(&why))?);
            }
            edit::ensure(current, format, &edits).map_err(|why| refused(&why))
        };
        let whole = ensured(&|name| self.value(name))?;
        let names: Vec<&str> = keys.keys().map(String::as_str).collect();
        Ok(Content {
            rendered: whole.clone(),
            other: ensured(&|name| self.decoy(name)).ok(),
            whole: Ok(whole),
            template: Digest::of(names.join("\n").as_bytes()),
        })
    }

    /// What a key's template gives: the value itself, with its type, where it names one and nothing else.
    fn value(&self, name: &str) -> Result<Value> {
        let rendered = self.engine.render(name, self.values)?;
        let place = self.engine.only_mention(name);
        match place.as_ref().and_then(|place| self.values.at(place)) {
            Some(Value::Null) => {
                let message = format!(
                    "{name}: no value is given for `{}`",
                    place.unwrap_or_default().join(".")
                );
                Err(Failure::new(ErrorKind::Settings, message))
            }
            Some(value) => Ok(value.clone()),
            None => Ok(Value::String(rendered)),
        }
    }

    fn decoy(&self, name: &str) -> Result<Value> {
        let place = self.engine.only_mention(name);
        match place.as_ref().and_then(|place| self.values.decoy_at(place)) {
            Some(value) => Ok(value.clone()),
            None => {
                let rendered = self.engine.render_decoys(name, self.values);
                rendered
                    .map(Value::String)
                    .ok_or_else(|| Failure::new(ErrorKind::Settings, name))
            }
        }
    }

    fn merged(
        &self,
        rule: &FileRule,
        name: &str,
        current: Option<&[u8]>,
        former: Option<Digest>,
    ) -> Result<Content> {
        let rendered = self.engine.render(name, self.values)?.into_bytes();
        let decoy = self.engine.render_decoys(name, self.values);
        let base = match former.or_else(|| self.pristine(&rule.path)) {
            Some(digest) => self.instance.store.text(&digest)?,
            None => None,
        };
        let configured = self.instance.state.config.files.get(&rule.path);
        let held_secrets = configured.is_some_and(|file| !file.secret_lines.is_empty());
        let holds_secrets = held_secrets || decoy.as_deref().map(str::as_bytes) != Some(&rendered);
        let words = &self.instance.settings.profile.secrets;
        let meet = |new: &[u8]| meet(&rule.path, base.as_deref(), current, new, words);
        Ok(Content {
            whole: meet(&rendered).map_err(|mut clash| {
                if holds_secrets {
                    key_conflicts::conceal(&mut clash.keys);
                }
                clash
            }),
            other: decoy.and_then(|decoy| meet(decoy.as_bytes()).ok()),
            template: Digest::of(self.engine.source(name).as_bytes()),
            rendered,
        })
    }

    /// The vendor's file at the installed level: what the template was written from.
    fn pristine(&self, path: &RelPath) -> Option<Digest> {
        let tree = self.instance.state.installed.as_ref()?.release.tree?;
        let manifest = self.instance.store.manifest(&tree).ok()?;
        manifest.entries.get(path)?.sha256()
    }
}

/// Merges what changed since the last rendering into what is there.
fn meet(
    path: &RelPath,
    base: Option<&[u8]>,
    current: Option<&[u8]>,
    new: &[u8],
    words: &[String],
) -> std::result::Result<Vec<u8>, Clash> {
    let clash = |kind, message: &str, keys| {
        Err(Clash {
            kind,
            message: message.to_owned(),
            keys,
        })
    };
    let (current, base) = match (current, base) {
        (None, _) => return Ok(new.to_vec()),
        (Some(current), _) if current == new => return Ok(new.to_vec()),
        (Some(_), None) => {
            let message =
                "the file differs from what the template gives, and what they have in common is not known";
            return clash(ConflictKind::NoBase, message, Vec::new());
        }
        (Some(current), Some(base)) => (current, base),
    };
    let mut merges = Merges::new(words);
    match merges.merge(path, [base, current, new]) {
        MergeOutcome::Merged(..) => Ok(merges.merged.remove(path).unwrap_or_default()),
        MergeOutcome::Conflicts(keys) => {
            let message = "the file was edited where the template or its values changed since the last run";
            clash(ConflictKind::Text, message, keys)
        }
        MergeOutcome::NotText => clash(ConflictKind::Binary, "the file is no text", Vec::new()),
        MergeOutcome::NoBase => {
            let message = "what the template gave last is not known any more";
            clash(ConflictKind::NoBase, message, Vec::new())
        }
    }
}
