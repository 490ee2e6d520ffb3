//! Comments and blank lines before a node: three-way, and never a conflict.

use std::collections::HashSet;

use super::super::align::{self, Interner, Slot, Token};
use super::super::node::Order;
use super::super::similar;
use super::super::text::refine;

/// The operator's comments in a whole list. Who takes an example out of its comment parts the comments around it: those
/// before it then stand before another node than in the vendor's file.
#[derive(Default)]
pub(super) struct Elsewhere<'a>(HashSet<&'a str>);

impl<'a> Elsewhere<'a> {
    /// The comments among what stands before the operator's nodes.
    pub(super) fn among(leads: impl Iterator<Item = &'a str>) -> Self {
        let comments = leads
            .flat_map(units)
            .map(str::trim)
            .filter(|unit| !unit.is_empty());
        Self(comments.collect())
    }
}

/// Merges lines of comments and blank lines. Where both sides changed the same ones, the operator's and the vendor's new
/// ones come out.
pub(super) fn merge(base: &str, current: &str, new: &str, elsewhere: &Elsewhere<'_>) -> String {
    if same(current, new) || same(base, new) {
        return current.to_owned();
    }
    if same(base, current) {
        return new.to_owned();
    }
    let [mut base, current, mut new] = [base, current, new].map(units);
    let here: HashSet<&str> = current.iter().map(|unit| unit.trim()).collect();
    let is_moved = |unit: &&str| elsewhere.0.contains(unit.trim()) && !here.contains(unit.trim());
    let moved: Vec<&str> = base.iter().copied().filter(is_moved).collect();
    base.retain(|unit| !is_moved(unit));
    let left: HashSet<&str> = base.iter().map(|unit| unit.trim()).collect();
    new.retain(|unit| left.contains(unit.trim()) || !moved.iter().any(|moved| is_version(moved, unit)));
    three([&base, &current, &new])
}

fn three(sides: [&[&str]; 3]) -> String {
    let mut ids = Interner::default();
    let tokens = sides.map(|side| {
        let tokens = side.iter().map(|unit| Token::Content(ids.id(unit.trim())));
        tokens.collect::<Vec<_>>()
    });
    let mut text = String::new();
    for slot in align::align(Order::Kept, tokens.each_ref().map(Vec::as_slice)) {
        match slot {
            Slot::One(at) => text.push_str(&one(align::pick(sides, &at).map(|unit| unit.copied()))),
            Slot::Clash([b, c, n]) => clash([&sides[0][b], &sides[1][c], &sides[2][n]], &mut text),
        }
    }
    text
}

fn one([base, current, new]: [Option<&str>; 3]) -> String {
    match (base, current, new) {
        (_, Some(current), Some(new)) if same(current, new) => current.to_owned(),
        (Some(base), Some(current), Some(new)) if same(base, new) => current.to_owned(),
        (Some(base), Some(current), Some(new)) if same(base, current) => new.to_owned(),
        (base, Some(current), Some(new)) => both(base.unwrap_or_default(), current, new),
        (None, Some(only), None) | (None, None, Some(only)) => only.to_owned(),
        // A side removed what the other did not change.
        _ => String::new(),
    }
}

/// Both sides changed the lines there. What the operator removed stays removed, also where the vendor changed it.
fn clash([base, current, new]: [&[&str]; 3], text: &mut String) {
    let mut current: Vec<String> = current.iter().map(|unit| (*unit).to_owned()).collect();
    let known: HashSet<&str> = base.iter().map(|unit| unit.trim()).collect();
    let mut added = String::new();
    for unit in new.iter().filter(|unit| !known.contains(unit.trim())) {
        let was = base.iter().find(|was| is_version(was, unit));
        let mine = current
            .iter_mut()
            .find(|mine| is_version(mine, was.unwrap_or(unit)));
        match (was, mine) {
            (was, Some(mine)) => *mine = one([was.copied(), Some(mine.as_str()), Some(*unit)]),
            (Some(_), None) => {}
            (None, None) => added.push_str(unit),
        }
    }
    text.extend(current);
    text.push_str(&added);
}

/// A comment of several lines that both sides changed is merged by its lines, the operator's before the vendor's. Of others
/// both come out.
fn both(base: &str, current: &str, new: &str) -> String {
    let merged = refine::merge(base, current, new).side(1);
    if is_block(current) && is_block(new) && is_block(&merged) {
        merged
    } else {
        [current, new].concat()
    }
}

/// How many lines of comments are compared with each other, at most.
const MOST: usize = 200;

