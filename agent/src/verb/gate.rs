//! Whether a release, or a hotfix, may be staged: gathers what is proven of it and holds that against the policy. What follows
//! from it is [`crate::plan::gate`]'s.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::api::admission::{EvidenceView, OverrideView};
use crate::api::rollout::Gate;
use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::archive::ATTACHMENT_BYTES;
use crate::config::Admission;
use crate::model::{Digest, Level, Release};
use crate::plan::gate::{self, Approved, Demand, Judgement, Progress, Proof};
use crate::session::Instance;
use crate::sys::{clock, fs};
use crate::trust::anchor::SCANS;
use crate::trust::predicate::{Approval, Evidence, Scan};
use crate::trust::statement::kind_of;
use crate::trust::{Envelope, KeyId, Predicate, Statement, Trust, TrustStore, Verified};

use super::Run;

/// More envelopes, larger ones, and more in all are not looked at: anybody can add some to a bundle, and each is hashed for each
/// key and signature.
const MOST_ENVELOPES: usize = 1000;
const LARGEST_ENVELOPE: u64 = ATTACHMENT_BYTES;
const MOST_BYTES: u64 = 64 << 20;

/// What the source of a release brings to be believed.
#[derive(Debug, Default)]
pub(super) struct Brought<'a> {
    /// The keys of the role release that signed it; none of what is not signed.
    pub signed_by: BTreeSet<KeyId>,
    /// When it was made, if its signed document says so.
    pub made: Option<Timestamp>,
    /// Envelopes with evidence, scans and approvals, which nobody has verified yet.
    pub attachments: &'a [Vec<u8>],
}

/// What asks to be let in.
pub(super) struct Asking<'a> {
    /// What it is called.
    name: String,
    /// The digest that proofs are about: of a release's tree, where it is known before, or of a hotfix's file.
    subject: Option<Digest>,
    /// The level that the instance is at with it.
    level: &'a Level,
    rule: Cow<'a, Admission>,
    /// How what nobody signed gets signed, where that is not plain.
    way: &'static str,
}

impl<'a> Asking<'a> {
    fn release(instance: &'a Instance, release: &'a Release) -> Self {
        Self {
            name: release.to_string(),
            subject: release.tree,
            level: &release.level,
            rule: Cow::Borrowed(&instance.settings.admission),
            way: "",
        }
    }

    /// A hotfix for the installed level, by its name and the digest of its file.
    ///
    /// # Errors
    /// As [`TrustStore::load`].
    pub fn hotfix(instance: &'a Instance, name: &str, sha256: Digest, level: &'a Level) -> Result<Self> {
        let trust = TrustStore::new(&instance.settings.trust).load()?;
        let is_anybody_trusted = trust.release.is_named();
        Ok(Self {
            name: name.to_owned(),
            subject: Some(sha256),
            level,
            rule: Cow::Owned(gate::rule_for_hotfixes(
                &instance.settings.admission,
                is_anybody_trusted,
            )),
            way: "apply it out of a signed bundle that carries it, see `bundle create --hotfix`; ",
        })
    }
}

/// Refuses a release that does not bring what the policy demands.
pub(super) fn admit(
    run: &mut Run<'_>,
    instance: &Instance,
    release: &Release,
    brought: &Brought<'_>,
) -> Result<()> {
    admit_any(run, instance, &Asking::release(instance, release), brought)
}

/// Refuses what does not bring what the policy demands of it. Notes in the report what it brings, and in a run that
/// changes something that it was believed, so that nothing older is again.
pub(super) fn admit_any(
    run: &mut Run<'_>,
    instance: &Instance,
    asking: &Asking<'_>,
    brought: &Brought<'_>,
) -> Result<()> {
    let weighed = weigh(run, instance, asking, brought)?;
    if let Some(trust) = weighed.trust.as_ref().filter(|_| !run.report.dry_run) {
        let store = TrustStore::new(&instance.settings.trust);
        store.remember(trust)?;
        weighed.latest.map_or(Ok(()), |latest| store.saw(latest))?;
    }
    let Some(refused) = refused(instance, asking, &weighed.judgement) else {
        return Ok(());
    };
    let Some(by) = &weighed.judgement.override_by else {
        return Err(refused);
    };
    run.warn(format!(
        "{}; overridden by {} until {}: {}",
        refused.message,
        by.by.join(", "),
        clock::in_words(by.expires),
        by.reason
    ));
    run.overridden.push(Gate::Evidence);
    Ok(())
}

