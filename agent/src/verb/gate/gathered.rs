//! What is proven: the signed statements that a source brings or that were shipped to the host, as far as they count.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::archive::ATTACHMENT_BYTES;
use crate::model::Digest;
use crate::plan::gate::{Approved, Proof};
use crate::plan::present::Present;
use crate::session::Instance;
use crate::sys::{clock, fs};
use crate::trust::anchor::SCANS;
use crate::trust::predicate::{Approval, Evidence, Scan};
use crate::trust::statement::kind_of;
use crate::trust::{Envelope, KeyId, Predicate, PublicKey, Statement, Trust, Verified};

use super::{Brought, Run};

/// More envelopes, larger ones, and more in all are not looked at: anybody can add some to a bundle, and each is hashed for each
/// key and signature. What is attached takes no place of what was shipped.
const MOST_ENVELOPES: usize = 1000;
const LARGEST_ENVELOPE: u64 = ATTACHMENT_BYTES;
const MOST_BYTES: u64 = 64 << 20;

/// What counts about one subject.
pub(super) struct Gathered<'a> {
    trust: &'a Trust,
    subject: &'a Digest,
    pub proof: Proof,
    pub present: Present,
}

impl<'a> Gathered<'a> {
    pub fn new(trust: &'a Trust, present: Present, subject: &'a Digest) -> Self {
        Self {
            trust,
            subject,
            proof: Proof::default(),
            present,
        }
    }

    /// Takes in what the source brings and what was shipped to the host. What does not count is told, and hides nothing.
    pub fn take_all(&mut self, run: &mut Run<'_>, instance: &Instance, brought: &Brought<'_>) -> Result<()> {
        let attached = brought.attachments.iter().enumerate();
        let attached = attached.map(|(at, bytes)| {
            let what = format!("attachment {}", at + 1);
            (what, Ok(Cow::Borrowed(bytes.as_slice())))
        });
        self.take_from(run, "that are attached", attached);
        let folder = &instance.settings.trust.shipped;
        let shipped = shipped(folder)?.into_iter();
        let shipped = shipped.map(|path| (path.display().to_string(), read(&path)));
        self.take_from(run, &format!("in {}", folder.display()), shipped);
        Ok(())
    }

    /// Takes in those of some envelopes that are about the subject, the first ones if they are too many.
    fn take_from<'b>(
        &mut self,
        run: &mut Run<'_>,
        place: &str,
        envelopes: impl Iterator<Item = (String, Result<Cow<'b, [u8]>>)>,
    ) {
        let (mut taken, mut left, mut passed_over) = (0, MOST_BYTES, 0_usize);
        for (what, bytes) in envelopes {
            let parsed = bytes.and_then(|bytes| parse(&bytes, &what));
            let size = match &parsed {
                Ok((envelope, _)) if !envelope.mentions(self.subject) => continue,
                Ok((_, size)) => *size,
                Err(_) => 0,
            };
            if taken == MOST_ENVELOPES || size > left {
                passed_over += 1;
                continue;
            }
            taken += 1;
            left -= size;
            if let Err(failure) = parsed.and_then(|(envelope, _)| self.take(&what, &envelope)) {
                run.warn(format!("{what} does not count: {}", failure.full_message()));
            }
        }
        if passed_over > 0 {
            run.warn(format!(
                "{passed_over} of the statements {place} were not looked at: at most {MOST_ENVELOPES} with {} MiB in all are",
                MOST_BYTES >> 20
            ));
        }
    }

    /// Takes an envelope in, if those signed it who are believed about what it says. What is about something else is passed
    /// over.
    fn take(&mut self, what: &str, envelope: &Envelope) -> Result<()> {
        let verified = self.trust.verify_any(envelope, what)?;
        let kind = kind_of(&verified, what)?;
        match kind.as_str() {
            Evidence::TYPE => self.evidence(what, &verified),
            Scan::TYPE => self.scan(what, &verified),
            Approval::TYPE => self.approval(what, &verified),
            // A later agent may know what to make of it.
            _ => Ok(()),
        }
    }

