//! `bundle`: makes bundles, looks at them, and adds signatures and statements to them. Needs no product and no instance.

mod bases;
mod create;
mod extract;
mod known;
mod make;
mod publish;
mod receipts;
mod scratch;
mod split;

use std::collections::BTreeMap;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::api::bundle::{
    AttachedView, BUNDLE_SCHEMA, BundleContents, BundleReport, BundleTree, BundlesReport, ExtraView,
};
use crate::api::trust::KeyReport;
use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::archive::{ATTACHMENT_BYTES, Archive, Name, Writer, refuse_much};
use crate::bundle::content::Bundle;
use crate::bundle::index::{ExtraKind, Index};
use crate::bundle::release::{Release, Tree};
use crate::config::load::ConfigDirs;
use crate::model::{Digest, NoProgress, Progress, Work};
use crate::sys::clock;
use crate::sys::fs::{self, NewFile};
use crate::sys::hashing::{hash_file, on_all_cores};
use crate::sys::lock::{Lock, lock_to_replace};
use crate::trust::statement::kind_of;
use crate::trust::{Envelope, SignWith, Statement, TrustStore, Verified};

pub use create::Options as Create;

/// What to do with bundles.
#[derive(Debug, Clone)]
pub enum What {
    /// Make a pair of keys.
    Keygen(PathBuf),
    /// Make one.
    Create(Box<Create>),
    /// Say what one holds, whoever signed it.
    Inspect(PathBuf),
    /// Prove that one is signed by whom this host trusts, and that all of it is what was signed.
    Verify(PathBuf),
    /// Add a signature to its release.
    Sign(PathBuf, SignWith),
    /// Add signed statements.
    Attach(PathBuf, Vec<PathBuf>),
    /// Cut one into parts.
    Split(PathBuf, u64),
    /// Put the parts of one together.
    Join(PathBuf, PathBuf),
    /// Take out what travels with the update.
    Extract(PathBuf, PathBuf),
    /// List those in a folder.
    Publish(PathBuf),
}

/// What came of it.
pub enum Outcome {
    /// About one bundle.
    One(Box<BundleReport>),
    /// About those of a folder.
    Listed(BundlesReport),
    /// About keys.
    Keys(KeyReport),
}

/// Runs the verb.
///
/// # Errors
/// `source`, `unsafe-source`, `limits`, `format`: the file is no bundle that this version reads. `digest`: something in it
/// is not what was signed. `signature`: it is not signed by who must. `policy`: it has expired. And those of packs, signers
/// and of writing.
pub fn bundle(dirs: &ConfigDirs, what: &What, progress: &dyn Progress) -> Result<Outcome> {
    let one = match what {
        What::Keygen(file) => return super::trust::keygen(file).map(Outcome::Keys),
        What::Publish(folder) => return publish::publish(folder, progress).map(Outcome::Listed),
        What::Create(options) => create::create(dirs, options, progress),
        What::Inspect(path) => looked_at(
            path,
            &Opened::unproven(path)?,
            "is readable; nothing of it was proven",
        ),
        What::Verify(path) => verify(dirs, path, progress),
        What::Extract(path, folder) => extract::extract(&Opened::trusted(dirs, path)?, path, folder),
        What::Sign(path, signer) => sign(path, signer),
        What::Attach(path, statements) => attach(path, statements),
        What::Split(path, size) => split::split(path, *size, progress),
        What::Join(path, out) => split::join(path, out, progress),
    };
    one.map(Box::new).map(Outcome::One)
}

/// What the release document of a bundle says.
pub(super) struct Said {
    pub release: Release,
    pub envelope: Envelope,
    /// The keys whose signatures were checked.
    pub signed_by: Vec<Digest>,
}

impl Said {
    /// Reads one and lets somebody decide about its envelope before anything in it is read. `shown` names the bundle.
    ///
    /// # Errors
    /// `signature`, `format`, `source`, and those of whoever decides.
    pub fn new(
        bytes: &[u8],
        shown: &str,
        decide: impl FnOnce(&Envelope, &str) -> Result<Verified>,
    ) -> Result<Self> {
        let envelope = Envelope::parse(bytes, shown)?;
        let verified = decide(&envelope, shown)?;
        let statement = Statement::<Release>::open(&verified, shown)?;
        if let Some(why) = statement.predicate.refusal() {
            return Err(Failure::new(
                ErrorKind::Format,
                format!("cannot read the bundle {shown}: {why}"),
            )
            .hint("update the agent first; a bundle can carry it, see `bundle inspect`"));
        }
        let is_about_another = !statement.is_about(&statement.predicate.to.tree);
        if is_about_another || statement.predicate.has_odd_names() {
            let why = match is_about_another {
                true => "its release is about another tree than the one that it leads to",
                false => "its product or a level has control characters in its name",
            };
            let message = format!("cannot read the bundle {shown}: {why}");
            return Err(Failure::new(ErrorKind::Source, message).hint("ask who made it for another one"));
        }
        Ok(Self {
            signed_by: verified.signed_by().iter().copied().collect(),
            release: statement.predicate,
            envelope,
        })
    }
}

