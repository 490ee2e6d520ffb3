//! A three-way diff by lines that is finer than git's where nothing can go wrong.

use std::ops::Range;

use gix_imara_diff::{Algorithm, Diff, InternedInput, sources::byte_lines};

use super::super::chunk::{Chunks, Conflict};
use super::super::similar;

/// A change of one side: these lines of base became those.
struct Change {
    /// 1 the operator's, 2 the vendor's.
    side: usize,
    base: Range<usize>,
    own: Range<usize>,
}

/// Lines with their ends: base, current, new.
type Lines<'t> = [Vec<&'t str>; 3];

/// Merges by lines.
pub fn merge(base: &str, current: &str, new: &str) -> Chunks {
    let lines: Lines<'_> = [base, current, new].map(|text| text.split_inclusive('\n').collect());
    let mut changes = changes(base, current, 1);
    changes.extend(self::changes(base, new, 2));
    changes.sort_by_key(|change| (change.base.start, change.base.end));
    let mut out = Chunks::default();
    let mut at = 0;
    let mut changes = changes.into_iter().peekable();
    while let Some(first) = changes.next() {
        let mut end = first.base.end;
        let start = first.base.start;
        let mut group = vec![first];
        while let Some(next) = changes.next_if(|next| next.base.start <= end) {
            end = end.max(next.base.end);
            group.push(next);
        }
        lines[0]
            .get(at..start)
            .into_iter()
            .flatten()
            .for_each(|line| out.plain(line));
        at = end;
        resolve(&lines, &group, start..end, &mut out);
    }
    lines[0]
        .get(at..)
        .into_iter()
        .flatten()
        .for_each(|line| out.plain(line));
    out
}

fn changes(base: &str, side: &str, number: usize) -> Vec<Change> {
    let input = InternedInput::new(byte_lines(base.as_bytes()), byte_lines(side.as_bytes()));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let range = |range: Range<u32>| range.start as usize..range.end as usize;
    let change = |hunk: gix_imara_diff::Hunk| Change {
        side: number,
        base: range(hunk.before),
        own: range(hunk.after),
    };
    diff.hunks().map(change).collect()
}

/// Changes that touch or overlap.
fn resolve(lines: &Lines<'_>, group: &[Change], base: Range<usize>, out: &mut Chunks) {
    if let [change] = group {
        let own = lines[change.side].get(change.own.clone()).unwrap_or_default();
        return own.iter().for_each(|line| out.plain(line));
    }
    let own = |side: usize| side_range(group, side, &base);
    let part = |side: usize, range: Range<usize>| lines[side].get(range).unwrap_or_default();
    let sides = [part(0, base.clone()), part(1, own(1)), part(2, own(2))];
    let merged = one_side(&sides)
        .or_else(|| further(&sides))
        .or_else(|| in_turn(lines, group, &base));
    match merged {
        Some(merged) => merged.into_iter().for_each(|line| out.plain(line)),
        None if group.iter().all(keeps_count) => line_by_line(&sides, own(1).start, out),
        None => conflict(&sides, own(1).start, out),
    }
}

/// What a side has for a range of base: its changes, with the unchanged lines around them.
fn side_range(group: &[Change], side: usize, base: &Range<usize>) -> Range<usize> {
    let mut own = group.iter().filter(|change| change.side == side);
    let Some(first) = own.next() else {
        return 0..0;
    };
    let last = own.next_back().unwrap_or(first);
    let start = first.own.start - (first.base.start - base.start);
    start..last.own.end + (base.end - last.base.end)
}

type Sides<'a, 't> = [&'a [&'t str]; 3];
type Resolved<'t> = Option<Vec<&'t str>>;

fn one_side<'t>([base, current, new]: &Sides<'_, 't>) -> Resolved<'t> {
    if current == new || base == new {
        Some(current.to_vec())
    } else if base == current {
        Some(new.to_vec())
    } else {
        None
    }
}

/// Both sides made the same change, and one went on before or after it. A side that took lines away did not make the same
/// change as one that has others there.
fn further<'t>([base, current, new]: &Sides<'_, 't>) -> Resolved<'t> {
    let goes_on = |more: &[&str], less: &[&str]| {
        !less.is_empty() && less.len() >= base.len() && (more.starts_with(less) || more.ends_with(less))
    };
    if goes_on(new, current) {
        Some(new.to_vec())
    } else if goes_on(current, new) {
        Some(current.to_vec())
    } else {
        None
    }
}