    fn evidence(&mut self, what: &str, verified: &Verified) -> Result<()> {
        let Some(evidence) = about::<Evidence>(verified, what, self.subject)? else {
            return Ok(());
        };
        // The results of others say nothing of an environment, so nobody is believed about them.
        let Some(tested) = &evidence.pitstop else {
            return Ok(());
        };
        demand_role(self.trust, &tested.environment, verified, what)?;
        self.saw(tested.at, what)?;
        self.proof.evidence.push(evidence);
        Ok(())
    }

    fn scan(&mut self, what: &str, verified: &Verified) -> Result<()> {
        let Some(scan) = about::<Scan>(verified, what, self.subject)? else {
            return Ok(());
        };
        demand_role(self.trust, SCANS, verified, what)?;
        self.saw(scan.metadata.scan_finished_on, what)?;
        self.proof.scans.push(scan);
        Ok(())
    }

    fn approval(&mut self, what: &str, verified: &Verified) -> Result<()> {
        let Some(approval) = about::<Approval>(verified, what, self.subject)? else {
            return Ok(());
        };
        let trust = self.trust;
        let approvers: BTreeSet<KeyId> = trust.approval.keys.iter().map(PublicKey::id).collect();
        let by: BTreeSet<KeyId> = approvers.intersection(verified.signed_by()).copied().collect();
        if by.is_empty() {
            return Err(not_believed(what, "approval"));
        }
        self.saw(approval.at, what)?;
        self.proof.approvals.push(Approved {
            by_enough: trust.approval.satisfied_by(&by),
            by: by
                .iter()
                .map(|key| trust.names.get(key).cloned().unwrap_or_else(|| key.short()))
                .collect(),
            approval,
        });
        Ok(())
    }

    fn saw(&mut self, at: Timestamp, what: &str) -> Result<()> {
        if self.present.saw(at) {
            return Ok(());
        }
        let message = format!(
            "{what} was made at {}, and it is {} here",
            clock::in_words(at),
            clock::in_words(self.present.shown())
        );
        Err(Failure::new(ErrorKind::Signature, message)
            .hint("set the clock of whoever signed it, or this host's"))
    }
}

/// The files in the folder for envelopes, the newest first.
fn shipped(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = match fs::list_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::io("list the evidence in", folder, error)),
    };
    let paths = listed.iter().map(std::fs::DirEntry::path);
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    let age = |path: &Path| {
        fs::metadata(path)
            .ok()
            .map(|found| (found.mtime(), found.mtime_nsec()))
    };
    paths.sort_by_cached_key(|path| (Reverse(age(path)), path.clone()));
    Ok(paths)
}

fn read(path: &Path) -> Result<Cow<'static, [u8]>> {
    let bytes = fs::read(path, LARGEST_ENVELOPE);
    bytes
        .map(Cow::Owned)
        .map_err(|error| Failure::io("read", path, error))
}

/// An envelope and how large it is.
fn parse(bytes: &[u8], what: &str) -> Result<(Envelope, u64)> {
    let size = bytes.len() as u64;
    if size > LARGEST_ENVELOPE {
        return Err(Failure::new(ErrorKind::Limits, "it is too large"));
    }
    Ok((Envelope::parse(bytes, what)?, size))
}

fn about<P: Predicate>(verified: &Verified, what: &str, subject: &Digest) -> Result<Option<P>> {
    let statement = Statement::<P>::open(verified, what)?;
    Ok(statement.is_about(subject).then_some(statement.predicate))
}

fn demand_role(trust: &Trust, environment: &str, verified: &Verified, what: &str) -> Result<()> {
    match trust.evidence.get(environment) {
        Some(role) if role.satisfied_by(verified.signed_by()) => Ok(()),
        _ => Err(not_believed(what, &format!("evidence.{environment}"))),
    }
}

fn not_believed(what: &str, role: &str) -> Failure {
    let message = format!(
        "{what} is signed by a key that is believed about other things, and not by who has the role {role}"
    );
    Failure::new(ErrorKind::Signature, message)
}