/// Whether two comments are versions of one: nearly the same, or alike in half of their lines.
fn is_version(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim(), b.trim());
    if a.is_empty() || b.is_empty() {
        return false;
    }
    let lines = |text| {
        str::lines(text)
            .map(str::trim)
            .filter(|line| line.len() > 3)
            .take(MOST)
    };
    let theirs: HashSet<&str> = lines(b).collect();
    let common = lines(a).filter(|line| theirs.contains(line)).count();
    common * 2 >= lines(a).count().max(theirs.len()).max(1) || similar::is_version(a, b)
}

/// How comments of several lines begin and end.
const BLOCKS: [(&str, &str); 2] = [("<!--", "-->"), ("/*", "*/")];

/// Whether a text is one comment of several lines.
fn is_block(text: &str) -> bool {
    let text = text.trim();
    BLOCKS.iter().any(|(open, close)| {
        let inner = text.strip_prefix(open).and_then(|text| text.strip_suffix(close));
        inner.is_some_and(|inner| !inner.contains(open) && !inner.contains(close))
    })
}

/// The lines of a text; those of one comment are together.
pub(super) fn units(text: &str) -> Vec<&str> {
    let mut units = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (unit, after) = rest.split_at(unit_len(rest));
        units.push(unit);
        rest = after;
    }
    units
}

/// How long the first line is, with the lines that end the comments that are begun in it.
fn unit_len(text: &str) -> usize {
    let end_of_line = |from: usize| text[from..].find('\n').map_or(text.len(), |at| from + at + 1);
    let mut end = end_of_line(0);
    let mut at = 0;
    loop {
        let rest = text[at..end].trim_start();
        let Some((open, close)) = BLOCKS.iter().find(|(open, _)| rest.starts_with(open)) else {
            return end;
        };
        let inner = end - rest.len() + open.len();
        let Some(length) = text[inner..].find(close) else {
            return text.len();
        };
        at = inner + length + close.len();
        end = end.max(end_of_line(at));
    }
}

fn same(a: &str, b: &str) -> bool {
    a.lines().map(str::trim).eq(b.lines().map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_not_taken_apart() {
        let table: [(&str, &[&str]); 6] = [
            ("# a\n\n# b\n", &["# a\n", "\n", "# b\n"]),
            ("<!-- a\n b -->\n  ", &["<!-- a\n b -->\n", "  "]),
            (
                "<!-- a --> <!-- b\n c --> <!--\nd-->\n\n",
                &["<!-- a --> <!-- b\n c --> <!--\nd-->\n", "\n"],
            ),
            ("/* a\n\n b */ /", &["/* a\n\n b */ /"]),
            ("<!-- a\n b", &["<!-- a\n b"]),
            ("", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(units(text), expected, "{text:?}");
        }
    }

    #[test]
    fn comments_of_both_sides_come_together() {
        let table = [
            // Each added one.
            (
                "<!-- a -->\n",
                "<!-- x -->\n<!-- a -->\n",
                "<!-- a -->\n<!-- y -->\n",
                "<!-- x -->\n<!-- a -->\n<!-- y -->\n",
            ),
            // One removed what the other kept.
            (
                "<!-- a -->\n<!-- b -->\n",
                "<!-- b -->\n",
                "<!-- a -->\n<!-- b -->\n<!-- c -->\n",
                "<!-- b -->\n<!-- c -->\n",
            ),
            // Both changed a comment, in different lines.
            (
                "<!-- a\n b\n c\n d -->\n",
                "<!-- mine\n b\n c\n d -->\n",
                "<!-- a\n b\n c\n its -->\n",
                "<!-- mine\n b\n c\n its -->\n",
            ),
            // The vendor changed what the operator removed.
            (
                "<!-- a long example -->\n<!-- b -->\n",
                "<!-- b -->\n",
                "<!-- a long examples -->\n<!-- b -->\n<!-- c -->\n",
                "<!-- b -->\n<!-- c -->\n",
            ),
        ];
        for (base, current, new, expected) in table {
            assert_eq!(
                merge(base, current, new, &Elsewhere::default()),
                expected,
                "{current:?} {new:?}"
            );
        }
    }

    #[test]
    fn what_the_operator_has_elsewhere_does_not_come_again() {
        let elsewhere =
            Elsewhere::among(["  <!-- the first comment -->\n  ", "<!-- the last one -->\n"].into_iter());
        let base = "<!-- the first comment -->\n<!-- example -->\n<!-- the last one -->\n";
        let new = "<!-- the first comments -->\n<!-- example -->\n<!-- the last ones -->\n";
        assert_eq!(
            merge(base, "<!-- the last one -->\n", new, &elsewhere),
            "<!-- the last ones -->\n"
        );
    }
}
