//! A tag: its name and attributes, with what stands between them.

use super::super::node::{Key, List, Node, Order, Part, Value};
use super::text::{self, is_space};

/// A tag's name and attributes.
pub(super) struct Tag<'s> {
    pub(super) name: &'s str,
    pub(super) attributes: List<'s>,
}

/// The parts of a tag as it stands, from `<` to `>`; `None` for what no reader accepts.
pub(super) fn parts(tag: &str) -> Option<Tag<'_>> {
    let inner = tag.strip_prefix('<')?.strip_suffix('>')?;
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let end = inner.find(is_space).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let attributes = attributes(rest)?;
    Some(Tag { name, attributes })
}

fn attributes(mut rest: &str) -> Option<List<'_>> {
    let mut nodes = Vec::new();
    loop {
        let body = rest.trim_start_matches(is_space);
        let lead = &rest[..rest.len() - body.len()];
        if body.is_empty() {
            return Some(List {
                order: Order::Free,
                separator: "",
                nodes,
                close: lead,
            });
        }
        let (name, _) = body.split_once('=')?;
        let value = body[name.len() + 1..].trim_start_matches(is_space);
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (raw, after) = value[1..].split_once(quote)?;
        let (syntax, text) = (&body[..body.len() - value.len()], &value[..raw.len() + 2]);
        let value = Value {
            text,
            meaning: text::attribute(raw)?,
            verbatim: false,
        };
        nodes.push(attribute(name.trim_end_matches(is_space), lead, syntax, value));
        rest = after;
    }
}

fn attribute<'s>(name: &str, lead: &'s str, syntax: &'s str, value: Value<'s>) -> Node<'s> {
    Node {
        key: Key::Named(name.to_owned()),
        label: format!("@{name}"),
        lead,
        parts: vec![Part::Syntax(syntax), Part::Value(value)],
        separator: "",
        trail: "",
    }
}

/// Whether an attribute says that white space in the element is a part of its text.
pub(super) fn preserves_space(attribute: &Node<'_>) -> bool {
    attribute.key == Key::Named("xml:space".to_owned()) && attribute.scalar() == Some("preserve")
}
