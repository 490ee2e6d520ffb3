//! What every structured format is parsed into: a tree of spans of its own text. Nothing is lost: the document's text is
//! the concatenation of all spans in order, so that a tree that was not changed is written back byte for byte.
//!
//! A node is one thing that has an identity among its siblings: a key with its value, a table, an element, an attribute,
//! a list item. [`tree`](super::tree) merges three such trees; the formats only say what is where.

use std::borrow::Cow;

/// Who a node is among its siblings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A name that is unique among its siblings: a key, an attribute, a table's path, an element with its id.
    Named(String),
    /// An item of a sequence, known only by its place and its content.
    Item,
}

/// One thing in a document.
#[derive(Debug, Clone)]
pub struct Node<'s> {
    /// Who it is among its siblings.
    pub key: Key,
    /// What a person calls it, for reports: `server.port`, `<Connector port="9443">`.
    pub label: String,
    /// What stands before it and belongs to it: blank lines, comments, the line's indentation.
    pub lead: &'s str,
    /// Its own text, in order.
    pub parts: Vec<Part<'s>>,
    /// The separator after it (a comma with the space before it), where the format has one and it is there.
    pub separator: &'s str,
    /// What stands after it on its line and belongs to it: spaces, a comment, the line's end where it has one of its own.
    pub trail: &'s str,
}

/// A piece of a node.
#[derive(Debug, Clone)]
pub enum Part<'s> {
    /// Syntax without data of its own: `key = `, `<tag`, `{`, `</tag>`.
    Syntax(&'s str),
    /// A value that is merged as a whole.
    Value(Value<'s>),
    /// Children.
    List(List<'s>),
}

/// A value that is merged as a whole.
#[derive(Debug, Clone)]
pub struct Value<'s> {
    /// As it is written.
    pub text: &'s str,
    /// What it means, in a form that is equal exactly for values of the same meaning: `0x10` and `16` in TOML.
    pub meaning: Cow<'s, str>,
    /// Its lines must not be indented anew: they are part of the value.
    pub verbatim: bool,
}

/// How children are matched and ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By name; their order means nothing (though it is kept).
    Free,
    /// By name where they have one; their order means something.
    Kept,
}

/// The children of a node.
#[derive(Debug, Clone)]
pub struct List<'s> {
    /// How they are matched and ordered.
    pub order: Order,
    /// The children.
    pub nodes: Vec<Node<'s>>,
    /// What stands between the last child and what closes the list: comments, blank lines, indentation.
    pub close: &'s str,
}
