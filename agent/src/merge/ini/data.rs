//! What an INI file says, read apart from its tree: line by line, as git, systemd and Python's `configparser` do.

use std::collections::BTreeMap;

use super::super::value::Data;
use super::super::{ParseError, lines};

/// Reads what a file says. A key that stands in a section twice has all its values.
///
/// Blank lines and lines that begin with `#` or `;` say nothing. `[name]` begins a section, any other line a key: up to the
/// `=`, to a `:` right after the first word, or else the first word. What is indented deeper than the key, and what follows
/// a backslash at the end of a line, goes on with its value.
///
/// # Errors
/// If there are lines that are neither sections nor keys, or a section is there twice.
pub fn data(text: &str) -> Result<Data, ParseError> {
    lines::refuse_nul(text)?;
    let mut reader = Reader::default();
    for line in text.split_inclusive('\n') {
        reader.line(line)?;
    }
    reader.end_key();
    let section = |(name, keys): (String, Keys)| {
        let keys = keys
            .into_iter()
            .map(|(key, values)| (key, lines::occurrences(values)));
        (name, Data::Map(keys.collect()))
    };
    Ok(Data::Map(reader.sections.into_iter().map(section).collect()))
}

type Keys = BTreeMap<String, Vec<Data>>;

#[derive(Default)]
struct Reader {
    sections: BTreeMap<String, Keys>,
    section: String,
    key: Option<Open>,
    /// The last line ends with a backslash.
    goes_on: bool,
    /// Blank lines and comments since the key: a part of its value if that goes on after them.
    skipped: String,
    /// How many bytes were read.
    at: usize,
}

/// A key whose value may go on.
struct Open {
    name: String,
    depth: usize,
    /// Whether something stands between the key and the value.
    has_sign: bool,
    value: String,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), ParseError> {
        let at = self.at;
        self.at += line.len();
        let bare = line.trim_start_matches([' ', '\t']);
        let depth = line.len() - bare.len();
        if !self.goes_on && says_nothing(bare) {
            self.skipped.push_str(line);
            return Ok(());
        }
        let goes_on = std::mem::replace(&mut self.goes_on, ends_with_backslash(line));
        let skipped = std::mem::take(&mut self.skipped);
        match &mut self.key {
            Some(key) if goes_on || depth > key.depth => key.value.extend([&skipped, line]),
            None if goes_on => {}
            _ => self.begin(bare, depth, at + depth)?,
        }
        Ok(())
    }

    /// A section or a key.
    fn begin(&mut self, bare: &str, depth: usize, at: usize) -> Result<(), ParseError> {
        self.end_key();
        if bare.starts_with('[') {
            let name = section(bare).ok_or_else(|| ParseError::new(at, "no section"))?;
            self.section = format!("[{name}]");
            let twice = self.sections.insert(self.section.clone(), Keys::new());
            return twice.map_or(Ok(()), |_| {
                Err(ParseError::new(at, "a section that is there twice"))
            });
        }
        if is_of_a_block(bare.trim_end()) {
            return Err(ParseError::new(at, "neither a section nor a key"));
        }
        let (name, sign, value) = key(bare);
        self.key = Some(Open {
            name: name.to_owned(),
            depth,
            has_sign: sign.is_some(),
            value: value.trim_start_matches([' ', '\t']).to_owned(),
        });
        Ok(())
    }

    fn end_key(&mut self) {
        let Some(key) = self.key.take() else { return };
        // A key alone is not a key without a value.
        let value = match key.value.trim_end_matches(['\n', '\r']) {
            "" if !key.has_sign => "\0",
            value => value.trim_end(),
        };
        let keys = self.sections.entry(self.section.clone()).or_default();
        keys.entry(key.name)
            .or_default()
            .push(Data::Scalar(value.to_owned()));
    }
}

fn says_nothing(bare: &str) -> bool {
    bare.trim_end_matches(['\n', '\r']).is_empty() || bare.starts_with(['\r', '#', ';'])
}

fn ends_with_backslash(line: &str) -> bool {
    let slashes = line.trim_end_matches(['\n', '\r']).bytes().rev();
    slashes.take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// The name of a section, if nothing but a comment follows it.
fn section(bare: &str) -> Option<&str> {
    let (name, after) = bare.trim_end()[1..].split_once(']')?;
    let after = after.trim_start();
    (!name.starts_with('[') && (after.is_empty() || says_nothing(after))).then_some(name)
}

/// A line of nginx, Apache, JSON or a template.
fn is_of_a_block(line: &str) -> bool {
    const BEGINS: &str = "{}<()]\"%|";
    line.ends_with('{') || line.starts_with(|c| BEGINS.contains(c))
}

/// A line's key, the sign after it, and the rest.
fn key(bare: &str) -> (&str, Option<char>, &str) {
    let line = bare.trim_end();
    let word = line.find([' ', '\t']).unwrap_or(line.len());
    let no_name = |key: &str| key.trim().is_empty() || key.contains(['"', '\'', '{', '<', '(', ';', '#']);
    let sign = |sign: char| line.find(sign).filter(|at| !no_name(&line[..*at]));
    let (equals, colon) = (sign('='), sign(':'));
    // With an `=` after it, a colon must stand at the word itself: `http://host = x` is not `http`.
    let colon = colon.filter(|colon| match equals {
        Some(equals) => *colon < equals && *colon <= word,
        None => *colon <= word || line[word..*colon].trim().is_empty(),
    });
    match colon.or(equals) {
        Some(at) => (
            bare[..at].trim_end_matches([' ', '\t']),
            bare[at..].chars().next(),
            &bare[at + 1..],
        ),
        None => (&bare[..word], None, &bare[word..]),
    }
}