/// What is missing, for `check`; also noted in the report.
pub(super) fn missing(
    run: &mut Run<'_>,
    instance: &Instance,
    release: &Release,
    brought: &Brought<'_>,
) -> Result<()> {
    let asking = Asking::release(instance, release);
    let weighed = weigh(run, instance, &asking, brought)?;
    let refused = refused(instance, &asking, &weighed.judgement);
    refused
        .filter(|_| weighed.judgement.override_by.is_none())
        .map_or(Ok(()), Err)
}

struct Weighed {
    judgement: Judgement,
    /// The latest moment that anything was made at that counts.
    latest: Option<Timestamp>,
    trust: Option<Trust>,
}

fn weigh(
    run: &mut Run<'_>,
    instance: &Instance,
    asking: &Asking<'_>,
    brought: &Brought<'_>,
) -> Result<Weighed> {
    let rule = &asking.rule;
    if rule.demands_nothing() && brought.signed_by.is_empty() {
        return Ok(Weighed {
            judgement: Judgement::default(),
            latest: None,
            trust: None,
        });
    }
    let trust = TrustStore::new(&instance.settings.trust).load()?;
    trust.refuse_expired()?;
    let mut gathered = Gathered {
        latest: brought.made,
        ..Gathered::default()
    };
    gathered.proof.signed = !brought.signed_by.is_empty();
    if let Some(subject) = &asking.subject {
        gathered.take_all(run, &trust, instance, brought, subject)?;
    }
    let now = gathered.latest.map_or(trust.now, |latest| latest.max(trust.now));
    let judgement = gate::judge(rule, asking.level, &instance.settings.name, &gathered.proof, now);
    tell(run, &trust, brought, &judgement);
    Ok(Weighed {
        judgement,
        latest: gathered.latest,
        trust: Some(trust),
    })
}

/// The files in the folder for envelopes.
fn shipped(instance: &Instance) -> Result<Vec<PathBuf>> {
    let folder = &instance.settings.trust.shipped;
    let listed = match fs::list_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::io("list the evidence in", folder, error)),
    };
    let paths = listed.iter().map(std::fs::DirEntry::path);
    Ok(paths
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect())
}

fn read(path: &Path) -> Result<Cow<'static, [u8]>> {
    let bytes = fs::read(path, LARGEST_ENVELOPE);
    bytes
        .map(Cow::Owned)
        .map_err(|error| Failure::io("read", path, error))
}

/// What counts.
#[derive(Default)]
struct Gathered {
    proof: Proof,
    latest: Option<Timestamp>,
}

impl Gathered {
    /// Takes in what the source brings and what was shipped to the host. What does not count is told, and hides nothing.
    fn take_all(
        &mut self,
        run: &mut Run<'_>,
        trust: &Trust,
        instance: &Instance,
        brought: &Brought<'_>,
        subject: &Digest,
    ) -> Result<()> {
        let shipped = shipped(instance)?;
        let shipped = shipped
            .iter()
            .map(|path| (path.display().to_string(), read(path)));
        let attached = brought.attachments.iter().enumerate();
        let attached = attached.map(|(at, bytes)| {
            (
                format!("attachment {}", at + 1),
                Ok(Cow::Borrowed(bytes.as_slice())),
            )
        });
        let mut left = MOST_BYTES;
        for (what, bytes) in shipped.chain(attached).take(MOST_ENVELOPES) {
            let taken = bytes.and_then(|bytes| {
                let size = bytes.len() as u64;
                if size > LARGEST_ENVELOPE.min(left) {
                    return Err(Failure::new(
                        ErrorKind::Limits,
                        "it is too large, or there is too much in all",
                    ));
                }
                left -= size;
                self.take(trust, &what, &bytes, subject)
            });
            if let Err(failure) = taken {
                run.warn(format!("{what} does not count: {}", failure.full_message()));
            }
        }
        Ok(())
    }

