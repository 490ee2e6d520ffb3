//! Names of elements by what they say of themselves.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::TEXT;
use super::order::Parent;
use super::shape::{ALIKE, Shape, Shapes};

/// Attributes and child elements that name an element, the surest first.
const IDS: [&str; 8] = [
    "id",
    "xml:id",
    "name",
    "key",
    "artifactId",
    "uuid",
    "code",
    "alias",
];
/// What an attribute or child element that names an element may end with: `param-name`, `mediatorId`.
const ID_ENDINGS: [&str; 6] = ["-name", "Name", "-id", "Id", "-key", "Key"];
/// What tells elements apart that have no name: good to find an element again, but new ones keep their place.
const MARKS: [&str; 16] = [
    "class",
    "className",
    "path",
    "ref",
    "port",
    "url-pattern",
    "href",
    "location",
    "pattern",
    "resource",
    "source",
    "file",
    "extension",
    "contentType",
    "type",
    "value",
];
/// What tells artifacts of one `artifactId` apart in Maven's files.
const COORDINATES: [&str; 3] = ["groupId", "type", "classifier"];

/// How an element got its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is no other of its tag.
    Only,
    /// By an id.
    Id,
    /// By its text.
    Text,
    /// By something that tells it apart.
    Mark,
    /// By its content and place, together with its other sides.
    Place,
}

/// An element's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name, unique among the children of one parent on one side.
    pub text: String,
    /// Where it comes from.
    pub kind: Kind,
}

/// The names of the children of one element, on three sides.
pub type Keys = [Vec<Option<Name>>; 3];

/// The children of one tag, on three sides: where they stand.
type Group = [Vec<usize>; 3];

/// Names the children of one element by their tags, ids and texts, as far as they have such that are unique on each side.
/// A document has one element of its own, whatever it is.
pub fn keys(shapes: &Shapes, parent: Parent<'_>, sides: [&[Shape<'_>]; 3]) -> Keys {
    let mut keys: Keys = sides.map(|side| vec![None; side.len()]);
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    for (number, side) in sides.iter().enumerate() {
        for (at, shape) in side.iter().enumerate() {
            groups.entry(shape.tag).or_default()[number].push(at);
        }
    }
    for (tag, group) in &groups {
        let is_only = group.iter().all(|places| places.len() <= 1);
        if is_only && (parent.is_document || is_same(shapes, sides, group)) {
            name(&mut keys, group, tag, Kind::Only, |_, _| Some(String::new()));
        } else if *tag != TEXT {
            name_group(sides, &mut keys, tag, group);
        }
    }
    keys
}

/// What says that the only child of a tag is another one than it was, together with having little in common with it.
const TELLING: [&str; 10] = [
    "id",
    "xml:id",
    "name",
    "key",
    "artifactId",
    "uuid",
    "code",
    "alias",
    "class",
    "className",
];

