//! From the tables one after another to the tables in each other.

use std::collections::HashSet;
use std::iter::Peekable;
use std::vec::IntoIter;

use super::reader::{Section, join, list, node};
use crate::merge::ParseError;
use crate::merge::node::{Key, List, Node, Order, Part};

/// Keys that name an element among all tables.
const NAMES: [&str; 4] = ["id", "name", "key", "uuid"];

type Sections<'s> = Peekable<IntoIter<Section<'s>>>;

/// Puts the elements of arrays of tables into lists, and sub-tables into the element that they follow.
pub fn nest(sections: Vec<Section<'_>>) -> Result<List<'_>, ParseError> {
    below(&[], &mut sections.into_iter().peekable())
}

/// The tables below a path. Recurses no deeper than the longest path.
fn below<'s>(path: &[String], sections: &mut Sections<'s>) -> Result<List<'s>, ParseError> {
    let inside = |section: &Section| section.path.len() > path.len() && section.path.starts_with(path);
    let mut nodes = Vec::new();
    let mut arrays = HashSet::new();
    let mut stray = HashSet::new();
    while let Some(section) = sections.next_if(inside) {
        let name = join(&section.path);
        if !section.array {
            nodes.push(table(&name, section));
        } else if arrays.insert(name.clone()) {
            nodes.push(array(name, section, sections)?);
        } else {
            let mut element = element(section, sections)?;
            element.key = match own_name(&name, &element) {
                Some(name) if stray.insert(name.clone()) => Key::Named(name),
                _ => Key::Item,
            };
            nodes.push(element);
        }
    }
    list(Order::Free, "", nodes, "")
}

fn table<'s>(name: &str, section: Section<'s>) -> Node<'s> {
    let parts = vec![Part::Syntax(section.head), Part::List(section.keys)];
    let mut node = node(Key::Named(format!("[{name}]")), section.label, parts);
    node.lead = section.lead;
    node
}

/// The first elements of an array, one after another. Those that come later, after other tables, are siblings of these.
fn array<'s>(name: String, first: Section<'s>, sections: &mut Sections<'s>) -> Result<Node<'s>, ParseError> {
    let path = first.path.clone();
    let mut elements = Vec::new();
    let mut next = Some(first);
    while let Some(section) = next {
        elements.push(element(section, sections)?);
        next = sections.next_if(|section| section.array && section.path == path);
    }
    let elements = list(Order::Kept, "", elements, "")?;
    let key = Key::Named(format!("[[{name}]]"));
    Ok(node(key, name, vec![Part::List(elements)]))
}

fn element<'s>(section: Section<'s>, sections: &mut Sections<'s>) -> Result<Node<'s>, ParseError> {
    let tables = below(&section.path, sections)?;
    let parts = vec![
        Part::Syntax(section.head),
        Part::List(section.keys),
        Part::List(tables),
    ];
    let mut element = node(Key::Item, section.label, parts);
    element.lead = section.lead;
    Ok(element)
}

/// The name of an element among all tables, if it has a key that names it.
fn own_name(array: &str, element: &Node<'_>) -> Option<String> {
    let field = |key: &str| {
        let is_key = |child: &&Node<'_>| matches!(&child.key, Key::Named(name) if name == key);
        element.children().iter().find(is_key).and_then(Node::scalar)
    };
    let (key, value) = NAMES.into_iter().find_map(|key| Some((key, field(key)?)))?;
    Some(format!("[[{array}]] {key} = {value}"))
}
