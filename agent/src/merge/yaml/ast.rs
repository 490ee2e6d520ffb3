//! What the YAML reader says, as a tree: what is where, without what stands between.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle};

use super::super::ParseError;
use super::super::node::DEPTH;

/// The longest text that is read, in bytes, and the most nodes in it: the memory that a merge takes is bound by them.
const LONGEST: usize = 4 << 20;
const MOST: usize = 100_000;

/// One YAML document.
pub(super) struct Document<'s> {
    /// Where its `---` begins, or its content if it has none.
    pub start: usize,
    /// Where its `---` ends, if it has one.
    pub marker_end: Option<usize>,
    pub root: Located<'s>,
    /// Where its content has ended: at a `...`, at the next `---`, at the end of the text.
    pub end: usize,
}

/// A YAML node and where it is.
pub(super) struct Located<'s> {
    pub properties: Option<Properties>,
    /// Where its content is. Of a block collection only the beginning is known, of a block scalar only the end, of an
    /// empty value nothing.
    pub at: Range<usize>,
    pub content: Content<'s>,
}

/// A tag, an anchor or both.
pub(super) struct Properties {
    /// What they mean: `!tag &anchor `.
    pub meaning: String,
    pub at: Range<usize>,
}

pub(super) enum Content<'s> {
    /// A value that is not there: `key:`.
    Empty,
    Scalar(Cow<'s, str>, ScalarStyle),
    /// An alias by its name.
    Alias(&'s str),
    Map(Shape, Vec<(Located<'s>, Located<'s>)>),
    Sequence(Shape, Vec<Located<'s>>),
}

/// How a collection is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Block,
    Flow,
    /// A map of one pair without braces in a flow sequence: `[a: b]`.
    Pair,
}

impl Located<'_> {
    /// Where it begins, its tag and anchor included; nothing is known of a value that is not there. Of a block scalar
    /// without them it is the first line's beginning, after the header.
    pub(super) fn start(&self) -> Option<usize> {
        match (&self.properties, &self.content) {
            (Some(properties), _) => Some(properties.at.start),
            (None, Content::Empty) => None,
            (None, _) => Some(self.at.start),
        }
    }

    /// Whether it is a scalar below a header: `|` or `>`.
    pub(super) fn block_scalar(&self) -> bool {
        matches!(
            self.content,
            Content::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded)
        )
    }

    /// What its tag and anchor mean.
    pub(super) fn properties(&self) -> &str {
        self.properties
            .as_ref()
            .map_or("", |properties| &properties.meaning)
    }
}

/// Reads all documents.
pub(super) fn read(text: &str) -> Result<Vec<Document<'_>>, ParseError> {
    if text.len() > LONGEST {
        return Err(ParseError::new(LONGEST, "too long"));
    }
    // A line break to YAML, but to nothing else here.
    if let Some(at) = text
        .match_indices('\r')
        .map(|(at, _)| at)
        .find(|at| !text[*at..].starts_with("\r\n"))
    {
        return Err(ParseError::new(at, "a carriage return within a line"));
    }
    let options = granit_parser::options! {
        emit_anchor_events: true,
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    let mut reader = Reader {
        text,
        events: Parser::new_from_str_with_options(text, options),
        peeked: None,
        anchors: HashSet::new(),
        depth: 0,
        nodes: 0,
    };
    reader.documents()
}

struct Reader<'s> {
    text: &'s str,
    events: Parser<'s, StrInput<'s>>,
    peeked: Option<(Event<'s>, Span)>,
    /// The names defined in this document.
    anchors: HashSet<&'s str>,
    depth: usize,
    nodes: usize,
}

impl<'s> Reader<'s> {
    fn next(&mut self) -> Result<(Event<'s>, Span), ParseError> {
        match self.peeked.take() {
            Some(event) => Ok(event),
            None => self
                .events
                .next()
                .ok_or(ParseError::new(self.text.len(), "it ends too early"))?
                .map_err(|error| refused(&error)),
        }
    }