/// Whether nothing says that the only child of a tag is not the same one on all sides.
fn is_same(shapes: &Shapes, sides: [&[Shape<'_>]; 3], group: &Group) -> bool {
    let [base, current, new] = [0, 1, 2].map(|side| group[side].first().and_then(|at| sides[side].get(*at)));
    let telling =
        |a: &Shape<'_>, b: &Shape<'_>| TELLING.iter().find_map(|id| Some((field(a, id)?, field(b, id)?)));
    let is_renamed = |a: &Shape<'_>, b: &Shape<'_>| telling(a, b).is_some_and(|(of_a, of_b)| of_a != of_b);
    match (base, current, new) {
        (Some(base), current, new) => {
            let is_other =
                |side: &Shape<'_>| is_renamed(base, side) && shapes.likeness(base, side).of_smaller < ALIKE;
            !current.is_some_and(is_other) && !new.is_some_and(is_other)
        }
        (None, Some(current), Some(new)) => !is_renamed(current, new),
        _ => true,
    }
}

fn name_group(sides: [&[Shape<'_>]; 3], keys: &mut Keys, tag: &str, group: &Group) {
    let value = |id: &str| {
        let id = id.to_owned();
        move |side: usize, at: usize| sides[side].get(at).and_then(|shape| field(shape, &id))
    };
    let fields = fields(sides, group);
    let ids = || {
        IDS.into_iter()
            .chain(fields.iter().copied().filter(|name| ends_like_id(name)))
    };
    let whole = ids().find(|id| tells_apart(group, value(id)));
    if let Some(id) = whole {
        return name(keys, group, tag, Kind::Id, value(id));
    }
    for id in IDS {
        name(keys, group, tag, Kind::Id, value(id));
    }
    name(keys, group, tag, Kind::Text, |side, at| {
        sides[side].get(at)?.text.map(str::to_owned)
    });
    if let Some(mark) = MARKS.into_iter().find(|mark| tells_apart(group, value(mark))) {
        name(keys, group, tag, Kind::Mark, value(mark));
    }
}

/// Names those of a group that have no name yet and whose value no other on their side has.
fn name(
    keys: &mut Keys,
    group: &Group,
    tag: &str,
    kind: Kind,
    value: impl Fn(usize, usize) -> Option<String>,
) {
    let mut twice = HashSet::new();
    for (side, places) in group.iter().enumerate() {
        let mut seen = HashSet::new();
        let values = places.iter().filter_map(|at| value(side, *at));
        twice.extend(values.filter(|value| !seen.insert(value.clone())));
    }
    for (side, places) in group.iter().enumerate() {
        for at in places
            .iter()
            .filter(|at| keys[side][**at].is_none())
            .copied()
            .collect::<Vec<_>>()
        {
            if let Some(value) = value(side, at).filter(|value| !twice.contains(value)) {
                let text = kind.name(tag, &value);
                keys[side][at] = Some(Name { text, kind });
            }
        }
    }
}

/// What follows a tag and a space in a name by an id.
pub const ID: char = '#';
/// What follows a tag and a space in a name by something that tells an element apart.
pub const MARK: char = '@';

impl Kind {
    /// A name, apart from those of other kinds.
    pub fn name(self, tag: &str, value: &str) -> String {
        match self {
            Self::Only => tag.to_owned(),
            Self::Id => format!("{tag} {ID}{value}"),
            Self::Text => format!("{tag} ={value}"),
            Self::Mark => format!("{tag} {MARK}{value}"),
            Self::Place => format!("{tag} ~{value}"),
        }
    }
}

/// Whether every child of a group has that value, and no two on one side the same.
fn tells_apart(group: &Group, value: impl Fn(usize, usize) -> Option<String>) -> bool {
    group.iter().enumerate().all(|(side, places)| {
        let mut seen = HashSet::new();
        places
            .iter()
            .all(|at| value(side, *at).is_some_and(|value| seen.insert(value)))
    })
}

/// How many attributes and child elements are looked at for one that is an id.
const FIELDS: usize = 32;

/// The first attributes and child elements of the first of a group. Where base has none, no side's order is the better one.
fn fields<'a>(sides: [&[Shape<'a>]; 3], group: &Group) -> Vec<&'a str> {
    let first = group
        .iter()
        .zip(sides)
        .find_map(|(places, side)| side.get(*places.first()?));
    let names = |shape: &Shape<'a>| -> Vec<&'a str> {
        let attributes = shape.attributes.iter().map(|(name, _)| *name);
        let children = shape.children.iter().map(|child| child.tag);
        attributes.chain(children).take(FIELDS).collect()
    };
    let mut names = first.map(names).unwrap_or_default();
    if group[0].is_empty() {
        names.sort_unstable();
    }
    names
}

fn ends_like_id(name: &str) -> bool {
    ID_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// An element's attribute, or else the text of its only child element of that name.
fn field(shape: &Shape<'_>, name: &str) -> Option<String> {
    if let Some((_, value)) = shape.attributes.iter().find(|(attribute, _)| *attribute == name) {
        return Some((*value).to_owned());
    }
    let value = child_text(shape, name)?;
    if name != "artifactId" {
        return Some(value.to_owned());
    }
    let coordinates = COORDINATES.map(|part| child_text(shape, part).unwrap_or_default());
    Some(format!(
        "{}:{value}:{}:{}",
        coordinates[0], coordinates[1], coordinates[2]
    ))
}

fn child_text<'a>(shape: &Shape<'a>, name: &str) -> Option<&'a str> {
    let mut children = shape.children.iter().filter(|child| child.tag == name);
    match (children.next(), children.next()) {
        (Some(child), None) => child.text,
        _ => None,
    }
}

/// Where each name stands, by side.
pub fn places(keys: &Keys) -> [HashMap<&str, usize>; 3] {
    keys.each_ref().map(|side| {
        let named = side.iter().enumerate();
        named
            .filter_map(|(at, name)| Some((name.as_ref()?.text.as_str(), at)))
            .collect()
    })
}
