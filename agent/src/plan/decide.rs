//! The ownership decision table: what an update does to one path, from its three sides.

use crate::api::plan::{ConflictKind, Why};
use crate::config::{OnBoth, Policy};
use crate::model::{Class, Entry};

/// One path's three sides.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// Its owner class.
    pub class: Class,
    /// Pristine at the installed level.
    pub base: Base<'a>,
    /// What is on disk.
    pub current: Option<&'a Entry>,
    /// Pristine at the target level.
    pub new: Option<&'a Entry>,
}

/// What is known of the pristine side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Base<'a> {
    /// The vendor shipped this, or nothing.
    Known(Option<&'a Entry>),
    /// The pack was adopted without its pristine files. `replaced` tells that the target release holds a file that
    /// differs from this one only in its version.
    Unknown {
        /// See above.
        replaced: bool,
    },
}

/// What happens to a path's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It stays as it is.
    Keep,
    /// It becomes the target release's.
    TakeNew(Why),
    /// It goes.
    Remove(Why),
    /// Both sides' texts are merged; if they are no texts, the policy decides.
    Merge,
    /// A person decides.
    Conflict(ConflictKind),
}

/// Decides one path. Directories are decided by what is in them, not here.
pub fn decide(case: &Case<'_>, policy: &Policy) -> Decision {
    match (case.class, case.base) {
        (Class::State, _) => Decision::Keep,
        (Class::Customer, base) => seed(base, case.current, case.new),
        (Class::Generated, Base::Known(base)) if Entry::same(base, case.new) => Decision::Keep,
        // Whether the vendor ever had it is not known: it may be the customer's.
        (Class::Generated, Base::Unknown { .. }) if case.new.is_none() => Decision::Keep,
        (Class::Generated, _) => follow_vendor(case.current, case.new),
        (Class::Vendor | Class::Config, Base::Known(base)) => {
            three_sides(base, case.current, case.new, policy)
        }
        (Class::Vendor | Class::Config, Base::Unknown { replaced }) => {
            two_sides(case.class, replaced, case.current, case.new)
        }
    }
}

/// What happens when both sides changed and nothing can be merged.
pub fn by_policy(policy: OnBoth, new: Option<&Entry>, kind: ConflictKind) -> Decision {
    match (policy, new) {
        (OnBoth::Conflict, _) => Decision::Conflict(kind),
        (OnBoth::Keep, _) => Decision::Keep,
        (OnBoth::TakeNew, Some(_)) => Decision::TakeNew(Why::Policy),
        (OnBoth::TakeNew, None) => Decision::Remove(Why::Policy),
    }
}

/// The mode of a file that both sides have: the vendor's change if there is one, else the operator's.
pub fn decide_mode(base: Option<&Entry>, current: Option<&Entry>, new: &Entry) -> Option<u32> {
    let current = current.and_then(Entry::mode);
    match (base.and_then(Entry::mode), new.mode()) {
        (Some(base), Some(new)) if base != new && current.is_none_or(|current| current == base) => Some(new),
        (None, Some(new)) if current.is_none() => Some(new),
        (_, new) => current.or(new),
    }
}

fn seed(base: Base<'_>, current: Option<&Entry>, new: Option<&Entry>) -> Decision {
    let shipped_before = matches!(base, Base::Known(Some(_)));
    if new.is_some() && current.is_none() && !shipped_before {
        Decision::TakeNew(Why::VendorAdded)
    } else {
        Decision::Keep
    }
}

fn follow_vendor(current: Option<&Entry>, new: Option<&Entry>) -> Decision {
    match (current, new) {
        _ if Entry::same(current, new) => Decision::Keep,
        (None, Some(_)) => Decision::TakeNew(Why::VendorAdded),
        (Some(_), Some(_)) => Decision::TakeNew(Why::VendorChanged),
        (Some(_), None) => Decision::Remove(Why::VendorRemoved),
        (None, None) => Decision::Keep,
    }
}