    fn documents(&mut self) -> Result<Vec<Document<'s>>, ParseError> {
        let mut documents = Vec::new();
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::DocumentStart(explicit, _) => documents.push(self.document(explicit, &range(&span)?)?),
                Event::StreamEnd => return Ok(documents),
                _ => {}
            }
        }
    }

    fn document(&mut self, explicit: bool, marker: &Range<usize>) -> Result<Document<'s>, ParseError> {
        self.anchors.clear();
        let root = self.node()?;
        let (_, end) = self.next()?;
        Ok(Document {
            start: marker.start,
            marker_end: explicit.then_some(marker.end),
            root,
            end: range(&end)?.start,
        })
    }

    fn node(&mut self) -> Result<Located<'s>, ParseError> {
        let (event, span) = self.next()?;
        self.node_of(event, &span)
    }

    fn node_of(&mut self, event: Event<'s>, span: &Span) -> Result<Located<'s>, ParseError> {
        let mut at = range(span)?;
        self.nodes += 1;
        if self.nodes > MOST {
            return Err(ParseError::new(at.start, "too many nodes"));
        }
        let properties = self.properties(&event, span)?;
        let content = match event {
            Event::Scalar(_, ScalarStyle::Plain, ..) if at.is_empty() => Content::Empty,
            Event::Scalar(text, style, ..) => Content::Scalar(text, style),
            Event::Alias(_) => Content::Alias(self.alias(&at)?),
            Event::MappingStart(style, ..) => {
                let shape = shape(style, &at);
                let (entries, end) = self.deeper(Self::entries)?;
                at.end = end;
                Content::Map(shape, entries)
            }
            Event::SequenceStart(style, ..) => {
                let shape = shape(style, &at);
                let (items, end) = self.deeper(Self::items)?;
                at.end = end;
                Content::Sequence(shape, items)
            }
            _ => return Err(ParseError::new(at.start, "not understood")),
        };
        Ok(Located {
            properties,
            at,
            content,
        })
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, ParseError>) -> Result<T, ParseError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(ParseError::new(0, "nested too deeply"));
        }
        let content = read(self);
        self.depth -= 1;
        content
    }

    /// The pairs of a map and where it ends.
    fn entries(&mut self) -> Result<(Vec<(Located<'s>, Located<'s>)>, usize), ParseError> {
        let mut entries = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok((entries, range(&span)?.end));
            }
            let key = self.node_of(event, &span)?;
            entries.push((key, self.node()?));
        }
    }

    /// The items of a sequence and where it ends.
    fn items(&mut self) -> Result<(Vec<Located<'s>>, usize), ParseError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok((items, range(&span)?.end));
            }
            items.push(self.node_of(event, &span)?);
        }
    }

    /// A node's tag and anchor; the anchor is an event of its own after the node's.
    fn properties(&mut self, event: &Event<'s>, span: &Span) -> Result<Option<Properties>, ParseError> {
        let tag = match (event.tag(), span.tag_span()) {
            (Some(tag), Some(at)) => Some(Properties {
                meaning: format!("!{}{} ", tag.handle(), tag.suffix()),
                at: range(&at)?,
            }),
            _ => None,
        };
        let next = self.next()?;
        let (Event::Anchor(..), span) = &next else {
            self.peeked = Some(next);
            return Ok(tag);
        };
        let at = range(span)?;
        let name = self.text.get(at.clone()).unwrap_or_default();
        if !self.anchors.insert(name) {
            return Err(ParseError::new(at.start, "an anchor that is there twice"));
        }
        let (tag, place) = match tag {
            Some(tag) => (tag.meaning, tag.at.start.min(at.start)..tag.at.end.max(at.end)),
            None => (String::new(), at),
        };
        Ok(Some(Properties {
            meaning: format!("{tag}{name} "),
            at: place,
        }))
    }

    fn alias(&self, at: &Range<usize>) -> Result<&'s str, ParseError> {
        self.text
            .get(at.clone())
            .ok_or_else(|| ParseError::new(at.start, "not understood"))
    }
}

fn shape(style: StructureStyle, at: &Range<usize>) -> Shape {
    match style {
        StructureStyle::Block => Shape::Block,
        StructureStyle::Flow if at.is_empty() => Shape::Pair,
        StructureStyle::Flow => Shape::Flow,
    }
}

fn range(span: &Span) -> Result<Range<usize>, ParseError> {
    span.byte_range().ok_or(ParseError::new(0, "not understood"))
}

fn refused(error: &ScanError) -> ParseError {
    ParseError::new(error.marker().byte_offset().unwrap_or_default(), "not YAML")
}
