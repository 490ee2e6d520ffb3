//! Naming elements by what they say and where they stand.

use std::collections::HashSet;

use super::super::align::{self, Interner, Token};
use super::ids::{Keys, Kind, Name};
use super::shape::{ALIKE, Shape, Shapes};

/// Names what is the same on two sides though nothing says so: what a diff finds again, and what stands where base has
/// something like it.
pub fn pair(shapes: &Shapes, sides: [&[Shape<'_>]; 3], keys: &mut Keys) {
    for side in [1, 2] {
        same_content(sides, keys, 0, side);
    }
    let changed = [1, 2].map(|side| changed(shapes, sides, keys, side));
    for (side, other) in [(1, &changed[1]), (2, &changed[0])] {
        for (was, is) in &changed[side - 1] {
            // What has another id is another thing, unless both sides put something else there.
            let is_renamed = has_id(&keys[0][*was]) && has_id(&keys[side][*is]);
            if !is_renamed || other.iter().any(|(at, _)| at == was) {
                let name = keys[0][*was]
                    .get_or_insert_with(|| placed(&sides[0][*was], 0, *was))
                    .clone();
                keys[side][*is] = Some(name);
            }
        }
    }
    for (at, shape) in sides[0].iter().enumerate() {
        keys[0][at].get_or_insert_with(|| placed(shape, 0, at));
    }
    same_content(sides, keys, 1, 2);
}

/// A name that no other element has.
pub fn placed(shape: &Shape<'_>, side: usize, at: usize) -> Name {
    Name {
        text: Kind::Place.name(shape.tag, &format!("{side}.{at}")),
        kind: Kind::Place,
    }
}

/// What a side has and another has not, as far as names say.
fn lone(keys: &Keys, side: usize, other: usize) -> HashSet<usize> {
    let there: HashSet<&str> = keys[other]
        .iter()
        .flatten()
        .map(|name| name.text.as_str())
        .collect();
    let is_lone = |name: &Option<Name>| {
        name.as_ref()
            .is_none_or(|name| !there.contains(name.text.as_str()))
    };
    let all = keys[side].iter().enumerate();
    all.filter(|(_, name)| is_lone(name)).map(|(at, _)| at).collect()
}

/// The pairs that a diff of two sides keeps.
fn matches(sides: [&[Shape<'_>]; 3], keys: &Keys, from: usize, to: usize) -> Vec<(usize, usize)> {
    let (mut names, mut contents) = (Interner::default(), Interner::default());
    let [a, b] = [from, to].map(|side| {
        let shapes = keys[side].iter().zip(sides[side]);
        let tokens = shapes.map(|(name, shape)| match name {
            Some(name) if name.kind != Kind::Place => Token::Named(names.id(name.text.as_str())),
            _ => Token::Content(contents.id(shape.content)),
        });
        tokens.collect::<Vec<_>>()
    });
    align::matches(&a, &b)
}

fn same_content(sides: [&[Shape<'_>]; 3], keys: &mut Keys, from: usize, to: usize) {
    if keys[to].iter().all(Option::is_some) {
        return;
    }
    let mut pairs = matches(sides, keys, from, to);
    if from != 0 {
        // Of what both sides added, only what is the same from either side: a diff has a direction, the two have none.
        let back: HashSet<(usize, usize)> = matches(sides, keys, to, from).into_iter().collect();
        pairs.retain(|(a, b)| back.contains(&(*b, *a)));
    }
    for (a, b) in pairs {
        if keys[to][b].is_none() && (from == 0 || keys[from][a].is_none()) {
            let name = keys[from][a]
                .get_or_insert_with(|| placed(&sides[from][a], from, a))
                .clone();
            keys[to][b] = Some(name);
        }
    }
}

fn has_id(name: &Option<Name>) -> bool {
    name.as_ref().is_some_and(|name| name.kind == Kind::Id)
}

/// What stands on a side where base has something like it that the side has not: base's, and the side's.
fn changed(shapes: &Shapes, sides: [&[Shape<'_>]; 3], keys: &Keys, side: usize) -> Vec<(usize, usize)> {
    let lone = [lone(keys, 0, side), lone(keys, side, 0)];
    if lone.iter().any(HashSet::is_empty) {
        return Vec::new();
    }
    let mut anchors = matches(sides, keys, 0, side);
    anchors.push((sides[0].len(), sides[side].len()));
    let (mut from, mut to) = (0, 0);
    let mut pairs = Vec::new();
    for (a, b) in anchors {
        let was: Vec<usize> = (from..a).filter(|at| lone[0].contains(at)).collect();
        let is: Vec<usize> = (to..b).filter(|at| lone[1].contains(at)).collect();
        pairs.extend(alike(shapes, [sides[0], sides[side]], [&was, &is]));
        (from, to) = (a + 1, b + 1);
    }
    pairs
}

/// How many pairs are looked at in one place, at most.
const MOST: usize = 10_000;

/// The pairs of what is alike in one place.
fn alike(shapes: &Shapes, [old, new]: [&[Shape<'_>]; 2], [was, is]: [&[usize]; 2]) -> Vec<(usize, usize)> {
    if was.len().saturating_mul(is.len()) > MOST {
        return Vec::new();
    }
    let weight = |a: usize, b: usize| {
        let (old, new) = (&old[a], &new[b]);
        if old.tag != new.tag {
            return 0;
        }
        let likeness = shapes.likeness(old, new).of_larger;
        let is_plain = old.size <= 1 && new.size <= 1;
        match likeness {
            0 if is_plain && was.len() == is.len() => 1,
            // As many as before: one that differs much is still more likely changed than replaced.
            _ if likeness >= ALIKE || was.len() == is.len() => likeness,
            _ => 0,
        }
    };
    heaviest(was, is, weight)
}

/// The pairing with the greatest weight that keeps the order.
fn heaviest(a: &[usize], b: &[usize], weight: impl Fn(usize, usize) -> usize) -> Vec<(usize, usize)> {
    let weights: Vec<Vec<usize>> = a
        .iter()
        .map(|a| b.iter().map(|b| weight(*a, *b)).collect())
        .collect();
    // The weight of the best pairing from each place on.
    let mut best = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            let with = if weights[i][j] > 0 {
                weights[i][j] + best[i + 1][j + 1]
            } else {
                0
            };
            best[i][j] = with.max(best[i + 1][j]).max(best[i][j + 1]);
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < a.len() && j < b.len() {
        if weights[i][j] > 0 && best[i][j] == weights[i][j] + best[i + 1][j + 1] {
            pairs.push((a[i], b[j]));
            (i, j) = (i + 1, j + 1);
        } else if best[i][j] == best[i + 1][j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}
