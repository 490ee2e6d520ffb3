//! What a document says, read by another library than the tree is.

use std::collections::BTreeMap;

use roxmltree::{Document, Node, NodeType, ParsingOptions};

use super::super::ParseError;
use super::super::node::DEPTH;
use super::super::value::{Data, Item};
use super::text::{self, is_space};
use super::{TEXT, guard};

/// What a document's tree has and its data has not.
pub const IS_UNSAID: [&str; 2] = ["?xml", "!DOCTYPE"];
/// The parts of an element's data.
const PARTS: [&str; 3] = ["name", "attributes", "content"];

/// Reads what a document says.
///
/// # Errors
/// [`ParseError`] if it is not well-formed or not of a kind that is merged by its structure.
pub fn data(text: &str) -> Result<Data, ParseError> {
    guard::check(text)?;
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| ParseError::new(byte_of(text, error.pos()), "not well-formed XML"))?;
    Ok(Data::List(content(document.root(), text, false, 0)?))
}

fn byte_of(text: &str, at: roxmltree::TextPos) -> usize {
    let lines = text
        .split_inclusive('\n')
        .take((at.row as usize).saturating_sub(1));
    lines.map(str::len).sum::<usize>() + (at.col as usize).saturating_sub(1)
}

fn content(parent: Node<'_, '_>, text: &str, preserve: bool, depth: usize) -> Result<Vec<Item>, ParseError> {
    if depth >= DEPTH {
        return Err(ParseError::new(parent.range().start, "nested too deeply"));
    }
    let mut items = Vec::new();
    for node in parent.children() {
        let data = match node.node_type() {
            NodeType::Element => element_data(node, text, preserve, depth)?,
            NodeType::Text => match meaning(node.text().unwrap_or_default(), preserve) {
                Some(text) => Data::Scalar(text),
                None => continue,
            },
            NodeType::PI => {
                let pi = node
                    .pi()
                    .map(|pi| (format!("?{}", pi.target), pi.value.unwrap_or_default().to_owned()));
                let (target, value) = pi.unwrap_or_default();
                Data::Map(BTreeMap::from([(target, Data::Scalar(value))]))
            }
            NodeType::Root | NodeType::Comment => continue,
        };
        items.push(Item::from(data));
    }
    Ok(items)
}

/// The element's name, attributes and content.
fn element_data(node: Node<'_, '_>, text: &str, preserve: bool, depth: usize) -> Result<Data, ParseError> {
    let raw = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let end = node
        .first_child()
        .map_or(node.range().end, |child| child.range().start);
    let tag = raw(node.range().start + 1..end);
    let name = tag
        .split(|c| is_space(c) || matches!(c, '/' | '>'))
        .next()
        .unwrap_or_default();
    let mut attributes = BTreeMap::new();
    for attribute in node.attributes() {
        let quoted = raw(attribute.range_value());
        let value = text::attribute(quoted).unwrap_or_default().into_owned();
        attributes.insert(raw(attribute.range_qname()).to_owned(), Data::Scalar(value));
    }
    attributes.extend(declared(node, tag));
    let preserve = match node.attribute((XML, "space")) {
        Some(space) => space == "preserve",
        None => preserve,
    };
    let content = content(node, text, preserve, depth + 1)?;
    let parts = [
        Data::Scalar(name.to_owned()),
        Data::Map(attributes),
        Data::List(content),
    ];
    let part = |(id, data): (&str, Data)| Item {
        id: Some(id.to_owned()),
        data,
    };
    Ok(Data::List(PARTS.into_iter().zip(parts).map(part).collect()))
}

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// The namespaces that an element declares and its parent does not have.
fn declared(node: Node<'_, '_>, tag: &str) -> Vec<(String, Data)> {
    if !tag.contains("xmlns") {
        return Vec::new();
    }
    let outer = node.parent_element();
    let is_new = |name, uri| outer.is_none_or(|outer| outer.lookup_namespace_uri(name) != Some(uri));
    let own = node
        .namespaces()
        .filter(|namespace| is_new(namespace.name(), namespace.uri()));
    let named = |name: Option<&str>| name.map_or("xmlns".to_owned(), |name| format!("xmlns:{name}"));
    own.map(|namespace| (named(namespace.name()), Data::Scalar(namespace.uri().to_owned())))
        .collect()
}

/// What a text says; `None` if it is only layout.
fn meaning(text: &str, preserve: bool) -> Option<String> {
    if preserve {
        return Some(text.to_owned());
    }
    let (before, rest) = text.split_at(text.len() - text.trim_start_matches(is_space).len());
    let (trimmed, after) = rest.split_at(rest.trim_end_matches(is_space).len());
    if trimmed.is_empty() {
        return None;
    }
    let kept = |space: &str| if space.contains(['\n', '\r']) { "" } else { space }.to_owned();
    Some(kept(before) + &text::folded(trimmed) + &kept(after))
}

/// An element's name, attributes and content.
pub fn element(data: &Data) -> Option<(&str, &BTreeMap<String, Data>, &[Item])> {
    let Data::List(parts) = data else { return None };
    let [name, attributes, content] = parts.as_slice() else {
        return None;
    };
    match (&name.data, &attributes.data, &content.data) {
        (Data::Scalar(name), Data::Map(attributes), Data::List(content)) => Some((name, attributes, content)),
        _ => None,
    }
}

/// The content of an element, to be named.
pub fn content_mut(data: &mut Data) -> Option<&mut Vec<Item>> {
    match data {
        Data::List(parts) => match parts.last_mut() {
            Some(Item {
                data: Data::List(content),
                ..
            }) => Some(content),
            _ => None,
        },
        _ => None,
    }
}

/// What is no element: an instruction's target and value, or a text.
pub fn text(data: &Data) -> (&str, &str) {
    match (data, only(data)) {
        (Data::Scalar(text), _) => (TEXT, text),
        (_, Some((target, Data::Scalar(value)))) => (target, value),
        _ => (TEXT, ""),
    }
}

fn only(data: &Data) -> Option<(&str, &Data)> {
    match data {
        Data::Map(map) => map.iter().next().map(|(name, data)| (name.as_str(), data)),
        _ => None,
    }
}
