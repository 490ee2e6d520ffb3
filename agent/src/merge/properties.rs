//! Java properties.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::node::{Key, Node, Part, Value};
use super::value::{Data, Item};
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

/// What Java reads.
///
/// # Errors
/// As [`parse`].
pub fn data(text: &str) -> Result<Data, ParseError> {
    lines::refuse_nul(text)?;
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let line = lines::first(rest);
        if is_blank_or_comment(line) {
            rest = &rest[line.len()..];
            continue;
        }
        let entry = lines::continued(rest);
        let (key, value) = split(entry.trim_start_matches(BLANK));
        found
            .entry(unescape(key.trim_end()).into_owned())
            .or_default()
            .push(unescape(value).into_owned());
        rest = &rest[entry.len()..];
    }
    Ok(Data::Map(
        found
            .into_iter()
            .map(|(key, values)| (key, one_or_many(values)))
            .collect(),
    ))
}

/// A key that stands there twice has all its values, so that none gets lost.
fn one_or_many(mut values: Vec<String>) -> Data {
    match (values.pop(), values.is_empty()) {
        (Some(value), true) => Data::Scalar(value),
        (value, _) => Data::List(
            values
                .into_iter()
                .chain(value)
                .map(|value| Item::from(Data::Scalar(value)))
                .collect(),
        ),
    }
}

const BLANK: [char; 3] = [' ', '\t', '\u{c}'];

fn is_blank_or_comment(line: &str) -> bool {
    matches!(
        line.trim_start_matches(BLANK).chars().next(),
        None | Some('#' | '!' | '\n' | '\r')
    )
}

/// The key with the separator after it, and the value with the line's end.
fn split(entry: &str) -> (&str, &str) {
    let mut escaped = false;
    let is_end = |c: char| {
        let ends = !escaped && (matches!(c, '=' | ':' | '\n' | '\r') || BLANK.contains(&c));
        escaped = !escaped && c == '\\';
        ends
    };
    let key = entry.find(is_end).unwrap_or(entry.len());
    (&entry[..key], &entry[key..])
}

fn node<'s>(lead: &'s str, entry: &'s str) -> Node<'s> {
    let (key, rest) = split(entry);
    let blank = |text: &'s str| text.len() - text.trim_start_matches(BLANK).len();
    let mut gap = blank(rest);
    if rest[gap..].starts_with(['=', ':']) {
        gap += 1;
        gap += blank(&rest[gap..]);
    }
    let value = rest[gap..].trim_end_matches(['\n', '\r']);
    let name = unescape(key).into_owned();
    Node {
        key: Key::Named(name.clone()),
        label: name,
        lead,
        parts: vec![
            Part::Syntax(&entry[..key.len() + gap]),
            Part::Value(Value {
                text: value,
                meaning: unescape(value),
                verbatim: true,
            }),
        ],
        separator: "",
        trail: &rest[gap + value.len()..],
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
