//! Whom this host believes: roles with their keys, made of a [`Document`]. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::dsse::{Envelope, Signers, Verified};
use super::keys::{KeyId, PublicKey};
use super::predicate::Receipt;
use super::predicate::document::{Document, Key, Role};
use super::statement::Statement;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::Digest;
use crate::sys::clock;

/// The environment whose evidence scans are.
pub const SCANS: &str = "scan";

/// Whom this host believes about what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trust {
    /// 0 where nobody said anything.
    pub version: u64,
    /// From when on nothing is believed any more.
    pub expires: Option<Timestamp>,
    /// Who signs the next trust document.
    pub trust: Signers,
    /// Who signs releases.
    pub release: Signers,
    /// Who signs approvals.
    pub approval: Signers,
    /// Who signs evidence, by environment.
    pub evidence: BTreeMap<String, Signers>,
    /// Keys that are never believed again.
    pub revoked: BTreeSet<KeyId>,
    /// Whom keys belong to, where it was told.
    pub names: BTreeMap<KeyId, String>,
    /// The present, as far as this host knows.
    pub now: Timestamp,
}

impl Trust {
    /// What a document says. `key` gets what stands in the place of a key, and answers with the key and its name.
    ///
    /// # Errors
    /// `trust`: a key is not usable, or a threshold cannot be reached.
    pub fn new(
        document: &Document,
        mut key: impl FnMut(&Key) -> Result<(PublicKey, Option<String>)>,
    ) -> Result<Self> {
        let mut names = BTreeMap::new();
        let mut role = |name: String, role: Option<&Role>| -> Result<Signers> {
            let Some(role) = role else {
                return Ok(Signers {
                    role: name,
                    ..Signers::default()
                });
            };
            let mut keys: Vec<PublicKey> = Vec::new();
            for one in &role.keys {
                let (found, owner) = key(one)?;
                if let Some(owner) = owner {
                    names.insert(found.id(), owner);
                }
                if !keys.contains(&found) {
                    keys.push(found);
                }
            }
            if !(1..=keys.len()).contains(&role.threshold) {
                let message = format!(
                    "role {name}: {} of {} keys can never have signed",
                    role.threshold,
                    keys.len()
                );
                return Err(Failure::new(ErrorKind::Trust, message)
                    .hint("a threshold is at least 1 and at most the number of keys"));
            }
            Ok(Signers {
                role: name,
                threshold: role.threshold,
                keys,
            })
        };
        let roles = &document.roles;
        let evidence = roles.evidence.iter().map(|(environment, said)| {
            Ok((
                environment.clone(),
                role(format!("evidence.{environment}"), Some(said))?,
            ))
        });
        let evidence = evidence.collect::<Result<_>>()?;
        Ok(Self {
            version: document.version,
            expires: document.expires,
            trust: role("trust".to_owned(), roles.trust.as_ref())?,
            release: role("release".to_owned(), roles.release.as_ref())?,
            approval: role("approval".to_owned(), roles.approval.as_ref())?,
            evidence,
            revoked: document.revoked.iter().copied().collect(),
            names,
            now: Timestamp::UNIX_EPOCH,
        })
    }

    /// What a document says that stands for itself, with its keys in it.
    ///
    /// # Errors
    /// As [`Trust::new`].
    pub fn of_document(document: &Document) -> Result<Self> {
        Self::new(document, |key| match key {
            Key::Plain(text) => Ok((PublicKey::parse(text)?, None)),
            Key::Named(named) => Ok((PublicKey::parse(&named.key)?, Some(named.name.clone()))),
        })
    }

    /// The trust that a signed document leads to from this one: signed by those who were believed before and, where these
    /// change, by those who are to be.
    ///
    /// # Errors
    /// `signature` or `trust`.
    pub fn next(&self, envelope: &Envelope, what: &str) -> Result<(Self, Document)> {
        let verified = envelope.verify(&self.trust, what)?;
        let document = Statement::<Document>::open(&verified, what)?.predicate;
        if document.version <= self.version {
            let message = format!(
                "{what} has version {}, and this host is at version {} already",
                document.version, self.version
            );
            return Err(
                Failure::new(ErrorKind::Trust, message).hint("the version of a new trust document is higher")
            );
        }
        let mut next = Self::of_document(&document)?;
        next.now = self.now;
        next.revoked.extend(&self.revoked);
        next.drop_revoked();
        if next.trust != self.trust {
            envelope.verify(&next.trust, what)?;
        }
        Ok((next, document))
    }

    /// Leaves out the keys that are revoked.
    pub fn drop_revoked(&mut self) {
        let revoked = &self.revoked;
        let fixed = [&mut self.trust, &mut self.release, &mut self.approval];
        for role in fixed.into_iter().chain(self.evidence.values_mut()) {
            role.keys.retain(|key| !revoked.contains(&key.id()));
        }
    }

    /// A release document that those signed who must. `what` names it in errors.
    ///
    /// # Errors
    /// `signature`, or `trust` once the trust itself has expired.
    pub fn verify_release(&self, envelope: &Envelope, what: &str) -> Result<Verified> {
        self.refuse_expired()?;
        envelope.verify(&self.release, what)
    }

    /// Something that any of the keys of any role signed. Whether these are enough for what it says is then to be told by
    /// [`Signers::satisfied_by`].
    ///
    /// # Errors
    /// As [`Trust::verify_release`].
    pub fn verify_any(&self, envelope: &Envelope, what: &str) -> Result<Verified> {
        self.refuse_expired()?;
        let roles = [&self.release, &self.approval]
            .into_iter()
            .chain(self.evidence.values());
        let mut keys: Vec<PublicKey> = Vec::new();
        for key in roles.flat_map(|role| &role.keys) {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        let any = Signers {
            role: "release, approval or evidence".to_owned(),
            threshold: 1,
            keys,
        };
        envelope.verify(&any, what)
    }

    /// A receipt, signed by those who are believed about evidence from the environment that it is from.
    ///
    /// # Errors
    /// `signature`, or as [`Trust::verify_release`].
    pub fn verify_receipt(&self, envelope: &Envelope, what: &str) -> Result<Receipt> {
        let verified = self.verify_any(envelope, what)?;
        let receipt = Statement::<Receipt>::open(&verified, what)?.predicate;
        let mut roles = self
            .evidence
            .iter()
            .filter(|(name, _)| receipt.environment.as_ref() == Some(name));
        match roles.any(|(_, role)| role.satisfied_by(verified.signed_by())) {
            true => Ok(receipt),
            false => {
                let environment = receipt.environment.as_deref().unwrap_or("no environment");
                let message =
                    format!("{what} is from {environment}, and not signed by who is believed about that");
                Err(Failure::new(ErrorKind::Signature, message)
                    .hint("give the host's key the role `evidence` of its environment in trust.yaml"))
            }
        }
    }

    /// Refuses to believe anything once the trust has expired.
    ///
    /// # Errors
    /// `trust`.
    pub fn refuse_expired(&self) -> Result<()> {
        match self.expires {
            Some(expires) if expires <= self.now => {
                let message = format!(
                    "whom this host believes was settled until {} only (version {})",
                    clock::in_words(expires),
                    self.version
                );
                Err(Failure::new(ErrorKind::Trust, message).hint(
                    "bring a newer trust document with `pitstop trust update FILE`, or a newer trust.yaml",
                ))
            }
            _ => Ok(()),
        }
    }

    /// What a key is called for people.
    pub fn name_of(&self, key: &Digest) -> String {
        let short = key.short();
        self.names
            .get(key)
            .map_or_else(|| short.clone(), |name| format!("{name} ({short})"))
    }
}
