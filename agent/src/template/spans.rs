//! Where secrets stand in a text that nobody said anything about: behind keys that sound like one, in addresses, and in
//! private keys. It is decided on the whole text: the line with the key may be far from those that the value fills.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::mask::SHOWN;
use super::telling::value_starts;

/// User and password in an address; the password may hold an `@`.
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"://([^/\s]+)@").ok());

/// What stands between the two lines around a key.
static PRIVATE_KEY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?is)--+ ?BEGIN [A-Z0-9 ]*KEY[A-Z ]*-*(.*?--+ ?END\b|.*)").ok());

/// A key with nothing before it on its line: what follows on the line is its value, whatever it holds.
static ALONE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^\s*(?:-\s+)*(?:(?:export|set)\s+)?["']?[\w./@\[\]-]+["']?\s*[=:]+\s*$"#).ok()
});

/// The places of everything that looks like a secret, in order. `words` are more words in keys whose values are secrets.
pub fn spans(text: &str, words: &[String]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for start in value_starts(text, words) {
        // Within a value nothing is a key.
        if found.last().is_none_or(|last| last.end <= start) {
            found.push(start..value_end(text, start));
        }
    }
    for pattern in [&ADDRESS, &PRIVATE_KEY]
        .into_iter()
        .filter_map(|one| one.as_ref())
    {
        let inner = pattern.captures_iter(text).filter_map(|found| found.get(1));
        found.extend(inner.map(|inner| inner.range()));
    }
    found.retain(|span| !text[span.clone()].trim().is_empty());
    joined(found)
}

/// A text with something else in place of each span.
pub fn replaced(text: &str, spans: Vec<Range<usize>>, by: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    for span in joined(spans) {
        out += &text[rest..span.start];
        out += by;
        rest = span.end;
    }
    out + &text[rest..]
}

/// Spans in order. Those that overlap become one: what one of two secrets leaves of the other is still a part of it.
fn joined(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| (span.start, span.end));
    let mut out: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match out.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => out.push(span),
        }
    }
    out
}

fn value_end(text: &str, start: usize) -> usize {
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = end_of_line(text, start);
    let (key, value) = (&text[line..start], text[start..line_end].trim_end());
    match tag(&text[..start]) {
        // A closing tag has no value, and what was hidden already is no tag.
        Some(tag) if tag.starts_with("</") || is_shown(tag, &text[start..]) => return start,
        Some(_) => return text[start..].find("</").map_or(line_end, |at| start + at),
        None => {}
    }
    // A quoted value may begin on the next line.
    let value_at = match value.is_empty() {
        true => text.len() - text[start..].trim_start().len(),
        false => start,
    };
    if let Some(length) = quoted(&text[value_at..]) {
        return value_at + length;
    }
    let last_word = value.rsplit(char::is_whitespace).next().unwrap_or_default();
    if let Some(close) = closing(last_word) {
        return end_of_block(text, line_end, close, indent(key));
    }
    let first = value.get(..1).unwrap_or_default();
    if let Some(end) = closing(first).and_then(|close| value.rfind(close)) {
        return start + end + 1;
    }
    match ALONE.as_ref().is_some_and(|alone| alone.is_match(key)) {
        true => end_of_plain(text, line_end, key, value.is_empty()),
        false => start + value.find(char::is_whitespace).unwrap_or(value.len()),
    }
}

fn end_of_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |length| at + length)
}

/// The tag that a text ends with.
fn tag(text: &str) -> Option<&str> {
    let inner = text.trim_end_matches([' ', '\t']).strip_suffix('>')?;
    let tag = &inner[inner.rfind('<')?..];
    (!tag.contains('>')).then_some(tag)
}

/// Whether what looks like a tag is what stands in a secret's place.
fn is_shown(tag: &str, rest: &str) -> bool {
    SHOWN.strip_suffix('>') == Some(tag) && !rest.contains("</secret>")
}

/// How long the quoted text is that a text begins with; it may have several lines.
fn quoted(text: &str) -> Option<usize> {
    let quotes = ["\"\"\"", "'''", "\"", "'"];
    let quote = quotes.into_iter().find(|quote| text.starts_with(quote))?;
    let mut at = quote.len();
    loop {
        let end = at + text[at..].find(quote)?;
        at = end + quote.len();
        let before = &text[..end];
        let backslashes = before.len() - before.trim_end_matches('\\').len();
        let is_doubled = quote.len() == 1 && text[at..].starts_with(quote);
        if backslashes.is_multiple_of(2) && !is_doubled {
            return Some(at);
        }
        at += usize::from(is_doubled);
    }
}

