//! What a file says, without how it is written: the plain data that results are judged by. [`merge`] merges it key by key;
//! a merged file is only called clean if it reads as exactly that.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};

use super::align::{self, Slot, Token};
use super::identity::{self, Fields};
use super::node::Order;
use super::text;

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Data {
    /// A plain value in a form that is equal exactly for values of the same meaning; its type is part of it.
    Scalar(String),
    /// Keys with their values; the order means nothing.
    Map(BTreeMap<String, Data>),
    /// Items whose order means something.
    List(Vec<Item>),
}

/// An item of a list. Items are equal if they say the same, whoever they are.
#[derive(Debug, Clone)]
pub struct Item {
    /// Who it is, where the format itself says so: an XML element by its key attribute. Without it, maps are told apart by
    /// an id-like key, anything else by its content.
    pub id: Option<String>,
    /// What it says.
    pub data: Data,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data
    }
}

impl Eq for Item {}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        self.data.cmp(&other.data)
    }
}

impl Hash for Item {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.data.hash(state);
    }
}

impl From<Data> for Item {
    fn from(data: Data) -> Self {
        Self { id: None, data }
    }
}

impl Data {
    /// A value of a type.
    pub fn scalar(kind: &str, text: impl std::fmt::Display) -> Self {
        Self::Scalar(format!("{kind}:{text}"))
    }

    /// An empty map.
    pub fn empty() -> Self {
        Self::Map(BTreeMap::new())
    }
}

/// Both sides changed the same thing differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// What was there, or what both added under one name.
    Changes,
    /// Both added something in one place of a list.
    Additions,
}

/// Whose value it is where both sides changed the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefer {
    /// Nobody's: the merge fails.
    Neither,
    /// Nobody's, but what both added in one place of a list is not the same thing: the operator's comes first.
    CurrentFirst,
    /// Likewise, but the vendor's comes first.
    NewFirst,
    /// The operator's.
    Current,
    /// The vendor's.
    New,
}

/// Merges by key. `current` is the operator's side, `new` the vendor's.
///
/// # Errors
/// [`Clash`] if both sides changed the same thing, or one changed what the other deleted, and neither is preferred.
pub fn merge(base: &Data, current: &Data, new: &Data, prefer: Prefer) -> Result<Data, Clash> {
    let merged = prefer.three(Some(base), Some(current), Some(new))?;
    Ok(merged.unwrap_or_else(Data::empty))
}

type Map = BTreeMap<String, Data>;

impl Prefer {
    fn choose<T>(self, current: T, new: T) -> Result<T, Clash> {
        match self {
            Self::Neither | Self::CurrentFirst | Self::NewFirst => Err(Clash::Changes),
            Self::Current => Ok(current),
            Self::New => Ok(new),
        }
    }

    fn three(
        self,
        base: Option<&Data>,
        current: Option<&Data>,
        new: Option<&Data>,
    ) -> Result<Option<Data>, Clash> {
        if current == new || base == new {
            return Ok(current.cloned());
        }
        if base == current {
            return Ok(new.cloned());
        }
        match (base, current, new) {
            (Some(Data::Map(base)), Some(Data::Map(current)), Some(Data::Map(new))) => {
                self.maps(base, current, new)
            }
            (None, Some(Data::Map(current)), Some(Data::Map(new))) => self.maps(&Map::new(), current, new),
            (Some(Data::List(base)), Some(Data::List(current)), Some(Data::List(new))) => {
                self.lists([base, current, new])
            }
            (None, Some(Data::List(current)), Some(Data::List(new))) => self.lists([&[], current, new]),
            (Some(Data::Scalar(base)), Some(Data::Scalar(mine)), Some(Data::Scalar(its))) => {
                match text::merge_values([base, mine, its]) {
                    Some(merged) => Ok(Some(Data::Scalar(merged))),
                    None => self.choose(current.cloned(), new.cloned()),
                }
            }
            _ => self.choose(current.cloned(), new.cloned()),
        }
    }

