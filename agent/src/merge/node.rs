//! What every structured format is parsed into: a tree of spans of its own text. Nothing is lost: the document's text is
//! the concatenation of all spans in order, so that a tree that was not changed is written back byte for byte.
//!
//! A node is one thing that has an identity among its siblings: a key with its value, a table, an element, an attribute,
//! a list item. [`tree`](super::tree) merges three such trees; the formats only say what is where.
//!
//! Whole lines work best: a node's `lead` ends with its own line's indentation, its `trail` with the end of its last line
//! (where nothing else stands on that line), and the syntax that opens a list takes the rest of its line with it.

use std::borrow::Cow;

/// How deep nodes may nest; a parser refuses what is deeper.
pub const DEPTH: usize = 128;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// By name; their order means nothing (though it is kept).
    Free,
    /// By name where they have one; their order means something.
    Kept,
    /// By name where they have one: then their order means nothing, but that of those without a name does.
    Loose,
}

/// The children of a node.
#[derive(Debug, Clone)]
pub struct List<'s> {
    /// How they are matched and ordered.
    pub order: Order,
    /// What must stand between two children, such as `,`; empty where nothing must. A separator after the last child is
    /// kept as the operator has it.
    pub separator: &'static str,
    /// The children.
    pub nodes: Vec<Node<'s>>,
    /// What stands between the last child and what closes the list: comments, blank lines, indentation.
    pub close: &'s str,
}

impl<'s> Node<'s> {
    /// Every span, in order: its text is their concatenation.
    pub fn spans(&self, visit: &mut impl FnMut(&'s str)) {
        visit(self.lead);
        self.body_spans(visit);
        visit(self.separator);
        visit(self.trail);
    }

    fn body_spans(&self, visit: &mut impl FnMut(&'s str)) {
        for part in &self.parts {
            match part {
                Part::Syntax(text) => visit(text),
                Part::Value(value) => visit(value.text),
                Part::List(list) => {
                    list.nodes.iter().for_each(|node| node.spans(visit));
                    visit(list.close);
                }
            }
        }
    }

    /// Its whole text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.spans(&mut |span| text.push_str(span));
        text
    }

    /// Its text without what stands before and after it.
    pub fn body(&self) -> String {
        let mut text = String::new();
        self.body_spans(&mut |span| text.push_str(span));
        text
    }

    /// The children of its first list, if it has one.
    pub fn children(&self) -> &[Node<'s>] {
        let list = self.parts.iter().find_map(|part| match part {
            Part::List(list) => Some(list.nodes.as_slice()),
            _ => None,
        });
        list.unwrap_or_default()
    }

    /// What it means if it is a plain value: it has exactly one value and no list.
    pub fn scalar(&self) -> Option<&str> {
        let mut found = None;
        for part in &self.parts {
            match part {
                Part::Syntax(_) => {}
                Part::Value(value) if found.is_none() => found = Some(value.meaning.as_ref()),
                Part::Value(_) | Part::List(_) => return None,
            }
        }
        found
    }
}
