//! A document as a tree of spans.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::super::ParseError;
use super::super::node::{DEPTH, Key, List, Node, Order, Part, Value};
use super::TEXT;
use super::tag::{self, Tag};
use super::text::{self, is_space};

/// Reads a document that the guard has let pass. Names, characters and namespaces are not looked at.
pub fn document(text: &str) -> Result<Node<'_>, ParseError> {
    let mut builder = Builder::new(text);
    let mut reader = Reader::from_str(text);
    let mut from = 0;
    loop {
        let event = reader
            .read_event()
            .map_err(|_| ParseError::new(from, "not well-formed XML"))?;
        let to = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        if matches!(event, Event::Eof) {
            return builder.finish();
        }
        builder.event(&event, Span { from, to })?;
        from = to;
    }
}

/// The reader's spans do not add up: never so for a document that it accepts.
fn torn(at: usize) -> ParseError {
    ParseError::new(at, "the reader lost its place")
}

/// Bytes of the text.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: usize,
    to: usize,
}

/// Builds the tree from the reader's events.
struct Builder<'s> {
    text: &'s str,
    /// Where begins what no node has yet.
    at: usize,
    /// The elements that are open, outermost first; the first is the document.
    open: Vec<Open<'s>>,
    /// The text that is being read.
    run: Option<Span>,
    /// The element whose white space is to be kept, by its depth, and where its content begins.
    preserved: Option<(usize, usize)>,
}

/// An element that is not closed yet.
struct Open<'s> {
    name: &'s str,
    lead: &'s str,
    /// What opens it.
    head: Vec<Part<'s>>,
    nodes: Vec<Node<'s>>,
}

impl<'s> Builder<'s> {
    fn new(text: &'s str) -> Self {
        let document = Open {
            name: "",
            lead: "",
            head: Vec::new(),
            nodes: Vec::new(),
        };
        Self {
            text,
            at: 0,
            open: vec![document],
            run: None,
            preserved: None,
        }
    }

