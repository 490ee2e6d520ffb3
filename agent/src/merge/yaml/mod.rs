//! YAML: read by a parser that says where everything is, and, for what it says, by libyaml as well.

mod ast;
mod data;
pub(super) mod edit;
mod flow;
mod gap;
mod scalar;
mod spans;

use std::borrow::Cow;

use super::ParseError;
use super::node::Node;
use super::value::Data;
use ast::{Content, Document, Located};
use granit_parser::ScalarStyle;
use scalar::canonical;

/// Reads all documents of a text.
///
/// # Errors
/// If it is not YAML, nests deeper than [`super::node::DEPTH`], or defines an anchor twice.
pub fn parse(text: &str) -> Result<Node<'_>, ParseError> {
    let documents = ast::read(text)?;
    spans::Cutter { text, at: 0 }.root(&documents)
}

/// What it says: a list of its documents.
///
/// # Errors
/// As [`parse`], and if it has a key twice, expands to very much, or if two readers of YAML disagree on it.
pub fn data(text: &str) -> Result<Data, ParseError> {
    data::data(text, &ast::read(text)?)
}

/// What tells the documents of a text apart: the kind and name of a Kubernetes object. One document alone needs no name.
fn names(documents: &[Document<'_>]) -> Vec<Option<String>> {
    let name = |document: &Document<'_>| {
        let kind = field(&document.root, "kind").and_then(text)?;
        let metadata = field(&document.root, "metadata")?;
        let namespace = field(metadata, "namespace").and_then(text).unwrap_or_default();
        Some(format!(
            "{kind} {namespace}/{}",
            field(metadata, "name").and_then(text)?
        ))
    };
    documents
        .iter()
        .map(|document| if documents.len() > 1 { name(document) } else { None })
        .collect()
}

/// Whether a map merges more than one other map by keys of their own: `<<: *a` and `<<: *b`.
fn merges_many(entries: &[(Located<'_>, Located<'_>)]) -> bool {
    entries.iter().filter(|(key, _)| is_merge(key)).count() > 1
}

fn is_merge(key: &Located<'_>) -> bool {
    matches!(&key.content, Content::Scalar(text, ScalarStyle::Plain) if text == "<<")
}

/// What tells the entries of a map apart: their keys, but of several maps merged into it what they are.
fn keys(entries: &[(Located<'_>, Located<'_>)]) -> Vec<String> {
    let many = merges_many(entries);
    let name = |(key, value): &(Located<'_>, Located<'_>)| {
        let name = canonical(key);
        if many && is_merge(key) {
            format!("{name} {}", canonical(value))
        } else {
            name.into_owned()
        }
    };
    entries.iter().map(name).collect()
}

fn field<'a, 's>(node: &'a Located<'s>, name: &str) -> Option<&'a Located<'s>> {
    let Content::Map(_, entries) = &node.content else {
        return None;
    };
    entries
        .iter()
        .find(|(key, _)| text(key).as_deref() == Some(name))
        .map(|(_, value)| value)
}

fn text<'a>(node: &'a Located<'_>) -> Option<Cow<'a, str>> {
    matches!(node.content, Content::Scalar(..)).then(|| canonical(node))
}
