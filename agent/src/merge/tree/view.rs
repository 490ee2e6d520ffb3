//! A node with what is derived from it.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use super::super::node::{List, Node, Order, Part};

/// Reads documents into views that can be compared with each other.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// What hashes are made with. No file can bring about that two things have the same one: it differs each time.
    state: RandomState,
    /// How many characters of its last line were read.
    column: usize,
}

impl Reader {
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

/// A node with what is derived from it.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) node: &'a Node<'a>,
    /// A hash of what the node says, comments and layout apart.
    pub(super) meaning: u64,
    /// A hash of how its body is written.
    pub(super) body: u64,
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
    pub(super) fn of(document: &'a Node<'a>, reader: &mut Reader) -> Self {
        reader.column = 0;
        Self::new(document, reader)
    }

    fn new(node: &'a Node<'a>, reader: &mut Reader) -> Self {
        let continues_line = reader.column > 0;
        let indent = reader.indent(node.lead);
        reader.read(node.lead);
        let column = reader.column;
        let mut lists = Vec::new();
        let (mut meaning, mut body) = (reader.state.build_hasher(), reader.state.build_hasher());
        node.key.hash(&mut meaning);
        for part in &node.parts {
            match part {
                Part::Syntax(text) => {
                    reader.read(text);
                    text.hash(&mut body);
                }
                Part::Value(value) => {
                    reader.read(value.text);
                    value.meaning.hash(&mut meaning);
                    value.text.hash(&mut body);
                }
                Part::List(list) => {
                    let view = ListView::new(list, reader);
                    (list.order, view.meanings()).hash(&mut meaning);
                    view.views.iter().for_each(|child| child.hash_text(&mut body));
                    list.close.hash(&mut body);
                    reader.read(list.close);
                    lists.push(view);
                }
            }
        }
        reader.read(node.separator);
        reader.read(node.trail);
        Self {
            node,
            meaning: meaning.finish(),
            body: body.finish(),
            indent,
            continues_line,
            column,
            ends_line: reader.column == 0,
            lists,
        }
    }

    fn hash_text(&self, hasher: &mut impl Hasher) {
        let Node {
            lead,
            separator,
            trail,
            ..
        } = self.node;
        (lead, self.body, separator, trail).hash(hasher);
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
    fn new(list: &'a List<'a>, reader: &mut Reader) -> Self {
        let views = list.nodes.iter().map(|node| View::new(node, reader)).collect();
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

    fn meanings(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.views.iter().map(|view| view.meaning).collect();
        if self.list.order == Order::Free {
            ids.sort_unstable();
        }
        ids
    }
}
