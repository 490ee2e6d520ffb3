//! A node with what is derived from it.

use super::super::align::Interner;
use super::super::node::{Key, List, Node, Order, Part};

/// Numbers for meanings: equal exactly for nodes that say the same, comments and layout apart.
pub(super) type Meanings<'t> = Interner<Meaning<'t>>;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Meaning<'t>(&'t Key, Vec<PartMeaning<'t>>);

#[derive(Debug, PartialEq, Eq, Hash)]
enum PartMeaning<'t> {
    Value(&'t str),
    List(Vec<u32>),
}

/// A node with what is derived from it.
#[derive(Debug)]
pub(super) struct View<'t, 's> {
    pub(super) node: &'t Node<'s>,
    pub(super) meaning: u32,
    lists: Vec<ListView<'t, 's>>,
}

/// The children of a node.
#[derive(Debug)]
pub(super) struct ListView<'t, 's> {
    pub(super) list: &'t List<'s>,
    pub(super) views: Vec<View<'t, 's>>,
}

impl<'t, 's> View<'t, 's> {
    pub(super) fn new(node: &'t Node<'s>, meanings: &mut Meanings<'t>) -> Self {
        let mut lists = Vec::new();
        let mut parts = Vec::new();
        for part in &node.parts {
            match part {
                Part::Syntax(_) => {}
                Part::Value(value) => parts.push(PartMeaning::Value(&value.meaning)),
                Part::List(list) => {
                    let views: Vec<Self> = list.nodes.iter().map(|node| View::new(node, meanings)).collect();
                    let mut ids: Vec<u32> = views.iter().map(|view| view.meaning).collect();
                    if list.order == Order::Free {
                        ids.sort_unstable();
                    }
                    parts.push(PartMeaning::List(ids));
                    lists.push(ListView { list, views });
                }
            }
        }
        let meaning = meanings.id(Meaning(&node.key, parts));
        Self { node, meaning, lists }
    }

    /// Its parts are of the same kinds.
    pub(super) fn is_like(&self, other: &View<'_, '_>) -> bool {
        let kinds = |node: &Node<'_>| {
            node.parts
                .iter()
                .map(std::mem::discriminant)
                .map(|kind| format!("{kind:?}"))
                .collect::<Vec<_>>()
        };
        kinds(self.node) == kinds(other.node)
    }

    pub(super) fn list(&self, number: usize) -> Option<&ListView<'t, 's>> {
        self.lists.get(number)
    }
}
