//! Who the items of a list are, when they are maps: the key that tells them apart.

use std::collections::HashSet;

/// Keys that name an item, the surest first; others name it if they end so.
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
const ENDINGS: [&str; 6] = ["id", "uuid", "name", "key", "path", "code"];

/// How many keys of an item are looked at.
const MOST: usize = 64;

/// What is known of an item.
pub trait Fields<'a> {
    /// The plain value that it has for a key; `None` if it is not a map, or has none.
    fn field(&self, key: &str) -> Option<&'a str>;
    /// Its keys; `None` if it is not a map.
    fn keys(&self) -> Option<Vec<&'a str>>;
}

/// The key that tells the items of a list apart on all three sides: every item is a map that has it, as a plain value, and
/// no side has a value twice. Of several, the one by which most items of base are found again.
pub fn common<'a, T: Fields<'a>>(sides: [&[T]; 3]) -> Option<String> {
    let items = || sides.into_iter().flatten();
    let first = items().next()?.keys()?;
    if items().any(|item| item.keys().is_none()) {
        return None;
    }
    let known = KEYS.iter().copied().filter(|key| first.contains(key));
    let other = first
        .iter()
        .copied()
        .filter(|key| !KEYS.contains(key) && is_id_like(key));
    let mut best: Option<(usize, &str)> = None;
    for key in known.chain(other).take(MOST) {
        let Some([base, current, new]) = values(sides, key) else {
            continue;
        };
        let found = base.intersection(&current).count() + base.intersection(&new).count();
        if best.is_none_or(|(most, _)| found > most) {
            best = Some((found, key));
        }
    }
    best.map(|(_, key)| key.to_owned())
}

/// Each side's values, if every item has one and no side has one twice.
fn values<'a, T: Fields<'a>>(sides: [&[T]; 3], key: &str) -> Option<[HashSet<&'a str>; 3]> {
    let [base, current, new] = sides.map(|items| {
        let values: Option<HashSet<&str>> = items.iter().map(|item| item.field(key)).collect();
        values.filter(|values| values.len() == items.len())
    });
    Some([base?, current?, new?])
}

fn is_id_like(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| key.ends_with(ending))
}
