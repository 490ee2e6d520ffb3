//! From the events of `toml_parser` to nodes. Trivia is what lies between the events that carry data.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use toml_parser::Source;
use toml_parser::parser::{Event, EventKind, RecursionGuard, ValidateWhitespace, parse_document};

use super::scalar;
use crate::merge::ParseError;
use crate::merge::node::{Key, List, Node, Order, Part, Value};

/// Deepest nesting of arrays and inline tables. With [`PATH`] it keeps the tree below [`node::DEPTH`](crate::merge::node).
const NESTING: u32 = 64;

/// Longest path of a table; each array of tables on it nests the tree by two.
const PATH: usize = 24;

/// Reads nodes from left to right.
pub struct Reader<'s> {
    text: &'s str,
    /// What carries data, in order; reversed, so that the next one is the last.
    events: Vec<Event>,
    /// How much of the text has been handed out.
    at: usize,
    /// The place of the element that was read last, by the label of its array.
    places: HashMap<String, usize>,
}

/// A header and the keys below it.
pub struct Section<'s> {
    /// The table's path.
    pub path: Vec<String>,
    /// The path with the places of elements: `env[0].extra`.
    pub label: String,
    /// It is written `[[path]]`.
    pub array: bool,
    /// What stands above it.
    pub lead: &'s str,
    /// The header's line.
    pub head: &'s str,
    /// Its keys.
    pub keys: List<'s>,
}

impl<'s> Reader<'s> {
    /// Checks the syntax of a text.
    pub fn new(text: &'s str) -> Result<Self, ParseError> {
        let source = Source::new(text);
        let tokens = source.lex().into_vec();
        let mut events = Vec::new();
        let mut error = None;
        let mut keep = |event: Event| match event.kind() {
            EventKind::Whitespace | EventKind::Comment | EventKind::Newline => {}
            _ => events.push(event),
        };
        let mut checked = ValidateWhitespace::new(&mut keep, source);
        let mut bounded = RecursionGuard::new(&mut checked, NESTING);
        parse_document(&tokens, &mut bounded, &mut error);
        events.reverse();
        scalar::refuse(error)?;
        Ok(Self {
            text,
            events,
            at: 0,
            places: HashMap::new(),
        })
    }

