//! What the formats of lines have in common.

use super::ParseError;
use super::node::{Key, List, Node, Order, Part};
use super::value::{Data, Item};

/// The first line, with its end.
pub fn first(text: &str) -> &str {
    text.split_inclusive('\n').next().unwrap_or_default()
}

/// # Errors
/// For a NUL byte: what a power cut leaves.
pub fn refuse_nul(text: &str) -> Result<(), ParseError> {
    match text.find('\0') {
        Some(at) => Err(ParseError::new(at, "a NUL byte")),
        None => Ok(()),
    }
}

/// A document that is a list of entries.
pub fn document<'s>(nodes: Vec<Node<'s>>, close: &'s str) -> Node<'s> {
    Node {
        key: Key::Item,
        label: String::new(),
        lead: "",
        parts: vec![Part::List(List {
            order: Order::Free,
            separator: "",
            nodes,
            close,
        })],
        separator: "",
        trail: "",
    }
}

/// Whether a line, without its end, escapes that end: it goes on then.
pub fn escapes_its_end(bare: &str) -> bool {
    let slashes = bare.len() - bare.trim_end_matches('\\').len();
    slashes % 2 == 1
}

/// The line that the text begins with, and those that it is continued on with a backslash.
pub fn continued(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        if !escapes_its_end(line.trim_end_matches(['\n', '\r'])) {
            break;
        }
    }
    text.get(..end).unwrap_or(text)
}

/// A value with what follows it, apart. A line's end that the value escapes is its own, if the line ends after it: what is
/// put in the place of the rest would be a part of the value otherwise.
pub fn split_end(text: &str) -> (&str, &str) {
    let bare = text.trim_end_matches(['\n', '\r']);
    let end = &text[bare.len()..];
    let escaped = first(end).len();
    let is_own = escapes_its_end(bare) && escaped < end.len();
    text.split_at(bare.len() + if is_own { escaped } else { 0 })
}

/// The values of one key. Of a key that stands there several times each is known by its number: what two sides make of
/// the same one is never put together.
pub fn occurrences(mut values: Vec<Data>) -> Data {
    if values.len() == 1
        && let Some(only) = values.pop()
    {
        return only;
    }
    let item = |(number, data): (usize, Data)| Item {
        id: Some(number.to_string()),
        data,
    };
    Data::List(values.into_iter().enumerate().map(item).collect())
}
