//! INI files and their kin: sections of keys, with `key = value`, `key: value`, `key value` or the key alone. Files of
//! blocks, such as those of nginx or Apache, are not.

mod data;

use std::borrow::Cow;

use super::node::{Key, List, Node, Order, Part, Value};
use super::{ParseError, lines};
pub use data::data;

/// Reads sections and keys; keys before the first section are one without a name. Comments belong to what follows them;
/// those at the end of a section, if a blank line follows, to the section.
///
/// # Errors
/// If there are lines that are neither sections nor keys.
pub fn parse(text: &str) -> Result<Node<'_>, ParseError> {
    let mut document = Builder::default();
    let mut lead = 0;
    for line in read(text)? {
        let Line { at, end, kind } = line;
        let before = &text[lead..at];
        match kind {
            Kind::Section(name) => document.section(name, before, &text[at..end]),
            Kind::Key(parts) => document.key(&parts, before, &text[at..end]),
        }
        lead = end;
    }
    Ok(document.finish(&text[lead..]))
}

/// A section's header, or a key with the lines of its value.
struct Line<'s> {
    at: usize,
    end: usize,
    kind: Kind<'s>,
}

enum Kind<'s> {
    Section(&'s str),
    Key(Entry<'s>),
}

/// A key, what stands between it and its value, and the value; without the line's end.
#[derive(Clone, Copy)]
struct Entry<'s> {
    key: &'s str,
    between: &'s str,
    value: &'s str,
}

const BLANK: [char; 2] = [' ', '\t'];

/// Every line but for blank ones and comments; `at` is after the indentation.
fn read(text: &str) -> Result<Vec<Line<'_>>, ParseError> {
    lines::refuse_nul(text)?;
    let mut found: Vec<Line<'_>> = Vec::new();
    // How deep the last key is indented; what is deeper continues its value.
    let mut outer = None;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let line = lines::first(rest);
        let bare = line.trim_start_matches(BLANK);
        let (start, depth) = (at + line.len() - bare.len(), line.len() - bare.len());
        if is_blank_or_comment(bare) {
            at += line.len();
            continue;
        }
        let end = at + lines::continued(rest).len();
        at = end;
        if let (Some(outer), Some(last)) = (outer, found.last_mut())
            && depth > outer
        {
            last.end = end;
            continue;
        }
        let kind = kind(bare).ok_or_else(|| ParseError::new(start, "neither a section nor a key"))?;
        outer = matches!(kind, Kind::Key(_)).then_some(depth);
        found.push(Line { at: start, end, kind });
    }
    for line in &mut found {
        if let Kind::Key(entry) = &mut line.kind {
            *entry = split(&text[line.at..line.end]).ok_or_else(|| ParseError::new(line.at, "no key"))?;
        }
    }
    Ok(found)
}

fn is_blank_or_comment(bare: &str) -> bool {
    matches!(bare.chars().next(), None | Some('#' | ';' | '\n' | '\r'))
}

fn kind(bare: &str) -> Option<Kind<'_>> {
    let line = bare.trim_end();
    if let Some(rest) = line.strip_prefix('[') {
        let (name, after) = rest.split_once(']')?;
        let plain = !name.starts_with('[') && is_blank_or_comment(after.trim_start());
        return plain.then_some(Kind::Section(name));
    }
    let is_block = line.ends_with('{') || line.starts_with(['{', '}', '<', '(', ')', ']', '"', '%', '|']);
    (!is_block).then(|| split(bare).map(Kind::Key)).flatten()
}

fn split(text: &str) -> Option<Entry<'_>> {
    let first = lines::first(text).trim_end();
    let is_name = |key: &str| !key.trim().is_empty() && !key.contains(['"', '\'', '{', '<', '(', ';', '#']);
    let word = first.find(BLANK).unwrap_or(first.len());
    let mark = |mark: char| {
        first
            .find(mark)
            .filter(|at| first.get(..*at).is_some_and(is_name))
    };
    let (key, sign) = match (mark('='), mark(':')) {
        (Some(equals), Some(colon)) if colon < equals && colon <= word => (colon, 1),
        (Some(equals), _) => (equals, 1),
        (None, Some(colon))
            if colon <= word || first.get(word..colon).is_some_and(|gap| gap.trim().is_empty()) =>
        {
            (colon, 1)
        }
        _ => (word, 0),
    };
    let name = text.get(..key)?.trim_end_matches(BLANK);
    let rest = text.get(key + sign..)?;
    let (value, _) = lines::split_end(rest.trim_start_matches(BLANK));
    let start = text.len() - rest.trim_start_matches(BLANK).len();
    Some(Entry {
        key: name,
        between: text.get(name.len()..start)?,
        value,
    })
}

impl<'s> Entry<'s> {
    /// The value without the space after it; a key alone is not a key without a value.
    fn meaning(&self) -> &'s str {
        if self.between.trim().is_empty() && self.value.is_empty() {
            return "\0";
        }
        self.value.trim_end()
    }
}

#[derive(Default)]
struct Builder<'s> {
    nodes: Vec<Node<'s>>,
    section: Section<'s>,
}

/// A section, or the keys before the first.
#[derive(Default)]
struct Section<'s> {
    name: String,
    lead: &'s str,
    header: &'s str,
    keys: Vec<Node<'s>>,
}

impl<'s> Builder<'s> {
    fn section(&mut self, name: &str, before: &'s str, header: &'s str) {
        let (close, lead) = split_gap(before);
        let next = Section {
            name: format!("[{name}]"),
            lead,
            header,
            keys: Vec::new(),
        };
        let last = std::mem::replace(&mut self.section, next);
        self.nodes.push(last.node(close));
    }

    fn key(&mut self, entry: &Entry<'s>, lead: &'s str, text: &'s str) {
        let label = match self.section.name.as_str() {
            "" => entry.key.to_owned(),
            section => format!("{section} {}", entry.key),
        };
        let start = entry.key.len() + entry.between.len();
        self.section.keys.push(Node {
            key: Key::Named(entry.key.to_owned()),
            label,
            lead,
            parts: vec![
                Part::Syntax(&text[..start]),
                Part::Value(Value {
                    text: entry.value,
                    meaning: Cow::Borrowed(entry.meaning()),
                    verbatim: true,
                }),
            ],
            separator: "",
            trail: &text[start + entry.value.len()..],
        });
    }

    fn finish(mut self, rest: &'s str) -> Node<'s> {
        self.nodes.push(self.section.node(rest));
        lines::document(self.nodes, "")
    }
}

impl<'s> Section<'s> {
    fn node(self, close: &'s str) -> Node<'s> {
        let list = List {
            order: Order::Free,
            separator: "",
            nodes: self.keys,
            close,
        };
        Node {
            key: Key::Named(self.name.clone()),
            label: self.name,
            lead: self.lead,
            parts: vec![Part::Syntax(self.header), Part::List(list)],
            separator: "",
            trail: "",
        }
    }
}

/// What stands between a section's last key and the next section: the block right above that section is its own, with the
/// blank lines before it.
fn split_gap(gap: &str) -> (&str, &str) {
    let is_blank = |line: &&str| line.ends_with('\n') && line.trim().is_empty();
    let lines = || gap.split_inclusive('\n').rev();
    let block = lines().take_while(|line| !is_blank(line)).count();
    let blank = lines().skip(block).take_while(is_blank).count();
    let own: usize = lines().take(block + blank).map(str::len).sum();
    gap.split_at(gap.len() - own)
}

#[cfg(test)]
mod tests;