/// A bundle whose release and index are known.
pub(super) struct Opened {
    pub bundle: Bundle,
    pub release: Release,
    pub envelope: Envelope,
    /// The keys whose signatures were checked.
    pub signed_by: Vec<Digest>,
    /// The envelopes that were attached; whoever reads them checks their signatures.
    pub attachments: BTreeMap<Digest, Vec<u8>>,
}

impl Opened {
    /// Opens one and lets somebody decide about its envelope before anything in it is read.
    ///
    /// # Errors
    /// As [`bundle`], and those of whoever decides.
    pub fn new(path: &Path, decide: impl FnOnce(&Envelope, &str) -> Result<Verified>) -> Result<Self> {
        let archive = Archive::open(path)?;
        let Said {
            release,
            envelope,
            signed_by,
        } = Said::new(
            &archive.bytes(&Name::Release)?,
            &path.display().to_string(),
            decide,
        )
        .map_err(|failure| failure.at(path))?;
        let packed = archive.proven(&Name::Index, release.index)?;
        let index = Index::decode(&packed).map_err(|why| archive.damaged(&why))?;
        let from: Vec<Digest> = release.from.iter().map(|tree| tree.tree).collect();
        if index.from.iter().map(|from| from.tree).ne(from) {
            return Err(archive.damaged("its index is about other trees than its release"));
        }
        Ok(Self {
            signed_by,
            attachments: attachments(&archive)?,
            bundle: Bundle { archive, index },
            release,
            envelope,
        })
    }

    /// Opens one whoever signed it, to be looked at only.
    ///
    /// # Errors
    /// As [`bundle`].
    pub fn unproven(path: &Path) -> Result<Self> {
        Self::new(path, |envelope, _| Ok(envelope.unproven()))
    }

    /// Opens one that is signed by whom this host trusts with releases, and has not expired.
    ///
    /// # Errors
    /// As [`bundle`], and `policy`.
    pub fn trusted(dirs: &ConfigDirs, path: &Path) -> Result<Self> {
        let trust = TrustStore::new(&dirs.trust()).load()?;
        Self::new(path, |envelope, shown| trust.verify_release(envelope, shown))?.unexpired(trust.now)
    }

    /// It itself, unless it was to be used only until before now.
    ///
    /// # Errors
    /// As [`Release::refuse_expired`].
    pub fn unexpired(self, now: Timestamp) -> Result<Self> {
        let path = self.bundle.archive.path();
        let checked = self.release.refuse_expired(&path.display().to_string(), now);
        checked.map_err(|failure| failure.at(path))?;
        Ok(self)
    }
}

fn attachments(archive: &Archive) -> Result<BTreeMap<Digest, Vec<u8>>> {
    let bytes = |digest| Ok((digest, archive.proven(&Name::Attachment(digest), digest)?));
    archive.attachments().map(bytes).collect()
}

fn verify(dirs: &ConfigDirs, path: &Path, progress: &dyn Progress) -> Result<BundleReport> {
    let opened = Opened::trusted(dirs, path)?;
    prove_all(&opened.bundle, progress)?;
    looked_at(
        path,
        &opened,
        "is signed by whom this host trusts, and all of it is what was signed",
    )
}

/// Reads all of it, and checks every digest.
fn prove_all(bundle: &Bundle, progress: &dyn Progress) -> Result<()> {
    let _work = Work::begin(
        progress,
        "verifying",
        bundle.index.blobs.iter().map(|blob| blob.size).sum(),
    );
    on_all_cores(&bundle.index.blobs, |blob| {
        let bytes = bundle.archive.proven(&Name::Blob(blob.sha256), blob.sha256)?;
        progress.advance(bytes.len() as u64);
        match bytes.len() as u64 == blob.size {
            true => Ok(()),
            false => Err(bundle
                .archive
                .damaged("a blob has another size than its index says")),
        }
    })
}

/// Others may add to the same bundle at once: what one of them adds must not get lost.
fn alone(path: &Path) -> Result<Lock> {
    lock_to_replace(path).map_err(|error| Failure::io("lock the bundle", path, error))
}

fn sign(path: &Path, signer: &SignWith) -> Result<BundleReport> {
    let _alone = alone(path)?;
    let mut opened = Opened::unproven(path)?;
    let before = opened.envelope.to_bytes()?;
    opened.envelope.sign(signer.open()?.as_ref())?;
    let after = opened.envelope.to_bytes()?;
    rewrite(
        path,
        &opened,
        &after,
        &opened.attachments,
        before != after,
        "signed",
    )
}