    fn event(&mut self, event: &Event<'_>, span: Span) -> Result<(), ParseError> {
        if let Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) = event {
            let from = self.run.map_or(span.from, |run| run.from);
            self.run = Some(Span { from, to: span.to });
            return Ok(());
        }
        self.end_run()?;
        match event {
            Event::Start(_) => self.start(span),
            Event::End(_) => self.end(span),
            Event::Empty(_) => self.empty(span),
            Event::Decl(_) | Event::DocType(_) | Event::PI(_) => self.opaque(span),
            // What stands before the next node belongs to it.
            _ => Ok(()),
        }
    }

    fn slice(&self, span: Span) -> Result<&'s str, ParseError> {
        self.text.get(span.from..span.to).ok_or_else(|| torn(self.at))
    }

    fn start(&mut self, span: Span) -> Result<(), ParseError> {
        if self.open.len() > DEPTH {
            return Err(ParseError::new(span.from, "nested too deeply"));
        }
        let tag = self.slice(span)?;
        let lead = self.slice(Span {
            from: self.at,
            to: span.from,
        })?;
        let end = self.rest_of_line(span.to);
        let Tag { name, attributes } = tag::parts(tag).ok_or_else(|| torn(span.from))?;
        let preserve = attributes.nodes.iter().any(tag::preserves_space);
        if preserve && self.preserved.is_none() {
            self.preserved = Some((self.open.len(), span.to));
        }
        let close = if self.preserved.is_some() { span.to } else { end };
        let head = vec![
            Part::Syntax(&tag[..=name.len()]),
            Part::List(attributes),
            Part::Syntax(self.slice(Span {
                from: span.to - 1,
                to: close,
            })?),
        ];
        self.open.push(Open {
            name,
            lead,
            head,
            nodes: Vec::new(),
        });
        self.at = close;
        Ok(())
    }

    fn empty(&mut self, span: Span) -> Result<(), ParseError> {
        let tag = self.slice(span)?;
        let lead = self.slice(Span {
            from: self.at,
            to: span.from,
        })?;
        let Tag { name, attributes } = tag::parts(tag).ok_or_else(|| torn(span.from))?;
        let parts = vec![
            Part::Syntax(&tag[..=name.len()]),
            Part::List(attributes),
            Part::Syntax(self.slice(Span {
                from: span.to - 2,
                to: span.to,
            })?),
            Part::List(list(Vec::new(), "")),
            Part::Syntax(""),
        ];
        self.push(name, lead, parts, span.to)
    }

    fn end(&mut self, span: Span) -> Result<(), ParseError> {
        let open = self
            .open
            .pop()
            .filter(|_| !self.open.is_empty())
            .ok_or_else(|| torn(self.at))?;
        let mut parts = open.head;
        let close = self.slice(Span {
            from: self.at,
            to: span.from,
        })?;
        let content = match self.preserved {
            Some((depth, from)) if depth == self.open.len() => {
                self.preserved = None;
                let text = self.slice(Span { from, to: span.from })?;
                Part::Value(Value {
                    text,
                    meaning: Cow::Borrowed(text),
                    verbatim: true,
                })
            }
            _ => Part::List(list(open.nodes, close)),
        };
        parts.push(content);
        parts.push(Part::Syntax(self.slice(span)?));
        self.push(open.name, open.lead, parts, span.to)
    }

    /// Adds an element to the one that is open.
    fn push(
        &mut self,
        name: &str,
        lead: &'s str,
        parts: Vec<Part<'s>>,
        end: usize,
    ) -> Result<(), ParseError> {
        self.add(Key::Named(name.to_owned()), name.to_owned(), lead, parts, end)
    }

    /// Adds something without parts: a declaration or an instruction.
    fn opaque(&mut self, span: Span) -> Result<(), ParseError> {
        let lead = self.slice(Span {
            from: self.at,
            to: span.from,
        })?;
        let text = self.slice(span)?;
        let name = text
            .trim_start_matches('<')
            .split(is_space)
            .next()
            .unwrap_or_default();
        let value = Value {
            text,
            meaning: text
                .split(is_space)
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
                .into(),
            verbatim: true,
        };
        self.add(
            Key::Named(name.to_owned()),
            name.to_owned(),
            lead,
            vec![Part::Value(value)],
            span.to,
        )
    }

    fn add(
        &mut self,
        key: Key,
        label: String,
        lead: &'s str,
        parts: Vec<Part<'s>>,
        end: usize,
    ) -> Result<(), ParseError> {
        let after = self.rest_of_line(end);
        let trail = self.slice(Span { from: end, to: after })?;
        let node = Node {
            key,
            label,
            lead,
            parts,
            separator: "",
            trail,
        };
        self.open
            .last_mut()
            .ok_or_else(|| torn(self.at))?
            .nodes
            .push(node);
        self.at = after;
        Ok(())
    }

    /// Ends a run of text. White space alone belongs to what comes after it.
    fn end_run(&mut self) -> Result<(), ParseError> {
        let Some(run) = self.run.take() else { return Ok(()) };
        let from = run.from.max(self.at);
        let raw = self.text.get(from..run.to).unwrap_or_default();
        if self.open.len() < 2 || raw.trim_matches(is_space).is_empty() {
            return Ok(());
        }
        let at_line_start = self.text[..from].ends_with('\n');
        let (before, after) = layout(raw, at_line_start);
        let span = Span {
            from: from + before,
            to: run.to - after,
        };
        let text = self.slice(span)?;
        let meaning = text::run(text).ok_or_else(|| ParseError::new(span.from, "an unknown entity"))?;
        let value = Value {
            text,
            meaning,
            verbatim: text.contains(text::CDATA),
        };
        let lead = self.slice(Span {
            from: self.at,
            to: span.from,
        })?;
        self.add(
            Key::Item,
            TEXT.to_owned(),
            lead,
            vec![Part::Value(value)],
            span.to,
        )
    }

    /// The end of the line, if nothing but white space and comments stand between a place and it; else that place.
    fn rest_of_line(&self, from: usize) -> usize {
        let mut rest = &self.text[from..];
        loop {
            rest = rest.trim_start_matches([' ', '\t']);
            if rest.is_empty() {
                return self.text.len();
            }
            if let Some(after) = rest
                .strip_prefix("\r\n")
                .or_else(|| rest.strip_prefix(['\n', '\r']))
            {
                return self.text.len() - after.len();
            }
            let Some((_, after)) = rest
                .strip_prefix("<!--")
                .and_then(|comment| comment.split_once("-->"))
            else {
                return from;
            };
            rest = after;
        }
    }

    fn finish(mut self) -> Result<Node<'s>, ParseError> {
        self.end_run()?;
        let document = self.open.pop().filter(|_| self.open.is_empty());
        let Some(Open { mut head, nodes, .. }) = document else {
            return Err(torn(self.at));
        };
        let close = self.text.get(self.at..).ok_or_else(|| torn(self.at))?;
        head.push(Part::List(list(nodes, close)));
        Ok(Node {
            key: Key::Item,
            label: String::new(),
            lead: "",
            parts: head,
            separator: "",
            trail: "",
        })
    }
}

fn list<'s>(nodes: Vec<Node<'s>>, close: &'s str) -> List<'s> {
    List {
        order: Order::Loose,
        separator: "",
        nodes,
        close,
    }
}

/// How much white space before and after a text is layout: where a line breaks. Other white space is part of the text.
fn layout(raw: &str, at_line_start: bool) -> (usize, usize) {
    let before = raw.len() - raw.trim_start_matches(is_space).len();
    let after = raw.len() - raw.trim_end_matches(is_space).len();
    let breaks = |space: &str| space.contains(['\n', '\r']);
    let before = if at_line_start || breaks(&raw[..before]) {
        before
    } else {
        0
    };
    let after = if breaks(&raw[raw.len() - after..]) {
        after
    } else {
        0
    };
    (before, after)
}
