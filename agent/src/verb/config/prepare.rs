//! One configured file: what it shall hold, from what the templates give and what is there.

use crate::api::plan::ConflictKind;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::configuration::{FileRule, Text, Way};
use crate::config::nearest::did_you_mean;
use crate::model::{Digest, RelPath};
use crate::plan::MergeOutcome;
use crate::plan::config::Clash;
use crate::product::config::Named;
use crate::session::Instance;
use crate::template::{Engine, Values};
use crate::verb::merges::Merges;

/// What a file shall hold.
#[derive(Debug, Clone)]
pub(super) struct Content {
    /// What the template gave.
    pub rendered: String,
    /// The whole file, or why it needs a person.
    pub whole: std::result::Result<String, Clash>,
    /// The whole file with something else in every secret's place; `None` if that cannot be told.
    pub other: Option<String>,
    /// The text of the template, or the names of the keys.
    pub template: Digest,
}

/// What is needed for any file.
pub(super) struct Preparing<'a> {
    pub instance: &'a Instance,
    pub engine: &'a Engine,
    pub values: &'a Values,
}

/// The name of the template that a file is made from; adds those that stand in the settings to the engine.
pub(super) fn template_names(rule: &FileRule, engine: &mut Engine) -> Result<Vec<String>> {
    let field = format!("config.files.{}", rule.path);
    let inline = |name: String, text: &str| Named {
        path: name.clone().into(),
        name,
        text: text.to_owned(),
    };
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
            engine.add(&inline(field.clone(), text))?;
            Ok(vec![field])
        }
        Way::EnsureKeys(_) => Ok(Vec::new()),
    }
}

impl Preparing<'_> {
    /// What a file shall hold. `current` is what it holds, `former` what the template gave last.
    pub(super) fn content(
        &self,
        rule: &FileRule,
        name: Option<&str>,
        current: Option<&str>,
        former: Option<Digest>,
    ) -> Result<Content> {
        match (&rule.way, name) {
            (Way::Replace(_), Some(name)) => {
                let rendered = self.engine.render(name, self.values)?;
                Ok(Content {
                    whole: Ok(rendered.clone()),
                    other: self.engine.render_decoys(name, self.values),
                    template: Digest::of(self.engine.source(name).as_bytes()),
                    rendered,
                })
            }
            (Way::Merge(_), Some(name)) => self.merged(rule, name, current, former),
            _ => Err(Failure::new(
                ErrorKind::Settings,
                format!("config.files.{}: named keys cannot be held yet", rule.path),
            )),
        }
    }

    fn merged(
        &self,
        rule: &FileRule,
        name: &str,
        current: Option<&str>,
        former: Option<Digest>,
    ) -> Result<Content> {
        let rendered = self.engine.render(name, self.values)?;
        let decoy = self.engine.render_decoys(name, self.values);
        let base = match former.or_else(|| self.pristine(&rule.path)) {
            Some(digest) => self.instance.store.text(&digest)?,
            None => None,
        };
        let meet = |new: &str| meet(&rule.path, base.as_deref(), current, new);
        Ok(Content {
            whole: meet(&rendered),
            other: decoy.and_then(|decoy| meet(&decoy).ok()),
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
    current: Option<&str>,
    new: &str,
) -> std::result::Result<String, Clash> {
    let clash = |kind, message: &str| {
        Err(Clash {
            kind,
            message: message.to_owned(),
        })
    };
    let (current, base) = match (current, base) {
        (None, _) => return Ok(new.to_owned()),
        (Some(current), _) if current == new => return Ok(new.to_owned()),
        (Some(_), None) => {
            let message =
                "the file differs from what the template gives, and what they have in common is not known";
            return clash(ConflictKind::NoBase, message);
        }
        (Some(current), Some(base)) => (current, base),
    };
    let mut merges = Merges::default();
    match merges.merge(path, [base, current.as_bytes(), new.as_bytes()]) {
        MergeOutcome::Merged(..) => {
            let bytes = merges.merged.remove(path).unwrap_or_default();
            String::from_utf8(bytes).or_else(|_| clash(ConflictKind::Binary, "the file is not UTF-8"))
        }
        MergeOutcome::Conflicts(_) => clash(
            ConflictKind::Text,
            "the file was edited where the template or its values changed since the last run",
        ),
        MergeOutcome::NotText => clash(ConflictKind::Binary, "the file is no text"),
        MergeOutcome::NoBase => clash(
            ConflictKind::NoBase,
            "what the template gave last is not known any more",
        ),
    }
}