    /// Takes an envelope in, if those signed it who are believed about what it says. What is about something else is passed
    /// over.
    fn take(&mut self, trust: &Trust, what: &str, bytes: &[u8], subject: &Digest) -> Result<()> {
        let verified = trust.verify_any(&Envelope::parse(bytes, what)?, what)?;
        let kind = kind_of(&verified, what)?;
        match kind.as_str() {
            Evidence::TYPE => self.evidence(trust, what, &verified, subject),
            Scan::TYPE => self.scan(trust, what, &verified, subject),
            Approval::TYPE => self.approval(trust, what, &verified, subject),
            // A later agent may know what to make of it.
            _ => Ok(()),
        }
    }

    fn evidence(&mut self, trust: &Trust, what: &str, verified: &Verified, subject: &Digest) -> Result<()> {
        let Some(evidence) = about::<Evidence>(verified, what, subject)? else {
            return Ok(());
        };
        // The results of others say nothing of an environment, so nobody is believed about them.
        let Some(tested) = &evidence.pitstop else {
            return Ok(());
        };
        demand_role(trust, &tested.environment, verified, what)?;
        self.saw(tested.at);
        self.proof.evidence.push(evidence);
        Ok(())
    }

    fn scan(&mut self, trust: &Trust, what: &str, verified: &Verified, subject: &Digest) -> Result<()> {
        let Some(scan) = about::<Scan>(verified, what, subject)? else {
            return Ok(());
        };
        demand_role(trust, SCANS, verified, what)?;
        self.saw(scan.metadata.scan_finished_on);
        self.proof.scans.push(scan);
        Ok(())
    }

    fn approval(&mut self, trust: &Trust, what: &str, verified: &Verified, subject: &Digest) -> Result<()> {
        let Some(approval) = about::<Approval>(verified, what, subject)? else {
            return Ok(());
        };
        let approvers: BTreeSet<KeyId> = trust
            .approval
            .keys
            .iter()
            .map(crate::trust::PublicKey::id)
            .collect();
        let by: BTreeSet<KeyId> = approvers.intersection(verified.signed_by()).copied().collect();
        if by.is_empty() {
            return Err(not_believed(what, "approval"));
        }
        self.saw(approval.at);
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

    fn saw(&mut self, at: Timestamp) {
        self.latest = self.latest.max(Some(at));
    }
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

fn tell(run: &mut Run<'_>, trust: &Trust, brought: &Brought<'_>, found: &Judgement) {
    let report = &mut run.report;
    report.signed_by = brought.signed_by.iter().map(|key| trust.name_of(key)).collect();
    report.evidence = found.environments.iter().map(view).collect();
    report.missing = found.missing.iter().map(|missing| missing.text.clone()).collect();
    report.overridden_by = found.override_by.as_ref().map(|one| OverrideView {
        by: one.by.clone(),
        reason: one.reason.clone(),
        expires: clock::in_words(one.expires),
    });
}

fn view(progress: &Progress) -> EvidenceView {
    EvidenceView {
        environment: progress.environment.clone(),
        hosts: progress.hosts.clone(),
        needed: progress.needed as u64,
        failing: progress.failing.clone(),
        soaked: progress.soaked.map(clock::in_words),
    }
}

fn refused(instance: &Instance, asking: &Asking<'_>, found: &Judgement) -> Option<Failure> {
    let demands = |what| found.missing.iter().any(|missing| missing.what == what);
    let kind = match (demands(Demand::Evidence), demands(Demand::Signature)) {
        (true, _) => ErrorKind::Evidence,
        (false, true) => ErrorKind::Signature,
        (false, false) => ErrorKind::Policy,
    };
    let texts: Vec<&str> = found
        .missing
        .iter()
        .map(|missing| missing.text.as_str())
        .collect();
    let name = &instance.settings.name;
    let message = format!("{} may not go to {name}: {}", asking.name, texts.join("; "));
    let folder = instance.settings.trust.shipped.display();
    let way = match demands(Demand::Signature) {
        true => asking.way,
        false => "",
    };
    let hint = match asking.subject {
        Some(subject) => format!(
            "{way}bring what is missing in the bundle or in {folder}; in an emergency, `pitstop trust approve {subject} --break-glass`"
        ),
        None => "the files of this release are not known before, so nothing can be proven of them".to_owned(),
    };
    (!found.missing.is_empty()).then(|| Failure::new(kind, message).hint(hint))
}
