//! Children that are known by their place among others: a three-way diff.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::super::node::Order;
use super::{At, Slot, Token, is_torn, matches, one_by_one, pick};

/// A three-way diff.
pub(super) fn by_place(order: Order, sides: [&[Token]; 3]) -> Vec<Slot> {
    let [base, current, new] = sides;
    let to_current: HashMap<usize, usize> = matches(base, current).into_iter().collect();
    let to_new: HashMap<usize, usize> = matches(base, new).into_iter().collect();
    let mut slots = Vec::new();
    let mut from = [0, 0, 0];
    for b in 0..=base.len() {
        let (c, n) = if b == base.len() {
            (current.len(), new.len())
        } else {
            match (to_current.get(&b), to_new.get(&b)) {
                (Some(c), Some(n)) => (*c, *n),
                _ => continue,
            }
        };
        let ranges = [from[0]..b, from[1]..c, from[2]..n];
        let known = slots.len();
        region(order, sides, ranges.clone(), &mut slots);
        if let [Slot::Clash(_)] = slots[known..] {
            slots.truncate(known);
            for ranges in apart(ranges, [&to_current, &to_new]) {
                region(order, sides, ranges, &mut slots);
            }
        }
        if b < base.len() {
            slots.push(Slot::One([Some(b), Some(c), Some(n)]));
        }
        from = [b + 1, c + 1, n + 1];
    }
    slots
}

/// Takes a region apart where a change of one side ends and one of the other side begins: changes that only touch each
/// other do not clash. Where something was inserted nothing is taken apart: it may belong to either.
fn apart(region: [Range<usize>; 3], matches: [&HashMap<usize, usize>; 2]) -> Vec<[Range<usize>; 3]> {
    let [b, c, n] = region;
    let mut parts = Vec::new();
    let mut from = [b.start, c.start, n.start];
    let cuts = (b.start + 1..b.end).filter_map(|at| {
        let [current, new] = matches.map(|matches| cut(at, matches));
        Some([at, current?, new?])
    });
    for to in cuts.chain([[b.end, c.end, n.end]]) {
        parts.push([0, 1, 2].map(|side| from[side]..to[side]));
        from = to;
    }
    parts
}

/// The place in a side that is the same as the place in base before this child, if there is exactly one.
fn cut(at: usize, matches: &HashMap<usize, usize>) -> Option<usize> {
    let before = at.checked_sub(1).and_then(|at| matches.get(&at)).map(|at| at + 1);
    let after = matches.get(&at).copied();
    match (before, after) {
        (Some(before), Some(after)) => (before == after).then_some(after),
        (before, after) => before.or(after),
    }
}

/// What lies between two children that all sides have.
fn region(order: Order, sides: [&[Token]; 3], ranges: [Range<usize>; 3], slots: &mut Vec<Slot>) {
    let part = |side: usize| sides[side].get(ranges[side].clone()).unwrap_or_default();
    let [b, c, n] = [0, 1, 2].map(part);
    let [rb, rc, rn] = ranges.clone();
    let content = |tokens: &[Token]| tokens.iter().all(|token| matches!(token, Token::Content(_)));
    if b.len() == c.len() && b.len() == n.len() && (content(b) && content(c) && content(n) || c == n) {
        slots.extend(
            rb.zip(rc)
                .zip(rn)
                .map(|((b, c), n)| Slot::One([Some(b), Some(c), Some(n)])),
        );
    } else if c == n {
        slots.extend(rc.zip(rn).map(|(c, n)| Slot::One([None, Some(c), Some(n)])));
    } else if b == c {
        slots.extend(rb.zip(rc).map(|(b, c)| Slot::One([Some(b), Some(c), None])));
        slots.extend(rn.map(|n| Slot::One([None, None, Some(n)])));
    } else if b == n {
        slots.extend(rb.zip(rn).map(|(b, n)| Slot::One([Some(b), None, Some(n)])));
        slots.extend(rc.map(|c| Slot::One([None, Some(c), None])));
    } else if [b, c, n]
        .iter()
        .all(|side| side.iter().all(|token| matches!(token, Token::Named(_))))
        && !is_torn(order, [b, c, n])
        && !is_replaced_twice([b, c, n])
    {
        let merged = one_by_one(order, [b, c, n]);
        slots.extend(merged.into_iter().map(|slot| shifted(slot, &ranges)));
    } else {
        slots.push(Slot::Clash(ranges));
    }
}

/// A slot of parts of the lists that begin there.
fn shifted(slot: Slot, starts: &[Range<usize>; 3]) -> Slot {
    let [b, c, n] = starts.each_ref().map(|range| range.start);
    match slot {
        Slot::One([base, current, new]) => Slot::One([
            base.map(|at| at + b),
            current.map(|at| at + c),
            new.map(|at| at + n),
        ]),
        Slot::Clash([base, current, new]) => Slot::Clash([
            base.start + b..base.end + b,
            current.start + c..current.end + c,
            new.start + n..new.end + n,
        ]),
    }
}

/// Both sides removed a child, and what they added there differs: nothing says that it is not the same child, renamed.
fn is_replaced_twice(sides: [&[Token]; 3]) -> bool {
    let [base, current, new] = sides.map(|side| side.iter().copied().collect::<HashSet<Token>>());
    let mut removed = base.iter().filter(|token| !current.contains(token));
    removed.any(|token| !new.contains(token)) && &current - &base != &new - &base
}

/// A named child that a side moved is found in two places: it belongs where that side put it. If both sides put it somewhere,
/// and the order means something, nothing says where.
pub(super) fn settle_moves(order: Order, sides: [&[Token]; 3], slots: Vec<Slot>) -> Vec<Slot> {
    let name = |at: &At| {
        let token = pick(sides, at).into_iter().flatten().next().copied();
        token.filter(|token| matches!(token, Token::Named(_)))
    };
    let mut found: HashMap<Token, Vec<(usize, At)>> = HashMap::new();
    for (number, slot) in slots.iter().enumerate() {
        if let Slot::One(at) = slot
            && let Some(token) = name(at)
        {
            found.entry(token).or_default().push((number, *at));
        }
    }
    let is_put_twice = |places: &Vec<(usize, At)>| {
        let puts = places.iter().filter(|(_, at)| at[0].is_none());
        puts.count() > 1
    };
    if order == Order::Kept && found.values().any(is_put_twice) {
        return vec![Slot::Clash(sides.map(|side| 0..side.len()))];
    }
    let mut slots: Vec<Option<Slot>> = slots.into_iter().map(Some).collect();
    for places in found.into_values().filter(|places| places.len() > 1) {
        let moved = |at: &At| (at[0].is_some(), at[1].is_none());
        let home = places.iter().map(|(number, at)| (moved(at), *number)).min();
        let mut whole: At = [None; 3];
        for (number, at) in &places {
            (0..3).for_each(|side| whole[side] = whole[side].or(at[side]));
            slots[*number] = None;
        }
        if let Some((_, number)) = home {
            slots[number] = Some(Slot::One(whole));
        }
    }
    slots.into_iter().flatten().collect()
}
