//! Which children of three lists are the same one, and in which order they come out. Knows tokens only, so that the tree of
//! a file and its plain data are aligned alike.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::ops::Range;

use gix_imara_diff::{Algorithm, Diff};

use super::node::Order;

/// How a child is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Token {
    /// By name: once at most on each side, wherever it stands.
    Named(u32),
    /// By content and place.
    Content(u32),
}

/// The content of a blank line: it is only the same one if the same follows it.
pub const BLANK: u32 = 0;

/// Where one child stands in base, current and new; `None` where it is missing.
pub type At = [Option<usize>; 3];

/// A place in the merged list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// One child.
    One(At),
    /// Both sides changed these children, and nothing says how they go together.
    Clash([Range<usize>; 3]),
}

/// Numbers for things that are equal, from 1 on.
#[derive(Debug)]
pub struct Interner<T>(HashMap<T, u32>);

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Hash + Eq> Interner<T> {
    /// The number of a thing; equal things have the same.
    pub fn id(&mut self, thing: T) -> u32 {
        let next = u32::try_from(self.0.len() + 1).unwrap_or(u32::MAX);
        *self.0.entry(thing).or_insert(next)
    }
}

/// The children of a slot.
pub fn pick<'a, T>(sides: [&'a [T]; 3], at: &At) -> [Option<&'a T>; 3] {
    let [base, current, new] = sides;
    let [b, c, n] = at;
    [
        b.and_then(|at| base.get(at)),
        c.and_then(|at| current.get(at)),
        n.and_then(|at| new.get(at)),
    ]
}

/// A name that a side has twice names nothing: such children are known by their content.
pub fn demote_duplicates(sides: &mut [Vec<Token>; 3], mut content: impl FnMut(usize, usize) -> u32) {
    let mut twice: HashSet<Token> = HashSet::new();
    for side in sides.iter() {
        let mut seen: HashSet<Token> = HashSet::new();
        twice.extend(
            side.iter()
                .filter(|token| matches!(token, Token::Named(_)) && !seen.insert(**token)),
        );
    }
    if twice.is_empty() {
        return;
    }
    for (number, side) in sides.iter_mut().enumerate() {
        for (at, token) in side.iter_mut().enumerate() {
            if twice.contains(token) {
                *token = Token::Content(content(number, at));
            }
        }
    }
}

/// The merged list: every child of any side in one slot, but for those that both sides removed.
pub fn align(order: Order, sides: [&[Token]; 3]) -> Vec<Slot> {
    let named = |token: &Token| matches!(token, Token::Named(_));
    let all_named = sides.iter().all(|side| side.iter().all(named));
    match order {
        Order::Free => one_by_one(order, sides),
        Order::Kept if all_named && is_moved(sides) && !is_torn(sides) => one_by_one(order, sides),
        Order::Loose if all_named && !is_torn(sides) => one_by_one(order, sides),
        Order::Kept | Order::Loose => settle_moves(sides, by_place(order, sides)),
    }
}

/// Where order means something and both sides added something in the same place, nothing says what comes first.
fn without_clashing_additions(slots: Vec<Slot>) -> Vec<Slot> {
    let added = |slot: &Slot| matches!(slot, Slot::One([None, Some(_), None] | [None, None, Some(_)]));
    let mut out: Vec<Slot> = Vec::with_capacity(slots.len());
    let mut slots = slots.into_iter().peekable();
    while let Some(slot) = slots.next() {
        let mut run = vec![slot];
        if added(&run[0]) {
            run.extend(std::iter::from_fn(|| slots.next_if(added)));
        }
        match clash_of(&run) {
            Some(ranges) => out.push(Slot::Clash(ranges)),
            None => out.append(&mut run),
        }
    }
    out
}

/// The places of both sides' additions, if both have some.
fn clash_of(run: &[Slot]) -> Option<[Range<usize>; 3]> {
    let places = |side: usize| {
        let place = move |slot: &Slot| match slot {
            Slot::One(at) => at[side],
            Slot::Clash(_) => None,
        };
        let places: Vec<usize> = run.iter().filter_map(place).collect();
        let range = *places.iter().min()?..*places.iter().max()? + 1;
        (range.len() == places.len()).then_some(range)
    };
    (run.len() > 1).then_some([0..0, places(1)?, places(2)?])
}

/// A side reordered.
fn is_moved([base, current, new]: [&[Token]; 3]) -> bool {
    is_reordered(base, current) || is_reordered(base, new)
}

/// Both sides reordered, and not alike.
fn is_torn([base, current, new]: [&[Token]; 3]) -> bool {
    is_reordered(base, current) && is_reordered(base, new) && is_reordered(current, new)
}

fn is_reordered(a: &[Token], b: &[Token]) -> bool {
    let place: HashMap<&Token, usize> = a.iter().enumerate().map(|(at, token)| (token, at)).collect();
    let places = b.iter().filter_map(|token| place.get(token));
    !places.is_sorted()
}

