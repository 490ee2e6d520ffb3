//! Cuts a text into a tree of spans: comments, blank lines and indentation find the nodes that they belong to.

use super::super::ParseError;
use super::super::node::{Key, List, Node, Order, Part, Value};
use super::ast::{Content, Document, Located, Shape};
use super::gap;
use super::scalar::canonical;

/// The longest name in a label, in characters.
const LABEL: usize = 100;

/// Cuts from the beginning to the end: every span begins where the one before it ended.
pub(super) struct Cutter<'s> {
    pub text: &'s str,
    /// All before it belongs to spans already.
    pub at: usize,
}

/// What a value is the value of.
pub(super) struct Within<'l> {
    /// How far from the line's beginning it stands, if it is in a block collection.
    pub column: Option<usize>,
    /// What it is called in reports.
    pub label: &'l str,
}

impl<'s> Cutter<'s> {
    /// The next span, up to a place.
    pub fn take(&mut self, end: usize) -> Result<&'s str, ParseError> {
        let span = self
            .text
            .get(self.at..end)
            .ok_or(ParseError::new(self.at, "not understood"))?;
        self.at = end;
        Ok(span)
    }

    /// Where the next thing is that is neither space nor comment.
    pub fn next_thing(&self) -> usize {
        gap::skip(self.text, self.at)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// One document is the root itself; more are a list, in which they lie one level deeper, as none of their keys tells
    /// them apart.
    pub fn root(&mut self, documents: &[Document<'s>]) -> Result<Node<'s>, ParseError> {
        let mut root = node(Key::Item, String::new());
        match documents {
            [] => {}
            [only] => root.parts = self.document(only, self.text.len(), "")?,
            _ => root
                .parts
                .push(Part::List(list(Order::Loose, self.documents(documents)?, ""))),
        }
        root.parts.push(Part::Syntax(self.take(self.text.len())?));
        Ok(root)
    }

    fn documents(&mut self, documents: &[Document<'s>]) -> Result<Vec<Node<'s>>, ParseError> {
        let names = super::names(documents);
        let ends = documents
            .iter()
            .skip(1)
            .map(|next| next.start)
            .chain([self.text.len()]);
        let mut nodes = Vec::with_capacity(documents.len());
        for ((document, name), end) in documents.iter().zip(names).zip(ends) {
            let label = name.clone().unwrap_or_else(|| format!("[{}]", nodes.len()));
            let parts = self.document(document, end, &label)?;
            let inner = Node {
                parts,
                ..node(Key::Named("document".to_owned()), label.clone())
            };
            let parts = vec![Part::List(list(Order::Kept, vec![inner], ""))];
            nodes.push(Node {
                parts,
                ..node(name.map_or(Key::Item, Key::Named), label)
            });
        }
        Ok(nodes)
    }

    fn document(
        &mut self,
        document: &Document<'s>,
        end: usize,
        label: &str,
    ) -> Result<Vec<Part<'s>>, ParseError> {
        let mut parts = Vec::new();
        let head = self.head(document);
        self.value(&document.root, head, &Within { column: None, label }, &mut parts)?;
        if let Some(Part::List(list)) = parts.last_mut()
            && list.close.is_empty()
        {
            list.close = self.take(document.end.clamp(self.at, end))?;
        }
        parts.push(Part::Syntax(self.take(end.max(self.at))?));
        Ok(parts)
    }

    /// Where a document's head ends: its directives, its `---` and the comments that a blank line sets apart from its
    /// first key.
    fn head(&self, document: &Document<'s>) -> usize {
        let start = match document.marker_end {
            Some(end) => gap::rest_of_line(self.text, end).unwrap_or(end),
            None => self.at,
        };
        let next = gap::skip(self.text, start);
        start + gap::paragraphs(self.text.get(start..next).unwrap_or_default())
    }

    /// The entries of a block map whose own lines may end in comments that stand deeper than `outer`.
    fn map(
        &mut self,
        entries: &[(Located<'s>, Located<'s>)],
        outer: &Within<'_>,
    ) -> Result<List<'s>, ParseError> {
        let column = gap::column(self.text, self.next_thing());
        let mut nodes = Vec::with_capacity(entries.len());
        for ((key, value), name) in entries.iter().zip(super::keys(entries)) {
            let lead = self.take(self.next_thing())?;
            let label = below(outer.label, &name);
            let from = self.after_key(key)?;
            nodes.push(self.line(lead, value, from, column, node(Key::Named(name), label))?);
        }
        Ok(list(Order::Free, nodes, self.close(column, outer)?))
    }

    /// A child in lines of its own. The end of its last line is a part of it, as it belongs to the last child where there
    /// are children, so that a value is not put before or after the line's end that another form of it has.
    fn line(
        &mut self,
        lead: &'s str,
        value: &Located<'s>,
        from: usize,
        column: usize,
        mut node: Node<'s>,
    ) -> Result<Node<'s>, ParseError> {
        node.lead = lead;
        let within = Within {
            column: Some(column),
            label: &node.label,
        };
        self.value(value, from, &within, &mut node.parts)?;
        if !matches!(node.parts.last(), Some(Part::List(_))) {
            node.parts.push(Part::Syntax(self.trail()?));
        }
        Ok(node)
    }

    /// Where the value of the key may begin: after its colon, if it has one.
    pub fn after_key(&self, key: &Located<'s>) -> Result<usize, ParseError> {
        let explicit = self.byte(self.at) == Some(b'?') && (key.start() != Some(self.at));
        let end = match (&key.content, &key.properties) {
            (Content::Empty, None) => self.at + usize::from(explicit),
            _ => self.end(key, self.at),
        };
        let colon = gap::skip(self.text, end);
        match self.byte(colon) {
            Some(b':') => Ok(colon + 1),
            _ if explicit => Ok(end),
            _ => Err(ParseError::new(colon, "a key without a colon")),
        }
    }

    /// The items of a block sequence.
    fn sequence(&mut self, items: &[Located<'s>], outer: &Within<'_>) -> Result<List<'s>, ParseError> {
        let column = gap::column(self.text, self.next_thing());
        let mut nodes = Vec::with_capacity(items.len());
        for item in items {
            let lead = self.take(self.next_thing())?;
            if self.byte(self.at) != Some(b'-') {
                return Err(ParseError::new(self.at, "an item without a dash"));
            }
            let label = format!("{}[{}]", outer.label, nodes.len());
            nodes.push(self.line(lead, item, self.at + 1, column, node(Key::Item, label))?);
        }
        Ok(list(Order::Kept, nodes, self.close(column, outer)?))
    }

    /// What belongs to a key, an item or a document: the syntax up to its value, which may begin at `from`, and its value.
    pub fn value(
        &mut self,
        value: &Located<'s>,
        from: usize,
        within: &Within<'_>,
        parts: &mut Vec<Part<'s>>,
    ) -> Result<(), ParseError> {
        match &value.content {
            Content::Map(Shape::Block, entries) => {
                self.open_block(value, from, parts)?;
                parts.push(Part::List(self.map(entries, within)?));
                Ok(())
            }
            Content::Sequence(Shape::Block, items) => {
                self.open_block(value, from, parts)?;
                parts.push(Part::List(self.sequence(items, within)?));
                Ok(())
            }
            Content::Map(..) | Content::Sequence(..) if self.flow(value, from, within.label, parts) => Ok(()),
            _ => self.whole(value, from, parts),
        }
    }

    /// The tag and anchor of a block collection and the rest of the line that they stand on.
    fn open_block(
        &mut self,
        value: &Located<'s>,
        from: usize,
        parts: &mut Vec<Part<'s>>,
    ) -> Result<(), ParseError> {
        self.open(value, from, parts)?;
        let first = self.next_thing();
        let begins_line = gap::begins_line(self.text, self.at);
        let rest = gap::rest_of_line(self.text, self.at).filter(|end| !begins_line && *end <= first);
        let end = rest.unwrap_or(if begins_line { self.at } else { first });
        parts.push(Part::Syntax(self.take(end)?));
        Ok(())
    }

    /// The syntax before a collection, and its tag and anchor.
    pub fn open(
        &mut self,
        value: &Located<'s>,
        from: usize,
        parts: &mut Vec<Part<'s>>,
    ) -> Result<(), ParseError> {
        let at = value
            .properties
            .as_ref()
            .map_or(from..from, |properties| properties.at.clone());
        parts.push(Part::Syntax(self.take(at.start)?));
        parts.push(Part::Value(Value {
            text: self.take(at.end)?,
            meaning: value.properties().to_owned().into(),
            verbatim: false,
        }));
        Ok(())
    }

    /// A value that is merged as a whole.
    fn whole(
        &mut self,
        value: &Located<'s>,
        from: usize,
        parts: &mut Vec<Part<'s>>,
    ) -> Result<(), ParseError> {
        let start = match (value.start(), value.block_scalar()) {
            (None, _) => from,
            (Some(_), true) if value.properties.is_none() => gap::skip(self.text, from),
            (Some(start), _) => start,
        };
        parts.push(Part::Syntax(self.take(start)?));
        parts.push(Part::Value(Value {
            text: self.take(self.end(value, start))?,
            meaning: canonical(value).into_owned().into(),
            verbatim: false,
        }));
        Ok(())
    }

    /// Where a value ends that begins at `start`; a line's end is not part of it.
    fn end(&self, value: &Located<'s>, start: usize) -> usize {
        let properties = value
            .properties
            .as_ref()
            .map_or(start, |properties| properties.at.end);
        match value.content {
            Content::Empty => properties,
            _ if value.block_scalar() => {
                gap::block_scalar_end(self.text, gap::skip(self.text, properties), value.at.end)
            }
            _ => value.at.end,
        }
    }

    /// The rest of the line after a value, if nothing else stands on it.
    pub fn trail(&mut self) -> Result<&'s str, ParseError> {
        if gap::begins_line(self.text, self.at) {
            return Ok("");
        }
        self.take(gap::rest_of_line(self.text, self.at).unwrap_or(self.at))
    }

    /// The comments after the last child of a list that are indented like its children, and deeper than its parent.
    fn close(&mut self, column: usize, outer: &Within<'_>) -> Result<&'s str, ParseError> {
        let Some(outer) = outer.column else { return Ok("") };
        let gap = self.text.get(self.at..self.next_thing()).unwrap_or_default();
        self.take(self.at + gap::comments(gap, column.max(outer + 1)))
    }
}

/// A node with nothing in it.
pub(super) fn node<'s>(key: Key, label: String) -> Node<'s> {
    Node {
        key,
        label,
        lead: "",
        parts: Vec::new(),
        separator: "",
        trail: "",
    }
}

/// The label of a key in what has this label, as far as a person would read it.
pub(super) fn below(label: &str, name: &str) -> String {
    let name = name.lines().next().unwrap_or_default();
    let short: String = name.chars().take(LABEL).collect();
    match label.len() {
        0 => short,
        length if length > 10 * LABEL => label.to_owned(),
        _ => format!("{label}.{short}"),
    }
}

fn list<'s>(order: Order, nodes: Vec<Node<'s>>, close: &'s str) -> List<'s> {
    List {
        order,
        separator: "",
        nodes,
        close,
    }
}
