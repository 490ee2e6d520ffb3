//! What a scalar means to every reader of YAML, of version 1.1 and 1.2 alike.

use std::borrow::Cow;

use granit_parser::ScalarStyle;

use super::ast::{Content, Located};

/// Words that some reader takes for something else than text when they are not quoted, in lower case: the values of
/// YAML 1.2's core schema and of YAML 1.1's types null, bool, merge and value.
const WORDS: [&str; 14] = [
    "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "<<", "=", "none",
];

/// A scalar in a form that is equal only for scalars that every reader takes for the same. Quoting matters only where
/// some reader tells it: `port` is `"port"`, but `8080` is not `"8080"`, and `yes` is not `"yes"`.
pub(super) fn meaning<'a>(text: &'a str, style: ScalarStyle) -> Cow<'a, str> {
    if style == ScalarStyle::Plain {
        return Cow::Borrowed(one_spelling(text));
    }
    if is_ambiguous(text) || text.starts_with(['"', '!', '&', '*', '{', '[']) {
        return Cow::Owned(format!("\"{text}\""));
    }
    Cow::Borrowed(text)
}

/// The values that are the same to every reader, spelt as one.
fn one_spelling(plain: &str) -> &str {
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => "null",
        "true" | "True" | "TRUE" => "true",
        "false" | "False" | "FALSE" => "false",
        other => other,
    }
}

/// Whether some reader may take it for something else than text: numbers and dates of any notation begin with a digit,
/// a sign or a point.
fn is_ambiguous(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first))
        || WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A node with all that it holds in such a form; the order of a map's keys means nothing.
pub(super) fn canonical<'a>(node: &'a Located<'_>) -> Cow<'a, str> {
    let tagged = |text: &str| Cow::Owned(format!("{}{text}", node.properties()));
    match (&node.content, &node.properties) {
        (Content::Empty, None) => Cow::Borrowed("null"),
        (Content::Empty, Some(_)) => tagged(""),
        (Content::Scalar(text, style), None) => meaning(text, *style),
        // What a tag makes of a text is not known here, so its style counts, too.
        (Content::Scalar(text, style), Some(_)) => tagged(&format!("{style:?} {text}")),
        (Content::Alias(name), _) => Cow::Borrowed(*name),
        (Content::Map(_, entries), _) => tagged(&canonical_map(entries)),
        (Content::Sequence(_, items), _) => tagged(&canonical_sequence(items)),
    }
}

fn canonical_map(entries: &[(Located<'_>, Located<'_>)]) -> String {
    let mut pairs: Vec<String> = entries
        .iter()
        .map(|(key, value)| counted(key) + &counted(value))
        .collect();
    pairs.sort_unstable();
    format!("{{{}}}", pairs.concat())
}

fn canonical_sequence(items: &[Located<'_>]) -> String {
    format!("[{}]", items.iter().map(counted).collect::<String>())
}

/// With its length before it, so that what follows cannot be taken for a part of it.
fn counted(node: &Located<'_>) -> String {
    let text = canonical(node);
    format!("{}:{text}", text.len())
}
