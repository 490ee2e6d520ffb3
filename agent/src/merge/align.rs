//! Which children of three lists are the same one, and in which order they come out. Knows tokens only, so that the tree of
//! a file and its plain data are aligned alike.

mod by_name;
mod by_place;

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::ops::Range;

use gix_imara_diff::{Algorithm, Diff};

use super::node::Order;
use by_name::one_by_one;
use by_place::{by_place, settle_moves};

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
        Order::Kept if all_named && is_moved(sides) && !is_torn(order, sides) => one_by_one(order, sides),
        Order::Loose if all_named && !is_torn(order, sides) => one_by_one(order, sides),
        Order::Kept | Order::Loose => settle_moves(order, sides, by_place(order, sides)),
    }
}

/// A side reordered.
fn is_moved([base, current, new]: [&[Token]; 3]) -> bool {
    is_reordered(base, current) || is_reordered(base, new)
}

/// Both sides reordered, and not alike; or, where the order means something, both added the same in another order.
fn is_torn(order: Order, [base, current, new]: [&[Token]; 3]) -> bool {
    let sides = [current, new].map(|side| is_reordered(base, side));
    let is_both = sides == [true; 2] || (order == Order::Kept && sides == [false; 2]);
    is_both && is_reordered(current, new)
}

fn is_reordered(a: &[Token], b: &[Token]) -> bool {
    let place: HashMap<&Token, usize> = a.iter().enumerate().map(|(at, token)| (token, at)).collect();
    let places = b.iter().filter_map(|token| place.get(token));
    !places.is_sorted()
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
