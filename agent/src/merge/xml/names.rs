//! Names for what is the same on all three sides: found in what the documents say, and given to their trees.

use std::collections::HashMap;

use super::super::node::{Key, Node, Part};
use super::super::value::{Data, Item};
use super::matching::{self, Names};
use super::shape::{Shape, Shapes};
use super::{TEXT, data};

/// Names the elements of what three documents say: those that are the same one get the same name.
pub fn name_data(sides: [&mut Data; 3]) {
    let names = {
        let shapes = Shapes::default();
        let sides = sides.each_ref().map(|data| match data {
            Data::List(items) => items.iter().map(|item| shapes.of(item)).collect(),
            _ => Vec::new(),
        });
        matching::names(
            &shapes,
            sides.each_ref().map(|side: &Vec<Shape<'_>>| side.as_slice()),
        )
    };
    for (data, names) in sides.into_iter().zip(names) {
        if let Data::List(items) = data {
            apply(items, names);
        }
    }
}

fn apply(items: &mut [Item], names: Vec<Names>) {
    for (item, names) in items.iter_mut().zip(names) {
        item.id = names.name;
        if let Some(content) = data::content_mut(&mut item.data) {
            apply(content, names.children);
        }
    }
}

/// Gives the elements of a tree the names that they have in what the document says, and paths that a person can follow.
pub fn name_nodes(document: &mut Node<'_>, data: &Data) {
    if let (Some(Part::List(list)), Data::List(items)) = (document.parts.last_mut(), data) {
        let is_said = |node: &&mut Node<'_>| !matches!(&node.key, Key::Named(name) if data::IS_UNSAID.contains(&name.as_str()));
        let nodes = list.nodes.iter_mut().filter(is_said).collect();
        name_content(nodes, items, "");
    }
}

fn name_content(nodes: Vec<&mut Node<'_>>, items: &[Item], path: &str) {
    if items.iter().all(|item| item.id.is_none()) {
        for node in nodes {
            node.key = Key::Item;
            if node.label == TEXT {
                node.label = path.to_owned();
            }
        }
        return;
    }
    // What is kept as it stands has pieces that the tree does not have.
    let is_whole = nodes.len() == items.len();
    let mut numbers = Numbers::new(&nodes);
    for (at, node) in nodes.into_iter().enumerate() {
        let item = items.get(at).filter(|_| is_whole);
        if let Some(item) = item {
            node.key = item.id.clone().map_or(Key::Item, Key::Named);
        }
        node.label = match (numbers.next(&node.label), id(&node.key)) {
            _ if node.label == TEXT => path.to_owned(),
            (_, Some(id)) => format!("{path}/{}[{id}]", node.label),
            (Some(number), None) => format!("{path}/{}[{number}]", node.label),
            (None, None) => format!("{path}/{}", node.label),
        };
        let mut lists = node.parts.iter_mut().filter_map(|part| match part {
            Part::List(list) => Some(&mut list.nodes),
            _ => None,
        });
        for attribute in lists.next().into_iter().flatten() {
            attribute.label = format!("{}/{}", node.label, attribute.label);
        }
        let content = item.and_then(|item| data::element(&item.data));
        if let (Some(nodes), Some((_, _, items))) = (lists.next(), content) {
            name_content(nodes.iter_mut().collect(), items, &node.label);
        }
    }
}

/// The id in an element's name.
fn id(key: &Key) -> Option<&str> {
    match key {
        Key::Named(name) => matching::id(name),
        Key::Item => None,
    }
}

/// Numbers elements of the same tag, where there are several.
struct Numbers(HashMap<String, (usize, usize)>);

impl Numbers {
    fn new(nodes: &[&mut Node<'_>]) -> Self {
        let mut counts: HashMap<String, (usize, usize)> = HashMap::new();
        nodes
            .iter()
            .for_each(|node| counts.entry(node.label.clone()).or_default().1 += 1);
        Self(counts)
    }

    fn next(&mut self, tag: &str) -> Option<usize> {
        let (number, total) = self.0.get_mut(tag)?;
        *number += 1;
        (*total > 1).then_some(*number)
    }
}