fn closing(open: &str) -> Option<char> {
    match open {
        "[" => Some(']'),
        "{" | "[{" => Some('}'),
        "(" => Some(')'),
        _ => None,
    }
}

/// Up to the line with the closing sign, which stands no deeper than the key.
fn end_of_block(text: &str, line_end: usize, close: char, depth: usize) -> usize {
    let is_last = |line: &str| line.trim_start().starts_with(close) && indent(line) <= depth;
    let last = lines(text, line_end).find(|(_, line)| is_last(line));
    last.map_or(text.len(), |(at, _)| at)
}

/// With lines that a backslash joins, and those that stand deeper than the key, or are items of its list.
fn end_of_plain(text: &str, line_end: usize, key: &str, is_empty: bool) -> usize {
    let depth = key.len() - key.trim_start_matches([' ', '\t', '-']).len();
    let mut end = line_end;
    let mut is_joined = text[..line_end].trim_end().ends_with('\\');
    for (at, line) in lines(text, line_end) {
        let is_item = is_empty && indent(line) == depth && line.trim_start().starts_with("- ");
        let is_blank = line.trim().is_empty();
        if !(is_joined || is_blank || is_item || indent(line) > depth) {
            break;
        }
        is_joined = line.trim_end().ends_with('\\');
        if !is_blank {
            end = at + line.len();
        }
    }
    end
}

/// The lines after the one that ends there, with their places.
fn lines(text: &str, line_end: usize) -> impl Iterator<Item = (usize, &str)> {
    let mut at = (line_end + 1).min(text.len());
    text[at..].split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line.trim_end_matches('\n'))
    })
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_is_replaced() {
        let table = [
            ("password: \"a\\\"b\" c", "password: * c"),
            ("password: 'it''s' c", "password: * c"),
            ("password = \"\"\"a\n\"b\"\n\"\"\"\nc", "password = *\nc"),
            ("password = \"\"\nc = \"\"", "password = *\nc = \"\""),
            ("password: [\"a\", \"b\"]\nc", "password: *\nc"),
            ("no password=a b", "no password=* b"),
            ("password=a b\nc", "password=*\nc"),
            ("password=a[\nc", "password=*\nc"),
            ("password = [{\n\"a\",\n}]\nc", "password = *}]\nc"),
            ("{\\\"password\\\":\\\"a\\\"} b", "{\\\"password\\\":* b"),
            (
                "<a/><Password>a</Password><b>c</b>",
                "<a/><Password>*</Password><b>c</b>",
            ),
            ("a</Password>\nb", "a</Password>\nb"),
            ("<secret> and <secret> in b", "<secret> and <secret> in b"),
            ("<secret>a</secret> b", "<secret>*</secret> b"),
            (
                "<Password encrypted=\"true\"\n>a</Password>",
                "<Password encrypted=\"true\"\n>*</Password>",
            ),
            ("<a keyPass=\n\"b\" c=\"d\"/>", "<a keyPass=* c=\"d\"/>"),
            (
                "{\"name\": \"password\", \"value\": \"a\"}",
                "{\"name\": \"password\", \"value\": *}",
            ),
            (
                "- name: DB_PASSWORD\n  value: a\n- b",
                "- name: DB_PASSWORD\n  value: *\n- b",
            ),
            ("at http://a:b@c@d/e@f", "at http://*@d/e@f"),
            (
                "-----BEGIN EC PRIVATE KEY-----\na\n-----END EC PRIVATE KEY-----\nb",
                "-----BEGIN EC PRIVATE KEY-----* EC PRIVATE KEY-----\nb",
            ),
            (
                "-----BEGIN PUBLIC CERTIFICATE-----\na",
                "-----BEGIN PUBLIC CERTIFICATE-----\na",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(replaced(text, spans(text, &[]), "*"), expected);
        }
    }

    #[test]
    fn a_product_has_words_of_its_own() {
        let words = ["PIN".to_owned(), "a+b".to_owned()];
        for (text, expected) in [
            ("node.pin.code = 1", "node.pin.code = *"),
            ("<p name=\"pin\" value=\"1\"/>", "<p name=\"pin\" value=*/>"),
            ("a+b: 1\naab: 2", "a+b: *\naab: 2"),
            ("password: 1", "password: *"),
        ] {
            assert_eq!(replaced(text, spans(text, &words), "*"), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_spans_within_it(text in "(password|token|[a<>/=: \"'\\\\\\[\\]{}\n-]|ü|://|@){0,60}") {
            let found = spans(&text, &[]);
            proptest::prop_assert!(found.is_sorted_by(|a, b| a.end <= b.start));
            replaced(&text, found, "*");
        }
    }
}
