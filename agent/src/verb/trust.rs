//! Keys, whom they belong to, and what is signed with them: `trust` and what `bundle` shares with it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::api::trust::{
    KEY_SCHEMA, KeyReport, KeyView, RoleView, SIGNED_SCHEMA, SignedReport, TRUST_SCHEMA, TrustReport,
};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::{ConfigDirs, admission};
use crate::model::Digest;
use crate::sys::lock::lock_to_replace;
use crate::sys::{clock, fs};
use crate::trust::predicate::{Approval, ApprovalKind};
use crate::trust::{
    Envelope, KeyId, PublicKey, SignWith, Signer, Signers, Statement, Subject, Trust, TrustStore, keys,
};

/// Makes a pair of keys.
///
/// # Errors
/// As [`keys::keygen`].
pub fn keygen(file: &Path) -> Result<KeyReport> {
    let public = keys::keygen(file)?;
    let mut beside = file.as_os_str().to_owned();
    beside.push(".pub");
    Ok(KeyReport {
        schema: KEY_SCHEMA.to_owned(),
        ok: true,
        changed: true,
        message: format!(
            "{} signs, {} is for those who verify; key {}",
            file.display(),
            Path::new(&beside).display(),
            public.id()
        ),
        id: public.id(),
        file: file.to_owned(),
        public: beside.into(),
        agent: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Whom this host believes.
///
/// # Errors
/// As [`TrustStore::load`].
pub fn show(dirs: &ConfigDirs) -> Result<TrustReport> {
    let trust = TrustStore::new(&dirs.trust()).load()?;
    let message = match (trust.version, trust.refuse_expired()) {
        (0, _) => format!(
            "nobody is believed: there is no {}",
            dirs.trust().anchor.join("trust.yaml").display()
        ),
        (version, Ok(())) => format!("version {version}"),
        (_, Err(failure)) => failure.message,
    };
    Ok(report(&trust, message, false))
}

/// Follows a signed trust document from now on.
///
/// # Errors
/// As [`TrustStore::update`].
pub fn update(dirs: &ConfigDirs, file: &Path) -> Result<TrustReport> {
    let (trust, changed) = TrustStore::new(&dirs.trust()).update(file)?;
    let message = match changed {
        true => format!("from now on version {} counts", trust.version),
        false => format!("version {} counts already", trust.version),
    };
    Ok(report(&trust, message, changed))
}

fn report(trust: &Trust, message: String, changed: bool) -> TrustReport {
    let fixed = [&trust.trust, &trust.release, &trust.approval];
    let roles = fixed.into_iter().chain(trust.evidence.values());
    TrustReport {
        schema: TRUST_SCHEMA.to_owned(),
        ok: true,
        changed,
        message,
        version: trust.version,
        expires: trust.expires.map(clock::in_words),
        now: clock::in_words(trust.now),
        roles: roles
            .filter(|role| !role.keys.is_empty())
            .map(|role| view(trust, role))
            .collect(),
        revoked: trust.revoked.iter().copied().collect(),
        agent: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn view(trust: &Trust, role: &Signers) -> RoleView {
    let key = |key: &PublicKey| KeyView {
        id: key.id(),
        owner: trust.names.get(&key.id()).cloned(),
    };
    RoleView {
        role: role.role.clone(),
        threshold: role.threshold as u64,
        keys: role.keys.iter().map(key).collect(),
    }
}

/// Makes a trust document of a file that is like `trust.yaml`, and signs it.
///
/// # Errors
/// The file is not valid, there is no signature to be had, or writing failed.
pub fn document(from: &Path, out: &Path, with: &SignWith) -> Result<SignedReport> {
    let document = TrustStore::draft(from)?;
    let trust = Trust::of_document(&document)?;
    let fixed = [&trust.trust, &trust.release, &trust.approval];
    let keys = fixed
        .into_iter()
        .chain(trust.evidence.values())
        .flat_map(|role| &role.keys);
    let subjects = keys.map(|key| Subject::new("key", &key.id())).collect();
    let what = format!("version {} of whom hosts believe", document.version);
    publish(
        &Statement::new(subjects, document).seal()?,
        out,
        &*with.open()?,
        &what,
    )
}

/// Adds a signature to what others made.
///
/// # Errors
/// It is no envelope, there is no signature to be had, or writing failed.
pub fn sign(file: &Path, with: &SignWith) -> Result<SignedReport> {
    // Two who sign at once must not lose one of the signatures.
    let _alone = lock_to_replace(file).map_err(|error| Failure::io("lock the envelope", file, error))?;
    publish(&Envelope::read(file)?, file, &*with.open()?, "it")
}

/// What is approved.
#[derive(Debug, Clone)]
pub struct Approve {
    /// The tree of the release, or the digest of a hotfix's file.
    pub subject: Digest,
    /// Why.
    pub reason: String,
    /// Until when: a moment, or a time from now on.
    pub expires: String,
    /// What the approval is good for.
    pub kind: ApprovalKind,
    /// The instances that it is for; all of them without any.
    pub instances: Vec<String>,
    /// The file that gets it.
    pub out: PathBuf,
}

/// Signs an approval.
///
/// # Errors
/// `usage`: there is no reason, or it has expired already; there is no signature to be had; or writing failed.
pub fn approve(what: Approve, with: &SignWith) -> Result<SignedReport> {
    let usage = |message: &str, hint: &str| Failure::new(ErrorKind::Usage, message).hint(hint);
    if what.reason.trim().is_empty() {
        return Err(usage(
            "an approval without a reason helps nobody",
            "say why with --reason",
        ));
    }
    let at = in_seconds(clock::now());
    let expires = match what.expires.parse::<Timestamp>() {
        Ok(moment) => Some(moment),
        Err(_) => at
            .checked_add(admission::duration(&what.expires, "--expires")?)
            .ok(),
    };
    let expires = expires.filter(|expires| *expires > at).ok_or_else(|| {
        usage(
            "the approval would have expired already",
            "give --expires a later moment, or a time such as 2d",
        )
    })?;
    let approval = Approval {
        kind: what.kind,
        reason: what.reason,
        at,
        expires,
        instances: what.instances,
    };
    let subject = Subject::new("release", &what.subject);
    let said = format!("an approval until {}", clock::in_words(expires));
    publish(
        &Statement::new(vec![subject], approval).seal()?,
        &what.out,
        &*with.open()?,
        &said,
    )
}

/// A moment without its fractions of a second: nobody needs to read these.
pub(super) fn in_seconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

/// Signs an envelope and writes it down.
pub(super) fn publish(
    envelope: &Envelope,
    out: &Path,
    signer: &dyn Signer,
    what: &str,
) -> Result<SignedReport> {
    let by = signed_into(envelope, out, signer)?;
    Ok(SignedReport {
        schema: SIGNED_SCHEMA.to_owned(),
        ok: true,
        changed: true,
        message: format!("{} holds {what}, signed by key {}", out.display(), by.short()),
        file: out.to_owned(),
        signed_by: by,
        agent: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// The same without words.
pub(super) fn signed_into(envelope: &Envelope, out: &Path, signer: &dyn Signer) -> Result<KeyId> {
    let mut envelope = envelope.clone();
    envelope.sign(signer)?;
    let bytes = envelope.to_bytes()?;
    fs::write_page(out, &bytes).map_err(|error| Failure::io("write", out, error))?;
    Ok(signer.public().id())
}
