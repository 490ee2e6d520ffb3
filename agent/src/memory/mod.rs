//! What people decided about conflicts, so that the same conflict on the next host resolves itself. Pure.
//!
//! A decision is known by its conflict: the product, the path, the key (if there is one), and a digest of each side as it
//! *means*, whatever it is written like (see [`crate::merge::settle::Case`]). Where any of them differs, it does not apply.
//! Of several conflicts of one file that are equal so, each has decisions of its own.
//!
//! # Secrets
//!
//! Base and new are the vendor's and known to everybody who has the packs. The operator's side may be a password, and
//! passwords are guessable: whoever gets its digest tries the likely ones, the faster the hash the more of them, and a salt
//! or a slow hash only makes that dearer. Therefore, where the key, any side or what is decided looks secret, the operator's side is an HMAC
//! under a random key that never leaves the host ([`HostKey`]), and such decisions are never exported: elsewhere nobody
//! could tell whether they apply. What they decide is kept, too, only if it is a side; a secret value is kept only where a
//! person asked for that, in a file that only the owner of the state may read.

mod digests;
pub mod document;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::api::plan::{AnswerView, Taken};
use crate::model::{Digest, RelPath};

pub use digests::{HostKey, Signature};

/// The value of [`Remembered::schema`].
pub const SCHEMA: &str = "pitstop/resolution/v1";

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "take")]
pub enum Decision {
    /// The operator's side.
    Ours,
    /// The vendor's side.
    Theirs,
    /// A value of the key, or lines in the place of those in conflict.
    Value {
        /// The value, as a person gave it.
        value: String,
    },
    /// The whole file.
    Final {
        /// Its content.
        content: String,
    },
    /// The path shall not exist.
    Deleted,
}

/// What a decision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// A key.
    Key,
    /// Lines without a key.
    Lines,
    /// The whole path.
    File,
}

/// A conflict as memory knows it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The product.
    pub product: &'a str,
    /// The path in the pack.
    pub path: &'a RelPath,
    /// What it is about.
    pub scope: Scope,
    /// The key, for [`Scope::Key`].
    pub key: Option<&'a str>,
    /// What base, current and new mean; `None` where it is missing.
    pub sides: [Option<&'a str>; 3],
    /// Whether the key, a side, or what is decided looks secret.
    pub secret: bool,
}

/// One decision, remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// `pitstop/resolution/v1`.
    pub schema: String,
    /// The product.
    pub product: String,
    /// The path in the pack.
    pub path: RelPath,
    /// What it is about.
    pub scope: Scope,
    /// The key, for [`Scope::Key`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The digests of the three sides.
    #[serde(flatten)]
    pub signature: Signature,
    /// Whether the digest of the operator's side is under this host's key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// What was decided.
    #[serde(flatten)]
    pub decision: Decision,
    /// When, as RFC 3339.
    pub decided: String,
    /// By whom.
    pub by: String,
    /// For which instance.
    pub instance: String,
    /// In which transaction; absent until one that used it was committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
}

/// Who decided, when and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// When, as RFC 3339.
    pub decided: String,
    /// By whom.
    pub by: String,
    /// For which instance.
    pub instance: String,
}

impl Remembered {
    /// A decision about a subject; `None` if it is secret and there is no key to hide it under.
    pub fn new(
        subject: &Subject<'_>,
        key: Option<&HostKey>,
        decision: Decision,
        origin: Origin,
    ) -> Option<Self> {
        Some(Self {
            schema: SCHEMA.to_owned(),
            product: subject.product.to_owned(),
            path: subject.path.clone(),
            scope: subject.scope,
            key: subject.key.map(str::to_owned),
            signature: subject.signature(key)?,
            secret: subject.secret,
            decision,
            decided: origin.decided,
            by: origin.by,
            instance: origin.instance,
            transaction: None,
        })
    }

    /// What names it: the same for every decision about the same conflict.
    pub fn id(&self) -> Digest {
        let key = self.key.as_deref();
        self.signature
            .id(&self.product, &self.path, self.scope, key, self.secret)
    }

    /// Whether another decision says the same.
    pub fn decides_as(&self, other: &Self) -> bool {
        self.decision == other.decision
    }
}

impl Decision {
    /// Its kind.
    pub fn taken(&self) -> Taken {
        match self {
            Self::Ours => Taken::Ours,
            Self::Theirs => Taken::Theirs,
            Self::Value { .. } => Taken::Value,
            Self::Final { .. } => Taken::Final,
            Self::Deleted => Taken::Deleted,
        }
    }

    /// Whether it holds content of its own.
    pub fn has_content(&self) -> bool {
        matches!(self, Self::Value { .. } | Self::Final { .. })
    }
}

/// Everything that is remembered, on this host and shipped to it.
#[derive(Debug, Default)]
pub struct Memory {
    entries: BTreeMap<Digest, (Remembered, Option<PathBuf>)>,
    key: Option<HostKey>,
}

impl Memory {
    /// An empty memory with this host's key, if it has one.
    pub fn new(key: Option<HostKey>) -> Self {
        Self {
            entries: BTreeMap::new(),
            key,
        }
    }

    /// Adds a decision; `file` is where it was shipped in. What this host decided itself wins over what was shipped.
    pub fn add(&mut self, entry: Remembered, file: Option<PathBuf>) {
        let is_own = file.is_none();
        let id = entry.id();
        if is_own || !self.entries.contains_key(&id) {
            self.entries.insert(id, (entry, file));
        }
    }

    /// This host's key.
    pub fn key(&self) -> Option<&HostKey> {
        self.key.as_ref()
    }

    /// The decision about a conflict. It may be secret itself where nothing of the conflict is; of two, one of this host
    /// wins, and then the later one.
    pub fn find(&self, subject: &Subject<'_>) -> Option<(&Remembered, AnswerView)> {
        let subjects = [
            *subject,
            Subject {
                secret: true,
                ..*subject
            },
        ];
        let known = subjects.iter().filter_map(|subject| self.entry(subject));
        let (entry, file) = known.max_by_key(|(entry, file)| (file.is_none(), &entry.decided))?;
        let answer = AnswerView {
            take: entry.decision.taken(),
            value: match &entry.decision {
                Decision::Value { value } if !entry.secret => Some(value.clone()),
                _ => None,
            },
            decided: entry.decided.clone(),
            by: entry.by.clone(),
            remembered: true,
            instance: Some(entry.instance.clone()),
            file: file.clone(),
        };
        Some((entry, answer))
    }

    fn entry(&self, subject: &Subject<'_>) -> Option<&(Remembered, Option<PathBuf>)> {
        let signature = subject.signature(self.key())?;
        let id = signature.id(
            subject.product,
            subject.path,
            subject.scope,
            subject.key,
            subject.secret,
        );
        self.entries.get(&id)
    }

    /// Every decision with its id, and the file that it was shipped in.
    pub fn iter(&self) -> impl Iterator<Item = (&Digest, &Remembered, Option<&PathBuf>)> {
        let entries = self.entries.iter();
        entries.map(|(id, (entry, file))| (id, entry, file.as_ref()))
    }

    /// Whether anything is remembered about a path.
    pub fn knows(&self, product: &str, path: &RelPath) -> bool {
        let mut entries = self.entries.values();
        entries.any(|(entry, _)| entry.product == product && entry.path == *path)
    }
}
