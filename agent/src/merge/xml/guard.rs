//! What is not read as XML: what would cost too much, and what means more than stands there.

use super::super::ParseError;

/// The largest number of elements, and of attributes, in a document: what bounds the memory that its tree takes.
const MARKS: usize = 500_000;
/// The largest number of attributes in a tag. A reader that looks for those that are there twice looks at each pair.
const ATTRIBUTES: usize = 1_000;
/// The largest number of namespaces that a document declares, for the same reason.
const NAMESPACES: usize = 4_000;

/// # Errors
/// If a document is too large, declares entities or is not in UTF-8.
pub fn check(text: &str) -> Result<(), ParseError> {
    let count = |mark: u8| text.bytes().filter(|byte| *byte == mark).count();
    if count(b'<') > MARKS || count(b'=') > MARKS {
        return Err(ParseError::new(0, "too many elements or attributes"));
    }
    if starts(text, "xmlns").count() > NAMESPACES {
        return Err(ParseError::new(0, "too many namespaces"));
    }
    if let Some(at) = starts(text, "!ENTITY").next() {
        return Err(ParseError::new(at, "declared entities"));
    }
    if text
        .split('<')
        .any(|tag| tag.len() > ATTRIBUTES && attributes(tag) > ATTRIBUTES)
    {
        return Err(ParseError::new(0, "too many attributes"));
    }
    match encoding(text) {
        Some(name) if !is_written_in(name, text) => Err(ParseError::new(0, "an encoding other than UTF-8")),
        _ => Ok(()),
    }
}

/// Where a word begins. Its first letter is looked for, which is rare.
fn starts(text: &str, word: &'static str) -> impl Iterator<Item = usize> {
    let first = word.chars().next().unwrap_or_default();
    text.match_indices(first)
        .map(|(at, _)| at)
        .filter(move |at| text[*at..].starts_with(word))
}

/// How many attributes there may be in what follows a `<`.
fn attributes(tag: &str) -> usize {
    let values = tag.split('=').skip(1);
    values
        .filter(|value| value.trim_start().starts_with(['"', '\'']))
        .count()
}

/// The encoding that a document says it is in.
fn encoding(text: &str) -> Option<&str> {
    let (declaration, _) = text.strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    value.get(1..)?.split(['"', '\'']).next()
}

/// Whether a text in UTF-8 is also in the encoding that it names.
fn is_written_in(encoding: &str, text: &str) -> bool {
    let name = encoding.to_ascii_lowercase();
    let extends_ascii = ["us-ascii", "ascii", "iso-8859-", "windows-125", "latin"];
    matches!(name.as_str(), "utf-8" | "utf8")
        || text.is_ascii() && extends_ascii.iter().any(|prefix| name.starts_with(prefix))
}
