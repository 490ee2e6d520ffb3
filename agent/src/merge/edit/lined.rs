//! Keys in the formats of lines: Java properties and INI.

use std::borrow::Cow;
use std::ops::Range;

use super::super::node::{Key, List, Node, Part};
use super::super::{ini, properties};
use super::{Edit, NO_ITEM, NOT_PLAIN, Step, plain};

/// A key with its value, by where they stand.
struct Entry<'s> {
    name: &'s str,
    /// From the line's beginning to its end.
    line: Range<usize>,
    /// The key as it is written, and what separates it from the value.
    start: &'s str,
    value: Range<usize>,
    meaning: Cow<'s, str>,
}

/// A value as it is written, and what it means to the format's reader.
struct Wanted {
    text: String,
    meaning: String,
}

pub(super) fn change_properties(text: &str, edit: &Edit) -> Result<String, String> {
    let [Step::Key(key)] = &edit.path[..] else {
        return Err(NO_ITEM.to_owned());
    };
    let written = escape(key, true);
    let wanted = match &edit.value {
        None => None,
        Some(value) => {
            let value = escape(&plain(value).ok_or(NOT_PLAIN)?, false);
            let line = format!("{written}={value}");
            let sample = read(&line)?;
            let meaning = entries(&line, list(&sample))
                .pop()
                .map(|entry| entry.meaning.into_owned());
            Some(Wanted {
                text: value,
                meaning: meaning.unwrap_or_default(),
            })
        }
    };
    let line = format!("{written}=");
    let name = read(&line)?;
    let name = entries(&line, list(&name))
        .pop()
        .map_or("", |entry| entry.name)
        .to_owned();
    let document = read(text)?;
    let entries = entries(text, list(&document));
    Ok(set(
        text,
        &entries,
        text.len(),
        [&name, &written],
        "=",
        wanted.as_ref(),
    ))
}

pub(super) fn change_ini(text: &str, edit: &Edit) -> Result<String, String> {
    let (section, key) = match &edit.path[..] {
        // Keys before the first section are one without a name.
        [Step::Key(key)] => (String::new(), key),
        [Step::Key(section), Step::Key(key)] => (format!("[{section}]"), key),
        _ => return Err("a key has the form `section.key`".to_owned()),
    };
    let wanted = match &edit.value {
        None => None,
        Some(value) => {
            let text = plain(value).ok_or(NOT_PLAIN)?;
            if text.contains(['\n', '\r']) || text != text.trim() || text.ends_with('\\') {
                return Err(
                    "a text with a line end, with spaces around it or with a backslash at its end".to_owned(),
                );
            }
            Some(Wanted {
                meaning: text.clone(),
                text,
            })
        }
    };
    let document = ini::parse(text).map_err(|error| error.reason.into_owned())?;
    let found = list(&document)
        .nodes
        .iter()
        .find(|node| node.key == Key::Named(section.clone()));
    match (found, &wanted) {
        (None, None) => Ok(text.to_owned()),
        (None, Some(wanted)) => {
            let gap = if text.is_empty() || text.ends_with("\n\n") {
                ""
            } else {
                "\n"
            };
            Ok(format!("{text}{gap}{section}\n{key} = {}\n", wanted.text))
        }
        (Some(node), wanted) => {
            let keys = list(node);
            let entries = entries(text, keys);
            let end = offset(text, keys.close);
            Ok(set(text, &entries, end, [key, key], " = ", wanted.as_ref()))
        }
    }
}

fn read(text: &str) -> Result<Node<'_>, String> {
    properties::parse(text).map_err(|error| error.reason.into_owned())
}

/// The keys of INI as its reader has them: sections in brackets, and a list of values for each key.
pub(super) fn ini_steps(path: &[Step]) -> Vec<Step> {
    match path {
        [Step::Key(section), rest @ ..] if !rest.is_empty() => {
            let section = Step::Key(format!("[{section}]"));
            std::iter::once(section).chain(rest.iter().cloned()).collect()
        }
        _ => std::iter::once(Step::Key(String::new()))
            .chain(path.iter().cloned())
            .collect(),
    }
}

