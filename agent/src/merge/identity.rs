//! Who the items of a list are, when they are maps: the key that tells them apart.

use std::collections::HashSet;

/// Keys that name an item, the surest first.
const KEYS: [&str; 12] = [
    "id",
    "uuid",
    "name",
    "key",
    "@id",
    "$id",
    "identifier",
    "code",
    "path",
    "alias",
    "hostname",
    "title",
];

/// The key that tells the items of a list apart on all three sides: every item is a map that has it, as a plain value, and
/// no side has a value twice.
pub fn common<'a, T>(
    sides: [&'a [T]; 3],
    is_map: impl Fn(&'a T) -> bool,
    field: impl Fn(&'a T, &str) -> Option<&'a str>,
) -> Option<&'static str> {
    let mut items = sides.into_iter().flatten().peekable();
    if items.peek().is_none() || !items.all(is_map) {
        return None;
    }
    let tells_apart = |key: &&'static str| {
        sides.iter().all(|items| {
            let mut seen = HashSet::new();
            items
                .iter()
                .all(|item| field(item, key).is_some_and(|value| seen.insert(value)))
        })
    };
    KEYS.into_iter().find(tells_apart)
}
