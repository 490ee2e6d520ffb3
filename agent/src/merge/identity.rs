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
pub fn common<T>(
    sides: [&[T]; 3],
    is_map: impl Fn(&T) -> bool,
    field: impl Fn(&T, &str) -> Option<String>,
) -> Option<&'static str> {
    if sides.iter().all(|items| items.is_empty()) || !sides.iter().all(|items| items.iter().all(&is_map)) {
        return None;
    }
    let tells_apart = |key: &str| {
        sides.iter().all(|items| {
            let mut seen = HashSet::new();
            items
                .iter()
                .all(|item| field(item, key).is_some_and(|value| seen.insert(value)))
        })
    };
    KEYS.into_iter().find(|key| tells_apart(key))
}