fn attach(path: &Path, statements: &[PathBuf]) -> Result<BundleReport> {
    let _alone = alone(path)?;
    let opened = Opened::unproven(path)?;
    let mut attachments = opened.attachments.clone();
    let before = attachments.len();
    for file in statements {
        let bytes = fs::read(file, ATTACHMENT_BYTES)
            .map_err(|error| Failure::io("read the statement", file, error))?;
        let shown = file.display().to_string();
        let envelope = Envelope::parse(&bytes, &shown)?;
        kind_of(&envelope.unproven(), &shown)?;
        // One statement is one attachment, however its file is laid out.
        let bytes = envelope.to_bytes()?;
        attachments.insert(Digest::of(&bytes), bytes);
    }
    refuse_much(path, attachments.values().map(|bytes| bytes.len() as u64).sum())?;
    let release = opened.bundle.archive.bytes(&Name::Release)?;
    let is_changed = attachments.len() != before;
    rewrite(
        path,
        &opened,
        &release,
        &attachments,
        is_changed,
        "attached; its content is as it was",
    )
}

fn rewrite(
    path: &Path,
    opened: &Opened,
    release: &[u8],
    attachments: &BTreeMap<Digest, Vec<u8>>,
    is_changed: bool,
    what: &str,
) -> Result<BundleReport> {
    let name = opened.release.name();
    if !is_changed {
        return looked_at(path, opened, "has all of it already; there is nothing to do");
    }
    write(path, |out| {
        opened.bundle.archive.write_again(release, attachments, out)
    })?;
    written(path, format!("{name}: {what}"))
}

/// Writes a bundle, which takes its place only when it is whole.
fn write(path: &Path, fill: impl FnOnce(&mut Writer<BufWriter<&mut NewFile>>) -> Result<()>) -> Result<()> {
    let failed = |error| Failure::io("write the bundle", path, error);
    let mut file = NewFile::create(path).map_err(failed)?;
    let mut writer = Writer::new(BufWriter::with_capacity(1 << 20, &mut file), path);
    fill(&mut writer)?;
    drop(writer.finish()?);
    file.put_in_place().map_err(failed)
}

/// The report of a bundle that was written.
fn written(path: &Path, message: String) -> Result<BundleReport> {
    Ok(BundleReport {
        changed: true,
        message,
        ..looked_at(path, &Opened::unproven(path)?, "")?
    })
}

fn looked_at(path: &Path, opened: &Opened, found: &str) -> Result<BundleReport> {
    let Opened { bundle, release, .. } = opened;
    let sha256 = hash_file(path, &NoProgress).map_err(|error| Failure::io("read the bundle", path, error))?;
    let mut attached = Vec::new();
    for (sha256, bytes) in &opened.attachments {
        let shown = format!("{} in {}", Name::Attachment(*sha256), path.display());
        let envelope = Envelope::parse(bytes, &shown)?;
        attached.push(AttachedView {
            sha256: *sha256,
            predicate_type: kind_of(&envelope.unproven(), &shown)?,
            key_ids: envelope.claimed().into_iter().collect(),
        });
    }
    let extras = bundle.index.extras.iter().map(|extra| ExtraView {
        kind: kind_name(extra.kind).to_owned(),
        name: extra.name.clone(),
        bytes: extra.piece.size,
        sha256: extra.sha256,
    });
    let tree = |tree: &Tree| BundleTree {
        level: tree.level.clone(),
        tree: tree.tree,
    };
    Ok(BundleReport {
        schema: BUNDLE_SCHEMA.to_owned(),
        ok: true,
        changed: false,
        message: format!("{} {found}", release.name()),
        bundle: path.to_owned(),
        bytes: bundle.archive.size(),
        sha256,
        product: release.product.clone(),
        to: tree(&release.to),
        from: release.from.iter().map(tree).collect(),
        made: release.made.map(clock::in_words),
        expires: release.expires.clone(),
        signed_by: match opened.signed_by.is_empty() {
            true => opened.envelope.claimed().into_iter().collect(),
            false => opened.signed_by.iter().map(ToString::to_string).collect(),
        },
        trusted: !opened.signed_by.is_empty(),
        contents: contents(&bundle.index),
        attached,
        extras: extras.collect(),
        parts: Vec::new(),
        agent: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

fn contents(index: &Index) -> BundleContents {
    let count = |holds: &dyn Fn(&crate::bundle::index::Content) -> bool| {
        index.contents.iter().filter(|content| holds(content)).count() as u64
    };
    BundleContents {
        contents: index.contents.len() as u64,
        whole: count(&|content| content.whole.is_some()),
        deltas: count(&|content| !content.deltas.is_empty()),
        unpacked: index.contents.iter().map(|content| content.size).sum(),
        stored: index.blobs.iter().map(|blob| blob.size).sum(),
    }
}

fn kind_name(kind: ExtraKind) -> &'static str {
    match kind {
        ExtraKind::Resolutions => "resolutions",
        ExtraKind::Hotfix => "hotfix",
        ExtraKind::ManualSteps => "manual-steps",
        ExtraKind::Agent => "agent",
    }
}
