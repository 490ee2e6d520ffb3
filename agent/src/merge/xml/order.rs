//! What keeps its place among the children of an element, and what may stand anywhere.

use std::collections::HashSet;

use super::ids::{self, Keys, Kind, Name};
use super::place;
use super::shape::Shape;

/// Elements that are asked one after the other, whatever they are called.
const CHAINED: [&str; 6] = [
    "filter-mapping",
    "handler",
    "interceptor",
    "execution",
    "Valve",
    "phase",
];
/// The namespace of Apache Synapse's language.
const SYNAPSE: &str = "http://ws.apache.org/ns/synapse";
/// Synapse's elements whose children are done one after the other.
const SEQUENCES: [&str; 18] = [
    "sequence",
    "inSequence",
    "outSequence",
    "faultSequence",
    "in",
    "out",
    "then",
    "else",
    "case",
    "default",
    "filter",
    "onComplete",
    "onAccept",
    "onReject",
    "obligations",
    "advice",
    "onCacheHit",
    "target",
];

/// The element whose children are named.
#[derive(Debug, Clone, Copy)]
pub struct Parent<'a> {
    tag: &'a str,
    in_synapse: bool,
    /// It is the document.
    pub is_document: bool,
}

impl<'a> Parent<'a> {
    /// The document.
    pub fn document() -> Self {
        Self {
            tag: "",
            in_synapse: false,
            is_document: true,
        }
    }

    /// One of its children, as those sides have it that have it.
    pub fn child(self, sides: &[&Shape<'a>]) -> Self {
        let declares = |(name, value): &(&str, &str)| name.starts_with("xmlns") && *value == SYNAPSE;
        let mut attributes = sides.iter().flat_map(|shape| &shape.attributes);
        Self {
            tag: sides.first().map_or("", |shape| shape.tag),
            in_synapse: self.in_synapse || attributes.any(declares),
            is_document: false,
        }
    }

    fn is_sequence(self) -> bool {
        let (_, local) = self.tag.split_once(':').unwrap_or(("", self.tag));
        self.in_synapse && SEQUENCES.contains(&local)
    }
}

/// Takes the names from what only one side has and what keeps its place among the other children, unless it can only come
/// to stand in one place: the other side put nothing near it, nor removed what is around it. Where both sides put something
/// else for what base has, nothing new has a name: it may be the same thing, renamed.
pub fn keep_places(parent: Parent<'_>, sides: [&[Shape<'_>]; 3], keys: &mut Keys) {
    let rule = Rule::new(parent, sides);
    let [removed, current, new] = alone(keys);
    let regions = |alone: &[Alone]| alone.iter().map(|alone| alone.region).collect::<HashSet<_>>();
    let removed = regions(&removed);
    for (side, mine, other) in [(1, &current, regions(&new)), (2, &new, regions(&current))] {
        let cut_off = cut_off(keys, side);
        for Alone { at, region } in mine {
            let is_near = other.contains(region);
            let (name, shape) = (&keys[side][*at], &sides[side][*at]);
            if is_near && removed.contains(region) {
                keys[side][*at] = None;
            } else if name.as_ref().is_none_or(|name| !rule.is_free(name, shape)) {
                let is_apart = !is_near && !cut_off[*at];
                keys[side][*at] = is_apart.then(|| place::placed(shape, side, *at));
            }
        }
    }
}

/// Which children may stand anywhere.
struct Rule {
    is_sequence: bool,
    /// There is only one of each tag: the children are fields.
    is_record: bool,
    /// There is only one tag.
    is_uniform: bool,
}

impl Rule {
    fn new<'a>(parent: Parent<'_>, sides: [&[Shape<'a>]; 3]) -> Self {
        let tags = |side: &[Shape<'a>]| side.iter().map(|shape| shape.tag).collect::<HashSet<_>>();
        Self {
            is_sequence: parent.is_sequence(),
            is_record: sides.iter().all(|side| tags(side).len() == side.len()),
            is_uniform: sides
                .iter()
                .flat_map(|side| tags(side))
                .collect::<HashSet<_>>()
                .len()
                == 1,
        }
    }

    fn is_free(&self, name: &Name, shape: &Shape<'_>) -> bool {
        let is_free = match name.kind {
            Kind::Only => self.is_record,
            Kind::Id => true,
            // In a list of nothing else they are a set; among other elements they may be arguments.
            Kind::Text => self.is_uniform,
            Kind::Mark | Kind::Place => false,
        };
        is_free && !self.is_sequence && !CHAINED.contains(&shape.tag)
    }
}

/// A child that no other side has.
struct Alone {
    at: usize,
    /// Where it stands: after which child that all sides have.
    region: Option<usize>,
}

/// What each side has alone; what base has alone, both sides removed.
fn alone(keys: &Keys) -> [Vec<Alone>; 3] {
    let places = ids::places(keys);
    let count = |name: &Name| {
        places
            .iter()
            .filter(|side| side.contains_key(name.text.as_str()))
            .count()
    };
    let mut all: [Vec<Alone>; 3] = Default::default();
    for (side, alone) in all.iter_mut().enumerate() {
        let mut region = None;
        for (at, name) in keys[side].iter().enumerate() {
            match name.as_ref().map(|name| (name, count(name))) {
                Some((name, 3)) => region = places[0].get(name.text.as_str()).copied(),
                Some((_, 2)) => {}
                _ => alone.push(Alone { at, region }),
            }
        }
    }
    all
}

/// Which children of a side stand between two of base's that the other side removed.
fn cut_off(keys: &Keys, side: usize) -> Vec<bool> {
    let places = ids::places(keys);
    // Whether base's child is gone, for those that are base's.
    let gone = |name: &Option<Name>| {
        let name = name.as_ref()?.text.as_str();
        places[0]
            .contains_key(name)
            .then(|| !places[3 - side].contains_key(name))
    };
    let after_gone = |names: &mut dyn Iterator<Item = &Option<Name>>| {
        let mut last = false;
        let mut after = Vec::new();
        for name in names {
            after.push(last);
            last = gone(name).unwrap_or(last);
        }
        after
    };
    let before = after_gone(&mut keys[side].iter());
    let after = after_gone(&mut keys[side].iter().rev());
    before
        .into_iter()
        .zip(after.into_iter().rev())
        .map(|(before, after)| before && after)
        .collect()
}
