//! What a report says, as far as an overview needs it. Read leniently, because reports come from agents of every version:
//! what is missing is empty, what is unknown is passed over, and what is one of a set here is any word there.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::time::{is_ahead, seconds};

/// A report, or a list of them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of `api::report`")]
pub struct Told {
    pub schema: String,
    pub action: String,
    pub instance: String,
    pub host: String,
    pub environment: Option<String>,
    pub at: Option<String>,
    pub ok: bool,
    pub changed: bool,
    pub dry_run: bool,
    pub status: String,
    pub message: String,
    pub before: Option<ViewTold>,
    pub after: Option<ViewTold>,
    pub plan: Option<PlanTold>,
    pub conflicts: Vec<IgnoredAny>,
    pub findings: Vec<FindingTold>,
    pub stale: Vec<StaleTold>,
    pub offers: Vec<OfferTold>,
    pub blockers: Vec<ErrorTold>,
    pub waiting: Option<WaitingTold>,
    pub transactions: Vec<TransactionTold>,
    pub error: Option<ErrorTold>,
    pub timing: TimingTold,
    pub transaction: Option<String>,
    pub agent: String,
    /// Those of a list.
    pub reports: Vec<Told>,
    /// What it says of its time where that is still to come, and so is no time that it was made at.
    #[serde(skip)]
    pub ahead: Option<String>,
}

/// See [`crate::api::report::InstanceView`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of `api::instance`")]
pub struct ViewTold {
    pub home: String,
    pub release: ReleaseTold,
    pub adopted: bool,
    pub verified: bool,
    pub installed_at: Option<String>,
    pub state: String,
    pub drift: DriftTold,
    pub holds: Vec<HoldTold>,
    pub config: Option<ConfigTold>,
    pub interrupted: Option<InterruptedTold>,
}

macro_rules! told {
    ($($(#[$doc:meta])+ $name:ident { $($field:ident: $type:ty,)+ })+) => {$(
        $(#[$doc])+
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default)]
        #[expect(missing_docs, reason = "the fields are those of the report")]
        pub struct $name { $(pub $field: $type,)+ }
    )+};
}

told! {
    /// Product and level.
    ReleaseTold { product: String, level: String, }
    /// Deviations from the vendor's files.
    DriftTold { count: u64, paths: Vec<DriftPathTold>, }
    /// One deviation.
    DriftPathTold { path: String, class: String, change: String, configured: bool, }
    /// A release that is held.
    HoldTold { release: ReleaseTold, since: String, reason: String, }
    /// What `config apply` left behind.
    ConfigTold { held: Option<String>, }
    /// A transaction that was interrupted.
    InterruptedTold { transaction: String, remedy: String, }
    /// From where to where.
    PlanTold { from: ReleaseTold, to: ReleaseTold, }
    /// What is wrong with a pack as a whole or around it.
    FindingTold { severity: String, message: String, hint: Option<String>, }
    /// A template that overrides what the vendor changed.
    StaleTold { path: String, }
    /// A level that a source offers.
    OfferTold { level: String, newer: bool, }
    /// Why something failed or would.
    ErrorTold { kind: String, message: String, hint: Option<String>, exit: u8, }
    /// An update that waits for a person.
    WaitingTold { level: String, open: u64, command: String, }
    /// A line of the history.
    TransactionTold {
        transaction: String, action: String, outcome: String, from: ReleaseTold, to: ReleaseTold, began: String,
        ended: String, stopped_ms: Option<u64>, reason: Option<String>,
    }
    /// How long it took.
    TimingTold { stopped_ms: u64, }
}

impl Told {
    /// Takes note of a time that is still to come: such a report would be the newest for as long as that is so.
    pub fn at_most(&mut self, now: i64) {
        let at = self.at.as_deref().and_then(seconds);
        if at.is_some_and(|at| is_ahead(at, now)) {
            self.ahead = self.at.take();
        }
    }

    /// The instance as it is after what the report is about.
    pub fn view(&self) -> Option<&ViewTold> {
        self.after.as_ref().or(self.before.as_ref())
    }
}
