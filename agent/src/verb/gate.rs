//! Whether a release, or a hotfix, may be staged: gathers what is proven of it and holds that against the policy. What follows
//! from it is [`crate::plan::gate`]'s.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::api::admission::{EvidenceView, OverrideView};
use crate::api::rollout::Gate;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::Admission;
use crate::model::{Digest, Level, Release};
use crate::plan::gate::{self, Demand, Judgement, Progress, Proof};
use crate::plan::present::Present;
use crate::session::Instance;
use crate::sys::clock;
use crate::trust::{KeyId, Trust, TrustStore};

use super::Run;

mod gathered;

use gathered::Gathered;

/// What the source of a release brings to be believed.
#[derive(Debug, Default)]
pub(super) struct Brought<'a> {
    /// The keys of the role release that signed it; none of what is not signed.
    pub signed_by: BTreeSet<KeyId>,
    /// When it was made, if its signed document says so.
    pub made: Option<Timestamp>,
    /// Until when it is to be used, if its signed document says so.
    pub expires: Option<Timestamp>,
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
    let store = TrustStore::new(&instance.settings.trust);
    if let Some(trust) = weighed.trust.as_ref().filter(|_| !run.report.dry_run) {
        store.remember(trust)?;
    }
    let refused = refused(instance, asking, &weighed.judgement);
    let by = match (refused, &weighed.judgement.override_by) {
        (Some(refused), None) => return Err(refused),
        (refused, by) => refused.zip(by.as_ref()),
    };
    // Whoever cannot let anything in does not move the clock either.
    if let Some(made) = weighed.made.filter(|_| !run.report.dry_run) {
        store.saw(made)?;
    }
    let Some((refused, by)) = by else {
        return Ok(());
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
    /// When what counts was made, as far as that is to be remembered.
    made: Option<Timestamp>,
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
            made: None,
            trust: None,
        });
    }
    let mut trust = TrustStore::new(&instance.settings.trust).load()?;
    trust.refuse_expired()?;
    let (mut proof, mut present) = (Proof::default(), Present::new(clock::now(), trust.now));
    if let Some(subject) = &asking.subject {
        let mut gathered = Gathered::new(&trust, present, subject);
        gathered.take_all(run, instance, brought)?;
        (proof, present) = (gathered.proof, gathered.present);
    }
    proof.signed = !brought.signed_by.is_empty();
    take_time_from(run, asking, brought, &mut present);
    // What was good by the clock may have ended by what was read since.
    trust.now = present.now();
    trust.refuse_expired()?;
    refuse_expired(asking, brought, trust.now)?;
    let judgement = gate::judge(
        rule,
        (asking.level, instance.settings.profile.level.order),
        &instance.settings.name,
        &proof,
        &present,
    );
    tell(run, &trust, brought, &judgement);
    Ok(Weighed {
        judgement,
        made: present.to_remember(),
        trust: Some(trust),
    })
}

/// The release tells the time like everything else that is believed, if those signed it who must. It is good whatever its date
/// says, since no rule asks how old it is.
fn take_time_from(run: &mut Run<'_>, asking: &Asking<'_>, brought: &Brought<'_>, present: &mut Present) {
    let Some(made) = brought.made.filter(|_| !brought.signed_by.is_empty()) else {
        return;
    };
    if !present.saw(made) {
        run.warn(format!(
            "the bundle that brings {} says that it was made at {}, and it is {} here: set the clock of whoever made it, or this host's",
            asking.name,
            clock::in_words(made),
            clock::in_words(present.shown())
        ));
    }
}

fn refuse_expired(asking: &Asking<'_>, brought: &Brought<'_>, now: Timestamp) -> Result<()> {
    let Some(expires) = brought.expires.filter(|expires| *expires <= now) else {
        return Ok(());
    };
    let message = format!(
        "the bundle that brings {} was to be used until {} only, and something that is believed was made at {}",
        asking.name,
        clock::in_words(expires),
        clock::in_words(now)
    );
    Err(Failure::new(ErrorKind::Policy, message).hint("get a newer bundle, and set this host's clock"))
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
