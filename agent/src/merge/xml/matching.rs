//! Which elements of three documents are the same one.
//!
//! An element is known by its tag where there is only one, else by its id, else by its text, else by what it says and where
//! it stands. What both sides added is the same if it has the same id or says exactly the same.

use std::collections::{BTreeSet, HashMap};

use super::ids::{self, Name};
use super::order::{self, Parent};
use super::place;
use super::shape::{Shape, Shapes};

/// The name of an element and of those in it.
#[derive(Debug, Default)]
pub struct Names {
    /// Its name; `None` for one that only its side has and that keeps its place.
    pub name: Option<String>,
    /// The names of its children; empty where only one side has it.
    pub children: Vec<Names>,
}

/// Names everything in three documents.
pub fn names(shapes: &Shapes, documents: [&[Shape<'_>]; 3]) -> [Vec<Names>; 3] {
    children(shapes, Parent::document(), documents)
}

/// Recursion is bounded: the documents' depth is.
fn children(shapes: &Shapes, parent: Parent<'_>, sides: [&[Shape<'_>]; 3]) -> [Vec<Names>; 3] {
    let mut keys = ids::keys(shapes, parent, sides);
    place::pair(shapes, sides, &mut keys);
    order::keep_places(parent, sides, &mut keys);
    let places = ids::places(&keys);
    let named = |name: &Option<Name>| Names {
        name: name.as_ref().map(|name| name.text.clone()),
        children: Vec::new(),
    };
    let mut names = keys
        .each_ref()
        .map(|side| side.iter().map(named).collect::<Vec<_>>());
    let all: BTreeSet<&str> = places.iter().flat_map(HashMap::keys).copied().collect();
    for name in all {
        let found = places.each_ref().map(|side| side.get(name).copied());
        let mut contents = found
            .iter()
            .zip(sides)
            .filter_map(|(at, side)| Some(side[(*at)?].content));
        let first = contents.next();
        // What only one side has is not merged, and what all sides have alike is merged without names.
        if contents.clone().next().is_none() || contents.all(|content| Some(content) == first) {
            continue;
        }
        let of = |side: usize| found[side].map_or(&[][..], |at| sides[side][at].children.as_slice());
        let inner = [of(0), of(1), of(2)];
        if inner.iter().all(|side| side.is_empty()) {
            continue;
        }
        let found_shapes = found
            .iter()
            .zip(sides)
            .filter_map(|(at, side)| Some(&side[(*at)?]));
        let inner = children(shapes, parent.child(&found_shapes.collect::<Vec<_>>()), inner);
        for ((side, at), inner) in names.iter_mut().zip(found).zip(inner) {
            if let Some(at) = at {
                side[at].children = inner;
            }
        }
    }
    names
}

/// The id in a name.
pub fn id(name: &str) -> Option<&str> {
    let (_, rest) = name.split_once(' ')?;
    rest.strip_prefix(ids::ID)
        .or_else(|| rest.strip_prefix(ids::MARK))
}