/// Sets or removes one of several entries. Of those with one name the last counts; a new one comes after its nearest kin.
/// `key` is its name as it is read and as it is written.
fn set(
    text: &str,
    entries: &[Entry<'_>],
    end: usize,
    key: [&str; 2],
    sign: &str,
    wanted: Option<&Wanted>,
) -> String {
    let named = || entries.iter().filter(|entry| entry.name == key[0]);
    let mut changed = text.to_owned();
    match (wanted, named().next_back()) {
        (None, _) => named()
            .rev()
            .for_each(|entry| changed.replace_range(entry.line.clone(), "")),
        (Some(wanted), Some(entry)) if entry.meaning == wanted.meaning => {}
        (Some(wanted), Some(entry)) => {
            // A key that stands alone has nothing yet that separates it from a value.
            let is_bare = entry.start.trim_end() == entry.name && entry.value.is_empty();
            let sign = if is_bare { sign } else { "" };
            changed.replace_range(entry.value.clone(), &format!("{sign}{}", wanted.text));
        }
        (Some(wanted), None) => {
            let kin = entries
                .iter()
                .max_by_key(|entry| (kinship(entry.name, key[0]), entry.line.end));
            let at = kin.map_or(end, |entry| entry.line.end);
            let indentation = kin.map_or("", |entry| {
                let line = &text[entry.line.clone()];
                &line[..line.len() - line.trim_start().len()]
            });
            let sign = kin.map_or(sign, |entry| separator(entry).unwrap_or(sign));
            changed.insert_str(at, &format!("{indentation}{}{sign}{}\n", key[1], wanted.text));
        }
    }
    changed
}

/// How many parts of two names, between dots, are the same from the beginning on.
fn kinship(a: &str, b: &str) -> usize {
    a.split('.').zip(b.split('.')).take_while(|(a, b)| a == b).count()
}

/// What separates an entry's key from its value, if that can be told from an escaped key.
fn separator<'s>(entry: &Entry<'s>) -> Option<&'s str> {
    let sign = entry.start.trim_end_matches([' ', '\t', '=', ':']);
    entry
        .start
        .get(sign.len()..)
        .filter(|sign| !sign.trim().is_empty())
}

fn list<'n, 's>(node: &'n Node<'s>) -> &'n List<'s> {
    const NONE: &List<'static> = &List {
        order: super::super::node::Order::Free,
        separator: "",
        nodes: Vec::new(),
        close: "",
    };
    let found = node.parts.iter().find_map(|part| match part {
        Part::List(list) => Some(list),
        _ => None,
    });
    found.unwrap_or(NONE)
}

fn entries<'n, 's>(text: &'s str, list: &'n List<'s>) -> Vec<Entry<'n>>
where
    's: 'n,
{
    let entry = |node: &'n Node<'s>| {
        let (Key::Named(name), [Part::Syntax(start), Part::Value(value)]) = (&node.key, &node.parts[..])
        else {
            return None;
        };
        let begin = offset(text, start);
        let line = text[..begin].rfind('\n').map_or(0, |at| at + 1);
        let at = offset(text, value.text);
        Some(Entry {
            name,
            line: line..offset(text, node.trail) + node.trail.len(),
            start,
            value: at..at + value.text.len(),
            meaning: value.meaning.clone(),
        })
    };
    list.nodes.iter().filter_map(entry).collect()
}

/// Where a span of the text stands in it.
fn offset(text: &str, span: &str) -> usize {
    (span.as_ptr() as usize)
        .saturating_sub(text.as_ptr() as usize)
        .min(text.len())
}

/// A key or a value as Java reads it; letters that are not ASCII stand as they are, because the file's encoding is known.
fn escape(text: &str, is_key: bool) -> String {
    let mut written = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            ' ' if at == 0 || is_key => written.push_str("\\ "),
            '=' | ':' if is_key => {
                written.push('\\');
                written.push(c);
            }
            '#' | '!' if is_key && at == 0 => {
                written.push('\\');
                written.push(c);
            }
            other => written.push(other),
        }
    }
    written
}