/// Whether a change puts a line in the place of each: only then the lines of one number are each other's.
fn keeps_count(change: &Change) -> bool {
    change.base.len() == change.own.len()
}

/// As many lines on all sides: each is merged by itself, those that conflict next to each other as one.
fn line_by_line(sides: &Sides<'_, '_>, at: usize, out: &mut Chunks) {
    let mut number = 0;
    while number < sides[0].len() {
        let line = sides.map(|side| side.get(number..=number).unwrap_or_default());
        if let Some(merged) = one_side(&line) {
            merged.into_iter().for_each(|line| out.plain(line));
            number += 1;
            continue;
        }
        let clashes = |number: &usize| {
            one_side(&sides.map(|side| side.get(*number..=*number).unwrap_or_default())).is_none()
        };
        let end = (number..sides[0].len())
            .take_while(clashes)
            .last()
            .map_or(number, |last| last + 1);
        let part = sides.map(|side| side.get(number..end).unwrap_or_default());
        conflict(&part, at + number, out);
        number = end.max(number + 1);
    }
}

/// Changes that touch but do not overlap.
fn in_turn<'t>(lines: &Lines<'t>, group: &[Change], base: &Range<usize>) -> Resolved<'t> {
    let apart = |pair: &[Change]| match pair {
        [a, b] => a.side == b.side || is_apart(lines, a, b),
        _ => true,
    };
    if !group.windows(2).all(apart) {
        return None;
    }
    let mut merged = Vec::new();
    let mut at = base.start;
    for change in group {
        merged.extend(lines[0].get(at..change.base.start)?);
        merged.extend(lines.get(change.side)?.get(change.own.clone())?);
        at = change.base.end;
    }
    merged.extend(lines[0].get(at..base.end)?);
    Some(merged)
}

/// Both change lines of their own. Where one only adds lines, the other must have edited its lines in place.
fn is_apart(lines: &Lines<'_>, a: &Change, b: &Change) -> bool {
    let only_adds = |change: &Change| change.base.is_empty();
    a.base.end <= b.base.start
        && match (only_adds(a), only_adds(b)) {
            (false, false) => true,
            (true, false) => is_edit(lines, b),
            (false, true) => is_edit(lines, a),
            (true, true) => false,
        }
}

/// Line for line, each is nearly what it was.
fn is_edit(lines: &Lines<'_>, change: &Change) -> bool {
    let part = |side: usize, range: &Range<usize>| lines[side].get(range.clone()).unwrap_or_default();
    let (was, is) = (part(0, &change.base), part(change.side, &change.own));
    let is_near = |(a, b): (&&str, &&str)| similar::is_near(a.trim(), b.trim());
    was.len() == is.len() && was.iter().zip(is).all(is_near)
}

/// A conflict without the lines that both sides begin and end with alike.
fn conflict(sides: &Sides<'_, '_>, at: usize, out: &mut Chunks) {
    let [base, current, new] = *sides;
    let begin = current.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = [&current[begin..], &new[begin..]];
    let end = rest[0]
        .iter()
        .rev()
        .zip(rest[1].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let keep = |side: &[&str]| side.get(begin..side.len() - end).unwrap_or_default().concat();
    current[..begin].iter().for_each(|line| out.plain(line));
    let texts = [base.concat(), keep(current), keep(new)];
    out.conflict(Conflict {
        path: String::new(),
        line: Some(at + begin + 1),
        values: texts
            .clone()
            .map(|text| Some(text).filter(|text| !text.is_empty())),
        texts,
    });
    current[current.len() - end..]
        .iter()
        .for_each(|line| out.plain(line));
}

/// Both sides' texts with a conflict wherever they differ: for sides that nothing else can be said about.
pub fn differences(current: &str, new: &str) -> Chunks {
    let lines: [Vec<&str>; 2] = [current, new].map(|text| text.split_inclusive('\n').collect());
    let mut out = Chunks::default();
    let mut at = 0;
    for change in changes(current, new, 2) {
        lines[0]
            .get(at..change.base.start)
            .into_iter()
            .flatten()
            .for_each(|line| out.plain(line));
        at = change.base.end;
        let part = |side: usize, range: Range<usize>| lines[side].get(range).unwrap_or_default();
        let (mine, its) = (part(0, change.base.clone()), part(1, change.own));
        conflict(&[&[], mine, its], change.base.start, &mut out);
    }
    lines[0]
        .get(at..)
        .into_iter()
        .flatten()
        .for_each(|line| out.plain(line));
    out
}
