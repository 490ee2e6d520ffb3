//! What a person should look at, as a bounded set in the order in which it is shown.

use serde::{Serialize, Serializer};

/// How much a problem weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Somebody has to decide or do something.
    Attention,
    /// Something failed.
    Failing,
}

impl Weight {
    /// The name that templates use.
    pub fn name(self) -> &'static str {
        match self {
            Weight::Note => "note",
            Weight::Attention => "attention",
            Weight::Failing => "failing",
        }
    }
}

impl Serialize for Weight {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $label:literal, $weight:ident;)+) => {
        /// Kinds of problem, the worst first.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[doc = $doc])+ $variant,)+ }

        impl Kind {
            /// Every kind, the worst first.
            pub const ALL: &[Kind] = &[$(Kind::$variant,)+];

            /// The name that links and summaries use.
            pub fn code(self) -> &'static str {
                match self { $(Kind::$variant => $code,)+ }
            }

            /// How it is called.
            pub fn label(self) -> &'static str {
                match self { $(Kind::$variant => $label,)+ }
            }

            /// How much it weighs.
            pub fn weight(self) -> Weight {
                match self { $(Kind::$variant => Weight::$weight,)+ }
            }
        }
    };
}

kinds! {
    /// The last run, or looking at the instance, failed.
    Failed = "failed", "failed", Failing;
    /// A transaction was interrupted.
    Interrupted = "interrupted", "interrupted", Failing;
    /// A check of the server or of its files failed.
    Unhealthy = "unhealthy", "unhealthy", Failing;
    /// The last change failed and was taken back.
    RolledBack = "rolled-back", "rolled back", Failing;
    /// The server does not run.
    Stopped = "stopped", "not running", Attention;
    /// An update waits for decisions.
    Conflicts = "conflicts", "conflicts waiting", Attention;
    /// A rule stops the next update.
    Blocked = "blocked", "blocked", Attention;
    /// A release or a configuration that failed here is held.
    Held = "held", "held", Attention;
    /// The pack as a whole is not as it must be.
    Finding = "finding", "finding", Attention;
    /// The level is older than the rule says, and nobody knows of none that is newer.
    Overdue = "overdue", "overdue", Attention;
    /// No report came for long.
    Silent = "silent", "silent", Attention;
    /// The next update waits for its wave, its window or a free slot.
    Waits = "waits", "waits its turn", Note;
    /// An update would bring conflicts.
    Ahead = "conflicts-ahead", "conflicts ahead", Note;
    /// The vendor's own files are not as released.
    Drift = "drift", "vendor files changed", Note;
    /// The level is older than the rule says, but the source has nothing newer.
    NothingNewer = "nothing-newer", "nothing newer", Note;
    /// A template overrides what the vendor changed.
    Stale = "stale-template", "stale template", Note;
    /// Something that only warns.
    Warning = "warning", "warning", Note;
    /// Nobody has taken the pack over.
    NotAdopted = "not-adopted", "not adopted", Note;
}

/// One problem of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What it is.
    pub kind: Kind,
    /// In words.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The error kind, where there is one.
    pub error: Option<String>,
}

/// The longest text that is kept; the whole is in the host's own report.
const LONGEST: usize = 400;

impl Problem {
    /// A problem in words.
    pub fn new(kind: Kind, text: impl AsRef<str>) -> Self {
        Self {
            kind,
            text: cut(text.as_ref()),
            hint: None,
            error: None,
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: Option<impl AsRef<str>>) -> Self {
        self.hint = hint.map(|hint| cut(hint.as_ref()));
        self
    }

    /// Names the kind of the error that it is.
    #[must_use]
    pub fn error(mut self, kind: &str) -> Self {
        self.error = Some(cut(kind));
        self
    }
}

/// A text that is not too long, without characters that control a terminal or turn the direction of what follows.
pub fn cut(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(LONGEST)
        .map(|c| match c {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_in_the_order_of_their_weight_and_named_once() {
        let weights: Vec<_> = Kind::ALL.iter().map(|kind| kind.weight()).collect();
        assert!(weights.is_sorted_by(|a, b| a >= b), "{weights:?}");
        let codes: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), Kind::ALL.len());
    }

    #[test]
    fn long_texts_and_control_characters_are_cut() {
        assert_eq!(cut("a\u{1b}[2J\nb\u{202e}c"), "a [2J b c");
        let long = "ä".repeat(LONGEST + 1);
        assert_eq!(cut(&long), "ä".repeat(LONGEST) + "…");
        assert_eq!(cut(&long[2..]), "ä".repeat(LONGEST));
    }
}
