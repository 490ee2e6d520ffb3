//! What a list is merged by: its nodes and, where their order means nothing, also the lines of comments between them.

use std::collections::HashMap;

use super::super::align::{self, Token};
use super::super::identity::{self, Fields};
use super::super::node::{Key, Node, Order};
use super::view::{ListView, View};

/// How many lines before a node are looked at one by one.
const MOST: usize = 1000;

/// A node, or a line between nodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit<'a> {
    /// What stands before the node, or the line.
    pub(super) lead: &'a str,
    /// The node.
    pub(super) view: Option<&'a View<'a>>,
}

/// The units of a list, and what stands before the text that closes it.
pub(super) fn of<'a>(list: &'a ListView<'a>) -> (Vec<Unit<'a>>, &'a str) {
    let mut units = Vec::with_capacity(list.views.len());
    for view in &list.views {
        let (lines, indent) = split(list, view.node.lead, view.continues_line);
        units.extend(lines.map(|lead| Unit { lead, view: None }));
        units.push(Unit {
            lead: indent,
            view: Some(view),
        });
    }
    let continues_line = list
        .views
        .last()
        .is_some_and(|last| last.continues_line && last.node.trail.is_empty());
    let (lines, close) = split(list, list.list.close, continues_line);
    units.extend(lines.map(|lead| Unit { lead, view: None }));
    (units, close)
}

/// The lines that are units of their own, and the rest.
fn split<'a>(
    list: &ListView<'_>,
    lead: &'a str,
    continues_line: bool,
) -> (impl Iterator<Item = &'a str>, &'a str) {
    let at = match list.list.order {
        Order::Free if continues_line => 0,
        Order::Free => lead.rfind('\n').map_or(0, |at| at + 1),
        Order::Kept | Order::Loose => 0,
    };
    let (lines, rest) = lead.split_at(at);
    // A comment of several lines must not be taken apart.
    let whole = ["/*", "<!--"].iter().any(|start| lines.contains(start));
    let pieces: Vec<&str> = lines.split_inclusive('\n').take(MOST + 1).collect();
    let pieces = if whole || pieces.len() > MOST {
        vec![lines]
    } else {
        pieces
    };
    (pieces.into_iter(), rest)
}

/// What the units are recognised by.
pub(super) fn tokens<'a>(order: Order, sides: [&[Unit<'a>]; 3]) -> [Vec<Token>; 3] {
    let key = match order {
        Order::Free | Order::Loose => None,
        Order::Kept => identity::common(sides),
    };
    let mut names = align::Interner::default();
    let mut contents = Contents::default();
    let mut tokens = sides.map(|units| {
        let token = |(unit, named): (&Unit<'a>, Option<Occurrence<'a>>)| {
            // Where names alone count, the second of a name is another one than the first.
            let number = |number| if order == Order::Free { number } else { 0 };
            let name = match named {
                Some((name, at)) => Some((name, number(at))),
                None => key.as_deref().and_then(|key| Some((unit.field(key)?, 0))),
            };
            match name {
                Some(name) => Token::Named(names.id(name)),
                None => Token::Content(contents.id(unit)),
            }
        };
        units
            .iter()
            .zip(occurrences(units))
            .map(token)
            .collect::<Vec<_>>()
    });
    align::demote_duplicates(&mut tokens, |side, at| {
        sides[side].get(at).map_or(0, |unit| contents.id(unit))
    });
    tokens
}

/// A name, and how many units of that name stand before it.
pub(super) type Occurrence<'a> = (&'a str, usize);

/// The names that units have by themselves.
pub(super) fn occurrences<'a>(units: &[Unit<'a>]) -> Vec<Option<Occurrence<'a>>> {
    let mut before: HashMap<&str, usize> = HashMap::new();
    let occurrence = |unit: &Unit<'a>| {
        let Key::Named(name) = &unit.view?.node.key else {
            return None;
        };
        let count = before.entry(name).or_default();
        *count += 1;
        Some((name.as_str(), *count - 1))
    };
    units.iter().map(occurrence).collect()
}

/// Numbers for the content of units: lines by their text, nodes by their meaning.
#[derive(Default)]
struct Contents {
    lines: HashMap<String, u32>,
    nodes: HashMap<u64, u32>,
}

impl Contents {
    fn id(&mut self, unit: &Unit<'_>) -> u32 {
        let next = u32::try_from(self.lines.len() + self.nodes.len() + 1).unwrap_or(u32::MAX);
        match unit.view {
            Some(view) => *self.nodes.entry(view.meaning).or_insert(next),
            None if unit.is_blank() => align::BLANK,
            None => *self.lines.entry(unit.lead.trim().to_owned()).or_insert(next),
        }
    }
}

impl<'a> Fields<'a> for Unit<'a> {
    fn field(&self, key: &str) -> Option<&'a str> {
        let named = |child: &&Node<'_>| matches!(&child.key, Key::Named(name) if name == key);
        self.map()?.iter().find(named)?.scalar()
    }

    fn keys(&self) -> Option<Vec<&'a str>> {
        let name = |child: &'a Node<'a>| match &child.key {
            Key::Named(name) => Some(name.as_str()),
            Key::Item => None,
        };
        Some(self.map()?.iter().filter_map(name).collect())
    }
}

impl<'a> Unit<'a> {
    /// It is a blank line.
    pub(super) fn is_blank(&self) -> bool {
        self.view.is_none() && self.lead.trim().is_empty()
    }

    /// The children of an item that is a map.
    fn map(&self) -> Option<&'a [Node<'a>]> {
        let view = self.view.filter(|view| view.node.key == Key::Item)?;
        let list = view.list(0).filter(|list| list.list.order == Order::Free)?;
        Some(&list.list.nodes)
    }
}
