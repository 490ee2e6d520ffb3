//! A node with what is derived from it.

use std::borrow::Cow;

use super::super::align::Interner;
use super::super::node::{Key, List, Node, Order, Part};

/// Numbers for nodes: equal exactly for nodes that say the same, and for bodies that are written the same.
#[derive(Debug, Default)]
pub(super) struct Numbers<'a> {
    meanings: Interner<Meaning<'a>>,
    bodies: Interner<Vec<Span<'a>>>,
    /// How many characters of its last line were read.
    column: usize,
}

impl Numbers<'_> {
    fn read(&mut self, text: &str) {
        match text.rfind('\n') {
            Some(end) => self.column = text[end + 1..].chars().count(),
            None => self.column += text.chars().count(),
        }
    }

    /// The indentation of what begins a line.
    fn indent<'a>(&self, lead: &'a str) -> Option<&'a str> {
        let indent = match lead.rfind('\n') {
            Some(at) => lead.get(at + 1..)?,
            None if self.column > 0 => return None,
            None => lead,
        };
        indent.chars().all(|c| c == ' ' || c == '\t').then_some(indent)
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Meaning<'a>(&'a Key, Vec<Said<'a>>);

#[derive(Debug, PartialEq, Eq, Hash)]
enum Said<'a> {
    Value(&'a str),
    List(Vec<u32>),
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Span<'a> {
    Text(&'a str),
    Child([&'a str; 3], u32),
}

/// A node with what is derived from it.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) node: &'a Node<'a>,
    /// Equal for nodes that say the same, comments and layout apart.
    pub(super) meaning: u32,
    /// Equal for nodes whose bodies are written the same.
    pub(super) body: u32,
    /// Its indentation, if it begins a line.
    pub(super) indent: Option<&'a str>,
    /// Whether what stands before it begins within a line.
    pub(super) continues_line: bool,
    /// How far from its line's beginning it stands.
    column: usize,
    /// Whether it ends a line.
    pub(super) ends_line: bool,
    lists: Vec<ListView<'a>>,
}

/// The children of a node.
#[derive(Debug)]
pub(super) struct ListView<'a> {
    pub(super) list: &'a List<'a>,
    pub(super) views: Vec<View<'a>>,
}

impl<'a> View<'a> {
    /// The view of a document.
    pub(super) fn of(document: &'a Node<'a>, numbers: &mut Numbers<'a>) -> Self {
        numbers.column = 0;
        Self::new(document, numbers)
    }

    fn new(node: &'a Node<'a>, numbers: &mut Numbers<'a>) -> Self {
        let continues_line = numbers.column > 0;
        let indent = numbers.indent(node.lead);
        numbers.read(node.lead);
        let column = numbers.column;
        let mut lists = Vec::new();
        let mut said = Vec::new();
        let mut spans = Vec::new();
        for part in &node.parts {
            match part {
                Part::Syntax(text) => {
                    numbers.read(text);
                    spans.push(Span::Text(text));
                }
                Part::Value(value) => {
                    numbers.read(value.text);
                    said.push(Said::Value(&value.meaning));
                    spans.push(Span::Text(value.text));
                }
                Part::List(list) => {
                    let view = ListView::new(list, numbers);
                    said.push(Said::List(view.meanings()));
                    spans.extend(view.views.iter().map(View::span));
                    spans.push(Span::Text(list.close));
                    numbers.read(list.close);
                    lists.push(view);
                }
            }
        }
        let meaning = numbers.meanings.id(Meaning(&node.key, said));
        let body = numbers.bodies.id(spans);
        numbers.read(node.separator);
        numbers.read(node.trail);
        Self {
            node,
            meaning,
            body,
            indent,
            continues_line,
            column,
            ends_line: numbers.column == 0,
            lists,
        }
    }

    fn span(&self) -> Span<'a> {
        let Node {
            lead,
            separator,
            trail,
            ..
        } = self.node;
        Span::Child([lead, separator, trail], self.body)
    }

    /// Whether its parts are of the same kinds, and its lists are.
    pub(super) fn is_like(&self, other: &View<'_>) -> bool {
        let kind = |part: &Part<'_>| match part {
            Part::Syntax(_) => (0, None),
            Part::Value(_) => (1, None),
            Part::List(list) => (2, Some((list.order, list.separator))),
        };
        let mine = self.node.parts.iter().map(kind);
        mine.eq(other.node.parts.iter().map(kind))
    }

    /// How deep one level is indented: the first child that stands deeper than its parent tells. 0 if none does.
    pub(super) fn step(&self) -> usize {
        let children = || self.lists.iter().flat_map(|list| &list.views);
        let deeper = |child: &View<'_>| {
            let step = child.indent?.len().checked_sub(self.indent?.len())?;
            Some(step).filter(|step| *step > 0)
        };
        let below = |child: &View<'_>| Some(child.step()).filter(|step| *step > 0);
        let found = children().find_map(deeper).or_else(|| children().find_map(below));
        found.unwrap_or(0)
    }

    /// Its lists.
    pub(super) fn lists(&self) -> impl Iterator<Item = &ListView<'a>> {
        self.lists.iter()
    }

    /// One of its lists.
    pub(super) fn list(&self, number: usize) -> Option<&ListView<'a>> {
        self.lists.get(number)
    }
}

impl<'a> ListView<'a> {
    fn new(list: &'a List<'a>, numbers: &mut Numbers<'a>) -> Self {
        let views = list.nodes.iter().map(|node| View::new(node, numbers)).collect();
        Self { list, views }
    }

    /// The indentation of its children that begin lines, or would.
    pub(super) fn indent(&self) -> Option<Cow<'a, str>> {
        if !self.opens_within_line() {
            return self.views.first()?.indent.map(Cow::Borrowed);
        }
        let indent = self.views.iter().find_map(|view| view.indent).map(Cow::Borrowed);
        indent.or_else(|| Some(" ".repeat(self.views.first()?.column).into()))
    }

    /// Whether the first child stands on the line that opens the list and the others below it, as in YAML's
    /// `- name: value`.
    pub(super) fn opens_within_line(&self) -> bool {
        self.views
            .first()
            .is_some_and(|first| first.indent.is_none() && first.ends_line)
    }

    fn meanings(&self) -> Vec<u32> {
        let mut ids: Vec<u32> = self.views.iter().map(|view| view.meaning).collect();
        if self.list.order == Order::Free {
            ids.sort_unstable();
        }
        ids
    }
}