fn three_sides(
    base: Option<&Entry>,
    current: Option<&Entry>,
    new: Option<&Entry>,
    policy: &Policy,
) -> Decision {
    if Entry::same(base, new) || Entry::same(current, new) {
        return Decision::Keep;
    }
    if Entry::same(base, current) {
        return match (base, new) {
            (None, _) => Decision::TakeNew(Why::VendorAdded),
            (Some(_), Some(_)) => Decision::TakeNew(Why::VendorChanged),
            (Some(_), None) => Decision::Remove(Why::VendorRemoved),
        };
    }
    match (base, current, new) {
        (_, None, _) | (_, _, None) => by_policy(policy.deleted, new, ConflictKind::Deleted),
        (Some(Entry::File { .. }), Some(Entry::File { .. }), Some(Entry::File { .. })) => Decision::Merge,
        (None, Some(Entry::File { .. }), Some(Entry::File { .. })) => {
            Decision::Conflict(ConflictKind::NoBase)
        }
        (_, Some(Entry::Symlink { .. }), Some(Entry::Symlink { .. })) => {
            by_policy(policy.binary, new, ConflictKind::Binary)
        }
        _ => Decision::Conflict(ConflictKind::Type),
    }
}

fn two_sides(class: Class, replaced: bool, current: Option<&Entry>, new: Option<&Entry>) -> Decision {
    match (current, new) {
        _ if Entry::same(current, new) => Decision::Keep,
        (None, Some(_)) => Decision::TakeNew(Why::VendorAdded),
        (Some(_), Some(_)) if class == Class::Config => Decision::Conflict(ConflictKind::NoBase),
        (Some(_), Some(_)) => Decision::TakeNew(Why::VendorChanged),
        (Some(_), None) if class == Class::Vendor && replaced => Decision::Remove(Why::VendorRemoved),
        (_, None) => Decision::Keep,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;
    use proptest::prelude::*;

    fn file(content: u8) -> Entry {
        Entry::File {
            size: 1,
            sha256: Digest::of(&[content]),
            mode: Some(0o644),
        }
    }

    /// Sides as letters: `.` is nothing, `l` a link, any other letter a file with that content.
    fn side(letter: char) -> Option<Entry> {
        match letter {
            '.' => None,
            'l' | 'k' => Some(Entry::Symlink {
                target: letter.to_string(),
            }),
            other => Some(file(other as u8)),
        }
    }

    fn decide_letters(class: Class, sides: &str, policy: &Policy) -> Decision {
        let mut letters = sides.chars();
        let mut next = || letters.next().unwrap();
        let base_letter = next();
        let (base_entry, current, new) = (side(base_letter), side(next()), side(next()));
        let base = match base_letter {
            '?' => Base::Unknown { replaced: false },
            '!' => Base::Unknown { replaced: true },
            _ => Base::Known(base_entry.as_ref()),
        };
        decide(
            &Case {
                class,
                base,
                current: current.as_ref(),
                new: new.as_ref(),
            },
            policy,
        )
    }

    #[test]
    fn the_table() {
        use Class::{Config, Customer, Generated, State, Vendor};
        use ConflictKind::{Binary, Deleted, NoBase, Type};
        use Decision::{Conflict, Keep, Merge, Remove, TakeNew};
        use Why::{VendorAdded, VendorChanged, VendorRemoved};
        let table = [
            // base, current, new
            (Vendor, "aaa", Keep),
            (Vendor, "aab", TakeNew(VendorChanged)),
            (Vendor, "aa.", Remove(VendorRemoved)),
            (Vendor, "..b", TakeNew(VendorAdded)),
            (Vendor, "aba", Keep),
            (Vendor, "abb", Keep),
            (Vendor, "abc", Merge),
            (Vendor, "a.a", Keep),
            (Vendor, "a..", Keep),
            (Vendor, "a.b", Conflict(Deleted)),
            (Vendor, "ab.", Conflict(Deleted)),
            (Vendor, ".b.", Keep),
            (Vendor, ".bc", Conflict(NoBase)),
            (Vendor, ".bb", Keep),
            (Vendor, "alb", Conflict(Type)),
            (Vendor, "lab", Conflict(Type)),
            (Vendor, "lka", Conflict(Type)),
            (Vendor, "akl", Conflict(Binary)),
            (Config, "abc", Merge),
            (Config, "aab", TakeNew(VendorChanged)),
            (Config, "a.b", Conflict(Deleted)),
            (Vendor, "?ab", TakeNew(VendorChanged)),
            (Vendor, "?.b", TakeNew(VendorAdded)),
            (Vendor, "?a.", Keep),
            (Vendor, "!a.", Remove(VendorRemoved)),
            (Config, "?ab", Conflict(NoBase)),
            (Config, "?aa", Keep),
            (Config, "!a.", Keep),
            (Generated, "aba", Keep),
            (Generated, "abc", TakeNew(VendorChanged)),
            (Generated, "ab.", Remove(VendorRemoved)),
            (Generated, "a.c", TakeNew(VendorAdded)),
            (Generated, "abb", Keep),
            (Generated, "?a.", Keep),
            (Generated, "?ab", TakeNew(VendorChanged)),
            (Customer, "abc", Keep),
            (Customer, "a.c", Keep),
            (Customer, "..c", TakeNew(VendorAdded)),
            (Customer, "?.c", TakeNew(VendorAdded)),
            (Customer, "ab.", Keep),
            (State, "..c", Keep),
            (State, "abc", Keep),
        ];
        for (class, sides, expected) in table {
            assert_eq!(
                decide_letters(class, sides, &Policy::default()),
                expected,
                "{class:?} {sides}"
            );
        }
    }

    #[test]
    fn policies_answer_what_cannot_be_merged() {
        let policy = |deleted| Policy {
            deleted,
            ..Policy::default()
        };
        let table = [
            ("a.b", OnBoth::TakeNew, Decision::TakeNew(Why::Policy)),
            ("a.b", OnBoth::Keep, Decision::Keep),
            ("ab.", OnBoth::TakeNew, Decision::Remove(Why::Policy)),
            ("ab.", OnBoth::Keep, Decision::Keep),
        ];
        for (sides, deleted, expected) in table {
            assert_eq!(
                decide_letters(Class::Vendor, sides, &policy(deleted)),
                expected,
                "{sides} {deleted:?}"
            );
        }
    }

    #[test]
    fn modes_merge_apart_from_content() {
        let with = |mode| file(b'a').with_mode(Some(mode));
        let table = [
            (Some(0o644), Some(0o600), Some(0o644), Some(0o600)),
            (Some(0o644), Some(0o644), Some(0o755), Some(0o755)),
            (Some(0o644), Some(0o600), Some(0o755), Some(0o600)),
            (None, None, Some(0o755), Some(0o755)),
            (None, Some(0o600), Some(0o755), Some(0o600)),
        ];
        for (base, current, new, expected) in table {
            let (base, current) = (base.map(with), current.map(with));
            let new = file(b'a').with_mode(new);
            assert_eq!(decide_mode(base.as_ref(), current.as_ref(), &new), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_ever_lost(sides in "[a-c.l][a-c.l][a-c.l]", class in prop_oneof![
            Just(Class::Vendor), Just(Class::Config)]) {
            // What the operator made (current differs from base) is only replaced by itself, a merge or a person.
            let decision = decide_letters(class, &sides, &Policy::default());
            let letters: Vec<char> = sides.chars().collect();
            if letters[0] != letters[1] && letters[1] != letters[2] {
                prop_assert!(!matches!(decision, Decision::TakeNew(_) | Decision::Remove(_)), "{}", sides);
            }
        }

        #[test]
        fn an_unchanged_vendor_side_changes_nothing(a in "[a-c.l]", b in "[a-c.l]") {
            for class in [Class::Vendor, Class::Config, Class::Generated] {
                let decision = decide_letters(class, &format!("{a}{b}{a}"), &Policy::default());
                prop_assert_eq!(decision, Decision::Keep);
            }
        }
    }
}
