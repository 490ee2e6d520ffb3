//! Java properties.

mod data;

use std::borrow::Cow;

use super::node::{Key, Node, Part, Value};
use super::{ParseError, lines};
pub use data::data;

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
        let (key, rest) = text.split_at(key_length(text));
        let mut gap = blank(rest);
        if rest[gap..].starts_with(['=', ':']) {
            gap += 1;
            gap += blank(&rest[gap..]);
        }
        let (between, value) = rest.split_at(gap);
        let (value, end) = lines::split_end(value);
        Self {
            key,
            between,
            value,
            end,
        }
    }
}

/// Up to the first sign or blank that is not escaped. A line's end that is escaped is nothing, with the indentation after it.
fn key_length(text: &str) -> usize {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let continued = line_end(&text[at..]);
        at += match c {
            _ if continued > 0 => continued,
            '=' | ':' | '\n' | '\r' => return at,
            _ if BLANK.contains(&c) => return at,
            '\\' => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
            _ => c.len_utf8(),
        };
    }
    at
}

/// How long the blanks are that a text begins with.
fn blank(text: &str) -> usize {
    let mut rest = text.trim_start_matches(BLANK);
    loop {
        match line_end(rest) {
            0 => return text.len() - rest.len(),
            length => rest = &rest[length..],
        }
    }
}

/// How long the escaped line's end is that a text begins with, with the indentation of the next line.
fn line_end(text: &str) -> usize {
    let ends = ["\\\r\n", "\\\n", "\\\r"];
    let after = ends.into_iter().find_map(|end| text.strip_prefix(end));
    after.map_or(0, |after| text.len() - after.trim_start_matches(BLANK).len())
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

/// What stands for the beginning of an escape that means no character. No file has it: it is none either.
const NO_CHAR: char = '\u{10ffff}';

/// Continued lines joined and escapes resolved.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        out.push_str(plain);
        let length = line_end(escape);
        if length > 0 {
            rest = &escape[length..];
            continue;
        }
        let mut after = escape[1..].chars();
        match after.next() {
            Some('u') => match code(after.clone()) {
                Some(c) => {
                    out.push(c);
                    after.nth(3);
                }
                None => out.push(NO_CHAR),
            },
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some(other) => out.push(other),
            None => {}
        }
        rest = after.as_str();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character that four digits stand for.
fn code(digits: impl Iterator<Item = char>) -> Option<char> {
    let digits = digits.take(4).map(|digit| digit.to_digit(16));
    let code = digits.enumerate().try_fold((0, 0), |(_, code), (at, digit)| {
        Some((at + 1, code * 16 + digit?))
    })?;
    (code.0 == 4).then(|| char::from_u32(code.1)).flatten()
}

#[cfg(test)]
mod tests;