/// Children that are known one by one. The side that did not reorder gives way; what only one side has comes after its
/// predecessor there. Where both sides have additions, the vendor's come first, so that they stay where the vendor has
/// them; among children with and without a name the operator's do, also after what the operator removed.
fn one_by_one(order: Order, sides: [&[Token]; 3]) -> Vec<Slot> {
    let is_loose = order == Order::Loose;
    let identities = identities(sides);
    let [base, current, new] = &identities;
    let mut places: HashMap<u32, At> = HashMap::new();
    for (side, list) in identities.iter().enumerate() {
        for (at, id) in list.iter().enumerate() {
            places.entry(*id).or_default()[side] = Some(at);
        }
    }
    let anchors = |side: &[u32]| {
        if is_loose {
            interleave(side, base, true)
        } else {
            side.to_vec()
        }
    };
    let merged = if reorders(base, new) && !reorders(base, current) {
        interleave(&anchors(new), current, is_loose)
    } else {
        interleave(&anchors(current), new, !is_loose)
    };
    let slot = |id: u32| Slot::One(places.get(&id).copied().unwrap_or_default());
    let slots = merged.into_iter().map(slot).collect();
    match order {
        Order::Kept => without_clashing_additions(slots),
        Order::Free | Order::Loose => slots,
    }
}

fn reorders(a: &[u32], b: &[u32]) -> bool {
    let place: HashMap<u32, usize> = a.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let places = b.iter().filter_map(|id| place.get(id));
    !places.is_sorted()
}

/// `main` with what only `other` has, each after what it follows there; `first` says that it also comes before what only
/// `main` has in that place.
fn interleave(main: &[u32], other: &[u32], first: bool) -> Vec<u32> {
    let in_main: HashMap<u32, usize> = main.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let in_other: HashSet<u32> = other.iter().copied().collect();
    // Runs of additions by the place in `main` that they follow.
    let mut runs: HashMap<Option<usize>, Vec<u32>> = HashMap::new();
    let mut after = None;
    for id in other {
        match in_main.get(id) {
            Some(at) => after = Some(*at),
            None => runs.entry(after).or_default().push(*id),
        }
    }
    let mut merged = Vec::with_capacity(main.len() + other.len());
    let mut waiting = runs.remove(&None).unwrap_or_default();
    for (at, id) in main.iter().enumerate() {
        if first || in_other.contains(id) {
            merged.append(&mut waiting);
        }
        merged.push(*id);
        waiting.extend(runs.remove(&Some(at)).unwrap_or_default());
    }
    merged.append(&mut waiting);
    merged
}

/// Numbers for children: by name, else by content and where a diff finds them again.
fn identities(sides: [&[Token]; 3]) -> [Vec<u32>; 3] {
    let mut numbers = Numbers::default();
    let mut found = sides.map(|side| side.iter().map(|token| numbers.named(token)).collect::<Vec<_>>());
    for (to, earlier) in [(0, &[][..]), (1, &[0]), (2, &[0, 1])] {
        let mut taken: HashSet<u32> = found[to].iter().flatten().copied().collect();
        for from in earlier {
            let mut pairs = matches(sides[*from], sides[to]);
            if *from == 1 {
                pairs = without_stray_blanks(pairs, sides[1]);
            }
            for (a, b) in pairs {
                let number = found[*from][a];
                if found[to][b].is_none() && number.is_some_and(|number| taken.insert(number)) {
                    found[to][b] = number;
                }
            }
        }
        for number in &mut found[to] {
            number.get_or_insert_with(|| numbers.fresh());
        }
    }
    found.map(|side| side.into_iter().flatten().collect())
}

/// Without the blank lines that two additions have in common by chance.
fn without_stray_blanks(pairs: Vec<(usize, usize)>, side: &[Token]) -> Vec<(usize, usize)> {
    let mut kept: Vec<(usize, usize)> = Vec::with_capacity(pairs.len());
    for (a, b) in pairs.into_iter().rev() {
        let is_blank = side.get(a) == Some(&Token::Content(BLANK));
        if !is_blank || kept.last() == Some(&(a + 1, b + 1)) {
            kept.push((a, b));
        }
    }
    kept
}

#[derive(Default)]
struct Numbers {
    names: HashMap<Token, u32>,
    next: u32,
}

impl Numbers {
    fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn named(&mut self, token: &Token) -> Option<u32> {
        if let Token::Content(_) = token {
            return None;
        }
        if let Some(number) = self.names.get(token) {
            return Some(*number);
        }
        let number = self.fresh();
        self.names.insert(*token, number);
        Some(number)
    }
}

/// The pairs that a diff keeps.
pub fn matches(a: &[Token], b: &[Token]) -> Vec<(usize, usize)> {
    let mut ids = Interner::default();
    let mut side = |tokens: &[Token]| {
        let id = |token: &Token| gix_imara_diff::Token(ids.id(*token));
        tokens.iter().map(id).collect::<Vec<_>>()
    };
    let (a, b) = (side(a), side(b));
    let mut diff = Diff::default();
    let count = u32::try_from(ids.0.len() + 1).unwrap_or(u32::MAX);
    diff.compute_with(Algorithm::Histogram, &a, &b, count);
    let mut pairs = Vec::with_capacity(a.len().min(b.len()));
    let (mut before, mut after) = (0, 0);
    let mut keep = |from: &mut usize, to: &mut usize, until: usize| {
        while *from < until {
            pairs.push((*from, *to));
            *from += 1;
            *to += 1;
        }
    };
    for hunk in diff.hunks() {
        keep(&mut before, &mut after, hunk.before.start as usize);
        before = hunk.before.end as usize;
        after = hunk.after.end as usize;
    }
    keep(&mut before, &mut after, a.len());
    pairs
}

/// A three-way diff.
fn by_place(order: Order, sides: [&[Token]; 3]) -> Vec<Slot> {
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
        && !is_torn([b, c, n])
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

/// A named child that a side moved is found in two places: it belongs where that side put it.
fn settle_moves(sides: [&[Token]; 3], slots: Vec<Slot>) -> Vec<Slot> {
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
