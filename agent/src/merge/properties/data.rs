//! What a properties file says, read apart from its tree: character by character, as `java.util.Properties.load` does.

use std::char::DecodeUtf16Error;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use super::super::value::Data;
use super::super::{ParseError, lines};
use super::NO_CHAR;

/// What Java reads, with every value of a key that stands there twice. A `\u` without four digits, which Java refuses, stands
/// for itself.
///
/// # Errors
/// For NUL bytes.
pub fn data(text: &str) -> Result<Data, ParseError> {
    lines::refuse_nul(text)?;
    let mut found: BTreeMap<String, Vec<Data>> = BTreeMap::new();
    let mut chars = text.chars().peekable();
    while let Some(line) = logical_line(&mut chars) {
        let (key, value) = split(&line);
        found
            .entry(unescaped(key))
            .or_default()
            .push(Data::Scalar(unescaped(value)));
    }
    let keys = found.into_iter();
    Ok(Data::Map(
        keys.map(|(key, values)| (key, lines::occurrences(values)))
            .collect(),
    ))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

/// The next line that is neither blank nor a comment, with the lines that it goes on in, without indentation.
fn logical_line(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    loop {
        while chars.next_if(|c| is_blank(*c) || is_line_end(*c)).is_some() {}
        match chars.peek()? {
            '#' | '!' => while chars.next_if(|c| !is_line_end(*c)).is_some() {},
            _ => return Some(rest_of_line(chars)),
        }
    }
}

fn rest_of_line(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut line = String::new();
    while let Some(c) = chars.next_if(|c| !is_line_end(*c)) {
        if c != '\\' {
            line.push(c);
            continue;
        }
        match chars.next() {
            // The line's end is escaped: what follows, but for its indentation, belongs to the line.
            Some(end) if is_line_end(end) => {
                if end == '\r' {
                    chars.next_if_eq(&'\n');
                }
                while chars.next_if(|c| is_blank(*c)).is_some() {}
            }
            Some(escaped) => line.extend(['\\', escaped]),
            None => {}
        }
    }
    line
}

/// A line's key and value: apart by the first `=`, `:` or blank that is not escaped, with blanks around it.
fn split(line: &str) -> (&str, &str) {
    let mut signs = line.char_indices();
    let mut end = line.len();
    while let Some((at, c)) = signs.next() {
        match c {
            '\\' => drop(signs.next()),
            '=' | ':' => {
                end = at;
                break;
            }
            _ if is_blank(c) => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(is_blank);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, value.trim_start_matches(is_blank))
}

/// Escapes are resolved, pairs of `\uXXXX` for one character included.
fn unescaped(text: &str) -> String {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        units.extend(plain.encode_utf16());
        let mut after = escape.chars();
        match after.next() {
            Some('u') => match code(after.as_str()) {
                Some(unit) => {
                    units.push(unit);
                    after.nth(3);
                }
                None => push(&mut units, NO_CHAR),
            },
            Some('t') => push(&mut units, '\t'),
            Some('n') => push(&mut units, '\n'),
            Some('f') => push(&mut units, '\u{c}'),
            Some('r') => push(&mut units, '\r'),
            Some(other) => push(&mut units, other),
            None => {}
        }
        rest = after.as_str();
    }
    units.extend(rest.encode_utf16());
    // Half a pair is no character, but not the same as any other half.
    let half = |half: DecodeUtf16Error| format!("{NO_CHAR}{:04x}", half.unpaired_surrogate());
    char::decode_utf16(units)
        .map(|c| c.map_or_else(half, String::from))
        .collect()
}

fn push(units: &mut Vec<u16>, c: char) {
    units.extend(c.encode_utf16(&mut [0; 2]).iter());
}

/// What four digits stand for.
fn code(text: &str) -> Option<u16> {
    let digits = text.get(..4)?;
    let is_code = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_code.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}
