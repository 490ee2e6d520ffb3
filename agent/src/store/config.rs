//! What `config apply` left behind: what it wrote, what can be taken back, and what failed here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::config::fragment::Mode;
use crate::model::{Digest, Level, RelPath};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConfigState {
    /// The files that were configured, by path.
    #[serde(default)]
    pub files: BTreeMap<RelPath, ConfigFile>,
    /// What can be taken back, the newest last.
    #[serde(default)]
    pub snapshots: Vec<ConfigSnapshot>,
    /// The configuration that failed here.
    #[serde(default)]
    pub hold: Option<ConfigHold>,
}

/// One configured file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFile {
    /// What the template gave, a kept text: the base of the next merge.
    pub rendered: Digest,
    /// How it met what was there; `None` if an earlier version wrote this down.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// What was put in place.
    pub written: Digest,
    /// The template's text, or the names of the keys: what changes when somebody works on it.
    pub template: Digest,
    /// The level at which somebody last worked on the template.
    pub level: Level,
    /// The vendor's files that the template overrides, as they were at that level; kept texts.
    #[serde(default)]
    pub vendor: BTreeMap<RelPath, Digest>,
    /// The digests of the written lines that hold secrets.
    #[serde(default)]
    pub secret_lines: BTreeSet<Digest>,
}

/// A configuration that can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigSnapshot {
    /// The transaction whose old files are kept.
    pub transaction: String,
    /// When it was taken, as RFC 3339.
    pub taken: String,
    /// What was known of the configured files before it.
    pub before: BTreeMap<RelPath, ConfigFile>,
}

/// A configuration that made the server unhealthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigHold {
    /// Names it: see [`ConfigChange::Apply`].
    pub digest: Digest,
    /// When, as RFC 3339.
    pub since: String,
    /// Why.
    pub reason: String,
    /// The transaction that failed.
    pub transaction: String,
}

/// A transaction that changes the configuration and not the level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum ConfigChange {
    /// Files are configured.
    Apply {
        /// Over path, content and mode of every configured file: names the configuration.
        digest: Digest,
        /// What is remembered of them.
        files: BTreeMap<RelPath, ConfigFile>,
    },
    /// A configuration is taken back.
    TakeBack {
        /// Its transaction.
        transaction: String,
    },
}

impl ConfigFile {
    /// What the template alone gave, as far as that is sure: with held keys it was the owner's file with these keys in it.
    pub fn template_result(&self) -> Option<Digest> {
        let is_of_template = match self.mode {
            Some(mode) => mode != Mode::EnsureKeys,
            // Only a merge puts something else in place than was rendered.
            None => self.rendered != self.written,
        };
        is_of_template.then_some(self.rendered)
    }
}

impl ConfigState {
    /// The kept texts that it refers to.
    pub fn texts(&self) -> impl Iterator<Item = &Digest> {
        let before = self
            .snapshots
            .iter()
            .flat_map(|snapshot| snapshot.before.values());
        let files = self.files.values().chain(before);
        files.flat_map(|file| {
            [&file.rendered, &file.written]
                .into_iter()
                .chain(file.vendor.values())
        })
    }

    /// Takes note of a transaction whose files are in place. May run twice.
    pub fn remember(&mut self, transaction: &str, began: &str, change: &ConfigChange) {
        match change {
            ConfigChange::Apply { files, .. } => {
                if self
                    .snapshots
                    .iter()
                    .all(|snapshot| snapshot.transaction != transaction)
                {
                    self.snapshots.push(ConfigSnapshot {
                        transaction: transaction.to_owned(),
                        taken: began.to_owned(),
                        before: std::mem::take(&mut self.files),
                    });
                }
                self.files.clone_from(files);
            }
            ConfigChange::TakeBack { transaction } => {
                let at = self
                    .snapshots
                    .iter()
                    .position(|snapshot| snapshot.transaction == *transaction);
                if let Some(at) = at {
                    self.files = self.snapshots.remove(at).before;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_template_gave_alone_is_its_result() {
        let [one, two] = [b"1", b"2"].map(|text| Digest::of(text));
        let table = [
            (r#""replace""#, one, true),
            (r#""merge""#, one, true),
            (r#""ensure-keys""#, one, false),
            ("null", one, false),
            ("null", two, true),
        ];
        for (mode, written, expected) in table {
            let text = format!(
                r#"{{"rendered": "{one}", "written": "{written}", "template": "{one}", "level": "1.0.0", "mode": {mode}}}"#
            );
            // An earlier version's state has no such name.
            for text in [text.clone(), text.replace(r#", "mode": null"#, "")] {
                let file: ConfigFile = serde_json::from_str(&text).unwrap();
                assert_eq!(file.template_result(), expected.then_some(one), "{text}");
            }
        }
    }
}
