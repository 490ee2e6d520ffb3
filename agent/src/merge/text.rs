//! Merging any text by lines.

pub mod refine;

use gix_merge::blob::Resolution;
use gix_merge::blob::builtin_driver::text::{Conflict, ConflictStyle, Labels, Merge};

/// The largest text that is merged; anything larger counts as binary.
pub const LIMIT: u64 = 16 << 20;

/// What came of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// Both sides' changes, together.
    Clean(Vec<u8>),
    /// Both sides changed the same lines, this many times.
    Conflicts(usize),
    /// A side is not text.
    NotText,
}

/// Whether content is text as git sees it: no NUL byte near its beginning, and not huge.
pub fn is_text(bytes: &[u8]) -> bool {
    bytes.len() as u64 <= LIMIT && !bytes.iter().take(8000).any(|byte| *byte == 0)
}

/// Merges by lines. `current` is the operator's side, `new` the vendor's.
pub fn merge(base: &[u8], current: &[u8], new: &[u8]) -> Merged {
    if ![base, current, new].into_iter().all(is_text) {
        return Merged::NotText;
    }
    let mut input = gix_imara_diff::InternedInput::new(&[][..], &[][..]);
    let prepared = Merge::new(&mut input, current, base, new, gix_imara_diff::Algorithm::Myers);
    let mut merged = Vec::with_capacity(current.len().max(new.len()));
    let labels = Labels {
        ancestor: None,
        current: None,
        other: None,
    };
    let marker_size = MARKER.try_into().unwrap_or(std::num::NonZeroU8::MIN);
    let style = Conflict::Keep {
        style: ConflictStyle::Merge,
        marker_size,
    };
    match prepared.run(&mut merged, labels, style) {
        Resolution::Conflict => Merged::Conflicts(count_conflicts(&merged)),
        Resolution::Complete | Resolution::CompleteWithAutoResolvedConflict => Merged::Clean(merged),
    }
}

/// Merges values of several lines, such as scripts: nobody changed the same lines. `None` if both did, or if a value is one
/// line.
pub fn merge_values(values: [&str; 3]) -> Option<String> {
    if !values.into_iter().all(|value| value.contains('\n')) {
        return None;
    }
    let [base, current, new] = values.map(str::as_bytes);
    match merge(base, current, new) {
        Merged::Clean(merged) => String::from_utf8(merged).ok(),
        Merged::Conflicts(_) | Merged::NotText => None,
    }
}

/// Long enough that no text holds it by chance.
const MARKER: u8 = 60;

fn count_conflicts(merged: &[u8]) -> usize {
    let marker = [b'<'; MARKER as usize];
    merged
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(&marker))
        .count()
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn changes_of_both_sides_come_together_or_conflict() {
        let table: [(&str, &str, &str, Merged); 5] = [
            (
                "a\nb\nc\n",
                "a\nb\nc\nmine\n",
                "new\na\nb\nc\n",
                Merged::Clean(b"new\na\nb\nc\nmine\n".to_vec()),
            ),
            (
                "a\nb\nc\n",
                "a\nmine\nc\n",
                "a\ntheirs\nc\n",
                Merged::Conflicts(1),
            ),
            (
                "a\r\nb\r\nc\r\n",
                "a\r\nb\r\nx\r\n",
                "y\r\nb\r\nc\r\n",
                Merged::Clean(b"y\r\nb\r\nx\r\n".to_vec()),
            ),
            ("a\n", "b\n", "b\n", Merged::Clean(b"b\n".to_vec())),
            ("a\0", "b", "c", Merged::NotText),
        ];
        for (base, current, new, expected) in table {
            assert_eq!(
                merge(base.as_bytes(), current.as_bytes(), new.as_bytes()),
                expected,
                "{base:?}"
            );
        }
    }

    fn lines() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof!["[ab]\n", "[a-e]\n", "[ab]"], 0..12)
            .prop_map(|lines| lines.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn one_side_alone_wins(base in lines(), side in lines()) {
            prop_assert_eq!(merge(&base, &side, &base), Merged::Clean(side.clone()));
            prop_assert_eq!(merge(&base, &base, &side), Merged::Clean(side.clone()));
            prop_assert_eq!(merge(&base, &side, &side), Merged::Clean(side));
        }

        #[test]
        fn clean_results_are_symmetric(base in lines(), a in lines(), b in lines()) {
            let (ab, ba) = (merge(&base, &a, &b), merge(&base, &b, &a));
            match (&ab, &ba) {
                (Merged::Clean(x), Merged::Clean(y)) => prop_assert_eq!(x, y),
                (Merged::Conflicts(_), Merged::Conflicts(_)) => {}
                _ => prop_assert!(false, "{:?} {:?}", ab, ba),
            }
        }
    }
}
