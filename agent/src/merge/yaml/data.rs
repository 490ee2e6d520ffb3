//! What a YAML text says, read twice: what the parser of the tree makes of it only counts if libyaml, which most readers
//! of YAML are made of, makes the same of it.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Formatter;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use super::super::ParseError;
use super::super::value::{Data, Item};
use super::ast::{Content, Document, Located};
use super::is_merge;
use super::scalar::canonical;

/// The documents as a list. They lie one level deeper, as none of their keys tells them apart.
pub(super) fn data(text: &str, documents: &[Document<'_>]) -> Result<Data, ParseError> {
    agree(text, documents)?;
    let names = super::names(documents);
    let item = |(document, id): (&Document<'_>, Option<String>)| {
        let data = Data::Map(BTreeMap::from([("document".to_owned(), plain(&document.root)?)]));
        Ok(Item { id, data })
    };
    Ok(Data::List(
        documents.iter().zip(names).map(item).collect::<Result<_, _>>()?,
    ))
}

/// A collection's tag and anchor are kept under keys that no other key is equal to.
fn plain(node: &Located<'_>) -> Result<Data, ParseError> {
    Ok(match &node.content {
        Content::Map(_, entries) => {
            let mut map = plain_map(entries)?;
            if node.properties.is_some() {
                map.insert("&".to_owned(), Data::Scalar(node.properties().to_owned()));
            }
            Data::Map(map)
        }
        Content::Sequence(_, items) => {
            let items = items
                .iter()
                .map(|item| plain(item).map(Item::from))
                .collect::<Result<_, _>>()?;
            match &node.properties {
                None => Data::List(items),
                Some(properties) => Data::Map(BTreeMap::from([
                    ("&".to_owned(), Data::Scalar(properties.meaning.clone())),
                    ("[".to_owned(), Data::List(items)),
                ])),
            }
        }
        _ => Data::Scalar(canonical(node).into_owned()),
    })
}

fn plain_map(entries: &[(Located<'_>, Located<'_>)]) -> Result<BTreeMap<String, Data>, ParseError> {
    let mut map = BTreeMap::new();
    let mut texts = HashSet::new();
    let mut merged = Vec::new();
    let merges_many = super::merges_many(entries);
    for (key, value) in entries {
        if merges_many && is_merge(key) {
            merged.push(Item::from(plain(value)?));
            continue;
        }
        let twice = match &key.content {
            // Some readers take `on` and `"on"` for the same key.
            Content::Scalar(text, _) => !texts.insert(text.as_ref()),
            _ => false,
        };
        if map.insert(canonical(key).into_owned(), plain(value)?).is_some() || twice {
            return Err(ParseError::new(key.at.start, "a key that is there twice"));
        }
    }
    if merges_many {
        map.insert("<<".to_owned(), Data::List(merged));
    }
    Ok(map)
}

/// Whether libyaml reads the same.
fn agree(text: &str, documents: &[Document<'_>]) -> Result<(), ParseError> {
    let mut read = serde_yaml::Deserializer::from_str(text);
    if documents.is_empty() {
        let nothing = read.next().map(Option::<IgnoredAny>::deserialize);
        return if matches!(nothing, None | Some(Ok(None))) {
            Ok(())
        } else {
            Err(disagreement(0))
        };
    }
    for document in documents {
        let other = read.next().ok_or_else(|| disagreement(document.start))?;
        Same(&document.root)
            .deserialize(other)
            .map_err(|_| disagreement(document.start))?;
    }
    if read.next().is_some() {
        Err(disagreement(text.len()))
    } else {
        Ok(())
    }
}

fn disagreement(at: usize) -> ParseError {
    ParseError::new(at, "readers of YAML disagree on it")
}

/// Reads what is expected, and fails for anything else. An alias is not followed: its name is unique in its document.
struct Same<'a, 's>(&'a Located<'s>);

impl<'de> DeserializeSeed<'de> for Same<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        match self.0.content {
            Content::Empty | Content::Scalar(..) => reader.deserialize_str(self),
            Content::Alias(_) => reader.deserialize_ignored_any(IgnoredAny).map(|_| ()),
            Content::Map(..) => reader.deserialize_map(self),
            Content::Sequence(..) => reader.deserialize_seq(self),
        }
    }
}

impl<'de> Visitor<'de> for Same<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.write_str("what the other reader reads")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        let same = match &self.0.content {
            Content::Scalar(mine, _) => mine == text,
            _ => text.is_empty(),
        };
        if same {
            Ok(())
        } else {
            Err(E::invalid_value(Unexpected::Other("another text"), &self))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut read: A) -> Result<(), A::Error> {
        let Content::Sequence(_, items) = &self.0.content else {
            return Ok(());
        };
        for item in items {
            read.next_element_seed(Same(item))?
                .ok_or_else(|| A::Error::invalid_length(items.len(), &self))?;
        }
        match read.next_element::<IgnoredAny>()? {
            Some(_) => Err(A::Error::invalid_length(items.len(), &self)),
            None => Ok(()),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut read: A) -> Result<(), A::Error> {
        let Content::Map(_, entries) = &self.0.content else {
            return Ok(());
        };
        for (key, value) in entries {
            read.next_key_seed(Same(key))?
                .ok_or_else(|| A::Error::invalid_length(entries.len(), &self))?;
            read.next_value_seed(Same(value))?;
        }
        match read.next_key::<IgnoredAny>()? {
            Some(_) => Err(A::Error::invalid_length(entries.len(), &self)),
            None => Ok(()),
        }
    }
}