    fn maps(self, base: &Map, current: &Map, new: &Map) -> Result<Option<Data>, Clash> {
        let mut merged = Map::new();
        let added = new.keys().filter(|key| !current.contains_key(*key));
        for key in current.keys().chain(added) {
            if let Some(value) = self.three(base.get(key), current.get(key), new.get(key))? {
                merged.insert(key.clone(), value);
            }
        }
        Ok(Some(Data::Map(merged)))
    }

    fn lists(self, sides: [&[Item]; 3]) -> Result<Option<Data>, Clash> {
        let tokens = tokens(sides);
        // A format that says who its items are also says so of those that keep their order.
        let is_named = sides
            .iter()
            .any(|items| items.iter().any(|item| item.id.is_some()));
        let order = if is_named { Order::Loose } else { Order::Kept };
        let slots = align::align(order, [&tokens[0], &tokens[1], &tokens[2]]);
        let mut merged = Vec::new();
        for slot in slots {
            match slot {
                Slot::One(at) => {
                    let items = align::pick(sides, &at);
                    let [base, current, new] = items.map(|item| item.map(|item| &item.data));
                    let id = items.into_iter().flatten().find_map(|item| item.id.clone());
                    let data = self.three(base, current, new)?;
                    merged.extend(data.map(|data| Item { id, data }));
                }
                Slot::Clash([base, current, new]) => {
                    let are_additions = base.is_empty()
                        && !has_common_name(&tokens[1][current.clone()], &tokens[2][new.clone()]);
                    let current = sides[1].get(current).unwrap_or_default();
                    let new = sides[2].get(new).unwrap_or_default();
                    let chosen = match self {
                        Self::CurrentFirst if are_additions => [current, new],
                        Self::NewFirst if are_additions => [new, current],
                        Self::Neither if are_additions => return Err(Clash::Additions),
                        _ => [self.choose(current, new)?, &[]],
                    };
                    merged.extend(chosen.into_iter().flatten().cloned());
                }
            }
        }
        Ok(Some(Data::List(merged)))
    }
}

/// Whether two lists have an item in common that says who it is.
fn has_common_name(current: &[Token], new: &[Token]) -> bool {
    let names: HashSet<&Token> = current
        .iter()
        .filter(|token| matches!(token, Token::Named(_)))
        .collect();
    new.iter().any(|token| names.contains(token))
}

/// Items that say who they are get named tokens, others are known by their content.
fn tokens<'a>(sides: [&'a [Item]; 3]) -> [Vec<Token>; 3] {
    let key = identity::common(
        sides
            .map(|items| items.iter().collect::<Vec<_>>())
            .each_ref()
            .map(Vec::as_slice),
    );
    let mut names: align::Interner<&'a str> = align::Interner::default();
    let mut contents: align::Interner<&'a Data> = align::Interner::default();
    let mut tokens = sides.map(|items| {
        let token = |item: &'a Item| {
            let id = item.id.as_deref().or_else(|| item.field(key.as_deref()?));
            match id {
                Some(id) => Token::Named(names.id(id)),
                None => Token::Content(contents.id(&item.data)),
            }
        };
        items.iter().map(token).collect::<Vec<_>>()
    });
    align::demote_duplicates(&mut tokens, |side, at| {
        sides[side].get(at).map_or(0, |item| contents.id(&item.data))
    });
    tokens
}

impl<'a> identity::Fields<'a> for &'a Item {
    fn field(&self, key: &str) -> Option<&'a str> {
        match &self.data {
            Data::Map(map) => match map.get(key) {
                Some(Data::Scalar(text)) => Some(text),
                _ => None,
            },
            Data::Scalar(_) | Data::List(_) => None,
        }
    }

    fn keys(&self) -> Option<Vec<&'a str>> {
        match &self.data {
            Data::Map(map) => Some(map.keys().map(String::as_str).collect()),
            Data::Scalar(_) | Data::List(_) => None,
        }
    }
}
