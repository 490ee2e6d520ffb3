//! Java properties.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::node::{Key, Node, Part, Value};
use super::value::Data;
use super::{ParseError, lines};

/// Reads the lines as entries. A comment or blank line belongs to the entry after it.
///
/// # Errors
/// Never, but for NUL bytes.
pub fn parse(text: &str) -> Result<Node<'_>, ParseError> {
    lines::refuse_nul(text)?;
    let mut nodes = Vec::new();
    let mut lead = 0;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let line = lines::first(rest);
        if is_blank_or_comment(line) {
            at += line.len();
            continue;
        }
        let entry = lines::continued(rest);
        let indent = entry.len() - entry.trim_start_matches(BLANK).len();
        nodes.push(node(&text[lead..at + indent], &entry[indent..]));
        at += entry.len();
        lead = at;
    }
    Ok(lines::document(nodes, &text[lead..]))
}

/// What Java reads, with every value of a key that stands there twice.
///
/// # Errors
/// As [`parse`].
pub fn data(text: &str) -> Result<Data, ParseError> {
    lines::refuse_nul(text)?;
    let mut found: BTreeMap<String, Vec<Data>> = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let line = lines::first(rest);
        if is_blank_or_comment(line) {
            rest = &rest[line.len()..];
            continue;
        }
        let text = lines::continued(rest);
        let entry = Entry::of(text.trim_start_matches(BLANK));
        let value = Data::Scalar(unescape(entry.value).into_owned());
        found
            .entry(unescape(entry.key).into_owned())
            .or_default()
            .push(value);
        rest = &rest[text.len()..];
    }
    let keys = found
        .into_iter()
        .map(|(key, values)| (key, lines::occurrences(values)));
    Ok(Data::Map(keys.collect()))
}

const BLANK: [char; 3] = [' ', '\t', '\u{c}'];

fn is_blank_or_comment(line: &str) -> bool {
    matches!(
        line.trim_start_matches(BLANK).chars().next(),
        None | Some('#' | '!' | '\n' | '\r')
    )
}

/// An entry without its indentation: the key, what stands between it and the value, the value, the line's end.
struct Entry<'s> {
    key: &'s str,
    between: &'s str,
    value: &'s str,
    end: &'s str,
}

impl<'s> Entry<'s> {
    fn of(text: &'s str) -> Self {
        let mut escaped = false;
        let is_end = |c: char| {
            let ends = !escaped && (matches!(c, '=' | ':' | '\n' | '\r') || BLANK.contains(&c));
            escaped = !escaped && c == '\\';
            ends
        };
        let (key, rest) = text.split_at(text.find(is_end).unwrap_or(text.len()));
        let blank = |text: &str| text.len() - text.trim_start_matches(BLANK).len();
        let mut gap = blank(rest);
        if rest[gap..].starts_with(['=', ':']) {
            gap += 1;
            gap += blank(&rest[gap..]);
        }
        let (between, value) = rest.split_at(gap);
        let (value, end) = value.split_at(value.trim_end_matches(['\n', '\r']).len());
        Self {
            key,
            between,
            value,
            end,
        }
    }
}

fn node<'s>(lead: &'s str, text: &'s str) -> Node<'s> {
    let entry = Entry::of(text);
    let name = unescape(entry.key).into_owned();
    Node {
        key: Key::Named(name.clone()),
        label: name,
        lead,
        parts: vec![
            Part::Syntax(&text[..entry.key.len() + entry.between.len()]),
            Part::Value(Value {
                text: entry.value,
                meaning: unescape(entry.value),
                verbatim: true,
            }),
        ],
        separator: "",
        trail: entry.end,
    }
}

/// Continued lines joined and escapes resolved, `\uXXXX` aside, which only ever stands for itself.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('\n' | '\r') => {
                while chars.peek().is_some_and(|c| BLANK.contains(c) || *c == '\n') {
                    chars.next();
                }
            }
            Some('u') => out.push_str("\\u"),
            Some('\\') => out.push_str("\\\\"),
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some(other) => out.push(other),
            None => {}
        }
    }
    Cow::Owned(out)
}