    /// The comments and blank lines before the document's first key or table, but for those that belong to it.
    pub fn head(&mut self) -> &'s str {
        const BOM: &str = "\u{feff}";
        let bom = if self.text.starts_with(BOM) { BOM.len() } else { 0 };
        let blank = last_blank(self.gap());
        self.take_to(blank.max(bom))
    }

    /// The keys up to the next table. `table` is their path, for labels.
    pub fn keys(&mut self, table: &str) -> Result<List<'s>, ParseError> {
        let mut nodes = Vec::new();
        while self.next_is(EventKind::SimpleKey) {
            let lead = self.lead();
            let mut node = self.pair(table)?;
            node.lead = lead;
            node.trail = self.line();
            nodes.push(node);
        }
        let gap = self.gap();
        let own = match first_blank(gap) {
            None if !self.events.is_empty() => 0,
            blank => blank.unwrap_or(gap.len()),
        };
        let close = self.take_to(self.at + own);
        list(Order::Free, "", nodes, close)
    }

    /// The next table with its keys; none at the end.
    pub fn section(&mut self) -> Result<Option<Section<'s>>, ParseError> {
        let Some(open) = self.events.last() else {
            return Ok(None);
        };
        let array = open.kind() == EventKind::ArrayTableOpen;
        let lead = self.lead();
        self.events.pop();
        let path = self.path()?;
        if path.len() > PATH {
            return Err(self.error());
        }
        let close = self.pop()?;
        let head = self.take_to_line(close.span().end());
        let label = self.label(&path, array);
        let keys = self.keys(&label)?;
        Ok(Some(Section {
            path,
            label,
            array,
            lead,
            head,
            keys,
        }))
    }

    /// A table's path with the places of elements.
    fn label(&mut self, path: &[String], array: bool) -> String {
        let mut label = String::new();
        for (number, segment) in path.iter().enumerate() {
            if number > 0 {
                label.push('.');
            }
            label += &quoted(segment);
            if array && number + 1 == path.len() {
                let place = self.places.get(&label).map_or(0, |place| place + 1);
                self.places.insert(label.clone(), place);
            }
            if let Some(place) = self.places.get(&label) {
                label += &format!("[{place}]");
            }
        }
        label
    }

    /// What is left.
    pub fn rest(&mut self) -> &'s str {
        self.take_to(self.text.len())
    }

    /// A key and its value.
    fn pair(&mut self, table: &str) -> Result<Node<'s>, ParseError> {
        let path = join(&self.path()?);
        let label = if table.is_empty() {
            path.clone()
        } else {
            format!("{table}.{path}")
        };
        self.events.pop_if(|event| event.kind() == EventKind::KeyValSep);
        let parts = self.value(&label)?;
        Ok(node(Key::Named(path), label, parts))
    }

    /// A dotted key.
    fn path(&mut self) -> Result<Vec<String>, ParseError> {
        let mut path = Vec::new();
        while let Some(event) = self
            .events
            .pop_if(|event| matches!(event.kind(), EventKind::SimpleKey | EventKind::KeySep))
        {
            if event.kind() == EventKind::SimpleKey {
                path.push(scalar::key(self.text, &event)?);
            }
        }
        if path.is_empty() {
            Err(self.error())
        } else {
            Ok(path)
        }
    }

    /// A value, with the syntax before it. Recurses no deeper than [`NESTING`].
    fn value(&mut self, label: &str) -> Result<Vec<Part<'s>>, ParseError> {
        let event = self.pop()?;
        let (close, order) = match event.kind() {
            EventKind::Scalar => return self.scalar(&event),
            EventKind::ArrayOpen => (EventKind::ArrayClose, Order::Kept),
            EventKind::InlineTableOpen => (EventKind::InlineTableClose, Order::Free),
            _ => return Err(self.error()),
        };
        let open = self.take_to_line(event.span().end());
        let mut nodes = Vec::new();
        while !self.next_is(close) {
            nodes.push(self.item(order, nodes.len(), label)?);
        }
        let before = self.lead();
        let end = self.pop()?.span().end();
        let list = list(order, ",", nodes, before)?;
        let close = self.take_to(end);
        Ok(vec![Part::Syntax(open), Part::List(list), Part::Syntax(close)])
    }

    /// A scalar, with the syntax before it.
    fn scalar(&mut self, event: &Event) -> Result<Vec<Part<'s>>, ParseError> {
        let syntax = self.take_to(event.span().start());
        let text = self.take_to(event.span().end());
        let value = Value {
            text,
            meaning: scalar::meaning(self.text, event)?,
            verbatim: text.contains('\n'),
        };
        let mut parts = vec![Part::Syntax(syntax), Part::Value(value)];
        if syntax.is_empty() {
            parts.remove(0);
        }
        Ok(parts)
    }

    /// An item of an array, a key of an inline table.
    fn item(&mut self, order: Order, place: usize, label: &str) -> Result<Node<'s>, ParseError> {
        let lead = self.lead();
        let mut node = match order {
            Order::Free => self.pair(label)?,
            Order::Kept | Order::Loose => {
                let label = format!("{label}[{place}]");
                let parts = self.value(&label)?;
                node(Key::Item, label, parts)
            }
        };
        node.lead = lead;
        if let Some(comma) = self.events.pop_if(|event| event.kind() == EventKind::ValueSep) {
            node.separator = self.take_to(comma.span().end());
        }
        node.trail = self.line();
        Ok(node)
    }

    /// What lies before the next event.
    fn gap(&self) -> &'s str {
        self.text.get(self.at..self.next()).unwrap_or_default()
    }

    fn lead(&mut self) -> &'s str {
        self.take_to(self.next())
    }

    /// The rest of the line, if nothing more stands on it.
    fn line(&mut self) -> &'s str {
        self.take_to_line(self.at)
    }

    /// What lies before `end`, and the rest of its line if nothing more stands on it.
    fn take_to_line(&mut self, end: usize) -> &'s str {
        let gap = self.text.get(end..self.next()).unwrap_or_default();
        let line = match gap.find('\n') {
            None if self.events.is_empty() => gap.len(),
            line => line.map_or(0, |line| line + 1),
        };
        self.take_to(end + line)
    }

    /// Where the next event starts.
    fn next(&self) -> usize {
        self.events
            .last()
            .map_or(self.text.len(), |event| event.span().start())
    }

    fn pop(&mut self) -> Result<Event, ParseError> {
        self.events.pop().ok_or_else(|| self.error())
    }

    fn error(&self) -> ParseError {
        ParseError::new(self.at, "not TOML")
    }

    fn next_is(&self, kind: EventKind) -> bool {
        self.events.last().is_some_and(|event| event.kind() == kind)
    }

    fn take_to(&mut self, end: usize) -> &'s str {
        let taken = self.text.get(self.at..end).unwrap_or_default();
        self.at += taken.len();
        taken
    }
}

/// Where the first blank line starts, in whole lines.
fn first_blank(gap: &str) -> Option<usize> {
    blank_lines(gap).next().map(|line| line.start)
}

/// Where the last blank line ends, in whole lines.
fn last_blank(gap: &str) -> usize {
    blank_lines(gap).last().map_or(0, |line| line.end)
}

fn blank_lines(gap: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    gap.split_inclusive('\n').filter_map(move |line| {
        at += line.len();
        line.trim().is_empty().then_some(at - line.len()..at)
    })
}

/// A path as it is written where nothing needs quotes.
pub fn join(path: &[String]) -> String {
    path.iter()
        .map(|segment| quoted(segment))
        .collect::<Vec<_>>()
        .join(".")
}

fn quoted(segment: &str) -> Cow<'_, str> {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if segment.is_empty() || !segment.chars().all(bare) {
        Cow::Owned(format!("{segment:?}"))
    } else {
        Cow::Borrowed(segment)
    }
}

/// A node without anything around it.
pub fn node<'s>(key: Key, label: String, parts: Vec<Part<'s>>) -> Node<'s> {
    Node {
        key,
        label,
        lead: "",
        parts,
        separator: "",
        trail: "",
    }
}

/// A list, in which no name may stand twice.
pub fn list<'s>(
    order: Order,
    separator: &'static str,
    nodes: Vec<Node<'s>>,
    close: &'s str,
) -> Result<List<'s>, ParseError> {
    let mut names = HashSet::new();
    let mut named = nodes.iter().filter(|node| node.key != Key::Item);
    match named.all(|node| names.insert(&node.key)) {
        true => Ok(List {
            order,
            separator,
            nodes,
            close,
        }),
        false => Err(ParseError::new(0, "a key or table that is there twice")),
    }
}
